"""A score whose random numbers are an input, for formats without TensorFlow's generators."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

_NORMAL, _UNIFORM = "StatelessRandomNormalV2", "StatelessRandomUniformV2"
_CATEGORICAL = "StatelessMultinomial"
_REFUSAL = (
    "`model` must have a score whose random numbers can be an input (normal, uniform or "
    "categorical ones, a fixed count for each example, no loops), received one that draws others. "
    "Use `tfvae.export`: the score of a SavedModel takes a seed."
)


class ScoreOfNoise:
    """Turns a function (x, …, seed) -> (B,) into one of x, … and noise ~ N(0, I), (B, size).

    Columns n of the noise replace every draw of the function: a normal number becomes n, a uniform
    number Φ(n), and a category the first one whose cumulative probability exceeds Φ(n).

    Args:
        score: function (x (B, *data), labels, …, seed int32 (2,)) -> (B,).
        inputs: the `tf.TensorSpec` of each input but the seed.

    Raises:
        ValueError: if the score draws from other distributions, in loops, or not a fixed count
            of numbers for each example.
    """

    def __init__(self, score: Callable[..., tf.Tensor], inputs: Sequence[tf.TensorSpec]):
        self.inputs = list(inputs)
        seed = tf.TensorSpec((2,), tf.int32, name="seed")
        traced = tf.compat.v1.wrap_function(score, [*self.inputs, seed])
        feeds, output = list(traced.inputs[: len(self.inputs) + 1]), traced.outputs[0]
        kinds = (_NORMAL, _UNIFORM, _CATEGORICAL)
        operations = [op for op in traced.graph.get_operations() if op.type in kinds]
        outputs = [op.outputs[0] for op in operations]
        self._kinds = [op.type for op in operations]
        self._draw = traced.prune(feeds, outputs)
        shapes = [self._drawn_shapes(batch) for batch in (2, 3)]
        self._shapes = [_shape(*pair) for pair in zip(*shapes, strict=True)]
        try:
            self._score = traced.prune([*feeds[:-1], *outputs], output)
            self._logits = [
                traced.prune([*feeds[:-1], *outputs[:index]], op.inputs[0])
                if op.type == _CATEGORICAL
                else None
                for index, op in enumerate(operations)
            ]
        except Exception as error:  # Its class is not public.
            raise ValueError(_REFUSAL) from error
        self.size = sum(math.prod(rest) for _, rest in self._shapes)

    def _drawn_shapes(self, batch: int) -> list[tuple[int, ...]]:
        zeros = [tf.zeros([batch, *spec.shape[1:]], spec.dtype) for spec in self.inputs]
        drawn = self._draw(*zeros, tf.zeros([2], tf.int32))
        return [tuple(draw.shape) for draw in drawn]

    def __call__(self, inputs: Sequence[tf.Tensor], noise: tf.Tensor) -> tf.Tensor:
        """Returns the score for that noise, (B,)."""
        inputs, draws, first = self._tensors(inputs), [], 0
        for kind, (place, rest), logits in zip(
            self._kinds, self._shapes, self._logits, strict=True
        ):
            last = first + math.prod(rest)
            draw = tf.reshape(noise[:, first:last], [-1, *rest])
            draw = tf.transpose(draw, [*range(1, place + 1), 0, *range(place + 1, len(rest) + 1)])
            if kind != _NORMAL:
                draw = 0.5 * (1.0 + tf.math.erf(draw / math.sqrt(2.0)))
            if kind == _CATEGORICAL:
                cumulated = _cumulated(logits(*inputs, *draws))
                passed = tf.cast(cumulated[:, tf.newaxis, :-1] <= draw[..., tf.newaxis], tf.int32)
                draw = tf.cast(tf.reduce_sum(passed, axis=-1), tf.int64)
            draws.append(draw)
            first = last
        return self._score(*inputs, *draws)

    def noise_of(
        self, inputs: Sequence[np.ndarray | tf.Tensor], seed: np.ndarray | tf.Tensor
    ) -> np.ndarray:
        """Returns the noise that gives the same score as the seed, float32 (B, size)."""
        inputs = self._tensors(inputs)
        drawn = self._draw(*inputs, tf.convert_to_tensor(seed, tf.int32))
        size = len(inputs[0])
        columns = [np.zeros([size, 0], "float32")]
        for index, (kind, (place, _)) in enumerate(zip(self._kinds, self._shapes, strict=True)):
            draw = drawn[index]
            if kind == _CATEGORICAL:  # The middle of the interval that gives this category.
                cumulated = _cumulated(self._logits[index](*inputs, *drawn[:index]))
                upper = tf.gather(cumulated, draw, batch_dims=1)
                lower = tf.gather(tf.pad(cumulated, [[0, 0], [1, 0]]), draw, batch_dims=1)
                draw = (lower + upper) / 2.0
            if kind != _NORMAL:
                draw = tf.math.ndtri(draw)
            columns.append(np.moveaxis(draw.numpy(), place, 0).reshape(size, -1))
        return np.concatenate(columns, axis=1)

    def _tensors(self, inputs):
        return [
            tf.convert_to_tensor(value, spec.dtype)
            for value, spec in zip(inputs, self.inputs, strict=True)
        ]


def _cumulated(logits: tf.Tensor) -> tf.Tensor:
    """Returns cumulative probabilities, (B, S) -> (B, S)."""
    return tf.cumsum(tf.nn.softmax(logits), axis=-1)


def _shape(of_two: tuple[int, ...], of_three: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Returns the place of the batch axis in a draw, and the lengths of the other axes.

    Args:
        of_two: the draw's shape for a batch of two.
        of_three: the draw's shape for a batch of three.
    """
    places = [i for i, pair in enumerate(zip(of_two, of_three, strict=True)) if pair == (2, 3)]
    rest = of_two[: places[0]] + of_two[places[0] + 1 :] if len(places) == 1 else None
    if rest is None or rest != of_three[: places[0]] + of_three[places[0] + 1 :]:
        raise ValueError(_REFUSAL)
    return places[0], rest
