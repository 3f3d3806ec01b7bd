"""The steps of fit and evaluate: terms, losses, gradients, dual step, statistics."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tfvae import _replicas
from tfvae.models import compiled_update, guard, prior_steps
from tfvae.models.beside import Batch
from tfvae.models.losses import global_mean, layer_loss, own_layer_loss
from tfvae.models.statistics import OBSERVED
from tfvae.objectives import Terms
from tfvae.penalties import Inference

# Between the names of logs in one vector; no name has it.
SEPARATOR = "\n"


class Losses(NamedTuple):
    """The losses of a batch, one number for each example."""

    model: tf.Tensor
    """The objective's loss with the penalties on it, (B,)."""
    of_elbo: tf.Tensor
    """−ELBO with the penalties on it, whatever the multiplier, (B,)."""
    penalties: dict[str, tf.Tensor]
    """What is reported of penalties by name, without their weights, each (B,)."""
    networks: list[tf.Tensor]
    """The loss of each penalty's own network, (B,)."""


def train_step(model, data: Any) -> dict[str, tf.Tensor]:
    """One gradient step on all losses, then the dual step; returns the logs."""
    batch = model.unpack(data)
    # What is changed before it is known whether the step is good.
    forward = guard.forward_state(model)
    before = guard.values_of(forward)
    trained, measured = model.objective.divided(batch.x, batch.weights)
    batch = batch._replace(weights=trained)
    model.likelihood.count_observed(batch.target, batch.weights)
    for layer in model.standardizing:
        layer.observe(batch.target if layer.inverse else batch.x, batch.weights)
    centre = sum(layer.mean.value for layer in model.standardizing if layer.inverse)
    model.likelihood.observe_batch(batch.target - centre, batch.weights)
    model.objective.observe_batch(batch.target, model.likelihood)
    # The optimizers' owners: the model, and the penalties with a network.
    owners = [model, *model.network_penalties]
    networks = [model, *(penalty.network for penalty in model.network_penalties)]
    weights = [model.own_trainable_weights, *(one.trainable_weights for one in networks[1:])]
    # Means are over the global batch: gradients are summed over replicas.
    global_size = _replicas.total(tf.cast(tf.shape(batch.x)[0], tf.float32))
    with tf.GradientTape(persistent=len(owners) > 1) as tape:
        inference, losses = losses_of(model, batch, model.seed_generator, training=True)
        terms = inference.terms
        of_layers = [own_layer_loss(model), *(layer_loss(one) for one in networks[1:])]
        scaled = []
        for owner, loss, added in zip(
            owners, [losses.model, *losses.networks], of_layers, strict=True
        ):
            mean = global_mean(loss, added, batch, global_size)
            if owner is model:
                mean /= model.objective.gradient_divisor()
            scaled.append(owner.optimizer.scale_loss(mean))
    gradients = [
        tape.gradient(loss, [weight.value for weight in its_weights])
        for loss, its_weights in zip(scaled, weights, strict=True)
    ]
    sums, weight = sums_over_batch(terms, losses, of_layers[0], batch)
    if model.objective.sets_aside:
        aside = tf.where(trained > 0.0, 0.0, measured)
        # No example is set aside where none could be, and all measure the error.
        number = tf.reduce_sum(tf.cast(aside > 0.0, tf.float32))
        total = tf.tensordot(aside, tf.cast(losses.of_elbo, tf.float32), 1)
        sums_aside = tf.stack([total, tf.reduce_sum(aside), number])

    def update(totals):
        frozen = model.objective.prior_is_frozen
        # Put back rather than given no gradient: weight decay must not move the prior either, and
        # the optimizer's moments are warm when the prior's turn comes.
        held = [] if frozen is None or model.prior.steps else model.prior.trainable_weights
        with guard.unchanged(held, frozen):
            for owner, its_weights, its_gradients in zip(owners, weights, gradients, strict=True):
                if its_weights:
                    compiled_update.apply_gradients(owner.optimizer, its_gradients, its_weights)
        prior_steps.take(model, inference, batch, global_size, frozen)
        update_parts(model, totals, measured is not None)
        model.statistics.update_state(sums, weight)
        if model.objective.sets_aside:
            model.statistics.update_held_out(sums_aside)

    # An optimizer that scales its loss skips steps that overflow by itself.
    watched = [
        its_gradients
        for owner, its_gradients in zip(owners, gradients, strict=True)
        if not isinstance(owner.optimizer, keras.optimizers.LossScaleOptimizer)
    ]
    number = tf.convert_to_tensor(model.optimizer.iterations)
    of_parts = sums_for_parts(model, terms, measured)
    guard.run_if_finite(model, batch, sums, watched, update, number, (forward, before), of_parts)
    return step_logs(model)


def test_step(model, data: Any) -> dict[str, tf.Tensor]:
    """The terms of a batch, with noise of the evaluation's own stream; returns the logs."""
    batch = model.unpack(data)
    inference, losses = losses_of(model, batch, model.test_seed_generator, training=False)
    sums, weight = sums_over_batch(inference.terms, losses, own_layer_loss(model), batch)

    def update(totals):
        model.statistics.update_state(sums, weight)

    guard.run_if_finite(model, batch, sums, None, update, 0)
    return step_logs(model)


def losses_of(
    model, batch: Batch, generator: keras.random.SeedGenerator, *, training: bool
) -> tuple[Inference, Losses]:
    """What a step knows of a batch, and its losses, each example's own."""
    objective = model.objective
    inference = model.infer(
        batch,
        seed=_replicas.own_seed(tf.cast(generator.next(), tf.int32)),
        num_samples=objective.num_samples,
        analytic=objective.analytic_rate,
        per_latent=objective.needs_rate_per_latent,
        training=training,
    )
    terms = inference.terms
    loss = of_objective = objective.loss(terms)
    reported, networks = {}, []
    likelihood = model.likelihood
    if likelihood.missing:
        reported[OBSERVED] = likelihood.num_observed(batch.target) / likelihood.num_features
    if inference.choice is not None:
        reported |= inference.choice.penalties
        for value in inference.choice.penalties.values():
            loss += model.discrete.penalty_weight * value
    for index, penalty in enumerate(model.penalties):
        own_seed = tf.random.experimental.stateless_fold_in(inference.seed, index + 1)
        values = penalty.checked_values(inference, seed=own_seed, training=training)
        reported |= dict(zip(penalty.reported_names, values, strict=True))
        loss += penalty.weight_beside(model.objective) * values[0]
        if penalty.network is not None:
            networks.append(values[1])
    of_elbo = tf.reduce_mean(terms.distortion + terms.rate, axis=0) + loss - of_objective
    return inference, Losses(loss, of_elbo, reported, networks)


def sums_over_batch(
    terms: Terms, losses: Losses, of_layers: tf.Tensor | float, batch: Batch
) -> tuple[tf.Tensor, tf.Tensor]:
    """Σ w v of each term over the batch, in the order of the statistics, and Σ w."""
    distortion = tf.reduce_mean(terms.distortion, axis=0)
    rate, error = tf.reduce_mean(terms.rate, axis=0), tf.reduce_mean(terms.error, axis=0)
    loss = losses.model + of_layers
    terms_of_each = [distortion, rate, error, *losses.penalties.values(), loss]
    values = tf.stack([tf.cast(one, tf.float32) for one in terms_of_each])  # (terms, B)
    if batch.weights is None:
        return tf.reduce_sum(values, axis=1), tf.cast(tf.shape(values)[1], tf.float32)
    return tf.linalg.matvec(values, batch.weights), tf.reduce_sum(batch.weights)


def sums_for_parts(model, terms: Terms, weights: tf.Tensor | None) -> list[tf.Tensor]:
    """Σ w of a batch, Σ w of the error and, where the scale is learned, Σ w of the residual."""
    error = tf.reduce_mean(terms.error, axis=0)
    if weights is None:
        sums = [tf.cast(tf.shape(error)[0], tf.float32), tf.reduce_sum(error)]
    else:
        sums = [tf.reduce_sum(weights), tf.reduce_sum(error * weights)]
    if terms.residual is not None:
        residual = terms.residual[0]
        if model.objective.num_samples > 1:
            shares = model.objective.sample_weights(terms)
            shape = tf.concat([tf.shape(shares), [1] * (residual.shape.rank - 1)], axis=0)
            residual = tf.reduce_sum(tf.reshape(shares, shape) * terms.residual, axis=0)
        if weights is None:
            sums.append(tf.reduce_sum(residual, axis=0))
        else:
            sums.append(tf.tensordot(weights, residual, 1))
    return sums


def update_parts(model, totals: list[tf.Tensor], weighted: bool) -> None:
    """The dual step and the learned scale, from means over the global batch; then schedules.

    Args:
        model: its objective and its likelihood are updated.
        totals: `sums_for_parts` over all replicas.
        weighted: whether examples have weights: perhaps all are 0, and there is no mean then.
    """
    total, *sums = totals
    changed = []
    if weighted:
        changed = [*model.objective.weights, *model.likelihood.non_trainable_weights]
    with guard.unchanged(changed, total == 0.0):
        model.objective.update(sums[0] / total)
        if len(sums) > 1:
            model.likelihood.update(sums[1] / total)
    for count_step in model.step_counters:
        count_step()


def metrics_result(model) -> dict[str, tf.Tensor]:
    """See `LatentVariableModel.get_metrics_result`."""
    result = model.statistics.result()
    result["elbo"] = -(result["distortion"] + result["rate"])
    error = result.pop("error")
    if OBSERVED in result:  # per value that was there in these data
        of_training = model.likelihood.mean_num_observed() / model.likelihood.num_features
        error *= tf.math.divide_no_nan(of_training, result[OBSERVED])
    result["constraint"] = model.likelihood.kappa_of(error)
    bound = model.objective.bound
    if bound is not None:
        result["kappa"] = model.likelihood.kappa_of(bound)
    changing = {k: v for part in model.components for k, v in part.scheduled_numbers().items()}
    return {**result, **model.objective.state(), **changing}


def step_logs(model) -> dict[str, tf.Tensor]:
    """What a step returns to Keras: the logs, and for several workers one vector of all of them.

    Keras takes the mean of every log over its first axis and the workers, which a scalar does not
    have (keras-team/keras issue 20585), in two reductions for each. `unpacked` gives them back.
    """
    logs = model.get_metrics_result()
    if _replicas.over_workers():
        vector = tf.stack([tf.cast(value, tf.float32) for value in logs.values()])
        return {SEPARATOR.join(logs): vector[tf.newaxis]}
    return logs


def unpacked(logs: dict[str, tf.Tensor]) -> dict[str, Any]:
    """The logs of a step by name, from what `step_logs` returned and Keras reduced."""
    ((names, values), *others) = logs.items()
    if others or SEPARATOR not in names:
        return logs
    return dict(zip(names.split(SEPARATOR), values.numpy(), strict=True))
