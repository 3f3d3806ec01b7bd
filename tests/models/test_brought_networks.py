"""Networks as tutorials write them: the right numbers, or an error that shows what to write."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from keras import layers

import tfvae
from tfvae.discrete import Labels
from tfvae.networks.outputs import output_range, probed_range

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(16, 5)).astype("float32")
SIGNED = (X - 0.5).astype("float32")
IMAGES = RNG.uniform(size=(16, 8, 8, 1)).astype("float32")


def compiled(encoder=None, decoder=None, latent_dim=2, **kwargs):
    model = tfvae.VAE(latent_dim, encoder=encoder, decoder=decoder, seed=0, **kwargs)
    model.compile("adam", run_eagerly=True)
    return model


def all_outputs(network):
    """The same with its outputs as a list."""
    return keras.Model(network.inputs, network.outputs)


def dense(*sizes, last=None, inputs=5):
    """A functional network."""
    inputs = keras.Input((inputs,))
    x = inputs
    for size in sizes[:-1]:
        x = layers.Dense(size, "relu")(x)
    return keras.Model(inputs, layers.Dense(sizes[-1], last)(x))


class Sampling(layers.Layer):
    """As in the VAE example of keras.io."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        z_mean, z_log_var = inputs
        epsilon = keras.random.normal(keras.ops.shape(z_mean), seed=self.seed_generator)
        return z_mean + keras.ops.exp(0.5 * z_log_var) * epsilon


class Lists(keras.Model):
    """A subclassed encoder that returns [z_mean, z_log_var], with or without a sample."""

    def __init__(self, form=list, sample=False):
        super().__init__()
        self.form, self.sample = form, sample
        self.hidden = layers.Dense(8, "relu")
        self.dense_mean, self.dense_log_var = layers.Dense(2), layers.Dense(2)
        self.sampling = Sampling()

    def call(self, inputs):
        x = self.hidden(inputs)
        moments = (self.dense_mean(x), self.dense_log_var(x))
        if self.form is dict:
            return dict(zip(("z_mean", "z_log_var"), moments, strict=True))
        return self.form([*moments, *([self.sampling(moments)] if self.sample else [])])


def functional(names=("z_mean", "z_log_var"), sample=False, activation=None, condition=False):
    """The encoder of keras.io: a functional model of several outputs."""
    inputs = keras.Input((5,))
    c = keras.Input((3,))
    x = layers.Concatenate()([inputs, c]) if condition else inputs
    x = layers.Dense(8, "relu")(x)
    outputs = [
        layers.Dense(2, name=names[0])(x),
        layers.Dense(2, activation, name=names[1])(x),
    ]
    outputs += [Sampling()(outputs)] if sample else []
    return keras.Model([inputs, c] if condition else inputs, outputs)


def named(names=("z_mean", "z_log_var")):
    network = functional()
    return keras.Model(network.input, dict(zip(names, network.outputs, strict=True)))


MOMENTS = {
    "functional": functional,
    "functional with a sample": lambda: functional(sample=True),
    "functional without names": lambda: functional(("dense_a", "dense_b")),
    "functional, dict": named,
    "subclassed, list": Lists,
    "subclassed, tuple": lambda: Lists(tuple),
    "subclassed with a sample": lambda: Lists(sample=True),
    "subclassed, dict": lambda: Lists(dict),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_an_encoder_that_gives_mean_and_log_variance(name):
    encoder = MOMENTS[name]()
    model = compiled(encoder)
    model.fit(X, verbose=0)
    outputs = encoder(X)
    outputs = list(outputs.values()) if isinstance(outputs, dict) else outputs
    mean, log_variance = np.asarray(outputs[0]), np.asarray(outputs[1])
    posterior = model.encode(X)
    np.testing.assert_allclose(posterior.mean(), mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(posterior.variance(), np.exp(log_variance), rtol=1e-5)
    rate = 0.5 * np.sum(np.exp(log_variance) + mean**2 - 1.0 - log_variance, axis=1)
    assert model.evaluate(X, verbose=0)["rate"] == pytest.approx(np.mean(rate), rel=1e-5)
    assert not model.posterior_head.trainable_weights
    assert model.evaluate(X, verbose=0) == model.evaluate(X, verbose=0)


def test_a_model_with_such_an_encoder_is_saved(tmp_path):
    encoder = functional()
    model = compiled(encoder, prior="hierarchical")
    model.fit(X, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(X, verbose=0) == model.evaluate(X, verbose=0)
    np.testing.assert_array_equal(loaded.encode(X).stddev(), model.encode(X).stddev())


def test_mean_and_log_variance_of_x_and_a_condition():
    model = compiled(functional(condition=True), condition=3)
    model.fit(X, X[:, :3], verbose=0)
    expected = model.encoder([X, X[:, :3]])[0]
    np.testing.assert_allclose(model.encode(X, X[:, :3]).mean(), expected, rtol=1e-5)


class Mine(keras.Model):
    """A decoder that does not show its layers."""

    def __init__(self, function):
        super().__init__()
        self.dense, self.function = layers.Dense(5), function

    def call(self, z):
        return self.function(self.dense(z))


def fails(x):
    raise RuntimeError("unheard of")


class SampleOnly(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner, self.sampling = Lists(), Sampling()

    def call(self, x):
        return self.sampling(self.inner(x))


def decoder(*ending, units=5):
    return keras.Sequential([layers.Dense(8, "relu"), *(ending or [layers.Dense(units)])])


def sigmoid_of_operations():
    inputs = keras.Input((2,))
    return keras.Model(inputs, keras.ops.sigmoid(layers.Dense(5)(inputs)))


def nested():
    inner = keras.Sequential([layers.Dense(5, "sigmoid"), layers.Reshape((5,))])
    return keras.Sequential([keras.Input((2,)), layers.Dense(4), inner, layers.Dropout(0.1)])


def two_outputs():
    inputs = keras.Input((2,))
    return keras.Model(inputs, [layers.Dense(5)(inputs), layers.Dense(5)(inputs)])


def two_inputs():
    z, c = keras.Input((2,)), keras.Input((1,))
    return keras.Model([z, c], layers.Dense(5)(layers.Concatenate()([z, c])))


one_network = dense(4, 5)
LOGITS = r"(?s)must give logits.*lie in \[.*activation=None"
REACH = r"(?s)must reach the data, which go from -0\.\d+.*lie in \[0, .*activation=None"
# What is made of networks, the data, and the message.
REFUSED = {
    "sigma for log σ²": (lambda: compiled(functional(("mean", "sigma"))), X, r"'sigma' in the pl"),
    "variance for log σ²": (lambda: compiled(functional(("mean", "z_var"))), X, r"'z_var' in"),
    "softplus for log σ²": (
        lambda: compiled(functional(activation="softplus")),
        X,
        r"never negative in the place of log σ².*\[Dense\(latent_dim\)",
    ),
    "moments of another size": (
        lambda: compiled(functional(), latent_dim=3),
        X,
        r"of shape \(batch, 3\), received shapes \(None, 2\)",
    ),
    "a list of one": (
        lambda: compiled(all_outputs(dense(8, 4))),
        X,
        r"received 1 in a list.*encoder = keras\.Model\(inputs, features\)",
    ),
    "strange keys": (
        lambda: compiled(named(("a", "b"))),
        X,
        r"a dict with the keys \['a', 'b'\]",
    ),
    "moments with categories": (
        lambda: compiled(functional(), discrete=Labels(3)),
        X,
        r"must give features, one tensor, for a model with `discrete`",
    ),
    "moments without the condition": (
        lambda: compiled(functional(), condition=5),
        X,
        r"for a model with a condition.*\[x, condition\], \[z_mean, z_log_var\]",
    ),
    "a sample alone": (
        lambda: compiled(SampleOnly()),
        X,
        r"draws random numbers.*\[z_mean, z_log_var\]",
    ),
    "an encoder of flat inputs": (
        lambda: compiled(dense(8, 4, inputs=64)),
        IMAGES,
        r"`encoder` must take x: \(None, 8, 8, 1\).*x\[\.\.\., None\].*Flatten\(\) as the first",
    ),
    "an encoder of another shape": (
        lambda: compiled(dense(8, 4, inputs=7)),
        X,
        r"`encoder` must take x: \(None, 5\).*shape=\(None, 7\)",
    ),
    "a decoder of more latents": (
        lambda: compiled(decoder=dense(8, 5, inputs=3)),
        X,
        r"`decoder` must take the latents.*\(None, 2\).*shape=\(None, 3\)",
    ),
    "a decoder of two inputs": (
        lambda: compiled(decoder=two_inputs()),
        X,
        r"`decoder` must take .*as one vector",
    ),
    "a flat decoder of images": (
        lambda: compiled(decoder=decoder(units=64)),
        IMAGES,
        r"\(8, 8, 1\).*gives \(64,\).*end it with keras\.layers\.Reshape\(\(8, 8, 1\)\)",
    ),
    "a decoder of another size": (lambda: compiled(decoder=decoder(units=4)), X, r"gives \(4,\)"),
    "mean and log variance": (
        lambda: compiled(decoder=two_outputs()),
        X,
        r"`decoder` must give one tensor.*decoder\.outputs\[0\]",
    ),
    "one network for both": (
        lambda: compiled(one_network, one_network),
        X,
        r"must be another network than `encoder`",
    ),
    "a network that fails": (lambda: compiled(Mine(fails)), X, r"take x.*It says:.*unheard of"),
}
ENDINGS = {
    "sigmoid": lambda: decoder(layers.Dense(5, "sigmoid")),
    "softmax": lambda: decoder(layers.Dense(5, "softmax")),
    "tanh": lambda: decoder(layers.Dense(5, "tanh")),
    "relu": lambda: decoder(layers.Dense(5, "relu")),
    "softplus": lambda: decoder(layers.Dense(5), layers.Activation("softplus")),
    "layer": lambda: decoder(layers.Dense(5), layers.ReLU()),
    "reshaped": lambda: decoder(layers.Dense(5, "sigmoid"), layers.Reshape((5,))),
    "nested": nested,
    "operation": sigmoid_of_operations,
    "functional": lambda: dense(8, 5, last="sigmoid", inputs=2),
    "lambda": lambda: decoder(layers.Dense(5), layers.Lambda(tf.sigmoid)),
    "subclassed": lambda: Mine(keras.ops.sigmoid),
    "subclassed softplus": lambda: Mine(keras.ops.softplus),
    "subclassed tanh": lambda: Mine(keras.ops.tanh),
    "one layer": lambda: layers.Dense(5, "sigmoid"),
}
UNBOUNDED_ENDINGS = {
    "linear": lambda: decoder(),
    "leaky": lambda: decoder(layers.Dense(5), layers.LeakyReLU()),
    "normalised": lambda: decoder(layers.Dense(5), layers.BatchNormalization()),
    "layer normalisation": lambda: decoder(layers.Dense(5), layers.LayerNormalization()),
    "rescaled": lambda: decoder(layers.Dense(5), layers.Rescaling(3.0)),
    "lambda": lambda: decoder(layers.Dense(5), layers.Lambda(lambda x: 2.0 * x)),
    "subclassed": lambda: Mine(lambda x: x),
    "zeros": lambda: Mine(lambda x: 0.0 * x),
    "of one number": lambda: layers.Dense(5, kernel_initializer="zeros"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_networks_that_do_not_fit(name):
    make, x, message = REFUSED[name]
    model = make()
    y = X[:, :5] if model.condition else np.zeros(16) if model.discrete else None
    for call in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ValueError, match=rf"(?s)`(en|de)coder` must.*{message}|{message}"):
            call(x, y, verbose=0)


@pytest.mark.parametrize("name", ENDINGS)
def test_a_decoder_whose_ending_contradicts_the_likelihood(name):
    """No activation before a Bernoulli's own; for a Gaussian only one that reaches the data."""
    with pytest.raises(ValueError, match=LOGITS):
        compiled(decoder=ENDINGS[name](), likelihood="bernoulli").fit(X, verbose=0)
    data = SIGNED if "tanh" not in name else SIGNED * 4.0
    batches = tf.data.Dataset.from_tensor_slices(data).batch(8)
    for given in (data, batches):
        message = REACH if "tanh" not in name else r"(?s)from -\d.*lie in \[-1, 1\]"
        with pytest.raises(ValueError, match=message):
            compiled(decoder=ENDINGS[name]()).fit(given, verbose=0)
    history = compiled(decoder=ENDINGS[name]()).fit(X, verbose=0).history
    assert np.isfinite(history["loss"][0])


@pytest.mark.parametrize("name", UNBOUNDED_ENDINGS)
def test_decoders_that_can_give_all_numbers_are_accepted(name):
    for likelihood, data in (("bernoulli", X), ("gaussian", 3.0 * SIGNED)):
        model = compiled(decoder=UNBOUNDED_ENDINGS[name](), likelihood=likelihood)
        assert np.isfinite(model.fit(data, verbose=0).history["loss"][0])


def test_a_target_that_the_decoder_cannot_reach():
    model = compiled(decoder=ENDINGS["sigmoid"](), target="y")
    with pytest.raises(ValueError, match=REACH):
        model.fit(X, SIGNED, verbose=0)
    model = compiled(decoder=ENDINGS["sigmoid"](), target="y")
    model.fit(SIGNED, X, verbose=0)


def test_a_likelihood_of_ones_own_may_take_any_outputs():
    class Rates(tfvae.likelihoods.Likelihood):
        support = (0.0, 9.0)

        def distribution(self, outputs):
            poisson = tfp.distributions.Poisson(outputs + 1e-3)
            return tfp.distributions.Independent(poisson, self.data_rank)

    compiled(decoder=ENDINGS["softplus"](), likelihood=Rates()).fit(np.round(X), verbose=0)


def test_the_range_of_activations():
    expected = {"sigmoid": (0, 1), "tanh": (-1, 1), "relu": (0, np.inf), "linear": None}
    for name, bounds in expected.items():
        found = output_range(layers.Dense(3, name))
        np.testing.assert_allclose(found, (-np.inf, np.inf) if bounds is None else bounds)
    assert output_range(Mine(tf.sigmoid)) is None
    values = RNG.normal(size=(64, 3))
    assert probed_range(values) == (-np.inf, np.inf)
    assert probed_range(np.abs(values)) == (0.0, np.inf)
    assert probed_range(np.tanh(100.0 * values)) == (-1.0, 1.0)


def test_a_decoder_that_gives_nan_is_named():
    model = compiled(decoder=Mine(lambda x: x * np.nan))
    with pytest.raises(FloatingPointError, match=r"Step 1 of training: `distortion`"):
        model.fit(X, verbose=0)


def test_a_network_of_keras_applications_encodes():
    encoder = keras.applications.MobileNetV2((32, 32, 3), 0.35, include_top=False, weights=None)
    model = compiled(encoder, tfvae.networks.mlp([4], (32, 32, 3)))
    model.build((None, 32, 32, 3))
    x = RNG.uniform(size=(2, 32, 32, 3)).astype("float32")
    assert model.encode(x).batch_shape == (2,)


def test_networks_of_one_model_serve_another_of_the_same_shape():
    first = compiled(tfvae.networks.mlp([8]), tfvae.networks.mlp([8], (5,)))
    first.fit(X, verbose=0)
    second = compiled(first.encoder, first.decoder)
    second.build(X.shape)
    np.testing.assert_array_equal(second.decode_mean(X[:, :2]), first.decode_mean(X[:, :2]))
    third = compiled(first.encoder)
    with pytest.raises(ValueError, match=r"`encoder` must take x: \(None, 7\)"):
        third.fit(np.zeros((4, 7), "float32"), verbose=0)
