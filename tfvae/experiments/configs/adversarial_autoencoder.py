"""AAE-S: an adversarial autoencoder whose decoder is given the classes.

`--config=adversarial_autoencoder:DATASET`, digits, mnist, sprites or
sprites_full
"""

from ml_collections import config_dict

from tfvae.experiments.configs import settings

CHOICES = settings.WITH_CLASSES


def get_config(dataset: str = "sprites") -> config_dict.ConfigDict:
    """Returns the config for a data set with classes; see `settings.DATASETS`."""
    penalty = {"name": "AdversarialPrior", "weight": 1.0, **settings.adversary()}
    config = settings.experiment(
        dataset,
        {
            "name": "AdversarialAutoencoder",
            "prior": {"name": "StandardNormal"},
            "objective": {"name": "BetaELBO", "beta": 0.0},
            "penalties": {"adversarial_prior": penalty},
            **settings.categorical(dataset, {"name": "Labels", "classifier_weight": 1.0}),
        },
    )
    config.data.supervised = True
    return config
