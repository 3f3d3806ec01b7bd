"""What the processes of the tests of tf.distribute have in common: data, models, one training."""

import keras
import numpy as np

import tfvae
from tfvae.discrete import Assigned, GumbelSoftmax
from tfvae.distributions import Bubble
from tfvae.objectives import Constrained, InformationCascade
from tfvae.penalties import AdversarialPrior, TotalCorrelation
from tfvae.priors import HierarchicalPrior, TopographicPrior

BATCH, STEPS = 16, 20


def data():
    """160 examples of 12 features."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=(160, 3)) @ rng.normal(size=(3, 12)) / 2).astype("float32")


def _small(cls, *args, shape=(12,), **kwargs):
    mlp = tfvae.networks.mlp
    return cls(*args, encoder=mlp([8]), decoder=mlp([8], shape), seed=3, **kwargs)


def _hierarchical(cls):
    prior, objective = HierarchicalPrior(4, hidden=(8,)), Constrained(kappa=0.5)
    return _small(cls, 2, prior=prior, objective=objective)


def _sequences(cls, **more):
    if cls is not tfvae.SequenceVAE:
        more["encoder_u"] = tfvae.networks.mlp([8])
    return _small(cls, 8, shape=(3,), **more)


def _cascade():
    objective = InformationCascade(period=5, discrete_start=1)
    return _small(tfvae.CascadeVAE, 2, discrete=Assigned(3), objective=objective)


def _adversarial(cls, penalty):
    return _small(cls, 2, penalties=[penalty(discriminator=tfvae.networks.mlp([8], (1,)))])


MODELS = {
    "VAE": lambda: _small(tfvae.VAE, 2),
    "Autoencoder": lambda: _small(tfvae.Autoencoder, 2),
    "BetaVAE": lambda: _small(tfvae.BetaVAE, 2),
    "ImportanceWeightedVAE": lambda: _small(tfvae.ImportanceWeightedVAE, 2),
    "VHPVAE": lambda: _hierarchical(tfvae.VHPVAE),
    "FlatManifoldVAE": lambda: _hierarchical(tfvae.FlatManifoldVAE),
    "SequenceVAE": lambda: _sequences(tfvae.SequenceVAE),
    "TopographicVAE": lambda: _sequences(tfvae.TopographicVAE),
    "BubbleVAE": lambda: _sequences(tfvae.BubbleVAE, prior=TopographicPrior(Bubble(window=3))),
    "CascadeVAE": _cascade,
    "FactorVAE": lambda: _adversarial(tfvae.FactorVAE, TotalCorrelation),
    "JointVAE": lambda: _small(tfvae.JointVAE, 2, discrete=GumbelSoftmax(3)),
    "AdversarialAutoencoder": lambda: _adversarial(tfvae.AdversarialAutoencoder, AdversarialPrior),
}


def train(name, strategy, x):
    """Twenty steps of a model under a strategy; the model, and what fit and the others return."""
    keras.utils.set_random_seed(1)
    with strategy.scope():
        model = MODELS[name]()
        model.compile(keras.optimizers.SGD(1e-4, momentum=0.9))
    shaped = x.reshape(-1, 4, 3) if model.sequence_axes else x
    epochs = STEPS * BATCH // len(x)
    history = model.fit(
        shaped,
        batch_size=BATCH,
        epochs=epochs,
        shuffle=False,
        validation_data=(shaped[:32], None),
        verbose=0,
    )
    evaluated = model.evaluate(shaped[:32], batch_size=BATCH, verbose=0)
    predicted = model.predict(shaped[:32], batch_size=BATCH, verbose=0)
    assert predicted.shape == shaped[:32].shape
    return model, {
        "history": {key: [float(v) for v in values] for key, values in history.history.items()},
        "evaluated": {key: float(value) for key, value in evaluated.items()},
        "error of predictions": float(np.abs(predicted - np.asarray(model(shaped[:32]))).max()),
    }
