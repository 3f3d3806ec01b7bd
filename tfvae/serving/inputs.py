"""The inputs of signatures: x, z and what comes beside x, their shapes, units and valid values."""

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.models import LatentVariableModel
from tfvae.models import inputs as model_inputs
from tfvae.serving.raw_columns import RawColumns, raw_columns_of
from tfvae.serving.scaling import Scaling, scaling_of

_INFINITY = float("inf")

Outputs = dict[str, tf.Tensor]


class Inputs:
    """What a model is given: specs of the inputs by name, and values in the model's units.

    Args:
        model: a built model.
        scaling: the scaling of x.
        target_scaling: the scaling of the target, and of all answers in its units. A model that
            explains x itself has one scaling for both.
        columns: raw columns that are given in the place of x; None: x itself is.
    """

    def __init__(
        self,
        model: LatentVariableModel,
        scaling: Scaling,
        target_scaling: Scaling,
        columns: RawColumns | None = None,
    ):
        self.model, self.scaling, self.target_scaling = model, scaling, target_scaling
        self.columns = columns
        self._specs = model_inputs.specs(model)
        self._checks = {
            "x": self._x,
            "z": self._z,
            "labels": self._labels,
            "condition": self._condition,
            "target": self._target,
        }

    def specs(self, *names: str) -> list[tf.TensorSpec]:
        """The specs of inputs by name, without the things beside x that the model does not take."""
        taken = ("x", "z", *self.model.needs.names)
        found = []
        for name in names:
            if name == "x" and self.columns is not None:
                found += self.columns.specs()
            elif name in taken:
                found.append(self._specs[name])
        return found

    def checked(
        self, given: Mapping[str, tf.Tensor], rows: tf.Tensor | None = None
    ) -> tuple[Outputs, tf.Tensor | None]:
        """Values in the model's units, and for which examples the model has an answer.

        It has none for an example with a number that is not finite, one that the likelihood does
        not allow, or a label or integer condition out of range. Such whole numbers become 0.

        Args:
            given: inputs by name, in raw units.
            rows: number of examples; None: the first input's.

        Returns:
            The values by name, and bools (B,), None without inputs.

        Raises:
            tf.errors.InvalidArgumentError: from the graph, if a shape does not fit.
        """
        values, valid = {}, []
        if self.columns is not None:
            given, rows = self._with_x(given, rows)
        for name, value in given.items():
            # Servers feed arrays of any shape, and a reshape within the model would take some.
            value = tf.ensure_shape(value, self._specs[name].shape)
            value, rows = _with_rows(name, value, rows)
            values[name], allowed = self._checks[name](value)
            valid.append(_all(allowed))
        return values, functools.reduce(operator.and_, valid) if valid else None

    def _with_x(self, given, rows):
        """Inputs with x in the place of the columns, and the number of examples."""
        columns, others = {}, {}
        for name, value in given.items():
            if name in self.columns:
                value = tf.ensure_shape(value, [None])
                columns[name], rows = _with_rows(name, value, rows)
            else:
                others[name] = value
        return ({"x": self.columns.x(columns)} if columns else {}) | others, rows

    def answer(
        self,
        given: Mapping[str, tf.Tensor],
        function: Callable[[LatentVariableModel, Outputs], Outputs],
    ) -> Outputs:
        """The outputs of a function of model and values; NaN, or −1, where there is no answer."""
        values, valid = self.checked(given)
        outputs = function(self.model, values)
        return {name: where_valid(valid, output) for name, output in outputs.items()}

    def random(self, specs: list[tf.TensorSpec], batch: int, seed: int) -> dict[str, np.ndarray]:
        """Valid values of inputs, in raw units."""
        rng = np.random.default_rng(seed)
        scalings = {"x": self.scaling, "target": self.target_scaling}
        values = {}
        for spec in specs:
            if self.columns is not None and spec.name in self.columns:
                values[spec.name] = np.repeat(self.columns.usual(spec.name), batch)
                continue
            shape = [batch, *spec.shape[1:]]
            if spec.name in scalings:
                value = rng.uniform(0.05, 0.95, size=shape)
                if self._is_explained(spec.name):
                    value = self.model.likelihood.usual_values(value)
                value = scalings[spec.name].to_raw(value)
            elif spec.name == "labels":
                sizes = self.model.num_categories
                value = rng.integers(sizes if len(shape) > 1 else sizes[0], size=shape)
            elif spec.dtype.is_integer:
                value = rng.integers(min(self._condition_size or 2, 2), size=shape)
            else:
                value = rng.normal(size=shape)
            values[spec.name] = np.asarray(value, spec.dtype.as_numpy_dtype)
        return values

    def usual(self, spec: tf.TensorSpec) -> np.ndarray:
        """One example of an input, in raw units: the middle of the support, or 0."""
        if self.columns is not None and spec.name in self.columns:
            return self.columns.usual(spec.name)
        likelihood = self.model.likelihood
        value = np.zeros([length or 1 for length in spec.shape])
        if self._is_explained(spec.name) and likelihood.support is not None:
            value = likelihood.usual_values(value + 0.5)
        if spec.name in ("x", "target"):
            value = {"x": self.scaling, "target": self.target_scaling}[spec.name].to_raw(value)
        return np.asarray(value, spec.dtype.as_numpy_dtype)

    # ---- each input in the model's units, and which of its numbers are allowed ---------------

    def _x(self, x):
        x = self.scaling.to_model(x)
        return x, self._allows(x) if self.model.explains_its_input else _finite(x)

    def _target(self, target):
        target = self.target_scaling.to_model(target)
        return target, self._allows(target)

    def _z(self, z):
        return z, _finite(z)

    def _labels(self, labels):
        sizes = self.model.num_categories
        allowed = (labels >= 0) & (labels < (sizes if len(sizes) > 1 else sizes[0]))
        unknown = self.model.discrete.unknown
        if unknown is not None:
            allowed |= labels == unknown
        return tf.where(allowed, labels, 0), allowed

    def _condition(self, condition):
        if not condition.dtype.is_integer:
            return condition, _finite(condition)
        allowed = condition >= 0
        if self._condition_size is not None:
            allowed &= condition < self._condition_size
        return tf.where(allowed, condition, 0), allowed

    def _is_explained(self, name):
        return name == "target" or (name == "x" and self.model.target == "x")

    def _allows(self, x):
        return self.model.likelihood.allows(x)

    @property
    def _condition_size(self):
        """Number of different values of an integer condition; None: not known."""
        first = model_inputs.first_layer(self.model.condition)
        return getattr(first, "input_dim", None) or getattr(first, "num_tokens", None)


def inputs_of(
    model: LatentVariableModel, scaling: Any, target_scaling: Any, table: Any = None
) -> Inputs:
    """The inputs of a model, with the scalings or the table that a user gives.

    Raises:
        ValueError: if the model is not built, or a scaling or the table does not fit.
    """
    model_inputs.check_built(model, "export")
    columns = None if table is None else raw_columns_of(table, model.data_shape, model.columns)
    if columns is not None and scaling is not None:
        raise ValueError(
            f"`scaling` must be None with a `table`, which scales, received {scaling!r:.60}."
        )
    given = scaling
    scaling = scaling_of(given, model.data_shape)
    if model.target == "x":
        if target_scaling is not None:
            raise ValueError(
                f"`target_scaling` must be None for a model that explains x itself, received "
                f"{target_scaling!r}. `scaling` is the scaling of its answers too."
            )
        return Inputs(model, scaling, scaling, columns)
    if given is not None and target_scaling is None:
        raise ValueError(
            '`target_scaling` must be given beside `scaling` for a model with target="y", received '
            "None. Give (0.0, 1.0) if targets are in the units of the model."
        )
    target_scaling = scaling_of(target_scaling, model.target_shape, "target_scaling")
    return Inputs(model, scaling, target_scaling, columns)


def _with_rows(name, value, rows):
    """`value`, which has so many rows, and their number; None: those of `value`."""
    if rows is None:
        return value, tf.shape(value)[0]
    # Broadcasting would take one row for all examples.
    message = f"`{name}` must have one row for each example."
    check = tf.debugging.assert_equal(tf.shape(value)[0], rows, message)
    with tf.control_dependencies([check] if check is not None else []):
        return tf.identity(value), rows


def where_valid(valid: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """`values` (B, …), NaN for examples that are not valid, or −1 in whole numbers."""
    valid = tf.reshape(valid, [-1] + [1] * (values.shape.rank - 1))
    return tf.where(valid, values, -1 if values.dtype.is_integer else float("nan"))


def _finite(values):
    """tf.math.is_finite, in operations that ONNX has."""
    return tf.abs(values) < _INFINITY


def _all(allowed):
    """Whether all is true of an example, (B, …) -> (B,)."""
    if allowed.shape.rank == 1:
        return allowed
    return tf.reduce_all(allowed, axis=list(range(1, allowed.shape.rank)))
