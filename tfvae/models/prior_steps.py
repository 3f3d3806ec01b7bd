"""The steps that a training step takes on the prior alone."""

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _replicas
from tfvae.models import guard
from tfvae.models.beside import Batch
from tfvae.models.losses import global_mean, layer_loss
from tfvae.penalties import Inference


def take(
    model,
    inference: Inference,
    batch: Batch,
    global_size: tf.Tensor,
    frozen: tf.Tensor | None,
) -> None:
    """Takes `prior.steps` steps on −E_{q(z)}[log p(z)], unless the prior is frozen.

    E is the mean over the global batch, with z drawn anew from q(z|x) for each step. What a loop
    in the graph cannot hold, reductions over replicas, is unrolled.

    Args:
        model: its prior has the optimizer.
        inference: q(z|x) of the batch, and a seed.
        batch: its weights count.
        global_size: number of examples of the global batch.
        frozen: whether the objective leaves the prior alone; None: never.
    """
    prior, posterior = model.prior, inference.posterior

    def all_steps():
        prior.observe(posterior, batch.weights)
        weights = prior.trainable_weights
        if not prior.steps or not weights:
            return
        seed = tfp.random.split_seed(inference.seed, n=1, salt="prior steps")[0]

        def step(index):
            own = tf.random.experimental.stateless_fold_in(seed, index)
            draw, estimate = tfp.random.split_seed(own, n=2, salt="prior step")
            noise = posterior.sample(seed=draw)
            with tf.GradientTape() as tape:
                losses = -prior.log_prob(noise, seed=estimate, training=True)
                if losses.shape.rank > 1:  # Steps of a sequence are a product.
                    losses = tf.reduce_sum(losses, axis=list(range(1, losses.shape.rank)))
                mean = global_mean(losses, layer_loss(prior), batch, global_size)
                scaled = prior.optimizer.scale_loss(mean)
            gradients = tape.gradient(scaled, [weight.value for weight in weights])
            prior.optimizer.apply_gradients(zip(gradients, weights, strict=True))

        if _replicas.several():
            for index in range(prior.steps):
                step(index)
            return

        def body(index):
            step(index)
            return [index + 1]

        tf.while_loop(lambda index: index < prior.steps, body, [0], parallel_iterations=1)

    if frozen is None:
        all_steps()
    elif _replicas.several():
        state = [*prior.weights, *(prior.optimizer.variables if prior.steps else ())]
        with guard.unchanged(state, frozen):
            all_steps()
    else:
        tf.cond(frozen, lambda: guard.nothing(None), lambda: guard.nothing(all_steps()))
