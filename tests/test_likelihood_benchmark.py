"""The benchmark of likelihoods: data of the published comparison, its models, its order."""

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds

from benchmarks import common, likelihood


class TinyImages(tfds.core.GeneratorBasedBuilder):
    """Images as the catalogue has them, a few of them."""

    VERSION = tfds.core.Version("1.0.0")
    SHAPE, SPLITS, BINARY = (28, 28, 1), {"train": 12, "test": 4}, False

    def _info(self):
        features = tfds.features.FeaturesDict({"image": tfds.features.Image(shape=self.SHAPE)})
        return tfds.core.DatasetInfo(builder=self, features=features, homepage="https://its.home")

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(name) for name in self.SPLITS}

    def _generate_examples(self, name):
        rng = np.random.default_rng(len(name))
        for i in range(self.SPLITS[name]):
            image = rng.integers(0, 2 if self.BINARY else 256, self.SHAPE).astype(np.uint8)
            yield i, {"image": image}


class TinyBinarized(TinyImages):
    """Like binarized_mnist: 0 and 1, with a validation split."""

    VERSION = tfds.core.Version("1.0.0")
    SPLITS, BINARY = {"train": 6, "validation": 3, "test": 2}, True


class TinyCharacters(TinyImages):
    """Like omniglot: black ink on white, large, three equal channels."""

    VERSION = tfds.core.Version("1.0.0")
    SHAPE = (105, 105, 3)

    def _generate_examples(self, name):
        for i in range(self.SPLITS[name]):
            image = np.full(self.SHAPE, 255, np.uint8)
            image[: 15 * (i % 7), :40] = 0
            yield i, {"image": image}


@pytest.fixture
def catalogue(monkeypatch):
    """The three data sets are tiny."""
    tiny = {
        "binarized_mnist": TinyBinarized,
        "omniglot": TinyCharacters,
        "fashion_mnist": TinyImages,
    }
    monkeypatch.setattr(tfds, "builder", lambda name, data_dir=None: tiny[name](data_dir=data_dir))
    monkeypatch.setattr(likelihood, "OMNIGLOT", (10, 6))


def test_data_that_are_missing_are_told_with_their_source(catalogue, tmp_path):
    with pytest.raises(ValueError, match=r"must be prepared in .*https://its\.home: add --downl"):
        likelihood.published("fashion_mnist", tmp_path)


def test_images_are_binary_and_divided(catalogue, tmp_path):
    for name, sizes in {
        "fashion_mnist": (12, 4),
        "binarized_mnist": (9, 2),
        "omniglot": (10, 6),
    }.items():
        parts = likelihood.published(name, tmp_path, download=True)
        assert [part.shape for part in parts] == [(size, 784) for size in sizes]
        assert all(set(np.unique(part)) == {0.0, 1.0} for part in parts)
        # Prepared now, and the same again.
        again = likelihood.published(name, tmp_path)
        np.testing.assert_array_equal(parts[0], again[0])
    # Binary data are not drawn anew; ink is white after the inversion, paper black.
    raw = [one["image"] for one in TinyBinarized(data_dir=tmp_path).as_dataset(split="test")]
    np.testing.assert_array_equal(
        likelihood.published("binarized_mnist", tmp_path)[1], np.reshape(raw, (2, 784))
    )
    ink = np.concatenate(likelihood.published("omniglot", tmp_path)).reshape(-1, 28, 28)
    assert ink[:, :, 12:].max() == 0.0
    heights = [4 * (i % 7) for number in (12, 4) for i in range(number)]
    assert sorted(ink[:, :, 0].sum(axis=1)) == sorted(heights)


def test_models_are_what_their_names_say():
    settings = {**likelihood.FULL, "hidden": (4,), "latent_dim": 2, "pseudo_inputs": 3}
    train = np.random.default_rng(0).integers(0, 2, (8, 6)).astype("float32")
    made = {
        name: likelihood.model_of(name, settings, train, 0) for name in likelihood.FULL["models"]
    }
    priors = [type(model.prior).__name__ for model in made.values()]
    assert priors == ["StandardNormal", "VampPrior", "StandardNormal", *["HierarchicalPrior"] * 3]
    kinds = [type(model.objective).__name__ for model in made.values()]
    assert kinds == ["ELBO", "ELBO", "ImportanceWeighted", "ELBO", "Constrained", "Constrained"]
    multipliers = [type(made[f"VHP, {n}"].objective.multiplier).__name__ for n in ("GECO", "REWO")]
    assert multipliers == ["GECO", "REWO"]
    model = likelihood.model_of("VHP, REWO", {**settings, "kappa_squared": 3.0}, train, 0)
    model.build((None, 6))
    assert float(model.objective.bound) == pytest.approx(3.0)


@pytest.mark.parametrize(("values", "holds"), [((1, 2, 3), True), ((2, 1, 3), False)])
def test_the_order(values, holds, capsys):
    results = {
        name: [{"−log p(x)": value + shift} for shift in (0.0, 0.5)]
        for name, value in zip(likelihood.ORDER, values, strict=True)
    }
    assert likelihood.in_order("toy", results) is holds
    expected = "VHP, REWO below VampPrior, ELBO by 1 ± 0 nats, in 2 of 2 seeds"
    assert (expected in capsys.readouterr().out) is holds


def test_the_full_comparison_by_the_command_line(catalogue, tmp_path, monkeypatch, capsys):
    # The numbers are made up: data, settings, the file of finished runs and the table are tried.
    asked = []

    def measured(name, settings, train, test, seed):
        asked.append((name, settings["epochs"], train.shape, seed))
        return dict.fromkeys(likelihood.COLUMNS, 100.0 - len(asked))

    monkeypatch.setattr(likelihood, "measured", measured)
    monkeypatch.setattr(keras.backend, "clear_session", lambda: None)  # Nothing was made.
    options = ["--full", "fashion_mnist", f"--data-dir={tmp_path}", "--seeds=2", "--epochs=7"]
    options += ["--only=ELBO", f"--out={tmp_path / 'runs.jsonl'}"]
    with pytest.raises(ValueError, match="must be prepared"):
        likelihood.main(options)
    # Later numbers are lower: the VampPrior's are below those of the standard prior.
    assert likelihood.main([*options, "--download"]) == 0
    names = ["N(0, I), ELBO", "VampPrior, ELBO", "VHP, ELBO"]
    assert asked == [(name, 7, (12, 784), seed) for name in names for seed in (0, 1)]
    out = capsys.readouterr().out
    assert "fashion_mnist: VHP, ELBO" in out and "- choices: plain dense" in out
    assert likelihood.main(options) == 0 and len(asked) == 6
    tables = [
        [line for line in text.splitlines() if line.startswith("|")]
        for text in (out, capsys.readouterr().out)
    ]
    assert tables[0] == tables[1]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The constraint was not reached")
def test_models_are_measured():
    tiny = {"hidden": (4,), "latent_dim": 2, "epochs": 1, "samples": 3, "pseudo_inputs": 2}
    settings = {**likelihood.FULL, **tiny, "models": ("IWAE", "VHP, REWO")}
    x = np.random.default_rng(0).integers(0, 2, (40, 6)).astype("float32")
    results = likelihood.run("toy", x, x[:10], settings, seeds=(0,))
    assert list(results) == list(settings["models"])
    for name, (numbers,) in results.items():
        assert set(numbers) == set(likelihood.COLUMNS) - {"over seeds"}
        assert numbers["−ELBO"] == pytest.approx(numbers["distortion"] + numbers["rate"])
        assert (numbers["λ"] is not None) == (name == "VHP, REWO")
        assert numbers["train distortion"] == pytest.approx(6 * np.log(2), rel=0.2)


def test_digits_are_the_same_for_all_seeds():
    x = np.arange(20.0).reshape(10, 2, 1, 1)
    train, test = common.divided(likelihood.flat(x), 8)
    assert train.shape == (8, 2) and test.shape == (2, 2)
    assert sorted(np.concatenate([train, test])[:, 0]) == list(range(0, 20, 2))
    np.testing.assert_array_equal(train, common.divided(likelihood.flat(x), 8)[0])
