"""What a user gets for bad input: a clear error before or at the first step, and nothing lost."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae


def compiled(**kwargs):
    keras.utils.set_random_seed(0)
    mlp = tfvae.networks.mlp
    model = tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], (5,)), seed=0, **kwargs)
    model.compile(keras.optimizers.Adam(1e-2))
    return model


@pytest.fixture
def x():
    return np.random.default_rng(0).uniform(size=(64, 5)).astype("float32")


@pytest.mark.parametrize("latent_dim", [0, -3, 2.5, "two", None, True])
def test_latent_dim(latent_dim):
    with pytest.raises(ValueError, match=r"`latent_dim` must be a whole number.*received"):
        tfvae.VAE(latent_dim)


@pytest.mark.parametrize("name", ["encoder", "decoder"])
def test_networks_must_be_layers(name):
    with pytest.raises(ValueError, match=rf"`{name}` must be a Keras model or layer"):
        tfvae.VAE(2, **{name: [256, 256]})


@pytest.mark.parametrize("name", ["likelihood", "prior", "objective"])
def test_unknown_short_names_list_the_known_ones(name):
    with pytest.raises(ValueError, match=rf"`{name}` must be one of .*'nonsense'"):
        tfvae.VAE(2, **{name: "nonsense"})


def test_decoder_of_another_shape():
    model = tfvae.VAE(2, decoder=tfvae.networks.mlp([8], (4, 4, 1)))
    model.compile()
    with pytest.raises(ValueError, match=r"\(5,\).*\(4, 4, 1\).*output_shape=\(5,\)"):
        model.fit(np.zeros((8, 5)), verbose=0)


def test_data_of_another_shape_than_the_model_was_built_for(x):
    model = compiled()
    model.fit(x, verbose=0)
    for call in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ValueError, match=r"\(batch, 5\), for which this model was built"):
            call(np.zeros((8, 6), "float32"), verbose=0)


def test_data_without_a_feature_axis():
    model = tfvae.VAE(2)
    model.compile()
    with pytest.raises(ValueError, match=r"(?s)(feature axes|x\[:, None\])"):
        model.build((None,))


def test_class_weights_are_refused_with_what_does_the_same(x):
    labelled = compiled(discrete=tfvae.discrete.Labels(2))
    for model, y in ((compiled(), None), (labelled, x[:, 0] > 0.5)):
        with pytest.raises(ValueError, match=r"`class_weight` must be None.*sample_weight="):
            model.fit(x, y, class_weight={0: 1.0, 1: 2.0}, verbose=0)


@pytest.mark.parametrize("name", ["my model", "modèle", "_vae"])
def test_names_that_no_saved_model_can_have(x, tmp_path, name):
    """Keras takes them; they are refused before anything is written."""
    first = compiled(name=name)
    layer = tfvae.VAE(2, encoder=keras.Sequential([keras.layers.Dense(4, name=name)]))
    for model in (first, layer):
        model.build(x.shape)
        for export in (lambda path, one=model: tfvae.export(one, path), model.export):
            with pytest.raises(ValueError, match=f"`name` of the model.*{name}.*Save the weights"):
                export(str(tmp_path / "1"))
    assert not list(tmp_path.iterdir())


def test_lists_are_refused_with_the_remedy(x):
    for call in (compiled().fit, compiled().evaluate):
        with pytest.raises(ValueError, match=r"received a list of 2 elements.*numpy\.asarray"):
            call(x[:2].tolist(), verbose=0)


@pytest.mark.parametrize("empty", ["array", "dataset"])
def test_empty_data(x, empty):
    data = x[:0] if empty == "array" else tf.data.Dataset.from_tensor_slices(x[:0]).batch(4)
    for call in (compiled().fit, compiled().evaluate):
        with pytest.raises(ValueError, match="at least one example"):
            call(data, verbose=0)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1.5, -0.1])
def test_values_outside_the_support(x, bad, jit_compile):
    model = compiled(likelihood="bernoulli")
    model.compile("adam", jit_compile=jit_compile)
    model.build(x.shape)
    before = model.get_weights()
    x = x.copy()
    x[20, 3] = bad
    message = r"(?s)Step \d of training: every value of `x` must be in \[0, 1\]"
    with pytest.raises(ValueError, match=message):
        model.fit(x, batch_size=64, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    with pytest.raises(ValueError, match="evaluation: every value"):
        model.evaluate(x, verbose=0)


def test_nan_data_for_a_gaussian(x):
    x[3] = np.nan
    with pytest.raises(ValueError, match="must be a finite number"):
        compiled().fit(x, verbose=0)


class Exploding(tfvae.likelihoods.Gaussian):
    """A distortion that turns NaN at the fourth step."""

    def create_weights(self):
        super().create_weights()
        self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False, name="steps")

    def distortion_and_error(self, x, outputs):
        distortion, error = super().distortion_and_error(x, outputs)
        self.steps.assign_add(1.0)
        return tf.where(self.steps.value > 3.5, np.nan, distortion), error


@pytest.mark.parametrize("steps_per_execution", [1, 4])
def test_nan_loss_stops_at_its_step_with_the_last_good_weights(x, steps_per_execution):
    good, bad = (
        compiled(likelihood=likelihood)
        for likelihood in (tfvae.likelihoods.Gaussian(1.0), Exploding(1.0))
    )
    bad.compile(keras.optimizers.Adam(1e-2), steps_per_execution=steps_per_execution)
    good.fit(x[:24], batch_size=8, shuffle=False, verbose=0)  # the three good steps
    with pytest.raises(FloatingPointError, match=r"Step 4 of training: `distortion` is not finite"):
        bad.fit(x, batch_size=8, shuffle=False, verbose=0)
    pairs = zip(good.trainable_weights, bad.trainable_weights, strict=True)
    for expected, actual in pairs:
        np.testing.assert_allclose(actual.numpy(), expected.numpy(), rtol=1e-6, atol=1e-7)
    assert int(bad.optimizer.iterations) == 3


class BadGradient(tfvae.likelihoods.Gaussian):
    """A finite distortion with a gradient that is not."""

    def distortion_and_error(self, x, outputs):
        distortion, error = super().distortion_and_error(x, outputs)
        return distortion + tf.sqrt(0.0 * tf.reduce_sum(outputs, axis=-1)), error


def test_gradient_that_is_not_finite_changes_nothing(x):
    model = compiled(likelihood=BadGradient())
    model.build(x.shape)
    before = model.get_weights()
    with pytest.raises(FloatingPointError, match=r"Step 1 of training: `gradients`"):
        model.fit(x, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def square_root_of_relu(t):
    """Finite everywhere, with a gradient that is not."""
    return tf.sqrt(tf.nn.relu(t))


def test_gradient_that_is_not_finite_in_an_encoder_changes_nothing(x):
    layers = [keras.layers.Dense(8, square_root_of_relu), keras.layers.Dense(8, "relu")]
    model = tfvae.VAE(2, encoder=keras.Sequential(layers), seed=0)
    model.compile("adam")
    with pytest.raises(FloatingPointError, match="`gradients`"):
        model.fit(x, verbose=0)
    assert all(np.all(np.isfinite(weight)) for weight in model.get_weights())


@pytest.mark.parametrize(
    "rows, message",
    [
        ([[np.nan] * 5] * 4, "received no finite value, NaN"),
        ([[np.nan, np.inf, -2.0, 1.0, 3.0]] * 4, "received values from -2 to 3, NaN"),
        ([[-np.inf] * 5] * 4, "received no finite value, NaN"),
    ],
)
def test_values_that_are_not_finite_are_no_range(rows, message):
    """A step sees a batch; of arrays the columns are named before."""
    with pytest.raises(ValueError, match=message) as caught:
        batches = tf.data.Dataset.from_tensors(np.array(rows, "float32"))
        compiled().fit(batches, verbose=0)
    assert "nan" not in str(caught.value) and "inf " not in str(caught.value)


@pytest.mark.parametrize("model", [tfvae.VAE, tfvae.VHPVAE])
def test_training_can_go_on_after_a_failure(x, model):
    model = model(2, seed=0)
    model.compile("adam")
    with pytest.raises(ValueError, match="feature axes"):
        model.fit(np.zeros(8, "float32"), verbose=0)
    bad = x.copy()
    bad[0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        model.fit(bad, verbose=0)
    history = model.fit(x, verbose=0).history
    assert np.isfinite(history["loss"][0])


@pytest.mark.parametrize("part", ["objective", "prior", "likelihood"])
def test_two_models_cannot_share_what_has_a_state(part):
    shared = {
        "objective": tfvae.objectives.Constrained(kappa=0.5),
        "prior": tfvae.priors.HierarchicalPrior(4),
        "likelihood": tfvae.likelihoods.Gaussian(),
    }[part]
    tfvae.VAE(2, **{part: shared}).build((None, 5))
    with pytest.raises(ValueError, match=f"`{part}` must.*belongs to a model already"):
        tfvae.VAE(2, **{part: shared}).build((None, 500))


def test_monitoring_a_loss_whose_weights_move_is_warned_of(x):
    stop = keras.callbacks.EarlyStopping(monitor="val_loss")
    model = tfvae.VHPVAE(2, objective=tfvae.objectives.Constrained(kappa=10.0), seed=0)
    model.compile("adam")
    with pytest.warns(UserWarning, match="Monitor 'val_elbo' with mode='max'"):
        model.fit(x, validation_data=(x,), callbacks=[stop], verbose=0)


def test_predict_gives_nan_for_an_example_that_is_not_finite(x):
    model = compiled()
    model.fit(x, verbose=0)
    bad = x.copy()
    bad[3, 1] = np.nan
    broken = np.isnan(model.predict(bad, verbose=0))
    assert np.all(broken[3]) and not np.any(np.delete(broken, 3, axis=0))


@pytest.mark.parametrize("bad", [255.0, -0.1])
def test_predict_gives_nan_for_an_example_outside_of_the_support(x, bad):
    model = tfvae.VAE(2, likelihood="bernoulli", seed=0)
    model.build(x.shape)
    spoilt = np.full_like(x, 1.0 + 1e-6)  # As float32 makes it of 1.
    spoilt[3, 1] = bad
    broken = np.isnan(model.predict(spoilt, verbose=0))
    assert np.all(broken[3]) and not np.any(np.delete(broken, 3, axis=0))


def test_log_likelihood_refuses_what_has_no_density(x):
    model = tfvae.VAE(2, likelihood="bernoulli", seed=0)
    model.build(x.shape)
    for bad in (np.nan, 255.0):
        spoilt = np.full_like(x, 0.5)
        spoilt[2, 1] = bad
        with pytest.raises(
            ValueError, match=r"in \[0, 1\] everywhere, received .* at \[2, 1\], and 1 such"
        ) as raised:
            model.log_likelihood(spoilt, 5)
        assert str(raised.value).endswith(" Pixels: x / 255.") == (bad == 255.0)
    with pytest.raises(ValueError, match=r"tfvae\.evaluation\.log_likelihood"):
        model.log_likelihood(tf.data.Dataset.from_tensor_slices(x).batch(8), 5)


def test_sample_weights_of_another_shape(x):
    with pytest.raises(ValueError, match="`sample_weight` must hold one number for each of the 64"):
        compiled().fit(x, sample_weight=np.ones((len(x), 3), "float32"), verbose=0)


def test_compile_refuses_a_loss():
    with pytest.raises(ValueError, match=r"`loss` of compile must be None.*objective"):
        compiled().compile("adam", loss="mse")


def test_calls_before_the_model_is_built():
    for call in (lambda m: m.decode([[0.0, 0.0]]), lambda m: m.generate(3)):
        with pytest.raises(ValueError, match="needs a model that is built for its data"):
            call(tfvae.VAE(2))


def test_decode_checks_the_latent_dimension(x):
    model = compiled()
    model.build(x.shape)
    with pytest.raises(ValueError, match=r"latent_dim = 2.*\(4, 3\)"):
        model.decode(np.zeros((4, 3), "float32"))


@pytest.mark.parametrize("number", [0, -1, 2.5])
def test_numbers_of_samples(x, number):
    model = compiled()
    model.build(x.shape)
    with pytest.raises(ValueError, match="`num_samples` must be a whole number"):
        model.generate(number)
    with pytest.raises(ValueError, match="`num_samples` must be a whole number"):
        model.log_likelihood(x, number)


def test_another_keras_backend_is_refused_with_the_remedy():
    run = subprocess.run(
        [sys.executable, "-c", "import tfvae"],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0
    assert "KERAS_BACKEND is 'jax'" in run.stderr
    assert 'KERAS_BACKEND="tensorflow"' in run.stderr


def test_a_file_with_code_in_it_is_not_loaded(x, tmp_path):
    encoder = keras.Sequential([keras.layers.Lambda(lambda v: v), keras.layers.Dense(4)])
    model = tfvae.VAE(2, encoder=encoder)
    model.compile()
    model.fit(x, verbose=0)
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=r"(?i)unsafe|lambda"):
        keras.models.load_model(tmp_path / "model.keras")


def test_data_in_the_place_of_a_word(x):
    with pytest.raises(ValueError, match=r"`target` must be one of 'x', 'y', received array"):
        tfvae.VAE(2, target=x)


@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_before_compile(x, method):
    for model in (tfvae.VHPVAE(latent_dim=2, seed=0), tfvae.VAE(latent_dim=2, seed=0)):
        for _ in range(2):
            with pytest.raises(
                ValueError, match=rf"`{method}` needs a compiled .* Call vae\.compile"
            ):
                getattr(model, method)(x, verbose=0)
            model.build(x.shape)
