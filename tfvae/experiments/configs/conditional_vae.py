"""Conditional VAE: the class is given to the decoder, and decides what is generated.

`--config=conditional_vae:DATASET`, digits, mnist, sprites or sprites_full
"""

from ml_collections import config_dict

from tfvae.experiments.configs import settings

CHOICES = settings.WITH_CLASSES


def get_config(dataset: str = "digits") -> config_dict.ConfigDict:
    """Returns the config for a data set with classes; see `settings.DATASETS`."""
    config = settings.experiment(
        dataset,
        {
            "name": "VAE",
            "prior": {"name": "StandardNormal"},
            "objective": {"name": "ELBO"},
            **settings.categorical(dataset, {"name": "Labels"}),
        },
    )
    config.data.supervised = True
    return config
