"""VAE: standard normal prior, ELBO. `--config=trainers/configs/vae.py:DATASET`."""

from ml_collections import config_dict

from trainers.configs import settings


def get_config(dataset: str = "pendulum") -> config_dict.ConfigDict:
    """Returns the config for a data set; see `settings.DATASETS`."""
    return settings.experiment(
        dataset,
        {"name": "VAE", "prior": {"name": "StandardNormal"}, "objective": {"name": "ELBO"}},
    )
