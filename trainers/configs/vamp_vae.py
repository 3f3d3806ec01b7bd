"""VAE with a VampPrior. `--config=trainers/configs/vamp_vae.py:DATASET`."""

from trainers.configs import settings


def get_config(dataset="pendulum"):
    """The config for a data set; see `settings.DATASETS`."""
    return settings.experiment(
        dataset,
        {
            "name": "VAE",
            "prior": {"name": "VampPrior", "num_components": 200},
            "objective": {"name": "ELBO"},
        },
    )
