"""FactorVAE: a penalty on the total correlation, which a discriminator estimates.

`--config=factor_vae:DATASET`
"""

from ml_collections import config_dict

from tfvae.experiments.configs import settings

# The settings of [KM18] for dSprites. The other data sets need fewer and smaller layers.
PUBLISHED = {"weight": 35.0, "hidden": (1000,) * 6}
CHOICES = (*settings.DATASETS, *settings.OWN)


def get_config(dataset: str = "sprites") -> config_dict.ConfigDict:
    """Returns the config for a data set; see `settings.DATASETS`."""
    chosen = PUBLISHED if dataset == "sprites_full" else {"weight": 10.0, "hidden": (256,) * 4}
    penalty = {
        "name": "TotalCorrelation",
        "weight": chosen["weight"],
        **settings.adversary(chosen["hidden"]),
    }
    return settings.experiment(
        dataset,
        {
            "name": "FactorVAE",
            "prior": {"name": "StandardNormal"},
            "objective": {"name": "ELBO"},
            "penalties": {"total_correlation": penalty},
        },
    )
