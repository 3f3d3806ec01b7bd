"""E_eq, CapCorr, selectivity and the report, on capsules made by hand and against plain loops."""

import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import evaluation
from tfvae.evaluation import capsule_correlation, equivariance_error, selectivity

T = C = 6


def rolling(sequences=5, capsules=3, direction=1, seed=0, size=C):
    """Capsules (B, T, n, C) that roll `direction` places a frame."""
    first = np.random.default_rng(seed).normal(size=(sequences, capsules, size))
    return np.stack([np.roll(first, direction * step, axis=-1) for step in range(T)], axis=1)


def states(sequences=5, seed=1, number=T):
    start = np.random.default_rng(seed).integers(number, size=(sequences, 1))
    return (start + np.arange(T)) % number


# ---- E_eq ------------------------------------------------------------------------------------


@pytest.mark.parametrize("places", [1, 0, -2])
def test_equivariance_error_against_loops(places):
    capsules = np.random.default_rng(0).normal(size=(2, 5, 3, 4))
    capsules[0, 2, 1] = 0.0
    total = 0.0
    for sequence in capsules:
        for later in range(5):
            for earlier in range(later):
                for one in range(3):
                    a, b = sequence[earlier, one], sequence[later, one]
                    a, b = (t / np.linalg.norm(t) if t.any() else t for t in (a, b))
                    for c in range(4):
                        total += abs(a[(c - places * (later - earlier)) % 4] - b[c])
    assert equivariance_error(capsules, places=places) == pytest.approx(total / 2, rel=1e-9)


def test_capsules_that_roll_have_no_error_whatever_their_norm():
    capsules = rolling() * np.random.default_rng(1).uniform(0.5, 2.0, size=(5, T, 3, 1))
    assert equivariance_error(capsules) == pytest.approx(0.0, abs=1e-12)
    assert equivariance_error(capsules, places=0) > 1.0


def test_capsules_at_rest():
    """One latent of each capsule on: two of them differ for each pair of frames, rolled or not."""
    capsules = np.zeros((4, T, 3, C))
    capsules[..., 2] = 7.0
    assert equivariance_error(capsules) == pytest.approx(2 * 3 * T * (T - 1) / 2)
    assert equivariance_error(capsules, places=0) == 0.0
    assert equivariance_error(np.ones((4, T, 3, C))) == pytest.approx(0.0, abs=1e-12)


# ---- CapCorr ---------------------------------------------------------------------------------


def correlation_by_loops(capsules, index):
    observed, true = [], []
    for sequence, state in zip(capsules, index, strict=True):
        for later in range(1, len(sequence)):
            votes = []
            for one in range(capsules.shape[2]):
                a, b = sequence[0, one], sequence[later, one]
                matches = [sum(a[c] * b[(c + k) % C] for c in range(C)) for k in range(C)]
                votes.append(int(np.argmax(matches)))
            observed.append(max(range(C), key=votes.count))
            true.append((state[later] - state[0]) % C)
    angles = 2 * np.pi * (np.array(observed) - true) / C
    return np.corrcoef(observed, true)[0, 1], np.mean(np.cos(angles))


@pytest.mark.parametrize("noise", [0.3, 1.0])
@pytest.mark.parametrize("offset", [0.0, 5.0])
def test_correlation_against_loops(noise, offset):
    """An offset, as μ = 5 gives it to all t, changes nothing in the plain cross-correlation."""
    rng = np.random.default_rng(2)
    capsules = rolling(20, 4) + noise * rng.normal(size=(20, T, 4, C)) + offset
    index = states(20)
    result = capsule_correlation(capsules, index)
    expected = correlation_by_loops(capsules, index)
    np.testing.assert_allclose(result[:2], expected, atol=1e-9)
    np.testing.assert_allclose(result, capsule_correlation(capsules - offset, index), atol=1e-9)
    assert result.num_pairs == 20 * (T - 1)


def test_correlation_from_none_to_full():
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(200, T, 3, C))
    index = states(200)
    full, some, none = (
        capsule_correlation(capsules, index)
        for capsules in (rolling(200), rolling(200) + noise, noise)
    )
    np.testing.assert_allclose(full[:2], 1.0)
    assert 0.2 < some.correlation < 0.9 and 0.2 < some.agreement < 0.9
    np.testing.assert_allclose(none[:2], 0.0, atol=0.1)


def test_capsules_that_roll_backwards_or_twice_as_fast():
    backwards = capsule_correlation(rolling(direction=-1), states())
    assert backwards.correlation == pytest.approx(-1.0) and backwards.agreement < 0.5
    assert capsule_correlation(rolling(direction=2), states()).agreement < 0.5


def test_neighbours_across_the_end_agree_but_do_not_correlate():
    """One place less each time: 1 becomes 0, and 0 becomes C − 1."""
    index = np.stack([np.zeros(C, int), np.arange(C)], axis=1)
    first = np.random.default_rng(0).normal(size=(2, C))
    capsules = np.stack([[first, np.roll(first, k - 1, axis=-1)] for k in range(C)])
    result = capsule_correlation(capsules, index)
    assert result.agreement == pytest.approx(np.cos(2 * np.pi / C))
    assert result.correlation < 0.5


def test_capsules_without_spread_neither_vote_nor_correlate():
    capsules = np.concatenate([rolling(capsules=2), np.full((5, T, 9, C), 0.1)], axis=2)
    assert capsule_correlation(capsules.astype("float32"), states()).agreement == 1.0
    resting = capsule_correlation(np.full((5, T, 9, C), 0.1), states())
    assert np.isnan(resting.correlation)
    expected = np.mean(np.cos(2 * np.pi * np.arange(1, T) / C))
    assert resting.agreement == pytest.approx(expected)


def test_sequences_at_rest_are_left_out():
    capsules, index = rolling(), states()
    capsules[3], index[3] = np.random.default_rng(5).normal(size=(T, 3, C)), -1
    result = capsule_correlation(capsules, index)
    assert result.agreement == 1.0 and result.num_pairs == 4 * (T - 1)
    with pytest.raises(ValueError, match="`index` must hold a sequence of two frames or more"):
        capsule_correlation(capsules, np.full_like(index, -1))


def test_factors_that_close_sooner_than_a_capsule():
    """A factor of 3 states, in capsules of 6 whose halves are equal."""
    capsules = np.concatenate([rolling(size=3)] * 2, axis=-1)
    result = capsule_correlation(capsules, states(number=3), num_states=3)
    np.testing.assert_allclose(result[:2], 1.0)
    with pytest.raises(
        ValueError, match=r"`num_states`.*common divisor.*capsule size, 6, received 5"
    ):
        capsule_correlation(capsules, states(number=5), num_states=5)


def test_errors_of_capsules():
    with pytest.raises(ValueError, match=r"`capsules`.*received \(5, 6, 18\)"):
        equivariance_error(rolling().reshape(5, 6, 18))
    with pytest.raises(ValueError, match=r"`places`.*received 0\.5"):
        equivariance_error(rolling(), places=0.5)
    with pytest.raises(ValueError, match=r"`index`.*\(5, 6\).*received int64 of shape \(5,\)"):
        capsule_correlation(rolling(), np.arange(5))
    with pytest.raises(ValueError, match="received float64"):
        capsule_correlation(rolling(), states() + 0.5)


# ---- selectivity -----------------------------------------------------------------------------


def test_selectivity_against_loops():
    rng = np.random.default_rng(0)
    codes, labels = rng.normal(size=(40, 2, 3)) ** 3, rng.integers(4, 7, size=40)
    maps = selectivity(codes, labels)
    assert maps.shape == (3, 2, 3)
    for one, value in zip(maps, (4, 5, 6), strict=True):
        for place in np.ndindex(2, 3):
            inside = [c[place] for c, label in zip(codes, labels, strict=True) if label == value]
            rest = [c[place] for c, label in zip(codes, labels, strict=True) if label != value]
            spread = np.sqrt((np.var(inside) + np.var(rest)) / 2)
            expected = (np.mean(inside) - np.mean(rest)) / spread
            assert one[place] == pytest.approx(expected, rel=1e-9)


def test_selectivity_of_frames_names_and_latents_without_use():
    rng = np.random.default_rng(0)
    codes, labels = rng.normal(size=(8, 5, 2, 3)), rng.integers(3, size=(8, 5))
    codes[..., 1, 2] = 0.3
    maps = selectivity(codes, labels)
    np.testing.assert_array_equal(maps, selectivity(codes.reshape(40, 2, 3), labels.ravel()))
    np.testing.assert_array_equal(maps, selectivity(codes, np.array(["a", "b", "c"])[labels]))
    np.testing.assert_array_equal(maps[:, 1, 2], 0.0)


def test_errors_of_selectivity():
    with pytest.raises(ValueError, match=r"shapes \(5,\) and \(6, 2\)"):
        selectivity(np.zeros((6, 2)), np.arange(5))
    with pytest.raises(ValueError, match="two classes or more, received 1"):
        selectivity(np.zeros((6, 2)), np.zeros(6))


# ---- the report ------------------------------------------------------------------------------


def identity_model(width=C, direction=1):
    """A SequenceVAE on vectors whose latents are the vectors; −1 turns its capsules round."""
    mlp = tfvae.networks.mlp
    model = tfvae.SequenceVAE(width, encoder=mlp([]), decoder=mlp([], (width,)), seed=0)
    model.build((None, T, width))
    kernel = np.eye(width)[:, ::direction]
    model.posterior_head.set_weights(
        [np.concatenate([kernel, 0 * kernel], axis=1), np.zeros(2 * width)]
    )
    model.decoder.set_weights([kernel.T, np.zeros(width)])
    return model


def dataset(x, factors=None, batch_size=3):
    x = np.reshape(x, (len(x), T, -1)).astype("float32")
    data = x if factors is None else (x, factors)
    return tf.data.Dataset.from_tensor_slices(data).batch(batch_size)


def test_report_of_a_model_that_is_equivariant():
    x = rolling(8, capsules=2)
    which = np.arange(8) % 2
    factors = {
        "label": np.arange(8 * T).reshape(8, T),
        "transformation": which,
        "angle": np.where(which[:, None] == 0, states(8), -1),
        "hue": np.where(which[:, None] == 1, states(8, seed=2), -1),
        "other": np.full((8, T), -1),
    }
    report = evaluation.equivariance(
        identity_model(2 * C), dataset(x, factors), steps=2, names=["angle", "hue"]
    )
    np.testing.assert_allclose(report.errors_of_means, 0.0, atol=1e-4)
    change = equivariance_error(x, places=0)
    assert report.changes_of_means.mean() == pytest.approx(change, rel=1e-5)
    assert list(report.correlations) == ["angle", "hue"]
    np.testing.assert_allclose([one[:2] for one in report.correlations.values()], 1.0)
    np.testing.assert_allclose(report.rolled, 0.0, atol=1e-10)
    np.testing.assert_allclose(report.reconstructed, 0.0, atol=1e-10)
    copied = np.mean((np.roll(x, -2, axis=1) - x) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(report.copied, copied, rtol=1e-5)
    np.testing.assert_allclose(report.averaged, x.var(axis=1).mean(axis=(1, 2)), rtol=1e-5)
    assert report.ratio == pytest.approx(0.0, abs=1e-8)
    numbers = report.to_dict()
    assert numbers["CapCorr, hue"] == pytest.approx(1.0) and numbers["sequences"] == 8
    own = report.rolled[which == 1].mean()
    assert numbers["squared error, frame 2 on, rolled: hue"] == pytest.approx(own)
    assert "rolled: angle" in str(report)


def test_report_of_a_model_that_rolls_the_wrong_way():
    x = rolling(8, capsules=1)
    data = dataset(x, {"angle": states(8), "transformation": np.zeros(8, int)})
    report = evaluation.equivariance(identity_model(direction=-1), data, steps=1)
    assert report.correlations["angle"].correlation == pytest.approx(-1.0)
    assert report.errors_of_means.mean() > 1.0
    # Its capsules roll by 1 and show the frame before.
    wrong = np.mean((np.roll(x, -1, axis=1) - np.roll(x, 1, axis=1)) ** 2)
    assert report.rolled.mean() == pytest.approx(wrong, rel=1e-5)
    np.testing.assert_allclose(report.reconstructed, 0.0, atol=1e-10)
    assert list(report.transformations) == ["0"] * 8


def test_errors_of_means_and_of_samples_are_two_numbers():
    """With a posterior of standard deviation 0.5 the means roll exactly, the samples do not."""
    x = rolling(8, capsules=1).reshape(8, T, C).astype("float32")
    model = identity_model()
    kernel = np.concatenate([np.eye(C), 0 * np.eye(C)], axis=1)
    model.posterior_head.set_weights([kernel, np.repeat([0.0, 1.0], C)])
    scale = model.encode(x).stddev().numpy()
    assert np.ptp(scale) == 0.0
    report = evaluation.equivariance(model, x, steps=1, seed=3)
    np.testing.assert_allclose(report.errors_of_means, 0.0, atol=1e-4)
    noise = scale * np.random.default_rng(0).normal(size=(500, *x.shape))
    expected = [
        equivariance_error((x + one).reshape(8, T, 1, C), places=places)
        for places in (1, 0)
        for one in noise[:50]
    ]
    numbers = report.to_dict()
    assert numbers["E_eq of samples"] == pytest.approx(np.mean(expected[:50]), rel=0.1)
    without = numbers["E_eq of samples, without the roll"]
    assert without == pytest.approx(np.mean(expected[50:]), rel=0.1)
    assert numbers["E_eq of means"] < 1e-3 < 1.0 < numbers["E_eq of samples"] < without
    # The seed decides, in batches too.
    again, other = (evaluation.equivariance(model, x, steps=1, seed=seed) for seed in (3, 4))
    np.testing.assert_array_equal(again.errors_of_samples, report.errors_of_samples)
    assert np.all(other.errors_of_samples != report.errors_of_samples)


def test_report_of_images_and_without_factors():
    images = np.random.default_rng(0).uniform(size=(6, 8, 8, 1))
    data = tfvae.datasets.sequences(images, num_frames=T, training=False, batch_size=4)
    mlp = tfvae.networks.mlp
    model = tfvae.TopographicVAE(
        12, encoder=mlp([8]), encoder_u=mlp([8]), decoder=mlp([8], (8, 8, 1)), seed=0
    )
    model.build((None, T, 8, 8, 1))
    report = evaluation.equivariance(model, data)
    x, factors = (np.concatenate(part) for part in zip(*data_arrays(data), strict=True))
    capsules = model.capsules(x)
    assert report.errors_of_means.mean() == pytest.approx(equivariance_error(capsules), rel=1e-6)
    expected = capsule_correlation(capsules, factors)
    np.testing.assert_allclose(report.correlations["rotation"], expected)
    rolled = np.mean((np.roll(x, -5, axis=1) - model.roll(x, 5)) ** 2)
    assert report.rolled.mean() == pytest.approx(rolled, rel=1e-5)
    error = np.mean((x - model.predict(x, verbose=0)) ** 2)
    assert report.reconstructed.mean() == pytest.approx(error, rel=1e-5)
    bare = evaluation.equivariance(model, data.map(lambda x, _: x))
    np.testing.assert_array_equal(bare.rolled, report.rolled)
    assert bare.correlations == {} and bare.transformations is None
    np.testing.assert_allclose(evaluation.equivariance(model, x).rolled, report.rolled, rtol=1e-6)


def data_arrays(data):
    return [(x.numpy(), factors["rotation"].numpy()) for x, factors in data]


def test_errors_of_the_report():
    model, data = identity_model(), dataset(rolling(3, 1), {"transformation": np.full(3, 2)})
    vae = tfvae.VAE(2)
    with pytest.raises(ValueError, match="received a VAE"):
        evaluation.equivariance(vae, data)
    with pytest.raises(ValueError, match="`model` must be built"):
        evaluation.equivariance(tfvae.SequenceVAE(6), data)
    with pytest.raises(ValueError, match=r"`steps` must be below.*6, received 6"):
        evaluation.equivariance(model, data, steps=6)
    with pytest.raises(ValueError, match=r"`names` must hold 3 names.*received 2"):
        evaluation.equivariance(model, data, names=["a", "b"])
    with pytest.raises(ValueError, match="`data` must hold at least one example"):
        evaluation.equivariance(model, data.take(0))


def test_log_likelihood_of_a_frame():
    model, x = identity_model(), rolling(4, 1).reshape(4, T, C).astype("float32")
    numbers = evaluation.log_likelihood(model, x, 5).to_dict()
    assert numbers["per frame"] == pytest.approx(numbers["log p(x)"] / T)
    assert numbers["per feature"] == pytest.approx(-numbers["per frame"] / C / np.log(2.0))
    flat = tfvae.VAE(2, encoder=tfvae.networks.mlp([4]), decoder=tfvae.networks.mlp([4], (3,)))
    flat.build((None, 3))
    assert "per frame" not in evaluation.log_likelihood(flat, np.zeros((2, 3)), 5).to_dict()
