"""A score whose random numbers are an input: formats without TensorFlow's generators need it."""

import math

import numpy as np
import tensorflow as tf

_NORMAL, _UNIFORM = "StatelessRandomNormalV2", "StatelessRandomUniformV2"
_CATEGORICAL = "StatelessMultinomial"
_REFUSAL = (
    "The score of this model draws random numbers that cannot be an input: only normal, uniform "
    "and categorical ones, a fixed count for each example and outside of loops, can. The "
    "SavedModel that `tfvae.export` writes has the score, with a seed."
)


class ScoreOfNoise:
    """A function (x, seed) -> (B,) as a function of (x, noise), noise ~ N(0, I), (B, size).

    Every draw of the function is replaced by columns n of the noise: normal ones by n, uniform ones
    by Φ(n), those of a category by the first one whose cumulated probability exceeds Φ(n).

    Args:
        score: function (x (B, *data), seed int32 (2,)) -> (B,).
        x: the `tf.TensorSpec` of x.

    Raises:
        ValueError: when the score draws in another way: other distributions, loops, or numbers
            that are not a fixed count for each example.
    """

    def __init__(self, score, x: tf.TensorSpec):
        seed = tf.TensorSpec((2,), tf.int32, name="seed")
        traced = tf.compat.v1.wrap_function(score, [x, seed])
        feeds, output = list(traced.inputs[:2]), traced.outputs[0]
        kinds = (_NORMAL, _UNIFORM, _CATEGORICAL)
        operations = [op for op in traced.graph.get_operations() if op.type in kinds]
        outputs = [op.outputs[0] for op in operations]
        self._kinds = [op.type for op in operations]
        self._draw = traced.prune(feeds, outputs)
        shapes = [self._drawn_shapes(x, batch) for batch in (2, 3)]
        self._shapes = [_shape(*pair) for pair in zip(*shapes, strict=True)]
        try:
            self._score = traced.prune([feeds[0], *outputs], output)
            self._logits = [
                traced.prune([feeds[0], *outputs[:index]], op.inputs[0])
                if op.type == _CATEGORICAL
                else None
                for index, op in enumerate(operations)
            ]
        except Exception as error:  # The class that it raises is no public name.
            raise ValueError(_REFUSAL) from error
        self.size = sum(math.prod(rest) for _, rest in self._shapes)

    def _drawn_shapes(self, x, batch):
        drawn = self._draw(tf.zeros([batch, *x.shape[1:]]), tf.zeros([2], tf.int32))
        return [tuple(draw.shape) for draw in drawn]

    def __call__(self, x: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """The score for that noise, (B,)."""
        x, draws, first = tf.convert_to_tensor(x), [], 0
        for kind, (place, rest), logits in zip(
            self._kinds, self._shapes, self._logits, strict=True
        ):
            last = first + math.prod(rest)
            draw = tf.reshape(noise[:, first:last], [-1, *rest])
            draw = tf.transpose(draw, [*range(1, place + 1), 0, *range(place + 1, len(rest) + 1)])
            if kind != _NORMAL:
                draw = 0.5 * (1.0 + tf.math.erf(draw / math.sqrt(2.0)))
            if kind == _CATEGORICAL:
                cumulated = _cumulated(logits(x, *draws))
                passed = tf.cast(cumulated[:, tf.newaxis, :-1] <= draw[..., tf.newaxis], tf.int32)
                draw = tf.cast(tf.reduce_sum(passed, axis=-1), tf.int64)
            draws.append(draw)
            first = last
        return self._score(x, *draws)

    def noise_of(self, x, seed) -> np.ndarray:
        """Noise that gives what the score gives for that seed, float32 (B, size)."""
        x = tf.convert_to_tensor(x, tf.float32)
        drawn = self._draw(x, tf.convert_to_tensor(seed, tf.int32))
        columns = [np.zeros([len(x), 0], "float32")]
        for index, (kind, (place, _)) in enumerate(zip(self._kinds, self._shapes, strict=True)):
            draw = drawn[index]
            if kind == _CATEGORICAL:  # the middle of the interval that gives this category
                cumulated = _cumulated(self._logits[index](x, *drawn[:index]))
                upper = tf.gather(cumulated, draw, batch_dims=1)
                lower = tf.gather(tf.pad(cumulated, [[0, 0], [1, 0]]), draw, batch_dims=1)
                draw = (lower + upper) / 2.0
            if kind != _NORMAL:
                draw = tf.math.ndtri(draw)
            columns.append(np.moveaxis(draw.numpy(), place, 0).reshape(len(x), -1))
        return np.concatenate(columns, axis=1)


def _cumulated(logits):
    """Cumulated probabilities, (B, S) -> (B, S)."""
    return tf.cumsum(tf.nn.softmax(logits), axis=-1)


def _shape(of_two, of_three):
    """The place of the batch axis in a draw, and the lengths of the others.

    Args:
        of_two: the draw's shape for a batch of two.
        of_three: the draw's shape for a batch of three.
    """
    places = [i for i, pair in enumerate(zip(of_two, of_three, strict=True)) if pair == (2, 3)]
    rest = of_two[: places[0]] + of_two[places[0] + 1 :] if len(places) == 1 else None
    if rest is None or rest != of_three[: places[0]] + of_three[places[0] + 1 :]:
        raise ValueError(_REFUSAL)
    return places[0], rest
