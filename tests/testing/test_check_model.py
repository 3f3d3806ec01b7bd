"""`check_model` finds what is broken, and says where to look."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tfvae.testing import PROMISES, check_model

X = np.random.default_rng(0).normal(size=(32, 2)) @ np.random.default_rng(1).normal(size=(2, 4))
X = X.astype("float32")
mlp = tfvae.networks.mlp


def small(cls=tfvae.VAE, **kwargs):
    return cls(2, encoder=mlp([8]), decoder=mlp([8], (4,)), seed=0, **kwargs)


def check_only(name, factory, **kwargs):
    """Checks one promise."""
    check_model(factory, X, skip=[o for o in PROMISES if o != name], epochs=2, **kwargs)


@keras.saving.register_keras_serializable("faulty")
class UnseededPenalty(tfvae.penalties.Penalty):
    def value(self, inference, *, seed, training):
        return tf.random.normal([tf.shape(inference.x)[0]])


@keras.saving.register_keras_serializable("faulty")
class UnseededInTraining(tfvae.penalties.Penalty):
    def value(self, inference, *, seed, training):
        noise = tf.random.normal(tf.shape(inference.z[0])) if training else 0.0
        return tf.reduce_sum((inference.z[0] + noise) ** 2, axis=-1)


class WrongSign(tfvae.VAE):
    def get_metrics_result(self):
        result = super().get_metrics_result()
        return {**result, "elbo": -result["elbo"]}


class WrongRate(tfvae.priors.StandardNormal):
    def rate(self, posterior, noise, **kwargs):
        return -super().rate(posterior, noise, **kwargs)


class ForgetfulPrior(tfvae.priors.StandardNormal):
    """Its config says something else than what it was made with."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = 2 * units


class TakesNaN(tfvae.VAE):
    def unpack(self, data):
        batch = super().unpack(data)
        x = tf.where(tf.math.is_finite(batch.x), batch.x, 0.0)
        return batch._replace(x=x, target=x)


@keras.saving.register_keras_serializable("faulty")
class HiddenWeights(tfvae.priors.Prior):
    """Its mean is a weight that Keras knows nothing of."""

    def create_weights(self, data_shape, encode):
        self.mean = [np.random.default_rng().normal(size=self.latent_dim).astype("float32")]

    def distribution(self, *, training=False):
        return tfp.distributions.MultivariateNormalDiag(self.mean[0])


class ReducedTooEarly(tfvae.likelihoods.Gaussian):
    def distortion_and_error(self, x, outputs):
        terms = super().distortion_and_error(x, outputs)
        return tuple(tf.ones_like(t) * tf.reduce_mean(t, axis=-1, keepdims=True) for t in terms)


class AnotherDensity(tfvae.likelihoods.Gaussian):
    def distortion_and_error(self, x, outputs):
        distortion, error = super().distortion_and_error(x, outputs)
        return distortion / 4.0, error


class Uphill(tfvae.objectives.ELBO):
    def loss(self, terms):
        return -tf.reduce_mean(terms.distortion, axis=0)


class HalfPrecision(tfvae.VAE):
    def decoder_outputs(self, decoder_input, *, training=False):
        rows = tf.reshape(decoder_input, [-1, self.decoder_input_dim])
        outputs = self.decoder(rows, training=training)
        return tf.reshape(outputs, [*decoder_input.shape[:-1].as_list()[:-1], -1, 4])


SHARED = tfvae.networks.mlp([8])
FAULTS = {
    "factory: shared part": ("factory", lambda: tfvae.VAE(2, encoder=SHARED), "share a part"),
    "unseeded noise": ("evaluation", lambda: small(penalties=[UnseededPenalty()]), "seed"),
    "unseeded training": ("seed", lambda: small(penalties=[UnseededInTraining()]), "seed"),
    "wrong elbo": ("evaluation", lambda: small(WrongSign), "get_metrics_result"),
    "wrong rate": ("bound", lambda: small(prior=WrongRate()), "`rate` and `log_prob`"),
    "wrong distortion": (
        "bound",
        lambda: small(likelihood=AnotherDensity(0.1)),
        "distortion_and_error",
    ),
    "config": ("config", lambda: small(prior=ForgetfulPrior()), "attribute of the same name"),
    "not registered": ("keras_file", lambda: small(prior=WrongRate()), "registered"),
    "NaN accepted": ("bad_data", lambda: small(TakesNaN), "fit took an x with NaN"),
    "weights not tracked": ("keras_file", lambda: small(prior=HiddenWeights()), "create_weights"),
    "reduced too early": (
        "sample_weights",
        lambda: small(likelihood=ReducedTooEarly(1.0)),
        "reduced over the batch",
    ),
    "uphill": ("training", lambda: small(objective=Uphill()), "`loss` of the objective"),
    "half precision": ("mixed_precision", lambda: small(HalfPrecision), "tf.float32"),
}


SLOW = ("unseeded training", "wrong distortion", "not registered", "reduced too early")


@pytest.mark.parametrize(
    "fault", [pytest.param(f, marks=pytest.mark.slow) if f in SLOW else f for f in FAULTS]
)
def test_fault_is_found(fault):
    name, factory, where = FAULTS[fault]
    with pytest.raises(AssertionError, match=f"The promise '{name}' is broken") as caught:
        check_only(name, factory)
    assert "\nSeen: " in str(caught.value) and where in str(caught.value)


def test_error_in_a_hook_is_told_with_its_cause():
    def factory():
        return small(prior=Failing())

    class Failing(tfvae.priors.Prior):
        def distribution(self, *, training=False):
            raise RuntimeError("a bug")

    with pytest.raises(AssertionError, match="a bug") as caught:
        check_only("training", factory)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_skip_and_progress(capsys):
    check_only("config", small, verbose=True)
    assert "config: kept (" in capsys.readouterr().out
    with pytest.raises(ValueError, match="`skip` must hold names of promises, received 'speed'"):
        check_model(small, X, skip="speed")
    with pytest.raises(ValueError, match="`data` must hold at least 8 examples, received 3"):
        check_model(small, X[:3])


def test_every_promise_is_in_the_docstring():
    for name in PROMISES:
        assert f"| {name} |" in check_model.__doc__
