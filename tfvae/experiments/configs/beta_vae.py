"""β-VAE: the rate has a weight β > 1.

`--config=beta_vae:DATASET`
"""

from ml_collections import config_dict

from tfvae.experiments.configs import settings

CHOICES = (*settings.DATASETS, *settings.OWN)


def get_config(dataset: str = "sprites") -> config_dict.ConfigDict:
    """Returns the config for a data set; see `settings.DATASETS`."""
    return settings.experiment(
        dataset,
        {
            "name": "BetaVAE",
            "prior": {"name": "StandardNormal"},
            "objective": {"name": "BetaELBO", "beta": 4.0},
        },
    )
