"""Counts the arithmetic of networks, and times their products and convolutions alone."""

import statistics
import time

import keras
import tensorflow as tf


def forward_flop(network: keras.Model, rows: int) -> list[float]:
    """FLOP of each layer with a kernel for `rows` examples, in order; a product and a sum are 2."""
    counts = []
    for layer in network.layers:
        if isinstance(layer, keras.Sequential):
            counts += forward_flop(layer, rows)
        elif isinstance(layer, keras.layers.Dense):
            counts.append(2.0 * rows * layer.kernel.shape[0] * layer.kernel.shape[1])
        elif isinstance(layer, keras.layers.Conv2DTranspose):
            counts.append(_convolution(layer, layer.input.shape, rows))
        elif isinstance(layer, keras.layers.Conv2D):
            counts.append(_convolution(layer, layer.output.shape, rows))
    return counts


def _convolution(layer, grid, rows):
    height, width, inputs, outputs = layer.kernel.shape
    return 2.0 * rows * grid[1] * grid[2] * height * width * inputs * outputs


def training_flop(counts: list[float], first_needs_input_gradient: bool) -> float:
    """Forward, weight gradient and input gradient; the first layer's input may need none."""
    total = 3.0 * sum(counts)
    return total if first_needs_input_gradient else total - counts[0]


def products_alone(
    network: keras.Model,
    rows: int,
    needs_input_gradient: bool,
    needs_weight_gradients: bool = True,
    repeats: int = 21,
) -> float:
    """Median seconds of a network's products and convolutions alone, forward and backward.

    The network without biases, activations and optimizer: what no training step can be faster than
    with the kernels of this TensorFlow.
    """

    def bare(layer):
        config = layer.get_config()
        config |= {"use_bias": False} if "use_bias" in config else {}
        config |= {"activation": "linear"} if "activation" in config else {}
        return type(layer).from_config(config)

    clone = keras.models.clone_model(network, clone_function=bare)
    x = tf.random.stateless_normal([rows, *network.input_shape[1:]], seed=[0, 2])
    upstream = tf.random.stateless_normal([rows, *network.output_shape[1:]], seed=[0, 3])
    sources = [x] * needs_input_gradient
    if needs_weight_gradients:
        sources += [weight.value for weight in clone.trainable_weights]

    @tf.function
    def forward_and_backward():
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = clone(x)
        gradients = tape.gradient(outputs, sources, output_gradients=upstream)
        return [tf.reshape(gradient, [-1])[0] for gradient in gradients]

    return median_seconds(forward_and_backward, repeats)


def median_seconds(function, repeats: int) -> float:
    """The median over calls of a function, after a first one that is not counted."""
    function()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)
