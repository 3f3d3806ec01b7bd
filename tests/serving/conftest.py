"""One model of each kind, and small ones."""

import keras
import numpy as np
import pytest

import tfvae
from tfvae.discrete import Assigned, GumbelSoftmax, Labels
from tfvae.objectives import Constrained
from tfvae.penalties import Flatness
from tfvae.priors import HierarchicalPrior, VampPrior

SHAPE = (8, 6, 1)


def small(cls, latent_dim=2, decoded=None, **kwargs):
    mlp = tfvae.networks.mlp
    shape = SHAPE[cls.sequence_axes :] if decoded is None else decoded
    return cls(latent_dim, encoder=mlp([8]), decoder=mlp([8], shape), seed=3, **kwargs)


def hand_made_encoder():
    """A functional network with layers that differ in training, and with penalties."""
    inputs = keras.Input(SHAPE)
    features = keras.layers.Flatten()(inputs)
    regularizer = keras.regularizers.L2(1e-3)
    features = keras.layers.Dense(8, "relu", kernel_regularizer=regularizer)(features)
    features = keras.layers.BatchNormalization()(features)
    return keras.Model(inputs, keras.layers.Dropout(0.1, seed=5)(features))


def embedding():
    return keras.Sequential([keras.layers.Embedding(5, 3), keras.layers.Flatten()])


def discriminator():
    return tfvae.networks.mlp([8], (1,))


# Each class, and each thing beside x.
MODELS = {
    "VAE hand-made": lambda: tfvae.VAE(
        2, encoder=hand_made_encoder(), decoder=tfvae.networks.mlp([8], SHAPE), seed=3
    ),
    "vamp": lambda: small(tfvae.VAE, likelihood="bernoulli", prior=VampPrior(num_components=5)),
    "IWAE": lambda: small(tfvae.ImportanceWeightedVAE),
    "FlatManifoldVAE": lambda: small(
        tfvae.FlatManifoldVAE,
        prior=HierarchicalPrior(4, hidden=(8,)),
        objective=Constrained(kappa=0.5),
    ),
    "SequenceVAE": lambda: small(
        tfvae.SequenceVAE, prior=HierarchicalPrior(2, hidden=(8,)), penalties=[Flatness(1.0)]
    ),
    "TopographicVAE": lambda: small(tfvae.TopographicVAE, 8, encoder_u=tfvae.networks.mlp([8])),
    "CascadeVAE": lambda: small(tfvae.CascadeVAE, discrete=Assigned(3)),
    "FactorVAE": lambda: small(
        tfvae.FactorVAE, penalties=[tfvae.penalties.TotalCorrelation(1.0, discriminator())]
    ),
    "JointVAE": lambda: small(
        tfvae.JointVAE, discrete=GumbelSoftmax((3, 2)), likelihood="bernoulli"
    ),
    "CVAE": lambda: small(tfvae.VAE, discrete=Labels(3)),
    "AAE-S": lambda: small(
        tfvae.AdversarialAutoencoder, discrete=Labels((3, 2), classifier_weight=1.0)
    ),
    "M2": lambda: small(tfvae.VAE, discrete=Labels(3, unknown=-1), condition=2),
    "condition": lambda: small(tfvae.VHPVAE, condition=2),
    "embedded condition": lambda: small(tfvae.VAE, condition=embedding()),
    "condition of sequences": lambda: small(tfvae.SequenceVAE, condition=2),
    "denoising": lambda: small(tfvae.VAE, target="y", likelihood="bernoulli"),
    "another target": lambda: small(
        tfvae.VAE, target="y", decoded=(5,), condition=2, discrete=Labels(3)
    ),
}


def shapes_of(name):
    """The shapes of what comes beside x, for `build`."""
    target = (None, 5) if name == "another target" else (None, *SHAPE)
    return {"condition": (None, 2), "target": target}


@pytest.fixture(scope="session")
def beside():
    """A function of model and number of examples: arrays of what the model takes beside x."""
    return _beside


def _beside(model, number, seed=0):
    rng = np.random.default_rng(seed)
    y = {}
    if "labels" in model.needs.names:
        sizes = model.num_categories
        y["labels"] = rng.integers(sizes, size=(number, len(sizes))).astype("int32")
        if len(sizes) == 1:
            y["labels"] = y["labels"][:, 0]
        if "labels" in model.needs.optional:
            y["labels"][::3] = -1
    if isinstance(model.condition, int):
        y["condition"] = rng.normal(size=(number, *model.condition_shape)).astype("float32")
    elif model.condition is not None:
        y["condition"] = rng.integers(5, size=(number, *model.condition_shape)).astype("int32")
    if model.target == "y":
        y["target"] = rng.uniform(size=(number, *model.target_shape)).astype("float32")
    return y


@pytest.fixture(scope="session")
def models():
    """Dict from name to a built model with weights as after training, data (8, 6, 1)."""
    made = {}
    for name, make in MODELS.items():
        keras.utils.set_random_seed(0)
        made[name] = shaken(make(), SHAPE, shapes_of(name))
    return made


def shaken(model, shape, beside_shapes=None):
    """The model, built, with all weights moved: biases and averages are not 0 after training."""
    shape = (None, *shape)
    model.build((shape, beside_shapes) if beside_shapes else shape)
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(weight + 0.1 * rng.normal(size=weight.shape))
    return model


@pytest.fixture
def vector_model():
    """A Gaussian VAE of 4 features."""
    mlp = tfvae.networks.mlp
    return shaken(tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], (4,)), seed=3), (4,))


@pytest.fixture(scope="module")
def image_model():
    """A Bernoulli VAE of colour images, (8, 6, 3)."""
    mlp = tfvae.networks.mlp
    keras.utils.set_random_seed(0)
    networks = {"encoder": mlp([8]), "decoder": mlp([8], (8, 6, 3))}
    return shaken(tfvae.VAE(2, likelihood="bernoulli", seed=3, **networks), (8, 6, 3))
