"""An index that encodes by a model: images in, neighbours out, from a folder too."""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.distance import cdist

import tfvae
from tfvae.applications import SimilarityIndex
from tfvae.applications.similarity import encoding

IMAGES = np.random.default_rng(0).uniform(size=(70, 8, 8, 1)).astype("float32")


def network(**options):
    return tfvae.networks.mlp([8], **options)


def model(seed=0, **options):
    vae = tfvae.FlatManifoldVAE(
        latent_dim=3,
        encoder=network(),
        decoder=network(output_shape=(8, 8, 1)),
        prior="standard_normal",
        seed=seed,
        **options,
    )
    vae.build((None, 8, 8, 1))
    return vae


@pytest.fixture(scope="module")
def flat():
    return model()


def filled(vae, **options):
    index = SimilarityIndex.from_model(vae, **options)
    index.add(IMAGES, ids=[f"image {i}" for i in range(len(IMAGES))])
    return index


def test_neighbours_are_those_of_the_posterior_means(flat):
    index = filled(flat, batch_size=32)
    assert index.dim == 3 and index.model is flat and len(index) == 70
    z = flat.encode(IMAGES).mean().numpy()
    distances = cdist(z[:9], z)
    found = index.search(IMAGES[:9], k=4)
    order = np.argsort(distances, axis=1)[:, :4]
    assert found.ids == [[f"image {i}" for i in row] for row in order]
    np.testing.assert_allclose(found.distances, np.sort(distances)[:, :4], rtol=1e-4, atol=1e-5)
    near = index.within(IMAGES[:1], radius=np.sort(distances[0])[5] * 1.0001)
    assert len(near.ids[0]) == 6
    assert index.recall(IMAGES[:9]) == 1.0
    np.testing.assert_allclose(
        index.distances(IMAGES[:5], IMAGES[5:10]),
        np.linalg.norm(z[:5] - z[5:10], axis=1),
        rtol=1e-4,
    )


def test_thresholds_are_those_of_the_encodings(flat):
    labels = np.arange(70) % 7
    z = flat.encode(IMAGES).mean().numpy()
    expected = SimilarityIndex(3).same_threshold(z, labels)
    found = SimilarityIndex.from_model(flat).same_threshold(IMAGES, labels)
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-4)
    assert found.false_positive_rate == expected.false_positive_rate


def test_all_kinds_of_data_give_the_same(flat):
    expected = filled(flat).search(IMAGES[:5], k=2).ids
    batches = tf.data.Dataset.from_tensor_slices(IMAGES).batch(16)
    for data in (batches, IMAGES.astype("float64"), IMAGES.tolist(), tf.constant(IMAGES)):
        index = SimilarityIndex.from_model(flat)
        index.add(data, ids=[f"image {i}" for i in range(70)])
        assert index.search(IMAGES[:5], k=2).ids == expected
    index.add(IMAGES[:0])
    assert len(index) == 70


def test_one_function_is_traced_for_all_batches(flat):
    index = filled(flat, batch_size=32)
    index.search(IMAGES[:1])
    index.search(IMAGES[:3])
    assert index._encoder._latents.experimental_get_tracing_count() == 1


def test_latents_that_are_made_of_noise_are_compared_as_latents():
    prior = tfvae.priors.TopographicPrior(tfvae.distributions.Torus(1), grid=(2, 2))
    topographic = tfvae.VAE(4, network(), network(output_shape=(6,)), prior=prior, seed=0)
    topographic.build((None, 6))
    x = np.random.default_rng(1).normal(size=(20, 6)).astype("float32")
    index = SimilarityIndex.from_model(topographic)
    t = topographic.embed(x).numpy()
    np.testing.assert_allclose(
        index.distances(x[:10], x[10:]), np.linalg.norm(t[:10] - t[10:], axis=1), rtol=1e-4
    )


def test_categories_are_no_part_of_the_distance():
    vae = tfvae.VAE(
        2, network(), network(output_shape=(5,)), discrete=tfvae.discrete.GumbelSoftmax(3), seed=0
    )
    vae.build((None, 5))
    x = np.random.default_rng(1).normal(size=(10, 5)).astype("float32")
    index = SimilarityIndex.from_model(vae)
    z = vae.encode(x).mean().numpy()
    np.testing.assert_allclose(
        index.distances(x[:5], x[5:]), np.linalg.norm(z[:5] - z[5:], axis=1), rtol=1e-4
    )


@pytest.mark.parametrize("memory_map", [False, True])
def test_a_saved_index_brings_its_model(flat, memory_map, tmp_path):
    index = filled(flat, batch_size=32)
    expected = index.search(IMAGES[:5])
    index.save(tmp_path)
    for given in (None, flat):
        loaded = SimilarityIndex.load(tmp_path, memory_map=memory_map, model=given)
        assert loaded.model is flat if given else isinstance(loaded.model, tfvae.FlatManifoldVAE)
        found = loaded.search(IMAGES[:5])
        assert found.ids == expected.ids
        np.testing.assert_array_equal(found.distances, expected.distances)
        assert loaded._encoder.batch_size == 32
    np.testing.assert_array_equal(tfvae.load(tmp_path).embed(IMAGES[:2]), flat.embed(IMAGES[:2]))


def test_another_model_is_refused(flat, tmp_path):
    index = filled(flat)
    index.save(tmp_path / "index")
    other = model(seed=1)
    with pytest.raises(ValueError, match="must be the model that encoded the entries"):
        SimilarityIndex.load(tmp_path / "index", model=other)
    other.save(tmp_path / "index" / "model.keras")
    with pytest.raises(ValueError, match=r"received another one \('.*model\.keras'\)"):
        SimilarityIndex.load(tmp_path / "index")
    (tmp_path / "index" / "model.keras").unlink()
    with pytest.raises(ValueError, match=r"must hold model\.keras"):
        SimilarityIndex.load(tmp_path / "index")
    assert len(SimilarityIndex.load(tmp_path / "index", model=flat)) == 70


def test_a_truncated_model_is_named(flat, tmp_path):
    filled(flat).save(tmp_path)
    path = tmp_path / "model.keras"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"model\.keras', of 1000 bytes, which is cut short"):
        SimilarityIndex.load(tmp_path)


def test_the_digest_is_of_what_decides_the_encodings(tmp_path):
    vae = model()
    before = encoding.digest(vae)
    vae.save(tmp_path / "model.keras")
    assert encoding.digest(keras.saving.load_model(tmp_path / "model.keras")) == before
    weight = vae.decoder.weights[0]
    weight.assign(weight + 1.0)
    assert encoding.digest(vae) == before
    weight = vae.posterior_head.weights[0]
    weight.assign(weight + 1e-6)
    assert encoding.digest(vae) != before


def test_an_index_of_vectors_has_no_model(flat, tmp_path):
    index = SimilarityIndex(3)
    index.add(np.eye(3))
    index.save(tmp_path)
    assert not (tmp_path / "model.keras").exists()
    assert index.model is None and SimilarityIndex.load(tmp_path).model is None
    with pytest.raises(ValueError, match="must be None for an index of vectors"):
        SimilarityIndex.load(tmp_path, model=flat)


def test_models_that_do_not_encode_x_alone_are_refused():
    with pytest.raises(ValueError, match="built for its data"):
        SimilarityIndex.from_model(tfvae.VAE(latent_dim=2))
    conditional = tfvae.VAE(2, network(), network(output_shape=(5,)), condition=3)
    conditional.build(((None, 5), (None, 3)))
    with pytest.raises(ValueError, match="received one with a condition"):
        SimilarityIndex.from_model(conditional)
    sequences = tfvae.SequenceVAE(2)
    sequences.build((None, 4, 5))
    with pytest.raises(ValueError, match="received one of sequences"):
        SimilarityIndex.from_model(sequences)
    with pytest.raises(ValueError, match=r"must be an instance of .*LatentVariableModel"):
        SimilarityIndex.from_model(keras.Sequential())


def test_bad_data_leave_the_index_as_it_was(flat):
    index = filled(flat)
    bad = IMAGES[:3].copy()
    bad[1] = np.nan
    with pytest.raises(
        ValueError, match=r"a finite number, received 1 of 3 .* the first is number 1"
    ):
        index.add(bad)
    with pytest.raises(ValueError, match=r"`x` must have the shape \(n, 8, 8, 1\)"):
        index.search(IMAGES[:, :4])
    with pytest.raises(ValueError, match=r"`x` must have the shape \(n, 8, 8, 1\)"):
        index.search(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"`b` must have the shape \(n, 8, 8, 1\)"):
        index.distances(IMAGES[:2], IMAGES[:2, :4])
    assert len(index) == 70


def test_columns_of_a_table_must_be_those_of_the_training():
    pd = pytest.importorskip("pandas")
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)), columns=list("abc"))
    vae = tfvae.VAE(2, network(), network(output_shape=(3,)), seed=0)
    vae.compile("adam")
    vae.fit(rows, verbose=0)
    index = SimilarityIndex.from_model(vae)
    index.add(rows)
    assert index.search(rows[:2], k=1).ids == [[0], [1]]
    with pytest.raises(ValueError, match="columns"):
        index.search(rows[["c", "b", "a"]])


def test_a_copied_folder_is_enough(flat, tmp_path):
    filled(flat).save(tmp_path / "one")
    shutil.move(tmp_path / "one", tmp_path / "two")
    assert SimilarityIndex.load(tmp_path / "two").search(IMAGES[7:8], k=1).ids == [["image 7"]]
