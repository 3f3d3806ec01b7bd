"""Importance-weighted autoencoder.

`--config=iwae:DATASET`
"""

from ml_collections import config_dict

from tfvae.experiments.configs import settings

CHOICES = (*settings.DATASETS, *settings.OWN)


def get_config(dataset: str = "pendulum") -> config_dict.ConfigDict:
    """Returns the config for a data set; see `settings.DATASETS`."""
    return settings.experiment(
        dataset,
        {
            "name": "ImportanceWeightedVAE",
            "prior": {"name": "StandardNormal"},
            "objective": {"name": "ImportanceWeighted", "num_samples": 16},
        },
    )
