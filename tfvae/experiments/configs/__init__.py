"""The configs of the package: one module for each experiment, and what configs of one's own use.

A config is a Python module with the function `get_config(dataset)`, which returns an
`ml_collections.ConfigDict` as `experiment` makes it. Here it has a docstring, whose first line
`tfvae list configs` shows, and `CHOICES`, what may follow the colon of its name: `vhp_vae:pendulum`
is `vhp_vae.get_config("pendulum")`. A file of one's own needs `get_config` alone:

    from tfvae.experiments import configs

    def get_config(dataset="digits"):
        vae = {"name": "VAE", "objective": {"name": "BetaELBO", "beta": 0.5}}
        return configs.experiment(dataset, {**vae, "prior": {"name": "StandardNormal"}})
"""

from tfvae.experiments.configs.settings import (
    DATASETS,
    WITH_CLASSES,
    adversary,
    categorical,
    dataset_settings,
    experiment,
)

__all__ = [
    "DATASETS",
    "WITH_CLASSES",
    "adversary",
    "categorical",
    "dataset_settings",
    "experiment",
]
