"""What the experiments of one data set have in common, and the form of every config."""

import difflib

from ml_collections import config_dict

_DENSE = {"name": "mlp", "hidden": (256, 256)}
_CONVOLUTIONS = {"filters": (32, 32, 64, 64), "dense": 256}

# κ is the error per feature that is asked for: root-mean-square for the Gaussian, mean cross-entropy
# in nats for the Bernoulli likelihood.
DATASETS = {
    "pendulum": {
        "data": {
            "name": "pendulum",
            "options": {"size": 16, "noise": 0.05, "num_train": 15_000, "num_test": 3_000},
        },
        "report": {"coloring": "cyclic", "label_name": "angle (rad)"},
        "network": _DENSE,
        "likelihood": {"name": "Gaussian", "scale": "learned"},
        "latent_dim": 2,
        "epochs": 60,
        "kappa": 0.06,
    },
    "digits": {
        "data": {"name": "digits"},
        "network": _DENSE,
        "likelihood": {"name": "Gaussian", "scale": "learned"},
        "latent_dim": 8,
        "epochs": 200,
        "kappa": 0.12,
    },
    "mnist": {
        "data": {"name": "mnist", "binarize": True},
        "network": {"name": "mlp", "hidden": (300, 300)},
        "likelihood": {"name": "Bernoulli"},
        "latent_dim": 32,
        "epochs": 60,
        "kappa": 0.0957,  # κ² = 75 nats
    },
    "cmu_mocap": {
        "data": {"name": "cmu_mocap", "options": {"subjects": ("35", "49"), "every": 4}},
        "network": _DENSE,
        "likelihood": {"name": "Gaussian", "scale": "learned"},
        "latent_dim": 2,
        "epochs": 160,
        "kappa": 0.4,
    },
    "coil20": {
        "data": {"name": "coil20", "options": {"size": 64, "train_every": 2}},
        "network": {"name": "conv", **_CONVOLUTIONS},
        "likelihood": {"name": "Gaussian", "scale": "learned"},
        "latent_dim": 8,
        "epochs": 300,
        "batch_size": 64,
        "kappa": 0.08,
    },
}


def dataset_settings(dataset: str) -> dict:
    """The entry of `DATASETS`.

    Raises:
        ValueError: for an unknown data set, with the known ones.
    """
    if dataset in DATASETS:
        return DATASETS[dataset]
    nearest = difflib.get_close_matches(dataset, DATASETS, n=1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    raise ValueError(
        f"the data set after the colon must be one of {', '.join(DATASETS)}; received "
        f"{dataset!r}.{hint}"
    )


def experiment(dataset: str, model: dict) -> config_dict.ConfigDict:
    """The config of a model on a data set.

    Args:
        dataset: a key of `DATASETS`.
        model: what differs from the data set's settings: `name` and the model's other arguments.
    """
    settings = dataset_settings(dataset)
    network = settings["network"]
    encoder, decoder = _CONV if network["name"] == "conv" else ("mlp", "mlp")
    return config_dict.create(
        seed=0,
        epochs=settings["epochs"],
        batch_size=settings.get("batch_size", 128),
        optimizer={"name": "Adam", "learning_rate": 1e-3},
        data={
            "path": config_dict.placeholder(str),  # of raw files, where a data set has them
            "data_dir": config_dict.placeholder(str),  # of prepared data; TFDS's own by default
            "train": "train",
            "test": "test",
            "labels": True,
            "binarize": False,
            "cache": True,  # False streams data that does not fit into memory
            "shuffle_buffer": 100_000,  # examples
            "options": {},
            **settings["data"],
        },
        model={
            "latent_dim": settings["latent_dim"],
            "encoder": {**network, "name": encoder},
            "decoder": {**network, "name": decoder},
            "likelihood": settings["likelihood"],
            **model,
        },
        report={
            "num_samples": 500,  # importance samples of the log-likelihood, and the number of
            "num_examples": 500,  # test examples that it is estimated for
            "coloring": "auto",  # of labels, see `tfvae.plots.latent_scatter`
            "label_name": "label",
            **settings.get("report", {}),
        },
    )


_CONV = ("conv_encoder", "conv_decoder")
