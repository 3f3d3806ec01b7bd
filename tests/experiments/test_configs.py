"""All configs: a key changes only itself, and a run goes to its end without a warning."""

import importlib
import logging
import pkgutil
import warnings

import numpy as np
import pytest

import tfvae.experiments.configs
import tfvae.plots
from tfvae.evaluation.tables import escaped
from tfvae.experiments import comparison, config_file, experiment, report, run_data, training
from tfvae.experiments.configs import settings, topographic_published

FAMILIES = [
    module.name
    for module in pkgutil.iter_modules(tfvae.experiments.configs.__path__)
    if module.name != "settings"
]


def config_of(family, dataset):
    """The config, or None if the family has none for this data set."""
    module = importlib.import_module(f"tfvae.experiments.configs.{family}")
    try:
        return module.get_config(dataset)
    except ValueError:
        return None


def different(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str) or value is None:
        return f"{value}?"
    return (*value, *value)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_key_changes_only_itself(family):
    """As the command line changes it: --config.model.encoder.hidden=32,16."""
    names = (*settings.DATASETS, *topographic_published.NEIGHBORHOODS)
    configs = [one for name in names if (one := config_of(family, name)) is not None]
    assert configs
    for config in configs:
        before = config_file.flatten(config)
        for key, value in before.items():
            if value == {}:  # a group without keys
                continue
            config.update_from_flattened_dict({key: different(value)})
            now = config_file.flatten(config)
            assert [k for k in before if now[k] != before[k]] == [key]
            before = now


class Messages(logging.Handler):
    """Keeps what is logged as a warning, such as retracing."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.seen = []

    def emit(self, record):
        # Keras' own function is counted over all the models of a process, which are many here.
        if "multi_step_on_iterator" not in record.getMessage():
            self.seen.append(record.getMessage())


@pytest.fixture
def messages():
    handler, logger = Messages(), logging.getLogger("tensorflow")
    logger.addHandler(handler)
    yield handler.seen
    logger.removeHandler(handler)


# About the few steps and the small data of these tests.
EXPECTED = ("The constraint was not reached", "latents and none", "latents have been opened")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Prepared data is shared by the tests of this module."""
    return tmp_path_factory.mktemp("tfds")


def shrink(config, data_dir):
    """Small networks, little data and one epoch, on whatever data set."""
    config.data.data_dir = str(data_dir)
    config.epochs, config.batch_size = 1, 32
    config.report.num_samples, config.report.num_examples = 2, 40
    config.data.train, config.data.test = "train[:100]", "test[:60]"
    if config.data.name == "pendulum":
        config.data.options = {"size": 8, "noise": 0.05, "num_train": 100, "num_test": 60}
    if config.data.name == "sprites":
        config.data.options = {**GRID, "ordered": False}
        config.data.train, config.data.test = "train[:60%]", "train[60%:]"
    if config.data.num_labels:
        config.data.num_labels = 20
    if config.data.sequences:
        config.batch_size = 4
        config.data.train, config.data.test = "train[:16]", "test[:10]"
        config.data.sequences.num_frames, config.model.latent_dim = 6, 12
    for key, value in config_file.flatten(config.model).items():
        if key.endswith("hidden"):
            config.model.update_from_flattened_dict({key: (8,) * min(2, len(value))})
        elif key.endswith("filters"):
            config.model.update_from_flattened_dict({key: (4, 4)})
        elif key.endswith(("encoder.dense", "num_components")):
            config.model.update_from_flattened_dict({key: 10})


@pytest.mark.parametrize("family", FAMILIES)
def test_the_prior_of_every_family_is_in_its_report(family, data_dir, monkeypatch):
    """Before the training: with labels, categories, sequences, and each kind of prior."""
    config = config_of(family, "digits") or config_of(family, "tvae")
    shrink(config, data_dir)
    if config.data.name == "mnist":
        config.data.name = "digits"
    monkeypatch.setattr(report, "_PRIOR_SAMPLES", 20)
    data, test = run_data.TrainingData(config), run_data.test_data(config)
    model = experiment.build_model(config, data.shape)
    divergence, error, share = report._prior_fit(model, test, config).lines()
    assert np.isfinite(divergence.value) and error.value > 0.0 and 0.0 <= share.value <= 1.0
    assert divergence.name in comparison.SHOWN and share.name in comparison.SHOWN
    of_noise = "topographic" in family
    assert divergence.unit == ("nats, of the noise" if of_noise else "nats")
    figure = tfvae.plots.prior_fit(model, run_data.first_steps(model, test, config))
    assert figure.axes[1].get_title("left").startswith("prior noise: " if of_noise else "prior: ")


# Three shapes, two scales, one orientation, six positions across and four down: 144 images.
GRID = {"size": 16, "scales": 2, "orientations": 1, "positions_x": 6, "positions_y": 4}
# The others are slow tests.
QUICK = [("topographic_vae", "digits")]


@pytest.mark.parametrize(
    "family, dataset",
    [
        pytest.param(
            family, dataset, marks=[] if (family, dataset) in QUICK else [pytest.mark.slow]
        )
        for family in FAMILIES
        for dataset in ("pendulum", "digits", "sprites")
        if config_of(family, dataset) is not None
    ],
)
def test_a_run_goes_to_its_end_without_warnings(family, dataset, data_dir, tmp_path, messages):
    """Training, report, figures, export and card."""
    config = config_of(family, dataset)
    shrink(config, data_dir)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        _, lines = training.run(config, tmp_path)
    found = [f"{w.filename}: {w.message}" for w in caught if w.category is not DeprecationWarning]
    assert not [text for text in found if not any(part in text for part in EXPECTED)]
    assert not messages
    card = (tmp_path / "serving" / "1" / "assets.extra" / "MODEL_CARD.md").read_text()
    assert all(f"| {escaped(line.name)} " in card for line in lines if "time" not in line.name)
    assert (tmp_path / "report.md").exists() and len(list((tmp_path / "figures").iterdir())) > 3
