"""FactorVAE: a penalty on the total correlation, estimated by a discriminator.

`--config=trainers/configs/factor_vae.py:DATASET`
"""

from ml_collections import config_dict

from trainers.configs import settings

# Those of [KM18] for dSprites; fewer and smaller layers do for all else.
PUBLISHED = {"weight": 35.0, "hidden": (1000,) * 6}


def get_config(dataset="sprites"):
    """The config for a data set; see `settings.DATASETS`."""
    chosen = PUBLISHED if dataset == "sprites_full" else {"weight": 10.0, "hidden": (256,) * 4}
    config = settings.experiment(
        dataset,
        {
            "name": "FactorVAE",
            "prior": {"name": "StandardNormal"},
            "objective": {"name": "ELBO"},
            "weight": chosen["weight"],
            "discriminator": discriminator(chosen["hidden"]),
        },
    )
    config.discriminator_optimizer = discriminator_optimizer()
    return config


def discriminator(hidden=(256,) * 4):
    """The network that tells two kinds of latents apart."""
    return {"name": "mlp", "hidden": hidden, "output_shape": (1,), "activation": "leaky_relu"}


def discriminator_optimizer():
    """That of [KM18, appendix A]."""
    return config_dict.create(name="Adam", learning_rate=1e-4, beta_1=0.5, beta_2=0.9)
