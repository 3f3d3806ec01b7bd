"""docs/extending.md: what its table and its classes say of methods is what the code has."""

import ast
import importlib
import inspect
import re

import pages
import pytest

import tfvae

PAGE = pages.ROOT / "docs" / "extending.md"


def parameters(function):
    """Name, kind and default of each parameter but self; a missing default is `empty`."""
    found = list(inspect.signature(function).parameters.values())
    return [(one.name, one.kind, one.default) for one in found if one.name != "self"]


def methods():
    """Class, name and signature, as a text, of all that the table says."""
    for row in re.findall(r"^\| [^|]*`(tfvae\.[\w.]+)` \|(.*)\|$", PAGE.read_text(), re.MULTILINE):
        module, _, name = row[0].rpartition(".")
        owner = getattr(importlib.import_module(module), name)
        for method, arguments in re.findall(r"`(\w+)(\([^`]*\))`", row[1]):
            if hasattr(owner, method):
                yield owner, method, arguments


def classes():
    """The classes that the page defines."""
    for node in ast.walk(ast.parse("".join(code for _, code in pages.blocks(PAGE)))):
        if isinstance(node, ast.ClassDef):
            yield node.name


METHODS = list(methods())


def test_the_table_is_read():
    owners = {owner.__name__ for owner, *_ in METHODS}
    assert owners == {"Prior", "Likelihood", "Penalty", "Objective", "Discrete", "VAE"}
    assert {"decoder_outputs", "features", "posterior", "infer", "rate"} <= {
        m for _, m, _ in METHODS
    }
    # A method that the table has and the code has not would be left out.
    said = re.findall(r"`([a-z_]+)\([^`]*\)`", PAGE.read_text().partition("Seven rules")[0])
    known = {method for _, method, _ in METHODS}
    assert set(said) <= known


@pytest.mark.parametrize(
    ("owner", "method", "arguments"), METHODS, ids=[f"{o.__name__}.{m}" for o, m, _ in METHODS]
)
def test_signatures_of_the_table_are_those_of_the_code(owner, method, arguments):
    said = {}
    exec(f"def {method}{arguments}: pass", said)
    assert parameters(said[method]) == parameters(getattr(owner, method))


@pytest.mark.parametrize("name", list(classes()))
def test_classes_of_the_page_take_what_the_method_that_they_replace_takes(name):
    cls = pages.definitions(PAGE)[name]
    assert cls.__mro__[1].__module__.startswith("tfvae.")
    for method, function in vars(cls).items():
        replaced = getattr(cls.__mro__[1], method, None)
        if method.startswith("_") or not inspect.isfunction(function) or replaced is None:
            continue
        own, base = parameters(function), parameters(replaced)
        assert [one[:2] for one in own] == [one[:2] for one in base], method
        for (_, _, default), (_, _, expected) in zip(own, base, strict=True):
            assert (default is inspect.Parameter.empty) <= (expected is inspect.Parameter.empty)


def test_a_model_of_the_page_overrides_trains_saves_and_loads(tmp_path):
    import keras
    import numpy as np

    cls = pages.definitions(PAGE)["PartlyLinearVAE"]
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    vae = cls(2, decoder=tfvae.networks.mlp([8], (4,)), seed=0)
    vae.compile("adam")
    vae.fit(x, epochs=1, verbose=0)
    assert any("linear" in weight.path or weight is vae.linear.kernel for weight in vae.weights)
    vae.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), vae.predict(x, verbose=0))
    before = vae.predict(x, verbose=0)
    vae.linear.kernel.assign(vae.linear.kernel + 1.0)
    assert np.max(np.abs(vae.predict(x, verbose=0) - before)) > 0.1
