"""β-VAE: the rate weighs more than in the ELBO. `--config=trainers/configs/beta_vae.py:DATASET`."""

from trainers.configs import settings


def get_config(dataset="sprites"):
    """The config for a data set; see `settings.DATASETS`."""
    return settings.experiment(
        dataset,
        {
            "name": "BetaVAE",
            "prior": {"name": "StandardNormal"},
            "objective": {"name": "BetaELBO", "beta": 4.0},
        },
    )
