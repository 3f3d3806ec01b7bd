"""CascadeVAE: latents that are opened one by one, categories by minimum-cost flow.

`--config=trainers/configs/cascade_vae.py:DATASET`, digits, mnist, sprites or sprites_full

Continuous latents alone, CascadeVAE-C: --config.model.num_categories="()"
"""

from trainers.configs import settings

# β_l and β_h, r in steps, t_d in periods, λ' in nats. All but r are those of
# benchmarks/disentanglement for mnist and sprites; those of sprites_full are the published ones
# [JS19]: latents are opened within the first 100,000 of 300,000 steps.
CASCADES = {
    "digits": (1.0, 10.0, 200, 0, 0.1),
    "mnist": (5.0, 20.0, 1_800, 0, 0.1),
    "sprites": (2.0, 20.0, 666, 3, 1.0),
    "sprites_full": (0.1, 10.0, 20_000, 4, 0.001),
}


def get_config(dataset="sprites"):
    """The config for a data set with classes; see `CASCADES`."""
    latents = settings.categorical(dataset)
    beta_low, beta_high, period, categorical_start, penalty = CASCADES[dataset]
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
                "categorical_start": categorical_start,
            },
            "assignment": {"name": "MinCostFlow", "penalty": penalty},
            **latents,
        },
    )
