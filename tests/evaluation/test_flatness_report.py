"""The flatness report on decoders whose geometry is known."""

import keras
import numpy as np
import pytest

import tfvae
from tfvae import evaluation


def model_with_decoder(kernel):
    """A VAE on four features with decoder z @ kernel, and its pseudo-inverse as encoder."""
    model = tfvae.VAE(
        2,
        encoder=tfvae.networks.mlp([]),
        decoder=tfvae.networks.mlp([], (4,)),
        seed=0,
    )
    model.build((None, 4))
    kernel = np.asarray(kernel, "float32")
    model.decoder.set_weights([kernel, np.zeros(4, "float32")])
    head = np.zeros((4, 4), "float32")
    head[:, :2] = np.linalg.pinv(kernel)
    model.posterior_head.set_weights([head, np.full(4, -3.0, "float32")])
    return model


KERNEL = np.array([[1.0, 0, 0, 0], [0, 3.0, 0, 0]])


def test_report_of_a_linear_decoder():
    model = model_with_decoder(KERNEL)
    x = np.random.default_rng(0).normal(size=(60, 2)) @ KERNEL
    report = evaluation.flatness(model, x, num_points=40, num_pairs=5)
    assert report.condition_encoded.shape == (40,)
    np.testing.assert_allclose(report.condition_encoded, 9.0, rtol=1e-4)
    np.testing.assert_allclose(report.condition_between, 9.0, rtol=1e-4)
    np.testing.assert_allclose(report.magnification_between, 1.0, rtol=1e-4)
    np.testing.assert_allclose(report.ratios, 1.0, rtol=1e-4)
    numbers = report.to_dict()
    assert numbers["condition number, encoded: median"] == pytest.approx(9.0, rel=1e-4)
    assert numbers["std of normalised MF, encoded"] == pytest.approx(0.0, abs=1e-4)
    assert "geodesic over straight line" in str(report)


def test_report_of_a_bent_decoder_and_its_figures(tmp_path):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(80, 6)).astype("float32")
    model = tfvae.VAE(2, decoder=tfvae.networks.mlp([16], (6,), activation="tanh"), seed=0)
    model.build(x.shape)
    model.decoder.set_weights([5.0 * w for w in model.decoder.get_weights()])
    model.posterior_head.set_weights([3.0 * w for w in model.posterior_head.get_weights()])
    report = evaluation.flatness(model, x, num_points=500, num_pairs=6)
    assert len(report.condition_encoded) == 80
    assert np.all(report.condition_encoded >= 1.0)
    assert np.min(report.ratios) < 0.99
    again = evaluation.flatness(model, x, num_points=500, num_pairs=6)
    np.testing.assert_allclose(report.ratios, again.ratios, rtol=1e-5)
    figure = report.plot()
    assert len(figure.axes) == 5
    both = tfvae.plots.violins({"VAE": report, "other": again})
    assert [t.get_text() for t in both.axes[0].get_xticklabels()] == ["VAE", "other"]
    labels = np.arange(80) % 3
    figure = tfvae.plots.equidistance(model, x, labels, resolution=24, num_centres=2)
    figure.savefig(tmp_path / "figure.png")
    with pytest.raises(ValueError, match="`labels` must have one entry for each"):
        tfvae.plots.equidistance(model, x, labels[:5])
    angles = np.linspace(0.0, 6.0, 80)
    tfvae.plots.equidistance(model, x, angles, coloring="cyclic", resolution=12)
    assert (tmp_path / "figure.png").stat().st_size > 5000


def test_a_collapsed_dimension_is_no_flatness():
    model = model_with_decoder(np.array([[1.0, 0, 0, 0], [0, 0, 0, 0]]))
    x = np.random.default_rng(0).normal(size=(20, 4))
    numbers = evaluation.flatness(model, x, num_pairs=3).to_dict()
    assert numbers["condition number, encoded: median"] == np.inf
    assert np.isnan(numbers["std of normalised MF, encoded"])
    with pytest.raises(ValueError, match="depends on both latents"):
        tfvae.plots.equidistance(model, x, resolution=10)


def test_distances_on_the_grid_of_a_linear_decoder():
    """Ways of steps within five cells: at most 4% longer than the straight line."""
    from tfvae.plots import flatness

    model = model_with_decoder(KERNEL)
    axis = np.linspace(-1.0, 1.0, 21)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).astype("float32")
    x = model.decode_mean(points.reshape(-1, 2)).numpy()
    distances = flatness._grid_distances(x, points, np.zeros((1, 2), "float32"))[0]
    expected = np.linalg.norm(points @ KERNEL, axis=-1)
    inside = expected > 0.5
    ratio = distances[inside] / expected[inside]
    assert ratio.min() >= 1.0 - 1e-6 and ratio.max() < 1.04


def test_smoothness():
    line = np.linspace(0.0, 1.0, 10)[np.newaxis, :, np.newaxis] * np.ones((2, 1, 3))
    assert evaluation.smoothness(line) == pytest.approx(0.0, abs=1e-12)
    zigzag = np.array([0.0, 1.0, 0.0, 1.0])[np.newaxis, :, np.newaxis]
    assert evaluation.smoothness(zigzag) == pytest.approx(2.0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 7, 2, 2))
    expected = []
    for path in x.reshape(3, 7, 4):
        second = [np.sqrt(np.mean(np.diff(path[:, i], n=2) ** 2)) for i in range(4)]
        expected.append(np.mean(second) / np.mean(np.abs(np.diff(path, axis=0))))
    assert evaluation.smoothness(x) == pytest.approx(np.mean(expected))
    with pytest.raises(ValueError, match="T ≥ 3"):
        evaluation.smoothness(np.zeros((1, 2, 3)))


def test_arguments_are_checked():
    model = model_with_decoder(KERNEL)
    with pytest.raises(ValueError, match="at least two examples"):
        evaluation.flatness(model, np.zeros((1, 4)))
    with pytest.raises(ValueError, match="`num_pairs` must"):
        evaluation.flatness(model, np.zeros((3, 4)), num_pairs=0)
    three = tfvae.VAE(3, seed=0)
    three.build((None, 4))
    with pytest.raises(ValueError, match="latent_dim = 2"):
        tfvae.plots.equidistance(three, np.zeros((5, 4)))
    with pytest.raises(ValueError, match="`reports` must hold at least one report"):
        tfvae.plots.violins({})
