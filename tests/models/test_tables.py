"""A table's columns mean the same in every method: their names are kept, and compared."""

import keras
import numpy as np
import pandas as pd
import pytest

import tfvae

X = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
TABLE = pd.DataFrame(X, columns=["weight", "größe", "age"])
OTHERS = {
    "order": TABLE[["größe", "weight", "age"]],
    "more": TABLE.assign(extra=1.0),
    "fewer": TABLE[["weight", "age"]],
    "no names": pd.DataFrame(X),
}
METHODS = {
    "fit": lambda model, x: model.fit(x, verbose=0),
    "validation": lambda model, x: model.fit(X, validation_data=(x,), verbose=0),
    "evaluate": lambda model, x: model.evaluate(x, verbose=0),
    "predict": lambda model, x: model.predict(x, verbose=0),
    "call": lambda model, x: model(x),
    "train_on_batch": lambda model, x: model.train_on_batch(x),
    "test_on_batch": lambda model, x: model.test_on_batch(x),
    "predict_on_batch": lambda model, x: model.predict_on_batch(x),
    "encode": lambda model, x: model.encode(x),
    "embed": lambda model, x: model.embed(x),
    "log_likelihood": lambda model, x: model.log_likelihood(x, 2),
    "evaluation.log_likelihood": lambda model, x: tfvae.evaluation.log_likelihood(model, x, 2),
    "posterior_moments": lambda model, x: tfvae.evaluation.posterior_moments(model, x),
    "disentanglement": lambda model, x: tfvae.evaluation.disentanglement(
        model, x, factors={"a": np.arange(32) % 2}
    ),
    "latent_scatter": lambda model, x: tfvae.plots.latent_scatter(model, x),
}


def compiled(**kwargs):
    mlp = tfvae.networks.mlp
    model = tfvae.VAE(2, encoder=mlp([4]), decoder=mlp([4], (3,)), seed=0, **kwargs)
    model.compile("adam", run_eagerly=True)
    return model


@pytest.fixture(scope="module")
def fitted():
    model = compiled()
    model.fit(TABLE, verbose=0)
    return model


@pytest.fixture(scope="module")
def loaded(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "model.keras"
    fitted.save(path)
    return keras.models.load_model(path)


@pytest.mark.parametrize("method", METHODS)
def test_other_columns_are_refused_by_every_method(fitted, method):
    with pytest.raises(ValueError, match=r"(?s)3 columns of the table.*x\[model\.columns\]"):
        METHODS[method](fitted, OTHERS["order"])


@pytest.mark.parametrize("name", OTHERS)
def test_the_names_are_saved_with_the_model(loaded, name):
    assert list(loaded.columns) == ["weight", "größe", "age"]
    with pytest.raises(ValueError, match=r"`x` must have the 3 columns.*x\.to_numpy\(\)"):
        loaded.predict(OTHERS[name], verbose=0)


def test_the_remedy_and_arrays_give_the_answers_of_the_table(fitted, loaded):
    expected = fitted.predict(TABLE, verbose=0)
    for model in (fitted, loaded):
        for x in (X, OTHERS["order"][model.columns], OTHERS["more"][model.columns]):
            np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


def test_a_model_of_arrays_takes_tables_of_any_names():
    model = compiled()
    model.fit(X, verbose=0)
    assert model.columns is None
    for table in (TABLE, OTHERS["order"]):
        model.predict(table, verbose=0)
    assert model.columns is None


def test_names_of_other_types(tmp_path):
    """Numbers stay numbers; what JSON cannot hold is kept as text."""
    for names, kept in (([7, 2, 5], [7, 2, 5]), ([("a", 1), ("a", 2), ("b", 1)], None)):
        table = pd.DataFrame(X, columns=pd.Index(names))
        model = compiled()
        model.fit(table, verbose=0)
        model.save(tmp_path / "model.keras")
        model = keras.models.load_model(tmp_path / "model.keras")
        assert list(model.columns) == (kept or list(map(str, names)))
        model.predict(table, verbose=0)
        with pytest.raises(ValueError, match="3 columns"):
            model.predict(table[table.columns[::-1]], verbose=0)


def test_tables_of_other_types_beside_x():
    """Nullable numbers are numbers there too; missing ones are named."""
    condition = pd.DataFrame({"u": X[:, 0], "v": X[:, 1]}).astype({"u": "Float64"})
    losses = []
    for y in (X[:, :2], condition):
        keras.utils.set_random_seed(0)
        losses.append(compiled(condition=2).fit(TABLE, y, verbose=0).history["loss"][0])
    assert losses[0] == losses[1]
    labels = pd.Series(np.arange(32) % 3).astype("Int64")
    model = compiled(discrete=tfvae.discrete.Labels(3))
    model.fit(TABLE, labels, verbose=0)
    labels[3] = pd.NA
    with pytest.raises(ValueError, match=r"`labels` must .*missing values"):
        model.fit(TABLE, labels, verbose=0)
