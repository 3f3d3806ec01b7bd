"""The Topographic VAE and its baselines with the published settings on MNIST [KW21].

`--config=topographic_published:MODEL`, tvae, tvae_short, bubble, l0 or vae

As in the authors' programs: sequences of 18 frames that turn a digit, its hue or its size, what is
not turned at random; 18 capsules of 18, K = 3, μ at first 30; dense encoders 3s–2s–2s and decoder
2s–3s, s = 324, without a normalisation of t; 48,000 digits, 100 epochs of batches of 8 sequences.

Their loss is the mean over frames, that of the library the sum over a sequence. SGD with momentum
0.9 has their learning rate of 1e-4 therefore divided by the number of frames.
"""

from ml_collections import config_dict

from tfvae.experiments.configs import settings

NUM_FRAMES = NUM_CAPSULES = 18
SIZE = NUM_CAPSULES * NUM_FRAMES
# What denominators sum over: L = 1/2 and L = 5/36, five frames with and without a roll, L = 0.
NEIGHBORHOODS = {
    "tvae": {"name": "Shifting", "coherence": 3},
    "tvae_short": {"name": "Shifting", "window": 5, "coherence": 3},
    "bubble": {"name": "Bubble", "window": 5, "coherence": 3},
    "l0": {"name": "Bubble", "window": 1, "coherence": 3},
}
CHOICES = (*NEIGHBORHOODS, "vae")


def get_config(model: str = "tvae") -> config_dict.ConfigDict:
    """Returns the config of a model; see `NEIGHBORHOODS`."""
    if model not in CHOICES:
        raise ValueError(
            f"the model after the colon must be one of {', '.join(CHOICES)}, received {model!r}."
        )
    encoder = {"name": "mlp", "hidden": (3 * SIZE, 2 * SIZE), "activation": "relu"}
    described = {
        "name": "SequenceVAE",
        "latent_dim": SIZE,
        "encoder": encoder,
        "decoder": {**encoder, "hidden": (2 * SIZE, 3 * SIZE)},
        "likelihood": {"name": "Bernoulli"},
    }
    if model != "vae":
        described |= {
            "name": "TopographicVAE",
            "encoder_u": dict(encoder),
            "prior": {
                "name": "TopographicPrior",
                "neighborhood": NEIGHBORHOODS[model],
                "initial_mean": 30.0,
            },
        }
    config = settings.experiment(
        "mnist",
        described,
        epochs=100,
        batch_size=8,
        report={"label_name": "digit", "num_samples": 10, "num_examples": 500},
    )
    config.optimizer = {"name": "SGD", "learning_rate": 1e-4 / NUM_FRAMES, "momentum": 0.9}
    config.data.binarize = False
    config.data.train = "train[:80%]"
    config.data.sequences = {
        "transformation": ("rotation", "hue", "scale"),
        "num_frames": NUM_FRAMES,
        "rest": "random",
    }
    return config
