"""VAE with a VampPrior. `--config=trainers/configs/vamp_vae.py:DATASET`."""

from ml_collections import config_dict

from trainers.configs import settings


def get_config(dataset: str = "pendulum") -> config_dict.ConfigDict:
    """Returns the config for a data set; see `settings.DATASETS`."""
    return settings.experiment(
        dataset,
        {
            "name": "VAE",
            "prior": {"name": "VampPrior", "num_components": 200},
            "objective": {"name": "ELBO"},
        },
    )
