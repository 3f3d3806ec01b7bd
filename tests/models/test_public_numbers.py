"""A walk over all public numbers: each takes effect when it is assigned, or cannot be assigned."""

import ast
import contextlib
import numbers
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_contract import ALL

import tfvae
from tfvae._coefficients import Coefficient

# What Keras itself keeps on layers and models.
OF_KERAS = frozenset(dir(keras.Model(name="plain")))


def is_number(value):
    """Whether a value is a number, a truth value, or a tuple of whole numbers."""
    if isinstance(value, tuple):
        return bool(value) and all(isinstance(one, numbers.Integral) for one in value)
    return isinstance(value, (numbers.Number, np.generic))


def another(value):
    """Another value of the same kind, which a coefficient allows."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, tuple):
        return tuple(one + 1 for one in value)
    return value + 1 if isinstance(value, int) else value / 2 + 0.1


def objects_of(model):
    """The model, its parts, and the objects that a part holds but for networks.

    A layer is like Keras' own, whose `units` may be assigned to no effect.
    """
    parts = [model, *model.components]
    for part in model.components:
        parts += [
            value
            for name, value in vars(part).items()
            if type(value).__module__.startswith("tfvae.")
            and not (name.startswith("_") or type(value).__module__.startswith("tfvae.networks"))
        ]
    return {id(part): part for part in parts}.values()


def public_numbers(part):
    """The names of public attributes that are numbers."""
    names = [n for n in dir(part) if not n.startswith("_") and n not in OF_KERAS]
    found = []
    for name in names:
        with contextlib.suppress(ValueError):  # a property that this model does not have
            found += [name] if is_number(getattr(part, name, None)) else []
    return found


@pytest.mark.parametrize("name", ALL)
def test_public_numbers_take_effect_or_cannot_be_assigned(name, blobs):
    model = ALL[name]()
    model.build(blobs.shape)
    seen, assigned, silent = 0, 0, []
    for part in objects_of(model):
        for attribute in public_numbers(part):
            seen += 1
            old = getattr(part, attribute)
            read = tf.function(
                lambda part=part, name=attribute: tf.constant(0.0) + getattr(part, name)
            )
            is_coefficient = isinstance(getattr(type(part), attribute, None), Coefficient)
            if is_coefficient:
                read()  # as a training step that is compiled already reads it
            try:
                setattr(part, attribute, another(old))
            except (AttributeError, TypeError, ValueError):
                continue
            assigned += 1
            if not is_coefficient:
                # Solved in Python at each step, which reads it anew.
                if isinstance(part, tfvae.assignment.Assignment):
                    continue
                silent.append(f"{type(part).__name__}.{attribute}")
            else:
                assert float(read()) == pytest.approx(another(old), rel=1e-6), attribute
    assert not silent
    assert seen > 5


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("objective", "num_samples", 5),
        ("objective", "analytic_rate", False),
        ("objective", "latent_dim", 3),
        ("prior", "grid", (2, 1)),
        ("prior", "noise_per_latent", 2),
        ("discrete", "num_categories", (4,)),
        ("discrete", "has_classifier", True),
        (None, "latent_dim", 3),
        (None, "embedding_dim", 3),
        (None, "sequence_axes", 1),
        (None, "data_shape", (3,)),
        (None, "seed", 1),
    ],
)
def test_what_a_step_was_made_with_is_fixed_once_it_is_built(part, name, value):
    model = tfvae.VAE(2, discrete=tfvae.discrete.Labels(3))
    model.build((None, 5))
    owner = model if part is None else getattr(model, part)
    before = getattr(owner, name)
    with pytest.raises(AttributeError, match=f"`{name}` of .* is fixed once"):
        setattr(owner, name, value)
    assert getattr(owner, name) == before


def test_property_with_a_setter_may_be_assigned():
    class Watched(tfvae.penalties.MMD):
        @property
        def note(self):
            return self._note

        @note.setter
        def note(self, value):
            self._note = value

    penalty = Watched()
    model = tfvae.VAE(2, penalties=[penalty])
    model.build((None, 5))
    penalty.note = "seen"
    assert penalty.note == "seen"
    model.a_mark_of_mine = 1  # of the user's, such as a callback's


# ---- checked values --------------------------------------------------------------------------

CONVERTING = {"positive_int", "positive_ints", "whole", "whole_in", "number_in", "one_of"}
CONVERTING |= {"named_object"}


def thrown_away(tree):
    """Lines in which what a check returns is dropped, or only compared."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = node.func.value
        if not (isinstance(owner, ast.Name) and owner.id == "_checks"):
            continue
        if node.func.attr in CONVERTING and isinstance(parents[node], (ast.Expr, ast.Compare)):
            yield node.lineno


def test_no_checked_value_is_thrown_away():
    """The check converts: the caller that goes on with what was given has NumPy's number."""
    folder = pathlib.Path(tfvae.__file__).parent
    found, files = [], sorted(folder.rglob("*.py"))
    for file in files:
        lines = thrown_away(ast.parse(file.read_text()))
        found += [f"{file.relative_to(folder)}:{line}" for line in lines]
    assert len(files) > 100 and not found
    sample = "_checks.whole('a', a)\n_checks.whole('b', b) < 2\nc = _checks.whole('c', c)"
    assert list(thrown_away(ast.parse(sample))) == [1, 2]
