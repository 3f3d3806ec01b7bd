"""JointVAE: Gumbel-softmax categories beside Gaussian latents, held at growing capacities.

`--config=trainers/configs/joint_vae.py:DATASET`, digits, mnist, sprites or sprites_full
"""

from trainers.configs import settings

# γ, C_z at the end in nats, and steps until then.
CAPACITIES = {
    "digits": (5.0, 5.0, 2_000),
    "mnist": (30.0, 5.0, 25_000),
    "sprites": (50.0, 20.0, 8_000),
    "sprites_full": (150.0, 40.0, 300_000),
}


def get_config(dataset="sprites"):
    """The config for a data set with classes; see `CAPACITIES`."""
    latents = settings.categorical(dataset)
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
            "temperature": 0.67,
            **latents,
        },
    )
