"""What attacks on the composition found: labels, names, shared parts, states of layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.discrete import Labels
from tfvae.penalties import AdversarialPrior, Flatness, TotalCorrelation

mlp = tfvae.networks.mlp


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(32, 5)).astype("float32")


@pytest.fixture(scope="module")
def labels():
    return np.random.default_rng(1).integers(3, size=32)


def compiled(encoder=None, optimizer="adam", jit_compile=False, **kwargs):
    encoder = mlp([8]) if encoder is None else encoder
    model = tfvae.VAE(2, encoder=encoder, decoder=mlp([8], (5,)), seed=0, **kwargs)
    model.compile(optimizer, jit_compile=jit_compile)
    return model


def discriminator(**kwargs):
    return keras.Sequential([keras.layers.Dense(4, "tanh", **kwargs), keras.layers.Dense(1)])


def batches(*parts):
    return tf.data.Dataset.from_tensor_slices(parts).batch(8)


def test_label_out_of_range_is_refused_where_xla_drops_assertions(x, labels):
    wrong = labels.copy()
    wrong[2] = 7
    model = compiled(discrete=Labels(3), jit_compile=True)
    with pytest.raises(ValueError, match="Step 1 of training: `labels` must be whole numbers"):
        model.fit(batches(x, wrong), verbose=0)
    with pytest.raises(ValueError, match="Step 1 of evaluation: `labels` must be"):
        model.evaluate(batches(x, wrong), verbose=0)
    predicted = model.predict(batches(x, wrong), verbose=0)
    np.testing.assert_array_equal(np.isnan(predicted).any(axis=1).nonzero()[0], [2])
    assert np.isfinite(model.evaluate(batches(x, labels), verbose=0)["loss"])


@pytest.mark.parametrize("shift", [0.5, np.nan, 2**32])
def test_labels_that_a_cast_would_change_are_refused(x, labels, shift):
    model = compiled(discrete=Labels(3))
    with pytest.raises(ValueError, match=r"`labels` must lie from 0 to S − 1.*whole numbers"):
        model.fit(x, labels + shift, verbose=0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`labels` must lie from 0"):
        model.fit(batches(x, labels + shift), verbose=0)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32", "float64"])
def test_whole_labels_of_any_type_are_the_same(x, labels, dtype):
    model = compiled(discrete=Labels(2))
    expected = model.evaluate(x, labels > 0, verbose=0)["loss"]
    given = (labels > 0).astype(dtype)
    assert model.evaluate(x, given, verbose=0)["loss"] == expected
    assert np.isfinite(model.evaluate(batches(x, given), verbose=0)["loss"])


def test_misspelt_key_of_an_optional_part_is_refused(x, labels):
    model = compiled(discrete=Labels(3, unknown=-1))
    for data in ((x, {"label": labels}), (batches(x, {"label": labels}),)):
        with pytest.raises(ValueError, match="keys 'labels' for this model, received 'label'"):
            model.fit(*data, verbose=0)
    model.fit(x, {"labels": labels, "writer": labels}, verbose=0)
    model.fit(x, {"condition": labels}, verbose=0)


def test_lists_beside_x_are_arrays(x, labels):
    condition = x[:, :1].tolist()
    model = compiled(discrete=Labels(3), condition=1)
    model.fit(x, {"labels": list(labels), "condition": condition}, verbose=0)


@pytest.mark.parametrize("how", ["plain", "jit", "several steps", "replicas"])
def test_bad_batch_leaves_moments_of_batch_normalisation(x, how, mirrored):
    strategy = mirrored if how == "replicas" else tf.distribute.get_strategy()
    norm = keras.layers.BatchNormalization()
    with strategy.scope():
        model = compiled(
            keras.Sequential([keras.layers.Dense(8), norm]),
            prior=tfvae.priors.HierarchicalPrior(
                2,
                decoder=keras.Sequential(
                    [keras.layers.Dense(4), keras.layers.BatchNormalization()]
                ),
            ),
            jit_compile=how == "jit",
        )
        if how == "several steps":
            model.compile("adam", steps_per_execution=2)
        model.build(x.shape)
    before = [weight.numpy() for weight in model.weights]
    bad = x.copy()
    bad[1] = np.nan
    with pytest.raises(ValueError, match="Step 1 of training"):
        model.fit(bad, batch_size=16, shuffle=False, verbose=0)
    for old, new in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, new.numpy(), err_msg=new.path)
    model.fit(x, batch_size=16, verbose=0)
    assert np.all(norm.moving_mean.numpy() != 0.0)


@pytest.mark.parametrize("name", ["latent_dim", "target", "prior", "seed", "penalties", "beta"])
def test_argument_assigned_to_a_built_model_is_an_error(x, name):
    model = tfvae.BetaVAE(2, encoder=mlp([8]), decoder=mlp([8], (5,)))
    model.build(x.shape)
    with pytest.raises(AttributeError, match=f"`{name}` of BetaVAE is fixed once"):
        setattr(model, name, None)
    model.objective.beta = 2.0


@pytest.mark.parametrize("name", ["rate", "loss", "elbo", "kappa", "lambda", "classification"])
def test_penalty_with_a_name_that_is_taken(name):
    with pytest.raises(ValueError, match=f"names of their own, received '{name}'"):
        compiled(discrete=Labels(3, classifier_weight=1.0), penalties=[Flatness(name=name)])


def test_penalties_share_neither_network_nor_optimizer():
    network, optimizer = discriminator(), keras.optimizers.Adam()
    with pytest.raises(ValueError, match="each own its network"):
        compiled(penalties=[TotalCorrelation(1.0, network), AdversarialPrior(1.0, network)])
    pair = [cls(1.0, discriminator(), optimizer) for cls in (TotalCorrelation, AdversarialPrior)]
    with pytest.raises(ValueError, match="each own its optimizer"):
        compiled(penalties=pair)
    with pytest.raises(ValueError, match="`optimizer` must not be the one of the penalty"):
        compiled(optimizer=optimizer, penalties=pair[:1])


def test_regularisers_of_a_discriminator_stay_in_its_loss(x):
    """Neither the reported loss nor the encoder know of them."""
    seen = []
    for strength in (0.0, 100.0):
        keras.utils.set_random_seed(0)
        l2 = keras.regularizers.L2(strength)
        network = discriminator(activity_regularizer=l2, kernel_regularizer=l2)
        decay = mlp([8])
        model = compiled(
            decay,
            keras.optimizers.SGD(1e-2),
            penalties=[TotalCorrelation(0.0, network, keras.optimizers.SGD(1e-4))],
        )
        model.build(x.shape)
        kernel = network.layers[0].kernel.numpy()
        loss = model.fit(x, batch_size=32, shuffle=False, verbose=0).history["loss"][0]
        seen.append((loss, decay.weights[0].numpy(), network.layers[0].kernel.numpy() - kernel))
    assert seen[0][0] == pytest.approx(seen[1][0], rel=1e-6)
    np.testing.assert_allclose(seen[0][1], seen[1][1], rtol=1e-5)
    assert np.max(np.abs(seen[0][2] - seen[1][2])) > 1e-3  # the network itself obeys them


def test_loss_of_a_discriminator_is_scaled_in_half_precision(x, tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = discriminator()
        model = compiled(penalties=[TotalCorrelation(1.0, network)])
        model.fit(x, verbose=0)
        optimizer = model.penalties[0].optimizer
        assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        before = [weight.numpy() for weight in network.weights]
        optimizer.dynamic_scale.assign(1e30)  # overflows: the step is skipped, the scale halved
        model.fit(x, batch_size=32, verbose=0)
        assert float(optimizer.dynamic_scale) == pytest.approx(5e29)
        for old, new in zip(before, network.weights, strict=True):
            np.testing.assert_array_equal(old, new.numpy())
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras").penalties[0].optimizer
        for old, new in zip(optimizer.variables, loaded.variables, strict=True):
            np.testing.assert_array_equal(old.numpy(), new.numpy())
    finally:
        keras.config.set_dtype_policy("float32")
