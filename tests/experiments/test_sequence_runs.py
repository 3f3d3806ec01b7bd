"""Experiments on sequences: their data, a run from config to report, and what does not fit."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.experiments import experiment, run_data, training
from tfvae.experiments.configs import topographic_published, topographic_vae


@pytest.fixture
def config(tmp_path):
    """A small network on 24 digits, in 6 frames each."""
    config = topographic_vae.get_config("digits")
    config.data.data_dir = str(tmp_path / "tfds")
    config.data.train, config.data.test = "train[:26]", "test[:10]"
    config.data.sequences.num_frames = 6
    config.model.latent_dim = 12
    for network in (config.model.encoder, config.model.encoder_u, config.model.decoder):
        network.hidden = (16,)
    config.batch_size = 4
    config.epochs = 2
    config.report.num_samples, config.report.num_examples = 2, 3
    return config


def test_batches_depend_on_seed_and_epoch_only(config):
    data = run_data.TrainingData(config)
    assert (data.size, data.steps, data.shape) == (26, 6, (6, 8, 8, 1))
    whole = list(data.batches(0, 3).as_numpy_iterator())
    assert [batch.shape for batch in whole] == [(4, 6, 8, 8, 1)] * 18
    again = list(run_data.TrainingData(config).batches(2, 3).as_numpy_iterator())
    np.testing.assert_array_equal(again, whole[12:])
    assert not np.array_equal(whole[:6], whole[6:12])
    config.seed = 1
    other = next(run_data.TrainingData(config).batches(0, 1).as_numpy_iterator())
    assert not np.array_equal(other, whole[0])


def test_test_data_give_the_states_of_the_factor(config):
    batches = list(run_data.test_data(config).as_numpy_iterator())
    assert [x.shape[0] for x, _ in batches] == [4, 4, 2]
    for x, factors in batches:
        assert sorted(factors) == ["label", "rotation"] and factors["rotation"].shape == (len(x), 6)


def test_files_and_report_of_a_run(config, tmp_path):
    _, lines = training.run(config, tmp_path / "run")
    names = {line.name for line in lines}
    assert {
        "E_eq of means",
        "E_eq of samples",
        "CapCorr, rotation",
        "rolled over copied",
        "log-likelihood",
        "KL(aggregated posterior ‖ prior)",
    } <= names
    figures = {path.stem for path in (tmp_path / "run" / "figures").iterdir()}
    assert figures == {
        "capsule_traversals",
        "forward_prediction",
        "prior_fit",
        "reconstructions",
        "samples",
        "squares_covariance",
        "training_curves",
    }
    assert "E_eq of samples" in json.loads((tmp_path / "run" / "report.json").read_text())


@pytest.mark.slow
def test_run_in_two_parts_is_the_same(config, tmp_path):
    model, _ = training.run(config, tmp_path / "run")
    config.epochs = 1
    training.run(config, tmp_path / "parts")
    keras.backend.clear_session()
    config.epochs = 2
    resumed, _ = training.run(config, tmp_path / "parts")
    for one, other in zip(model.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "size"), [("tvae", 52), ("tvae_short", 13), ("bubble", 15), ("l0", 3), ("vae", None)]
)
def test_published_settings(name, size):
    """The authors' programs for MNIST; their SGD at 1e-4 is of the mean over 18 frames."""
    config = topographic_published.get_config(name)
    assert (config.batch_size, config.epochs, config.data.train) == (8, 100, "train[:80%]")
    sequences = config.data.sequences.to_dict()
    assert sequences == {
        "transformation": ("rotation", "hue", "scale"),
        "num_frames": 18,
        "rest": "random",
    }
    model = experiment.build_model(config, (18, 28, 28, 3))
    assert model.optimizer.momentum == 0.9
    assert float(model.optimizer.learning_rate) * 18 == pytest.approx(1e-4)
    assert model.capsule_grid == (18, 18)
    widths = [
        [layer.units for layer in network.layers if hasattr(layer, "units")]
        for network in (model.encoder, model.decoder)
    ]
    assert widths == [[972, 648], [648, 972, 2352]]
    assert not any(isinstance(one, keras.layers.LayerNormalization) for one in model.decoder.layers)
    if name == "vae":
        assert type(model.prior) is tfvae.priors.StandardNormal
    else:
        assert np.all(model.prior.neighborhood.sizes(model.prior.layout) == size)
        assert float(model.prior.mean) == 30.0


def test_a_mean_over_frames_at_one_rate_is_a_sum_over_them_at_a_share_of_it():
    """One step of SGD, on a VAE of frames and on one of sequences, without noise."""
    mlp, frames, rate = tfvae.networks.mlp, 6, 1e-2
    x = np.random.default_rng(0).uniform(size=(4, frames, 3)).astype("float32")
    results = []
    for cls, data, learning_rate in (
        (tfvae.VAE, x.reshape(-1, 3), rate),
        (tfvae.SequenceVAE, x, rate / frames),
    ):
        keras.utils.set_random_seed(0)
        model = cls(6, mlp([8]), mlp([8], (3,)), likelihood="bernoulli", seed=0)
        model.build(data.shape)
        # The decoder sees none of the noise: its last bias moves by the distortion alone.
        kernel = model.decoder.trainable_weights[0]
        kernel.assign(tf.zeros_like(kernel))
        before = model.decoder.get_weights()[-1]
        model.compile(keras.optimizers.SGD(learning_rate))
        model.fit(data, batch_size=len(data), verbose=0)
        results.append(model.decoder.get_weights()[-1] - before)
    assert np.all(np.abs(results[0]) > 1e-5)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4)


def test_what_does_not_fit_is_refused(config):
    with pytest.raises(ValueError, match="must be one of tvae, tvae_short, bubble, l0, vae"):
        topographic_published.get_config("mnist")
    with pytest.raises(ValueError, match="must be one of digits, mnist"):
        topographic_vae.get_config("cmu_mocap")
    config.batch_size = 100
    with pytest.raises(ValueError, match=r"batch_size must be at most .* 26, received 100"):
        run_data.TrainingData(config)
