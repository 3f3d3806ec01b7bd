"""What Keras' users expect of every model: export, files, compile, seeds, frozen layers."""

import copy
import json
import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_contract import MODELS

import tfvae
from tfvae.discrete import Labels
from tfvae.penalties import TotalCorrelation

mlp = tfvae.networks.mlp


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(32, 5)).astype("float32")


def small(seed=0, **kwargs):
    return tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], (5,)), seed=seed, **kwargs)


def compiled(**kwargs):
    model = small(**kwargs)
    model.compile("adam")
    return model


def assert_same(weights, others):
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_array_equal(a, b)


# ---- Keras' own export -----------------------------------------------------------------------


def answer_of(path, format, x):
    """What the exported model answers, run without Keras."""
    if format == "tf_saved_model":
        served = tf.saved_model.load(path)
        return served.serve(x).numpy()
    if format == "onnx":
        session = pytest.importorskip("onnxruntime").InferenceSession(path)
        return session.run(None, {session.get_inputs()[0].name: x})[0]
    interpreter = tf.lite.Interpreter(path)
    slot = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(slot, x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(slot, x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.filterwarnings("ignore:.*np.object", "ignore:.*tf.lite.Interpreter")
@pytest.mark.parametrize(
    ("format", "loaded"),
    [
        ("tf_saved_model", False),
        ("onnx", True),
        ("litert", False),
        pytest.param("tf_saved_model", True, marks=pytest.mark.slow),
        pytest.param("onnx", False, marks=pytest.mark.slow),
        pytest.param("litert", True, marks=pytest.mark.slow),
    ],
)
def test_export_of_keras_answers_like_predict(format, loaded, x, tmp_path):
    suffix = {"tf_saved_model": "", "onnx": ".onnx", "litert": ".tflite"}[format]
    if format == "onnx":
        pytest.importorskip("tf2onnx")
    model = compiled()
    model.fit(x, verbose=0)
    if loaded:
        model.save(tmp_path / "model.keras")
        model = keras.models.load_model(tmp_path / "model.keras")
    path = str(tmp_path / f"exported{suffix}")
    model.export(path, format=format, verbose=False)
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(answer_of(path, format, x), expected, rtol=1e-4, atol=1e-5)
    model.fit(x, verbose=0)


@pytest.mark.parametrize(
    "name", [n if n == "CascadeVAE" else pytest.param(n, marks=pytest.mark.slow) for n in MODELS]
)
def test_every_model_is_exported_by_keras(name, blobs, tmp_path):
    model = MODELS[name]()
    model.build(blobs.shape)
    model.export(str(tmp_path / "exported"), verbose=False)
    answer = answer_of(str(tmp_path / "exported"), "tf_saved_model", blobs)
    np.testing.assert_allclose(answer, model.predict(blobs, verbose=0), rtol=1e-4, atol=1e-5)


def test_export_of_keras_takes_what_comes_beside_x(x, tmp_path):
    model = small(discrete=Labels(3), condition=2)
    y = {"labels": (np.arange(32) % 3).astype("int32"), "condition": x[:, :2]}
    model.build((x.shape, {name: value.shape for name, value in y.items()}))
    model.export(str(tmp_path / "exported"), verbose=False)
    served = tf.saved_model.load(str(tmp_path / "exported"))
    answer = served.serve((x, y))
    np.testing.assert_allclose(answer, model.predict(x, y, verbose=0), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="takes labels and condition beside x, received 'onnx'"):
        model.export(str(tmp_path / "model.onnx"), format="onnx")


def test_export_of_an_unbuilt_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`export` needs a model that is built"):
        small().export(tmp_path / "exported")


# ---- compile, files --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("loss", ("mse",), {}),
        ("loss", (), {"loss": "mse"}),
        ("loss_weights", (None, [1.0]), {}),
        ("metrics", (None, None, ["mse"]), {}),
        ("weighted_metrics", (None, None, None, ["mse"]), {}),
    ],
)
def test_losses_and_metrics_are_refused_however_they_are_given(name, args, kwargs):
    with pytest.raises(ValueError, match=f"`{name}` of compile must be None for a VAE, received"):
        small().compile("adam", *args, **kwargs)


def test_compile_takes_the_other_arguments_of_keras_by_position():
    model = small()
    model.compile("adam", None, None, None, None, True, 1)
    assert model.run_eagerly
    with pytest.raises(TypeError, match="unexpected keyword argument 'los'"):
        model.compile("adam", los=None)


def test_arguments_are_looked_at_however_they_are_given(x):
    model = small()
    model.compile("adam", run_eagerly=True)
    negative = -np.ones(32)
    with pytest.raises(ValueError, match="`sample_weight` must be finite and not negative"):
        model.evaluate(x, None, 32, 0, negative)
    with pytest.raises(ValueError, match="`sample_weight` must be finite and not negative"):
        model.fit(x, None, 32, 1, 0, None, 0.0, (x, None, negative))
    with pytest.raises(ValueError, match="`y` must be None or equal to `x`"):
        model.fit(x, None, 32, 1, 0, None, 0.0, (x, x + 1.0))
    assert isinstance(model.evaluate(x, None, 32, 0, None, None, None, False), list)


@pytest.mark.parametrize("name", ["m.h5", "m.hdf5"])
def test_model_is_not_saved_to_what_cannot_be_loaded(name, tmp_path):
    model = small()
    model.build((None, 5))
    with pytest.raises(ValueError, match=r"must end in .keras, received .*m.weights.h5"):
        model.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_loaded_model_is_saved_and_loaded_again(x, tmp_path):
    model = compiled()
    model.fit(x, verbose=0)
    for path in (tmp_path / "first.keras", tmp_path / "second.keras"):
        model.save(path)
        model = keras.models.load_model(path)
    assert model.built and model.predict(x, verbose=0).shape == x.shape


def test_penalty_optimizer_starts_anew_where_a_model_is_loaded_uncompiled(x, tmp_path):
    model = compiled(penalties=[TotalCorrelation(1.0, mlp([4], (1,)))])
    model.fit(x, batch_size=8, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert_same(model.get_weights(), loaded.get_weights())
    loaded.compile("adam")
    assert int(loaded.optimizer.iterations) == int(loaded.penalties[0].optimizer.iterations) == 0
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert int(loaded.optimizer.iterations) == int(loaded.penalties[0].optimizer.iterations) == 4


@pytest.mark.parametrize(
    ("saved", "loaded", "tolerance"),
    [
        ("float64", "float32", 1e-5),
        ("float32", "float64", 1e-5),
        ("float32", "mixed_bfloat16", 0.05),
        ("bfloat16", "float32", 0.05),
    ],
)
def test_weights_of_one_float_policy_serve_another(saved, loaded, tolerance, x, tmp_path):
    answers = []
    try:
        for policy in (saved, loaded):
            keras.config.set_dtype_policy(policy)
            model = small(seed=len(answers), objective=tfvae.objectives.Constrained(0.5))
            model.build(x.shape)
            if not answers:
                model.objective.multiplier.beta.assign(0.25)
                model.save_weights(tmp_path / "model.weights.h5")
            else:
                model.load_weights(tmp_path / "model.weights.h5")
            answers.append(model.predict(x, verbose=0))
            assert float(model.objective.multiplier.beta) == 0.25
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_allclose(*answers, rtol=tolerance, atol=tolerance)


def test_backup_and_restore_with_a_generator_on_an_unbuilt_model(x, tmp_path):
    def batches():
        while True:
            yield x[:8], np.zeros(8)

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        compiled().fit(
            batches(), steps_per_epoch=2, epochs=4, verbose=0, callbacks=[backup, Stop()]
        )
    model = compiled(seed=1)
    history = model.fit(batches(), steps_per_epoch=2, epochs=4, verbose=0, callbacks=[backup])
    assert history.epoch == [2, 3]
    assert int(model.optimizer.iterations) == 8


# ---- seeds -----------------------------------------------------------------------------------


def first_weights(name, seed, shape):
    """What `seed` alone decides: Python's stream goes on meanwhile."""
    random.random()
    config = MODELS[name]().get_config()
    model = type(MODELS[name]()).from_config({**config, "seed": seed})
    model.build(shape)
    return model.get_weights()


@pytest.mark.parametrize("name", [name for name in MODELS if name != "VAE hand-made"])
def test_seed_decides_the_first_weights_of_every_part(name, blobs):
    first, again, other = (first_weights(name, seed, blobs.shape) for seed in (3, 3, 4))
    assert_same(first, again)
    drawn = [value for value in first if np.ndim(value) > 1]
    changed = [np.any(a != b) for a, b in zip(first, other, strict=True) if np.ndim(a) > 1]
    assert len(drawn) > 3 and all(changed)


@pytest.mark.parametrize("shape", [(None, 5), (None, 28, 28, 1)])
def test_seed_decides_default_networks(shape):
    models = [tfvae.VAE(2, seed=np.int64(seed)) for seed in (3, 3, 4)]
    for model in models:
        model.build(shape)
    assert_same(models[0].get_weights(), models[1].get_weights())
    kernel, other = (model.trainable_weights[0].numpy() for model in models[::2])
    assert np.any(kernel != other)
    kernels = [value for value in models[0].get_weights() if np.ndim(value) > 1]
    assert len({float(kernel.ravel()[0]) for kernel in kernels}) == len(kernels)


def test_seed_decides_layers_with_random_numbers_of_their_own(x):
    results = []
    for seed in (3, 3, 4):
        encoder = keras.Sequential([keras.layers.Dense(8), keras.layers.Dropout(0.5)])
        model = tfvae.VAE(2, encoder=encoder, decoder=mlp([8], (5,)), seed=seed)
        model.compile("adam", run_eagerly=True)
        model.fit(x, shuffle=False, verbose=0)
        results.append(model.get_weights())
    assert_same(*results[:2])
    assert np.any(results[0][0] != results[2][0])


def test_seed_leaves_what_has_weights_or_a_seed_and_the_global_streams():
    built = keras.Sequential([keras.Input((5,)), keras.layers.Dense(8)])
    before = built.get_weights()
    given = keras.initializers.GlorotUniform(seed=7)
    of_numpy = np.random.get_state()[1].copy()
    decoders = []
    for seed in (3, 4):
        last = keras.layers.Dense(5, kernel_initializer=given)
        decoders.append(keras.Sequential([last]))
        model = tfvae.VAE(2, encoder=built, decoder=decoders[-1], seed=seed)
        model.build((None, 5))
    assert_same(before, built.get_weights())
    assert_same(decoders[0].get_weights(), decoders[1].get_weights())
    np.testing.assert_array_equal(np.random.get_state()[1], of_numpy)
    model = small(seed=5)
    state = random.getstate()
    model.build((None, 5))
    assert random.getstate() == state, "building draws nothing from Python's own stream"


def test_without_a_seed_keras_decides():
    found = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        model = small(seed=None)
        model.build((None, 5))
        found.append(model.get_weights()[0])
    np.testing.assert_array_equal(found[0], found[1])
    assert np.any(found[0] != found[2])


# ---- frozen layers, formats, Keras 2 ---------------------------------------------------------


def test_frozen_encoder_leaves_its_head_which_is_frozen_by_itself(x):
    for frozen in (["encoder"], ["encoder", "posterior_head"]):
        model = small()
        model.build(x.shape)
        for name in frozen:
            getattr(model, name).trainable = False
        model.compile(keras.optimizers.AdamW(1e-2))
        before = model.encode(x).mean().numpy()
        weights = model.encoder.get_weights()
        decoder = model.decoder.get_weights()
        model.fit(x, verbose=0)
        assert_same(weights, model.encoder.get_weights())
        assert np.any(model.decoder.get_weights()[0] != decoder[0])
        held = np.array_equal(model.encode(x).mean(), before)
        assert held == ("posterior_head" in frozen)


def test_all_networks_frozen(x):
    model = small()
    model.build(x.shape)
    for one in (model.encoder, model.posterior_head, model.decoder):
        one.trainable = False
    model.compile("adam")
    networks = model.encoder, model.posterior_head, model.decoder
    before = [value for one in networks for value in one.get_weights()]
    assert np.isfinite(model.fit(x, verbose=0).history["loss"][0])
    assert_same(before, [value for one in networks for value in one.get_weights()])


@pytest.mark.parametrize("shape", [(1, 28, 28), (28, 28, 1)])
def test_channels_first_is_refused_where_networks_are_built_for_images(shape, x):
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match=r"must be 'channels_last'.*np.moveaxis"):
            tfvae.VAE(2).build((None, *shape))
        with pytest.raises(ValueError, match="must be 'channels_last'"):
            tfvae.networks.conv_encoder()
        with pytest.raises(ValueError, match="must be 'channels_last'"):
            tfvae.networks.conv_decoder((28, 28, 1))
        tfvae.VAE(2).build((None, 5))
        tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], shape)).build((None, *shape))
    finally:
        keras.config.set_image_data_format("channels_last")


def of_keras_2(make):
    return make(pytest.importorskip("tf_keras"))


@pytest.mark.parametrize(
    "use",
    [
        lambda k: tfvae.VAE(2, encoder=k.Sequential([k.layers.Dense(3)])),
        lambda k: tfvae.VAE(2, decoder=k.layers.Dense(3)),
        lambda k: tfvae.VAE(2, condition=k.layers.Dense(3)),
        lambda k: tfvae.TopographicVAE(12, encoder_u=k.layers.Dense(3)),
        lambda k: small().compile(k.optimizers.Adam()),
        lambda k: tfvae.BetaVAE(2, beta=k.optimizers.schedules.ExponentialDecay(1.0, 10, 0.5)),
        lambda k: TotalCorrelation(1.0, k.layers.Dense(1)),
        lambda k: TotalCorrelation(1.0, optimizer=k.optimizers.Adam()),
    ],
)
def test_objects_of_keras_2_are_named_as_such(use):
    with pytest.raises(ValueError, match=r"an object of Keras 2.*`import keras`"):
        of_keras_2(use)


# ---- numbers of NumPy ------------------------------------------------------------------------


def as_numpy(value):
    """A number, or each in a tuple, as NumPy's; objects in a config are left to their classes."""
    if isinstance(value, (list, tuple)):
        return type(value)(as_numpy(one) for one in value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    return np.int64(value) if isinstance(value, int) else np.float64(value)


@pytest.mark.parametrize("name", MODELS)
def test_numbers_of_numpy_are_kept_as_pythons(name):
    """A checked value that is thrown away leaves NumPy's in the config, which JSON refuses."""
    model = MODELS[name]()
    parts = [*model.components, getattr(model.objective, "multiplier", None)]
    parts += [getattr(model.prior, "neighborhood", None)]
    for part in [one for one in parts if one is not None]:
        own = part.get_config()
        again = type(part).from_config({k: as_numpy(v) for k, v in own.items()})
        assert json.dumps(again.get_config()) == json.dumps(own)
    own = model.get_config()
    again = type(model).from_config({k: as_numpy(v) for k, v in own.items()}).get_config()
    json.dumps(again)
    plain = [key for key, value in own.items() if not isinstance(value, dict)]
    assert {key: again[key] for key in plain} == {key: own[key] for key in plain}


def test_numbers_of_numpy_in_methods(x, blobs):
    three = np.int64(3)
    model = small(discrete=Labels(three, unknown=np.int64(-1)), seed=three)
    model.build(x.shape)
    assert model.generate(three, seed=three).shape == (3, 5)
    assert model.generate(three, y=np.arange(3), seed=0).shape == (3, 5)
    assert model.sample_prior(three, seed=three).shape == (3, 5)
    assert model.log_likelihood(x[:2], three, batch_size=three, seed=three).shape == (2,)
    sequences = MODELS["TopographicVAE"]()
    sequences.build(blobs.shape)
    assert sequences.roll(blobs[:2], three).shape == (2, 8, 6, 1)
    assert sequences.predict_sequence(blobs[:2, :3], three).shape == (2, 3, 6, 1)


@pytest.mark.parametrize("kind", [list, np.array, tf.constant, lambda w: np.array(w)[:, None]])
def test_weights_of_any_kind_weigh_the_same(kind, x):
    model = small()
    model.compile("adam", run_eagerly=True)
    weights = [float(i % 3) for i in range(32)]
    expected = model.evaluate(x, sample_weight=np.array(weights, "float32"), verbose=0)
    given = kind(weights)
    assert model.evaluate(x, sample_weight=given, verbose=0) == expected
    history = model.fit(x, sample_weight=given, validation_data=(x, None, given), verbose=0).history
    assert history["val_loss"][0] == model.evaluate(x, sample_weight=given, verbose=0)["loss"]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, keras.models.clone_model])
def test_a_model_that_is_not_built_can_be_copied(copied):
    """Keras asks for the shapes with which it was built, and there are none."""
    model = copied(tfvae.VHPVAE(2, seed=0))
    assert model.latent_dim == 2 and not model.built
    model.build((None, 3))
    assert model.embed(np.zeros([1, 3], "float32")).shape == (1, 2)
