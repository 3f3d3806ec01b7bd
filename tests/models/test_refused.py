"""What cannot be combined is refused with the reason: the table in docs/architecture.md."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tfvae import discrete, likelihoods, objectives, penalties, priors
from tfvae.distributions import Torus

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(16, 5)).astype("float32")
SEQUENCES = RNG.uniform(size=(8, 6, 5)).astype("float32")
CONDITION = RNG.normal(size=(16, 2)).astype("float32")


class AnotherPosterior(tfvae.VAE):
    def posterior(self, features, batch_shape=None):
        return tfp.distributions.MultivariateNormalDiag(*self.posterior_head(features))


class Laplace(likelihoods.Likelihood):
    def distribution(self, outputs):
        laplace = tfp.distributions.Laplace(outputs, 0.5)
        return tfp.distributions.Independent(laplace, self.data_rank)


def torus():
    return priors.TopographicPrior(Torus((1, 1)), grid=(2, 3))


def fitted(model, x=X, y=None):
    model.compile("adam")
    model.fit(x, y, verbose=0)
    return model


def ends_in_sigmoid():
    return keras.layers.Dense(5, "sigmoid")


def of_moments():
    inputs = keras.Input((5,))
    return keras.Model(inputs, [keras.layers.Dense(2)(inputs), keras.layers.Dense(2)(inputs)])


def shared_prior():
    prior = priors.StandardNormal()
    for _ in range(2):
        fitted(tfvae.VAE(2, prior=prior))


def in_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        flatness = penalties.Flatness(estimator="finite_difference")
        fitted(tfvae.VAE(2, penalties=[flatness]))
    finally:
        keras.config.set_dtype_policy("float32")


def several_steps_on_replicas():
    with tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"]).scope():
        tfvae.VAE(2).compile("adam", steps_per_execution=2)


def channels_first():
    keras.config.set_image_data_format("channels_first")
    try:
        tfvae.VAE(2).build((None, 1, 28, 28))
    finally:
        keras.config.set_image_data_format("channels_last")


REFUSED = {
    "sequences, discrete": (
        lambda: fitted(tfvae.SequenceVAE(12, discrete=discrete.Labels(3)), SEQUENCES, [0] * 8),
        "a category does not",
    ),
    "sequences, target of other steps": (
        lambda: fitted(tfvae.SequenceVAE(12, target="y"), SEQUENCES, SEQUENCES[:, :4]),
        "must have the steps of `x`",
    ),
    "vamp, condition": (
        lambda: fitted(tfvae.VAE(2, prior="vamp", condition=2), X, CONDITION),
        "an encoder of x alone",
    ),
    "vamp, posterior": (lambda: fitted(AnotherPosterior(2, prior="vamp")), "diagonal Gaussian"),
    "beta_tc, posterior": (
        lambda: fitted(AnotherPosterior(2, penalties=["beta_tc"])),
        "diagonal Gaussian",
    ),
    "dip, posterior": (
        lambda: fitted(AnotherPosterior(2, penalties=["dip"])),
        "diagonal Gaussian",
    ),
    "beta_tc, topographic": (
        lambda: fitted(tfvae.VAE(6, prior=torus(), penalties=["beta_tc"])),
        "over z itself",
    ),
    "dip, topographic": (
        lambda: fitted(tfvae.VAE(6, prior=torus(), penalties=["dip"])),
        "over z itself",
    ),
    "cascade, hierarchical": (
        lambda: fitted(tfvae.CascadeVAE(2, prior="hierarchical")),
        "a product over the latents",
    ),
    "cascade, posterior": (
        lambda: fitted(AnotherPosterior(2, objective="information_cascade")),
        "a product over the latents",
    ),
    "shifting without sequences": (
        lambda: fitted(tfvae.VAE(6, prior="topographic")),
        "it is for sequences",
    ),
    "topographic model, prior": (
        lambda: tfvae.TopographicVAE(12, prior="standard_normal"),
        "must be a TopographicPrior",
    ),
    "automatic kappa, likelihood": (
        lambda: fitted(tfvae.VHPVAE(2, likelihood=Laplace())),
        "has no `error_of_mean`",
    ),
    "differences in half precision": (in_half_precision, "drown in the rounding"),
    "penalties of one name": (
        lambda: tfvae.VAE(2, penalties=[penalties.MMD(), penalties.MMD()]),
        "must have different names",
    ),
    "one part in two models": (shared_prior, "belongs to a model already"),
    "several steps at once on replicas": (
        several_steps_on_replicas,
        "must be 1 on several replicas",
    ),
    "channels first": (channels_first, "must be 'channels_last'"),
    "hdf5": (lambda: tfvae.VAE(2).save("model.h5"), "must end in .keras"),
    "loss in compile": (lambda: tfvae.VAE(2).compile("adam", loss="mse"), "must be None"),
    "bernoulli, sigmoid": (
        lambda: fitted(tfvae.VAE(2, decoder=ends_in_sigmoid(), likelihood="bernoulli")),
        "must give logits",
    ),
    "gaussian, sigmoid": (
        lambda: fitted(tfvae.VAE(2, decoder=ends_in_sigmoid()), 3.0 * X),
        "must reach the data",
    ),
    "moments, discrete": (
        lambda: fitted(
            tfvae.VAE(2, encoder=of_moments(), discrete=discrete.Labels(3)), X, [0] * 16
        ),
        "must give features",
    ),
    "beta and objective": (
        lambda: tfvae.BetaVAE(2, beta=1.0, objective="elbo"),
        "`beta` must be None beside an `objective`",
    ),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_combined_is_refused_with_the_reason(make, reason):
    with pytest.raises(ValueError, match=reason):
        make()


def test_an_argument_of_a_built_model_is_fixed():
    model = fitted(tfvae.VAE(2, objective=objectives.Constrained(kappa=0.5)))
    model.objective.kappa = 0.4  # a coefficient
    with pytest.raises(AttributeError, match="`multiplier` of Constrained is fixed"):
        model.objective.multiplier = "geco"


@pytest.mark.parametrize(
    ("make", "name", "near"),
    [
        (lambda: tfvae.VHPVAE(2, priors="vamp"), "priors", "Did you mean `prior`?"),
        (lambda: tfvae.VHPVAE(2, kappa=0.1), "kappa", "Constrained(kappa=0.1)"),
        (lambda: tfvae.VHPVAE(latent_dims=3), "latent_dims", "Did you mean `latent_dim`?"),
        (lambda: tfvae.VAE(dimension=3), "dimension", "It has latent_dim, encoder,"),
        (lambda: discrete.Labels(number=3), "number", "It has "),
        (lambda: objectives.Constrained(kapa=0.1), "kapa", "Did you mean `kappa`?"),
        (lambda: priors.HierarchicalPrior(hyper_dims=3), "hyper_dims", "`hyper_dim`"),
        (lambda: likelihoods.Gaussian(deviation=1.0), "deviation", "It has"),
    ],
)
def test_an_unknown_argument_is_named_beside_those_there_are(make, name, near):
    with pytest.raises(TypeError, match=f"has no argument `{name}`") as error:
        make()
    assert near in str(error.value)


def test_a_model_without_parts_among_its_arguments_is_told_of_none():
    class OfWidth(tfvae.VAE):
        def __init__(self, width):
            super().__init__(width)

    with pytest.raises(TypeError, match=r"`widht`. Did you mean `width`\? It has width\.$"):
        OfWidth(widht=3)


def test_a_missing_argument_alone_is_python_s_to_tell():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'latent_dim'"):
        tfvae.VHPVAE()


@pytest.mark.parametrize(
    ("package", "name", "near"),
    [
        (tfvae, "VHPVEA", "VHPVAE"),
        (tfvae, "prior", "priors"),
        (priors, "HierarchicPrior", "HierarchicalPrior"),
        (tfvae.datasets, "Pendulums", "Pendulum"),
    ],
)
def test_an_unknown_name_of_a_package_has_its_nearest_one(package, name, near):
    with pytest.raises(AttributeError, match=rf"{name}'\. Did you mean '{near}'\?"):
        getattr(package, name)
    with pytest.raises(AttributeError, match=r"has no attribute 'xyzxyz'$"):
        package.xyzxyz
    assert not hasattr(package, "__wrapped__") and near in dir(package)


def test_keras_own_arguments_are_taken():
    assert tfvae.VAE(2, name="mine", dtype="float32").name == "mine"
    assert priors.HierarchicalPrior(name="own", trainable=False).name == "own"
