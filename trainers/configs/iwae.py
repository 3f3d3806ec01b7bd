"""Importance-weighted autoencoder. `--config=trainers/configs/iwae.py:DATASET`."""

from trainers.configs import settings


def get_config(dataset="pendulum"):
    """The config for a data set; see `settings.DATASETS`."""
    return settings.experiment(
        dataset,
        {
            "name": "ImportanceWeightedVAE",
            "prior": {"name": "StandardNormal"},
            "objective": {"name": "ImportanceWeighted", "num_samples": 16},
        },
    )
