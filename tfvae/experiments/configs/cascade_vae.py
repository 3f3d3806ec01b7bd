"""CascadeVAE: latents that open one after the other, categories by minimum-cost flow.

`--config=cascade_vae:DATASET`, digits, mnist, sprites or sprites_full

CascadeVAE-C, which has no categories: --config.model.discrete.name=
"""

from ml_collections import config_dict

from tfvae.experiments.configs import settings

# β_l and β_h, period r in steps, start of the categories in periods, λ' in nats. All but r are the
# settings of benchmarks/disentanglement for mnist and sprites. Those of sprites_full are the
# published ones [JS19]: latents open within the first 120,000 of 300,000 steps, since the authors'
# program holds the cascade for one period when the categories start.
CASCADES = {
    "digits": (1.0, 10.0, 200, 0, 0.1),
    "mnist": (5.0, 20.0, 1_800, 0, 0.1),
    "sprites": (2.0, 20.0, 666, 3, 1.0),
    "sprites_full": (0.1, 10.0, 20_000, 4, 0.001),
}
CHOICES = tuple(CASCADES)


def get_config(dataset: str = "sprites") -> config_dict.ConfigDict:
    """Returns the config for a data set with classes; see `CASCADES`."""
    latents = settings.categorical(dataset, {"name": "Assigned"})
    beta_low, beta_high, period, discrete_start, penalty = CASCADES[dataset]
    latents["discrete"]["assignment"] = {"name": "MinCostFlow", "penalty": penalty}
    return settings.experiment(
        dataset,
        {
            "name": "CascadeVAE",
            "prior": {"name": "StandardNormal"},
            "objective": {
                "name": "InformationCascade",
                "beta_low": beta_low,
                "beta_high": beta_high,
                "period": period,
                "discrete_start": discrete_start,
                "hold": dataset == "sprites_full",
            },
            **latents,
        },
    )
