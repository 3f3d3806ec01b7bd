"""The geometry of a model with categories and a condition is one of z, with these held."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import geometry
from tfvae.discrete import GumbelSoftmax, Labels

C = np.random.default_rng(0).normal(size=(5, 2)).astype("float32")
Z = np.random.default_rng(1).normal(size=(5, 2)).astype("float32")
LABELS = np.array([0, 1, 2, 1, 0])


def bent(discrete, condition=2):
    """A model on six features with smooth networks."""
    decoder = tfvae.networks.mlp([8], (6,), activation="tanh")
    vae = tfvae.VAE(2, decoder=decoder, discrete=discrete, condition=condition, seed=0)
    vae.build((None, 6))
    return vae


@pytest.mark.parametrize("discrete", [Labels(3), GumbelSoftmax(3)])
def test_metric_with_rows_held_is_that_of_each_example(discrete):
    model = bent(discrete)
    held = np.concatenate([np.eye(3)[LABELS], C], axis=1)
    tensors = geometry.metric_tensors(model, Z, held=held, batch_size=2)
    for i in range(5):
        mean = geometry.decoder_mean(model, {"labels": LABELS[i], "condition": C[i]})
        np.testing.assert_allclose(
            tensors[i], geometry.metric_tensors(mean, Z[i : i + 1])[0], rtol=1e-4
        )
        with tf.GradientTape() as tape:
            z = tf.constant(Z[i : i + 1])
            tape.watch(z)
            rows = tf.concat([z, held[i : i + 1].astype("float32")], axis=1)
            x = model.likelihood.mean(model.decoder_outputs(rows))
        jacobian = tape.batch_jacobian(x, z)[0].numpy()
        np.testing.assert_allclose(tensors[i], jacobian.T @ jacobian, rtol=1e-4)


def test_geodesics_and_lengths_with_rows_held():
    """Decoders of one curve differ by a factor, which lengths show and ratios do not."""
    factors = np.float32([[1.0], [2.0], [5.0]])

    def mean(z, held):
        y = tf.stack([z[:, 0], tf.cos(z[:, 1]), tf.sin(z[:, 1])], axis=1)  # A cylinder.
        return held * y

    ends = np.float32([[[0.0, 0.0], [1.0, 1.5]]] * 3)
    found = geometry.geodesics(mean, ends[:, 0], ends[:, 1], held=factors, batch_size=2)
    exact = np.linalg.norm([1.0, 1.5])
    np.testing.assert_allclose(found.lengths, exact * factors[:, 0], rtol=2e-3)
    np.testing.assert_allclose(found.ratios, 1.0, rtol=2e-3)
    lengths = geometry.curve_length(mean, found.points, held=factors, subdivisions=4)
    np.testing.assert_allclose(lengths, found.lengths, rtol=1e-4)


def test_graph_and_observation_lengths_with_y():
    model = bent(Labels(3))
    y = {"labels": 1, "condition": C[0]}
    lengths = geometry.observation_lengths(model, Z[:2], Z[2:4], y=y)
    mean = geometry.decoder_mean(model, y)
    expected = geometry.curve_length(mean, np.stack([Z[:2], Z[2:4]], axis=1), subdivisions=8)
    np.testing.assert_allclose(lengths, expected)
    graph = geometry.LatentGraph(model, 30, 4, weights="observation", y=y)
    one, other = graph.edges[0]
    length = geometry.observation_lengths(model, graph.nodes[[one]], graph.nodes[[other]], y=y)
    assert graph.lengths[0] == pytest.approx(length[0])
    other = geometry.LatentGraph(model, 30, 4, weights="observation", y={**y, "labels": 2})
    assert not np.allclose(graph.lengths, other.lengths, rtol=1e-3)


def test_errors():
    model, plain = bent(Labels(3)), bent(None, None)
    with pytest.raises(ValueError, match="`y` must give 'condition'"):
        geometry.metric_tensors(model, Z)
    with pytest.raises(ValueError, match=r"embedding_dim = 5.*y=\{\"labels\""):
        geometry.decoder_mean(model, {"condition": C[0]})
    with pytest.raises(ValueError, match=r"`y` must be that of one example.*received 5"):
        geometry.decoder_mean(model, {"labels": LABELS, "condition": C})
    with pytest.raises(ValueError, match=r"`held` must have the shape \(5, 5\).*received \(5, 3\)"):
        geometry.metric_tensors(model, Z, held=np.zeros((5, 3)))
    with pytest.raises(ValueError, match=r"`held` must have the shape \(1, H\).*received \(5, 2\)"):
        geometry.geodesics(lambda z, held: z, [0.0, 0.0], [1.0, 1.0], held=C)
    with pytest.raises(ValueError, match="needs a model that is built for its data"):
        geometry.decoder_mean(tfvae.VAE(2, discrete=Labels(3)), 1)
    # What a model without needs ignores.
    x = geometry.decoder_mean(plain, LABELS)(tf.constant(Z))
    np.testing.assert_allclose(x, keras.ops.reshape(plain.decode_mean(Z), (5, 6)))
