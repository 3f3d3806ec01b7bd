"""VHP-VAE: learned hierarchical prior, constrained optimisation with REWO.

`--config=vhp_vae:DATASET`
"""

from ml_collections import config_dict

from tfvae.experiments.configs import settings

CHOICES = (*settings.DATASETS, *settings.OWN)


def get_config(dataset: str = "pendulum") -> config_dict.ConfigDict:
    """Returns the config for a data set; see `settings.DATASETS`."""
    chosen = settings.dataset_settings(dataset)
    own = chosen.get("constrained", {})
    bound = {
        "kappa": chosen["kappa"],
        "multiplier": {
            "name": "REWO",
            "nu": chosen.get("nu", 0.05),
            "tau": 3.0,
            "initial": chosen["beta"],
        },
    }
    if dataset in settings.OWN:  # What error is small is measured in training.
        bound = {"kappa": config_dict.placeholder(float)}
    return settings.experiment(
        dataset,
        {
            "name": "VHPVAE",
            "likelihood": own.get("likelihood", chosen["likelihood"]),
            "prior": {
                "name": "HierarchicalPrior",
                "num_importance_samples": 16,
                **chosen.get("prior", {"hidden": (128, 128)}),
            },
            "objective": {"name": "Constrained", **bound},
        },
        fit_prior=own.get("fit_prior", {"steps": 3000}),
    )
