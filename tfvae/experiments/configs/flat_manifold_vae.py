"""VHP-FMVAE: the VHP-VAE with a flat latent space.

`--config=flat_manifold_vae:DATASET`
"""

from ml_collections import config_dict

from tfvae.experiments.configs import settings, vhp_vae

CHOICES = vhp_vae.CHOICES


def get_config(dataset: str = "pendulum") -> config_dict.ConfigDict:
    """Returns the config of the VHP-VAE for a data set, with the flatness penalty."""
    config = vhp_vae.get_config(dataset)
    config.model.name = "FlatManifoldVAE"
    config.model.penalties = config_dict.create(
        flatness={
            "name": "Flatness",
            "weight": 50.0,
            "mixup": 0.4,
            "estimator": "stochastic",
            "normalization": "relative",
        }
    )
    optimizer = settings.dataset_settings(dataset).get("flat")
    if optimizer is not None:
        with config.ignore_type():
            config.optimizer.update(optimizer)
    return config
