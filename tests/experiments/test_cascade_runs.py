"""Experiments with categories, factors and discriminators: from config to report and figures."""

import json

import numpy as np
import pytest
from PIL import Image

import tfvae
from tfvae.experiments import experiment, report, run_data, training
from tfvae.experiments.configs import (
    adversarial_autoencoder,
    beta_vae,
    cascade_vae,
    conditional_vae,
    factor_vae,
    joint_vae,
    semi_supervised_vae,
    vae,
)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Prepared data is shared by the tests of this module."""
    return tmp_path_factory.mktemp("tfds")


def tiny(family, dataset, data_dir, epochs=2):
    """Small networks on a hundred images."""
    config = family.get_config(dataset)
    config.data.data_dir = str(data_dir)
    config.epochs, config.batch_size = epochs, 32
    config.report.num_samples, config.report.num_examples = 2, 3
    if dataset == "sprites":
        config.data.options = {**GRID, "ordered": False}
        config.data.train, config.data.test = "train[:60%]", "train[60%:]"
        for network in (config.model.encoder, config.model.decoder):
            network.filters, network.dense = (4, 4), 8
    else:
        config.data.train, config.data.test = "train[:100]", "test[:60]"
        config.model.encoder.hidden = config.model.decoder.hidden = (8,)
    for penalty in config.model.get("penalties", {}).values():
        penalty.discriminator.hidden = (8,)
    if family is cascade_vae:
        config.model.objective.period = 3
        config.model.objective.discrete_start = 1
    return config


# Three shapes, two scales, two orientations, four positions across and three down: 144 images.
GRID = {"size": 16, "scales": 2, "orientations": 2, "positions_x": 4, "positions_y": 3}
FIGURES = {"reconstructions", "samples", "latent_space", "prior_fit", "training_curves"}


def trained(config, workdir):
    """A model after training, without all that follows in a run; and the test data."""
    data, test = run_data.TrainingData(config), run_data.test_data(config)
    model = experiment.build_model(config, data.shape)
    workdir.mkdir(exist_ok=True)
    training.train(model, data, test, config, workdir)
    return model, test


def assert_resumed(family, data_dir, folder):
    """A run in two parts ends as one without a break; returns its model, test data and config."""
    config = tiny(family, "digits", data_dir)
    whole, _ = trained(config, folder / "whole")
    trained(tiny(family, "digits", data_dir, epochs=1), folder / "parts")
    parts, test = trained(config, folder / "parts")
    for one, other in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    return parts, test, config


def values(lines):
    return {line.name: line.value for line in lines}


def figures(workdir):
    return {path.name for path in (workdir / "figures").iterdir()}


def reported(workdir):
    plain = json.loads((workdir / "report.json").read_text())
    return {name: line["value"] for name, line in plain.items()}


def test_cascade_on_sprites(data_dir, tmp_path):
    config = tiny(cascade_vae, "sprites", data_dir)
    model, _ = training.run(config, tmp_path)
    assert type(model.discrete.assignment) is tfvae.assignment.MinCostFlow
    assert model.discrete.assignment.penalty == config.model.discrete.assignment.penalty
    assert model.embedding_dim == 6 + 3
    more = {"category_traversals.png", "traversals.gif", "latents_and_factors.png"}
    assert figures(tmp_path) == {f"{name}.png" for name in FIGURES} | more
    with Image.open(tmp_path / "figures" / "traversals.gif") as gif:
        assert gif.n_frames > 2
    lines = reported(tmp_path)
    # Every test image has one of five factors' values; none is left out.
    assert lines["factors"] == 5 and lines["latents"] == 7
    assert {"FactorVAE score", "MIG", "DCI disentanglement", "SAP", "β-VAE score"} <= lines.keys()
    x, labels = next(iter(run_data.test_data(config).unbatch().batch(1000).as_numpy_iterator()))
    found = model.categories(x)[:, 0]
    expected = tfvae.evaluation.unsupervised_accuracy(found, labels["label_shape"])
    assert lines["accuracy, d_0 as shape"] == pytest.approx(expected.one_to_one)
    assert lines["examples"] == len(x) == 58
    header = (tmp_path / "history.csv").read_text().splitlines()[0].split(",")
    assert {"period", "open_latents", "discrete_open"} <= set(header)


@pytest.mark.slow
def test_interrupted_cascade_goes_on(data_dir, tmp_path):
    model, test, config = assert_resumed(cascade_vae, data_dir, tmp_path)
    # Four steps an epoch, periods of three: the first epoch ends within the second period.
    assert float(model.objective.steps.numpy()) == 8.0
    found = values(report.measure(model, test, config))
    accuracy = [found[f"{kind}accuracy, d_0 as digit"] for kind in ("", "majority ")]
    assert 0.0 < accuracy[0] <= accuracy[1] <= 1.0
    assert "MIG" not in found  # There are no factors.


def test_cascade_without_categories(data_dir):
    config = tiny(cascade_vae, "digits", data_dir)
    config.model.discrete.name = ""
    model = experiment.build_model(config, (8, 8, 1))
    assert model.num_categories == () and model.embedding_dim == 4


@pytest.mark.slow
def test_factor_vae_on_sprites(data_dir, tmp_path):
    training.run(tiny(factor_vae, "sprites", data_dir, epochs=1), tmp_path)
    names = {"traversals", "interpolation", "latents_and_factors"}
    assert figures(tmp_path) == {f"{name}.png" for name in FIGURES | names}
    lines = reported(tmp_path)
    assert lines["latents"] == 10 and "MIG" in lines
    assert not any(name.startswith("accuracy") for name in lines)


def test_discriminator_has_an_optimizer_of_its_own(data_dir):
    config = tiny(factor_vae, "digits", data_dir)
    config.model.penalties.total_correlation.optimizer.learning_rate = 0.5
    model = experiment.build_model(config, (8, 8, 1))
    (penalty,) = model.penalties
    assert float(penalty.optimizer.learning_rate.numpy()) == 0.5
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(1e-3)
    # Adam has two moments for each weight.
    moments = len(penalty.optimizer.variables) - 2
    assert moments == 2 * len(penalty.discriminator.trainable_weights)


@pytest.mark.slow
def test_interrupted_factor_vae_goes_on(data_dir, tmp_path):
    assert_resumed(factor_vae, data_dir, tmp_path)


def test_beta_vae_takes_its_weight(data_dir):
    config = tiny(beta_vae, "digits", data_dir)
    config.model.objective.beta = 7.0
    assert experiment.build_model(config, (8, 8, 1)).objective.beta == 7.0


@pytest.mark.slow
def test_joint_vae_on_digits(data_dir, tmp_path):
    config = tiny(joint_vae, "digits", data_dir, epochs=1)
    model, test = trained(config, tmp_path)
    assert type(model) is tfvae.JointVAE
    assert "accuracy, d_0 as digit" in values(report.measure(model, test, config))


@pytest.mark.parametrize("dataset", ["digits", "sprites"])
def test_labels_are_given_to_an_adversarial_autoencoder(dataset, data_dir, tmp_path):
    config = tiny(adversarial_autoencoder, dataset, data_dir, epochs=1)
    x, labels = next(run_data.TrainingData(config).batches(0, 1).as_numpy_iterator())
    (num_classes,) = config.model.discrete.num_categories
    assert labels.shape == (len(x),) and labels.max() < num_classes
    model, test = trained(config, tmp_path)
    name = "digit" if dataset == "digits" else "shape"
    assert f"accuracy, d_0 as {name}" in values(report.measure(model, test, config))


def test_supervision_needs_labels(data_dir):
    config = tiny(adversarial_autoencoder, "digits", data_dir)
    config.data.supervised = False
    with pytest.raises(ValueError, match=r"--config\.data\.supervised must be True"):
        experiment.build_model(config, (8, 8, 1))
    useless = tiny(vae, "digits", data_dir)
    useless.data.supervised = True
    with pytest.raises(ValueError, match=r"--config\.data\.supervised must be False"):
        experiment.build_model(useless, (8, 8, 1))
    config.data.supervised, config.data.labels = True, False
    with pytest.raises(ValueError, match=r"--config\.data\.labels must be True"):
        run_data.TrainingData(config)


def test_data_of_a_config_are_x_and_labels(data_dir):
    config = tiny(vae, "digits", data_dir)
    config.model.condition = 3
    with pytest.raises(ValueError, match=r"needs only x and labels, received a VAE .* condition"):
        experiment.build_model(config, (8, 8, 1))


def test_conditional_vae_on_digits(data_dir, tmp_path):
    """From config to report, figures, model and a model that is loaded."""
    config = tiny(conditional_vae, "digits", data_dir)
    training.run(config, tmp_path)
    assert figures(tmp_path) == {f"{name}.png" for name in FIGURES | {"category_traversals"}} | {
        "traversals.gif"
    }
    assert 0.0 <= reported(tmp_path)["accuracy, d_0 as digit"] <= 1.0
    model = training.load(tmp_path)
    assert model.generate(3, y=7).shape == (3, 8, 8, 1)
    again = values(training.evaluate(config, tmp_path))
    assert again["ELBO"] == pytest.approx(reported(tmp_path)["ELBO"])


def test_few_labels(data_dir, tmp_path):
    config = tiny(semi_supervised_vae, "digits", data_dir, epochs=1)
    config.data.num_labels = 30
    data = run_data.TrainingData(config)
    batches = list(data.batches(0, 1).as_numpy_iterator())
    x, labels = (np.concatenate(part) for part in zip(*batches, strict=True))
    assert np.sum(labels >= 0) == 30 and np.sum(labels == -1) == len(x) - 30
    # The same examples keep their labels in each epoch.
    later = list(data.batches(1, 2).as_numpy_iterator())
    known = {x.tobytes() for x, y in zip(x, labels, strict=True) if y >= 0}
    assert known == {x.tobytes() for xs, ys in later for x, y in zip(xs, ys, strict=True) if y >= 0}
    model, test = trained(config, tmp_path)
    assert "accuracy, d_0 as digit" in values(report.measure(model, test, config))
    config.model.discrete.unknown = None
    with pytest.raises(ValueError, match=r"--config\.data\.num_labels must be 0"):
        run_data.TrainingData(config)


@pytest.mark.parametrize(
    "family",
    [cascade_vae, joint_vae, adversarial_autoencoder, conditional_vae, semi_supervised_vae],
)
def test_data_without_classes_are_refused(family):
    with pytest.raises(ValueError, match="one of digits, mnist, sprites, sprites_full"):
        family.get_config("pendulum")


def test_published_setting():
    """300,000 steps of batches of 64 on all of dSprites [JS19, section 5]."""
    config = cascade_vae.get_config("sprites_full")
    assert set(config.data.options) == {"size", "ordered"}  # No factor has fewer values.
    images = 0.98 * np.prod([len(v) for v in tfvae.datasets.sprite_values().values()])
    assert 300_000 <= config.epochs * images / config.batch_size <= 310_000
    model = experiment.build_model(config, (64, 64, 1))
    filters = [layer.filters for layer in model.encoder.layers if hasattr(layer, "filters")]
    assert filters == [32, 32, 64, 64] and model.objective.period == 20_000
    assert model.objective.hold and model.objective.discrete_start == 4
    schedule = config.optimizer.learning_rate.to_dict()
    rate = experiment.create("learning_rate", schedule)
    rates = [float(rate(step)) for step in (0, 49_999, 50_000, 100_000)]
    np.testing.assert_allclose(rates, [1e-4, 1e-4, 3e-5, 9e-6], rtol=1e-5)
