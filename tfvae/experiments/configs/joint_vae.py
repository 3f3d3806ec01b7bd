"""JointVAE: Gumbel-softmax categories beside Gaussian latents, at growing capacities.

`--config=joint_vae:DATASET`, digits, mnist, sprites or sprites_full
"""

from ml_collections import config_dict

from tfvae.experiments.configs import settings

# γ, last C_z in nats, and number of steps until then.
CAPACITIES = {
    "digits": (5.0, 5.0, 2_000),
    "mnist": (30.0, 5.0, 25_000),
    "sprites": (50.0, 20.0, 8_000),
    "sprites_full": (150.0, 40.0, 300_000),
}
CHOICES = tuple(CAPACITIES)


def get_config(dataset: str = "sprites") -> config_dict.ConfigDict:
    """Returns the config for a data set with classes; see `CAPACITIES`."""
    latents = settings.categorical(dataset, {"name": "GumbelSoftmax", "temperature": 0.67})
    weight, continuous, num_steps = CAPACITIES[dataset]
    return settings.experiment(
        dataset,
        {
            "name": "JointVAE",
            "prior": {"name": "StandardNormal"},
            "objective": {
                "name": "Capacity",
                "weight": weight,
                "continuous": continuous,
                "num_steps": num_steps,
            },
            **latents,
        },
    )
