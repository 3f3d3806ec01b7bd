"""The settings that experiments on one data set share, and the form of every config."""

import difflib
from typing import Any

from ml_collections import config_dict

_GAUSSIAN = {"name": "Gaussian", "scale": "learned"}
_DENSE = {"name": "mlp", "hidden": (256, 256), "activation": "relu"}
_CONVOLUTIONS = {"filters": (32, 32, 64, 64), "dense": 256, "activation": "relu"}
# The penalty of [JS19] costs only a few nats, but it takes the decoder's weights for the categories
# to zero while the categories are closed.
_PENALIZED = {**_CONVOLUTIONS, "kernel_regularizer": {"name": "L2", "l2": 4e-5}}
# With units that are active everywhere, a category stands for the same shape at all positions.
_SMALL = {**_PENALIZED, "filters": (8, 16, 32), "dense": 128, "activation": "elu"}
_SPRITES = {"name": "sprites", "label": "label_shape"}

# kappa is the error per feature that VHP-VAE allows: root-mean-square for the Gaussian likelihood,
# mean cross-entropy in nats for the Bernoulli likelihood. beta is the first β of REWO, relative to
# that of the ELBO. "constrained" has what else a VHP-VAE has of its own. "categorical" has the
# latents of a model with categories: the number of the continuous ones, and the sizes of the
# discrete ones.
DATASETS = {
    "pendulum": {
        "data": {
            "name": "pendulum",
            "options": {"size": 16, "noise": 0.05, "num_train": 15_000, "num_test": 3_000},
        },
        "report": {"coloring": "cyclic", "label_name": "angle (rad)"},
        # Smooth activations keep the circle of angles in one piece; ReLU often tears it.
        "encoder": {**_DENSE, "activation": "elu"},
        "decoder": {**_DENSE, "activation": "gelu"},
        "likelihood": _GAUSSIAN,
        "latent_dim": 2,
        "epochs": 14,
        "learning_rate": 2e-3,
        "kappa": 0.07,
        "beta": 0.15,
        "nu": 0.1,
        "prior": {"hidden": (64, 64), "num_importance_samples": 8},
        "constrained": {
            # A scale above κ lets λ fall until κ binds: a coarse code, whose prior can be learned.
            "likelihood": {"name": "Gaussian", "scale": 0.6},
            "fit_prior": {"steps": 4500, "batch_size": 512, "learning_rate": 2e-2},
        },
        # The metric of a flat decoder shows the noise of Adam's last steps.
        "flat": {
            "learning_rate": {
                "name": "CosineDecay",
                "initial_learning_rate": 2e-3,
                "decay_steps": 1_652,
                "alpha": 0.3,
            },
        },
    },
    "digits": {
        "data": {"name": "digits"},
        "report": {"label_name": "digit"},
        "encoder": _DENSE,
        "decoder": _DENSE,
        "likelihood": _GAUSSIAN,
        "latent_dim": 8,
        "categorical": {"latent_dim": 4, "num_categories": (10,)},
        "epochs": 200,
        "learning_rate": 1e-3,
        "kappa": 0.15,
        "beta": 1.0,
    },
    "mnist": {
        "data": {"name": "mnist", "binarize": True},
        "report": {"label_name": "digit"},
        "encoder": {**_DENSE, "hidden": (300, 300)},
        "decoder": {**_DENSE, "hidden": (300, 300)},
        "likelihood": {"name": "Bernoulli"},
        "latent_dim": 32,
        "categorical": {"latent_dim": 6, "num_categories": (10,)},
        "epochs": 60,
        "learning_rate": 1e-3,
        "kappa": 0.0893,  # κ² = 70 nats
        "beta": 0.1,
        "nu": 2.0,
        "prior": {
            "decoder": {**_DENSE, "hidden": (300, 300)},
            "encoder": {**_DENSE, "hidden": (300, 300)},
        },
    },
    "cmu_mocap": {
        "data": {
            "name": "cmu_mocap",
            "options": {"subjects": ("35", "49"), "every": 4, "hands": False},
        },
        "report": {"label_name": "motion class"},
        "encoder": _DENSE,
        "decoder": _DENSE,
        "likelihood": _GAUSSIAN,
        "latent_dim": 2,
        "epochs": 160,
        "learning_rate": 1e-3,
        "kappa": 0.4,
        "beta": 0.01,
    },
    "coil20": {
        "data": {"name": "coil20", "options": {"size": 64, "train_every": 2}},
        "report": {"label_name": "object", "num_examples": 100},
        "encoder": {**_CONVOLUTIONS, "name": "conv_encoder"},
        "decoder": {**_CONVOLUTIONS, "name": "conv_decoder"},
        "likelihood": _GAUSSIAN,
        "latent_dim": 8,
        "epochs": 300,
        "batch_size": 64,
        "learning_rate": 1e-3,
        "kappa": 0.1,
        "beta": 1.0,
    },
    # A part of the grid of dSprites, small enough for a laptop: no rotation, but all positions, for
    # only where neighbours overlap does a category stand for the same shape everywhere.
    "sprites": {
        "data": {
            **_SPRITES,
            "train": "train[:95%]",
            "test": "train[95%:]",
            "options": {
                "size": 32,
                "scales": 4,
                "orientations": 1,
                "ordered": False,
            },
        },
        "report": {"label_name": "shape"},
        "encoder": {**_SMALL, "name": "conv_encoder"},
        "decoder": {**_SMALL, "name": "conv_decoder"},
        "likelihood": {"name": "Bernoulli"},
        "latent_dim": 10,
        "categorical": {"latent_dim": 6, "num_categories": (3,)},
        "epochs": 44,
        "batch_size": 64,
        "learning_rate": {
            "name": "CosineDecay",
            "initial_learning_rate": 1e-3,
            "decay_steps": 8_000,
            "alpha": 0.1,
        },
        "kappa": 0.02,
        "beta": 0.1,
    },
    # All of it, with the networks, batches and learning rates of [JS19, section 5]: 300,000 steps.
    "sprites_full": {
        "data": {
            **_SPRITES,
            "train": "train[:98%]",
            "test": "train[98%:]",
            "cache": False,
            "shuffle_buffer": 20_000,
            "options": {"size": 64, "ordered": False},
        },
        "report": {"label_name": "shape"},
        "encoder": {**_PENALIZED, "name": "conv_encoder"},
        "decoder": {**_PENALIZED, "name": "conv_decoder"},
        "likelihood": {"name": "Bernoulli"},
        "latent_dim": 10,
        "categorical": {"latent_dim": 6, "num_categories": (3,)},
        "epochs": 27,
        "batch_size": 64,
        "learning_rate": {
            "name": "ExponentialDecay",
            "initial_learning_rate": 1e-4,
            "decay_steps": 50_000,
            "decay_rate": 0.3,
            "staircase": True,
        },
        "kappa": 0.01,
        "beta": 0.1,
    },
}

# Data of the user, at --config.data.path. The error that a VHP-VAE allows is measured in training.
# `label_column` is a column that is a label, and no feature; the others are options of `tfvae
# score`. "" leaves to the table what it finds.
_OF_TABLES = {
    **dict.fromkeys(("label_column", "ignore", "kind", "missing", "indicators"), ""),
    **dict.fromkeys(("encoding", "separator", "decimal", "thousands"), ""),
}
_SHARES = {"test_share": 0.2, "data_seed": 0}
OWN = {
    "images": {
        "data": {
            "name": "images",
            "labels": False,
            "options": {"size": (64, 64), "channels": 3, **_SHARES},
        },
        "report": {"label_name": "class"},
        "encoder": {**_CONVOLUTIONS, "name": "conv_encoder"},
        "decoder": {**_CONVOLUTIONS, "name": "conv_decoder"},
        "likelihood": _GAUSSIAN,
        "latent_dim": 16,
    },
    "arrays": {
        "data": {"name": "arrays", "labels": False, "options": _SHARES},
        "report": {"label_name": "label"},
        "encoder": _DENSE,
        "decoder": _DENSE,
        "likelihood": _GAUSSIAN,
        "latent_dim": 8,
    },
    "table": {
        "data": {"name": "table", "labels": False, "options": {**_OF_TABLES, **_SHARES}},
        "report": {"label_name": "class"},
        "encoder": _DENSE,
        "decoder": _DENSE,
        "likelihood": {"name": "columns"},  # one for each column, by its kind
        "latent_dim": 4,
    },
}
for _settings in OWN.values():
    _settings |= {"epochs": 100, "learning_rate": 1e-3}

# Those whose examples have classes, for models with categories or labels.
WITH_CLASSES = tuple(name for name, one in DATASETS.items() if "categorical" in one)


def dataset_settings(dataset: str) -> dict[str, Any]:
    """Returns the entry of `DATASETS` or `OWN`.

    Raises:
        ValueError: for an unknown data set, with the known ones.
    """
    known = {**DATASETS, **OWN}
    if dataset in known:
        return known[dataset]
    nearest = difflib.get_close_matches(dataset, known, n=1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    raise ValueError(
        f"the data set after the colon must be one of {', '.join(known)}, received "
        f"{dataset!r}.{hint}"
    )


def categorical(dataset: str, discrete: dict[str, Any]) -> dict[str, Any]:
    """Returns the latents of a model with categories, `latent_dim` and `discrete`.

    Args:
        dataset: a key of `DATASETS`.
        discrete: `name` of a class in `tfvae.discrete`, and its arguments but `num_categories`.

    Raises:
        ValueError: for a data set without classes, with those that have some.
    """
    chosen = dataset_settings(dataset)
    if dataset not in WITH_CLASSES:
        raise ValueError(
            f"the data set after the colon must be one of {', '.join(WITH_CLASSES)}, which have "
            f"classes, received {dataset!r}."
        )
    latents = dict(chosen["categorical"])
    num_categories = latents.pop("num_categories")
    return {**latents, "discrete": {"num_categories": num_categories, **discrete}}


def adversary(hidden: tuple[int, ...] = (256,) * 4) -> dict[str, Any]:
    """Returns a penalty's discriminator, and its optimizer [KM18, appendix A]."""
    return {
        "discriminator": {
            "name": "mlp",
            "hidden": hidden,
            "output_shape": (1,),
            "activation": "leaky_relu",
        },
        "optimizer": {"name": "Adam", "learning_rate": 1e-4, "beta_1": 0.5, "beta_2": 0.9},
    }


def _unshared(node: Any) -> Any:
    """Copies groups of settings, so that no two keys have one group.

    `config_dict` keeps it as one: a change of the encoder's layers would change the decoder's.
    """
    if not isinstance(node, dict):
        return node
    return {key: _unshared(value) for key, value in node.items()}


def experiment(dataset: str, model: dict[str, Any], **more: Any) -> config_dict.ConfigDict:
    """Returns the config of a model on a data set.

    A group with a `name` describes an object, as `experiment.create` makes it. `penalties` is a
    group of such groups. A coefficient (`beta`, `weight`, `temperature`, `kappa`, …) is a number,
    or a group whose `name` is a schedule of `keras.optimizers.schedules`.

    Args:
        dataset: a key of `DATASETS`.
        model: `name` and the arguments that differ from the data set's settings.
        **more: settings that replace those of the data set.
    """
    settings = _unshared({**dataset_settings(dataset), **more})
    model = _unshared(model)
    return config_dict.create(
        seed=0,
        epochs=settings["epochs"],
        batch_size=settings.get("batch_size", 128),
        optimizer={"name": "Adam", "learning_rate": settings["learning_rate"]},
        data={
            "path": config_dict.placeholder(str),  # raw files, for data sets that have some
            "data_dir": config_dict.placeholder(str),  # prepared data; default: the folder of TFDS
            "train": "train",
            "test": "test",
            "labels": True,
            "label": "",  # if there are several labels: the one that is a class and colours figures
            "supervised": False,  # True gives this label to the model beside x
            "num_labels": 0,  # number of training examples with a label; 0: all
            "binarize": False,
            "cache": True,  # False streams data that do not fit into memory
            "shuffle_buffer": 100_000,  # examples
            "options": {},
            "sequences": {},  # for models of sequences: arguments of `tfvae.datasets.sequences`
            **settings["data"],
        },
        model={
            **{key: settings[key] for key in ("latent_dim", "encoder", "decoder", "likelihood")},
            **model,
        },
        # Steps on a learned prior alone after the last epoch, `fit_prior`; 0: none.
        fit_prior={
            "steps": 0,
            "batch_size": 256,
            "learning_rate": 1e-2,
            **settings.get("fit_prior", {}),
        },
        report={
            "num_samples": 500,  # importance samples of the log-likelihood, and of log p(z)
            "num_examples": 500,  # test examples for the log-likelihood
            "coloring": "auto",  # kind of labels, see `tfvae.plots.latent_scatter`
            **settings["report"],
        },
    )
