"""VAE: standard normal prior, ELBO. `--config=trainers/configs/vae.py:DATASET`."""

from trainers.configs import settings


def get_config(dataset="pendulum"):
    """The config for a data set; see `settings.DATASETS`."""
    return settings.experiment(
        dataset,
        {"name": "VAE", "prior": {"name": "StandardNormal"}, "objective": {"name": "ELBO"}},
    )
