"""VHP-VAE: learned hierarchical prior, constrained optimisation with REWO.

`--config=vhp_vae:DATASET`
"""

from typing import Any

from ml_collections import config_dict

from tfvae.experiments.configs import settings

CHOICES = (*settings.DATASETS, *settings.OWN)


def get_config(dataset: str = "pendulum") -> config_dict.ConfigDict:
    """Returns the config for a data set; see `settings.DATASETS`."""
    chosen = settings.dataset_settings(dataset)
    own = chosen.get("constrained", {})
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
            "objective": {"name": "Constrained", **_bound(dataset, chosen)},
        },
        fit_prior=own.get("fit_prior", {"steps": 3000}),
    )


def _bound(dataset: str, chosen: dict[str, Any]) -> dict[str, Any]:
    """The arguments of the objective. For data of the user the error is measured in training."""
    if dataset in settings.OWN:
        return {"kappa": config_dict.placeholder(float)}
    multiplier = {
        "name": "REWO",
        "nu": chosen.get("nu", 0.05),
        "tau": 3.0,
        "initial": chosen["beta"],
    }
    return {"kappa": chosen["kappa"], "multiplier": multiplier}
