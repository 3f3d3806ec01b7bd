"""The guard of a step: the step changes nothing if one of its quantities is not finite."""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from tfvae import _replicas
from tfvae._component import Component
from tfvae.models.beside import OUT_OF_RANGE, Batch


def run_if_finite(
    model,
    batch: Batch,
    sums: tf.Tensor,
    gradients: list[list[tf.Tensor]] | None,
    update: Callable[[list[tf.Tensor]], None],
    number: tf.Tensor | int,
    forward: tuple[Sequence[keras.Variable], Sequence[tf.Tensor]] = ((), ()),
    to_total: Sequence[tf.Tensor] = (),
) -> None:
    """Runs `update` if all is finite and no earlier step has failed, else records what is not.

    The norm of gradients too large to be squared is infinite, though they are finite: an optimizer
    such as Adam would turn them into NaN.

    Args:
        model: its `statistics` keep the record.
        batch: data, which must be finite, and the target in the likelihood's support.
        sums: sums of all terms over the batch, (terms,).
        gradients: of each loss in a training step; None in evaluation.
        update: function that changes the weights and the statistics; it is given the totals.
        number: how many steps came before this one.
        forward: `forward_state`, which computing the terms may have changed, and its values before.
        to_total: what `update` needs the total of, over all replicas. The replicas' votes go with
            it, in one reduction.
    """
    watched = [one for part in gradients or [] for one in part if one is not None]
    norm = tf.zeros([])
    if watched:  # cast, since networks of several precisions have gradients of several
        norm = tf.linalg.global_norm([tf.cast(one, tf.float32) for one in watched])
    likelihood = model.likelihood
    in_support = likelihood.in_support(batch.target)
    ready = tf.constant(True) if gradients is None else model.objective.is_ready()
    good = tf.math.is_finite(norm + tf.reduce_sum(sums)) & in_support & ready
    good &= ~model.statistics.has_failed()
    labelled = tf.constant(True)
    if batch.labels is not None:
        labelled = tf.reduce_all(batch.labels != OUT_OF_RANGE)
        good &= labelled
    # What a ReLU on its way to the terms might turn into an ordinary number.
    read = [batch.x] if batch.target is not batch.x else []
    if batch.condition is not None:
        read.append(tf.cast(batch.condition, tf.float32))
    for value in read:
        good &= tf.reduce_all(tf.math.is_finite(value))

    def findings():
        values = [likelihood.filled(batch.target), *read]
        finite = [tf.reduce_all(tf.math.is_finite(value)) for value in values]
        fine = [tf.reduce_all(finite) & in_support, labelled, ready]
        fine += [*tf.unstack(tf.math.is_finite(sums)), tf.math.is_finite(norm)]
        bad = [tf.cast(~one, tf.float32) for one in fine]
        lowest = [tf.where(tf.math.is_finite(v), -v, -np.inf) for v in values]
        highest = [tf.where(tf.math.is_finite(v), v, -np.inf) for v in values]
        extremes = [tf.reduce_max([tf.reduce_max(v) for v in one]) for one in (lowest, highest)]
        return tf.stack([*bad, *extremes])

    def record(found):
        model.statistics.record_failure(number, found)

    if not _replicas.several():

        def undo():
            record(findings()[tf.newaxis])
            for variable, value in zip(*forward, strict=True):
                variable.assign(value)

        tf.cond(good, lambda: nothing(update(list(to_total))), lambda: nothing(undo()))
        return
    # Within a replica no branch may hold a reduction: the update runs, and is undone.
    vote = tf.concat([[tf.cast(good, tf.float32)], findings()], axis=0)
    votes, *totals = _replicas.total([_replicas.own_row(vote), *to_total])
    good, found = tf.reduce_all(votes[:, 0] > 0.0), votes[:, 1:]
    with unchanged([] if gradients is None else model.training_state, ~good):
        update(totals)
    for variable, value in zip(*forward, strict=True):
        variable.assign(tf.where(good, variable.value, value))
    tf.cond(good, lambda: nothing(None), lambda: nothing(record(found)))


def forward_state(model) -> list[keras.Variable]:
    """Weights that change before it is known whether a step is good.

    Layers change some when they are called, such as moments of batch normalisation, and the
    likelihood some when it observes a batch.
    """
    layers = [one for one in model._flatten_layers() if not isinstance(one, Component)]
    own = [weight for layer in layers for weight in layer._non_trainable_variables]
    own += model.likelihood.non_trainable_weights
    return list({id(weight): weight for weight in own}.values())


def values_of(variables: Sequence[keras.Variable]) -> list[tf.Tensor]:
    """Copies of the values that variables have now."""
    return [variable.value + tf.zeros([], variable.value.dtype) for variable in variables]


@contextlib.contextmanager
def unchanged(variables: Sequence[keras.Variable], condition: tf.Tensor) -> Iterator[None]:
    """Puts `variables` back to what they were before the block, where `condition` is true."""
    before = values_of(variables)
    yield
    for variable, value in zip(variables, before, strict=True):
        variable.assign(tf.where(condition, value, variable.value))


def nothing(_):
    """What a branch returns whose effects are assignments."""
    return tf.constant(0)
