"""Histograms of colours, for networks that read or explain what colours an image has."""

from typing import Any

import keras
import tensorflow as tf

from tfvae import _checks


@keras.saving.register_keras_serializable(package="tfvae")
class ColorHistogram(keras.layers.Layer):
    """Square roots of joint colour histograms, one for each horizontal stripe of an image.

        h_s(k) = Σ_{p ∈ s} w(p)·Π_c max(0, 1 − |(K − 1)·x_pc − k_c|) / Σ_{p ∈ s} w(p)
        outputs = √(K³·h_s(k)), whose mean square is 1

    k = (k_r, k_g, k_b) are K³ colours on a grid. Each pixel is shared out among the eight nearest,
    so that a little more light changes h a little. w falls from the middle of the image to both
    sides as a Gaussian, since a person stands in the middle of a box. Stripes tell a shirt from
    trousers. Euclidean distance between square roots is in proportion to Hellinger's distance.

    Args:
        bins: K, number of values of a channel, at least 2.
        stripes: number of stripes, from the top; the height must be a multiple of it.
        width: standard deviation of w, in half widths of the image; ∞ weighs all alike.

    Raises:
        ValueError: when an argument lies outside its range, or an image is not (height, width, 3).

    Example:
        >>> import numpy as np, tfvae
        >>> red_over_blue = np.zeros((1, 4, 4, 3), "float32")
        >>> red_over_blue[:, :2, :, 0], red_over_blue[:, 2:, :, 2] = 1.0, 1.0
        >>> h = tfvae.networks.ColorHistogram(bins=2, stripes=2)(red_over_blue)
        >>> (h.numpy() ** 2 / 8).round(3).reshape(2, 2, 2, 2)[[0, 1], [1, 0], [0, 0], [0, 1]]
        array([1., 1.], dtype=float32)
    """

    def __init__(self, bins: int = 8, stripes: int = 8, width: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bins = _checks.whole_in("bins", bins, 2, 64)
        self.stripes = _checks.positive_int("stripes", stripes)
        self.width = _checks.number_in("width", width, 0.0, float("inf"), low_open=True)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Checks the shape of images."""
        self._check(input_shape)

    def _check(self, shape):
        if len(shape) != 4 or shape[-1] != 3 or not shape[1] or shape[1] % self.stripes:
            raise ValueError(
                f"`inputs` must be colour images (batch, height, width, 3) whose height is a "
                f"multiple of {self.stripes} stripes, received the shape {tuple(shape)}."
            )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Images in [0, 1], (B, height, width, 3), to (B, stripes·K³)."""
        x = tf.cast(inputs, tf.float32)
        width = tf.shape(x)[2]
        place = tf.linspace(-1.0, 1.0, width)
        weight = tf.exp(-0.5 * tf.square(place / self.width))
        weight /= tf.reduce_sum(weight) * (x.shape[1] / self.stripes)
        grid = tf.range(self.bins, dtype=tf.float32)
        shares = tf.nn.relu(1.0 - tf.abs((self.bins - 1.0) * x[..., tf.newaxis] - grid))
        # Pixels of a stripe on one axis: (B, stripes, pixels, 3, K).
        batch = tf.shape(x)[0]
        pixels = (x.shape[1] // self.stripes) * width
        shares = tf.reshape(shares, [batch, self.stripes, pixels, 3, self.bins])
        red, green, blue = tf.unstack(shares, axis=3)
        rows = x.shape[1] // self.stripes
        red *= tf.tile(weight, [rows])[:, tf.newaxis]
        pairs = tf.einsum("bspi,bspj->bspij", red, green)
        pairs = tf.reshape(pairs, [batch, self.stripes, pixels, self.bins**2])
        counts = tf.einsum("bspq,bspk->bsqk", pairs, blue)
        roots = tf.sqrt(self.bins**3 * tf.maximum(counts, 0.0))
        return tf.cast(tf.reshape(roots, [batch, self.stripes * self.bins**3]), self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """(B, stripes·K³)."""
        self._check(input_shape)
        return (input_shape[0], self.stripes * self.bins**3)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = {"bins": self.bins, "stripes": self.stripes, "width": self.width}
        return {**super().get_config(), **own}
