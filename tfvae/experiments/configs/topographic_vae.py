"""Topographic VAE: capsules that roll, learned from sequences of transformed digits.

`--config=topographic_vae:DATASET`, digits or mnist
"""

from ml_collections import config_dict

from tfvae.experiments.configs import settings

# Number of capsules, and of epochs. A capsule has as many places as a sequence has frames.
CAPSULES = {"digits": (5, 40), "mnist": (10, 10)}
NUM_FRAMES = 18
CHOICES = tuple(CAPSULES)


def get_config(dataset: str = "digits") -> config_dict.ConfigDict:
    """Returns the config for a data set of images; see `CAPSULES`."""
    if dataset not in CAPSULES:
        raise ValueError(
            f"the data set after the colon must be one of {', '.join(CAPSULES)}, which are images "
            f"that can be turned, received {dataset!r}."
        )
    capsules, epochs = CAPSULES[dataset]
    size = capsules * NUM_FRAMES
    encoder = {"name": "mlp", "hidden": (3 * size, 2 * size), "activation": "relu"}
    config = settings.experiment(
        dataset,
        {
            "name": "TopographicVAE",
            "latent_dim": size,
            "encoder": encoder,
            "encoder_u": dict(encoder),
            "decoder": {**encoder, "hidden": (2 * size, 3 * size), "normalize": True},
            "likelihood": {"name": "Bernoulli"},
            "prior": {
                "name": "TopographicPrior",
                "neighborhood": {"name": "Shifting", "coherence": 3},
                "initial_mean": 30.0,
            },
        },
        epochs=epochs,
        batch_size=8,
        learning_rate=1e-3,
        report={"label_name": "digit", "num_samples": 20, "num_examples": 50},
    )
    config.data.binarize = False
    config.data.sequences = {"transformation": "rotation", "num_frames": NUM_FRAMES}
    return config
