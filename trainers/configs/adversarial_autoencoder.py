"""AAE-S: an adversarial autoencoder that is given the classes as its categories.

`--config=trainers/configs/adversarial_autoencoder.py:DATASET`, digits, mnist, sprites or
sprites_full
"""

from trainers.configs import factor_vae, settings


def get_config(dataset="sprites"):
    """The config for a data set with classes; see `settings.DATASETS`."""
    config = settings.experiment(
        dataset,
        {
            "name": "AdversarialAutoencoder",
            "prior": {"name": "StandardNormal"},
            "objective": {"name": "BetaELBO", "beta": 0.0},
            "weight": 1.0,
            "discriminator": factor_vae.discriminator(),
            **settings.categorical(dataset),
        },
    )
    config.discriminator_optimizer = factor_vae.discriminator_optimizer()
    config.data.supervised = True
    return config
