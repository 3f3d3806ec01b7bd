"""Running means of the terms of a model, and the record of the first step that went wrong."""

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tfvae import _checks

TERMS = ("distortion", "rate", "error")
# What else is reported of every model, or of some objectives.
REPORTED = ("loss", "elbo", "constraint", "kappa", "lambda", "capacity", "discrete_capacity")
REPORTED += ("held_out_loss", "period", "open_latents", "discrete_open")
# The share of the values that are there, of a likelihood that takes missing ones.
OBSERVED = "observed"


class StepStatistics(keras.metrics.Metric):
    """Σ w v of all terms in one vector, and Σ w: one update a step, whatever their number.

    A vector costs a step of a small network much less than one Keras metric a term would.

    Args:
        more: names of penalties, reported between `TERMS` and the loss.
        held_out: whether there is a mean over the examples that the objective sets aside.

    Raises:
        ValueError: when a penalty has the name of another quantity.
    """

    def __init__(
        self,
        more: Sequence[str] = (),
        held_out: bool = False,
        name: str = "step_statistics",
        **kwargs,
    ):
        super().__init__(name=name, dtype="float32", **kwargs)
        for own in more:
            if list(more).count(own) > 1 or own in TERMS + REPORTED:
                raise ValueError(
                    f"`penalties` must have names of their own, received {own!r}, under which "
                    "something else is reported. Give the penalty another `name=`."
                )
        self.terms = (*TERMS, *more, "loss")
        # Order in which a step is searched for the first quantity that is not finite.
        self.watched = ("input", "labels", "bound", *self.terms, "gradients")
        self.total = self.add_variable(
            (len(self.terms),), initializer="zeros", dtype="float32", name="total"
        )
        self.weight = self.add_variable((), initializer="zeros", dtype="float32", name="weight")
        # Σ w v, Σ w and the number of the examples set aside.
        self.held_out = None
        if held_out:
            self.held_out = self.add_variable(
                (3,), initializer="zeros", dtype="float32", name="held_out"
            )
        # (position in `watched` + 1, step, least and greatest input) of the first bad step; else 0.
        # Every replica notes the same.
        self.failure = self.add_variable(
            (4,),
            initializer="zeros",
            dtype="float32",
            aggregation="only_first_replica",
            name="failure",
        )

    def update_state(self, sums: tf.Tensor, weight: tf.Tensor) -> None:
        """Adds Σ w v of each term, (len(terms),), and Σ w, ()."""
        self.total.assign_add(sums)
        self.weight.assign_add(weight)

    def update_held_out(self, sums: tf.Tensor) -> None:
        """Adds Σ w v, Σ w and the number of the examples set aside, (3,)."""
        self.held_out.assign_add(sums)

    def held_out_mean(self) -> tuple[float, int]:
        """The mean of v over the examples set aside since the last reset, and their number.

        (NaN, 0) without any.
        """
        total, weight, number = np.asarray(self.held_out.value, "float64")
        return (float(total / weight), int(number)) if weight > 0.0 else (math.nan, 0)

    def has_failed(self) -> tf.Tensor:
        """Scalar bool: whether a step since the last reset was bad."""
        return self.failure[0] > 0.0

    def record_failure(self, step: tf.Tensor, findings: tf.Tensor) -> None:
        """Notes the first of `watched` that is not finite, unless an earlier failure stands.

        Args:
            step: number of the step, from 0.
            findings: (replicas, len(watched) + 2): 0 for each of `watched` that is finite, else 1,
                then −min x and max x of what is finite.
        """
        worst = tf.reduce_max(findings, axis=0)
        first = tf.cast(tf.argmax(worst[:-2]), tf.float32) + 1.0
        now = tf.stack([first, tf.cast(step, tf.float32), -worst[-2], worst[-1]])
        self.failure.assign(tf.where(self.has_failed(), self.failure.value, now))

    def result(self) -> dict[str, tf.Tensor]:
        """The weighted mean of each term."""
        means = tf.math.divide_no_nan(self.total.value, self.weight.value)
        return dict(zip(self.terms, tf.unstack(means), strict=True))

    def raise_on_failure(self, allowed: str, doing: str, names: str = "`x`") -> None:
        """Raises the error that the recorded failure calls for.

        Args:
            allowed: what values may be.
            doing: "training" or "evaluation".
            names: of the data whose values were looked at.

        Raises:
            ValueError: when the data hold NaN, infinities or values that are not allowed.
            FloatingPointError: when a term, the loss or a gradient was the first not to be finite.
        """
        failure = self.failure.numpy()
        if failure[0] == 0.0:
            return
        term, step, low, high = self.watched[int(failure[0]) - 1], int(failure[1]), *failure[2:]
        self.reset_state()
        where = f"Step {step + 1} of {doing}"
        if term == "input":
            pixels = _checks.pixels_hint(low, high, allowed)
            missing = _checks.missing_hint(allowed)
            raise ValueError(
                f"{where}: every value of {names} must be {allowed}; received "
                f"{_checks.span(low, high)}, NaN or infinities possibly beside. Clean or rescale "
                f"the data, or choose a likelihood that allows them.{missing}{pixels} No weight "
                "was changed by this step."
            )
        if term == "labels":
            raise ValueError(
                f"{where}: `labels` must be whole numbers from 0 to S − 1, or the value that stands"
                " for an unknown one; received others. No weight was changed by this step."
            )
        if term == "bound":
            raise ValueError(
                f"{where}: no bound on the error follows from this batch, since its examples do "
                "not vary. Give `kappa=` to the objective, or larger batches."
            )
        raise FloatingPointError(
            f"{where}: `{term}` is not finite, and is the first quantity that is not (in the order "
            f"{', '.join(self.watched)}). Training has stopped; the weights are those before this "
            "step. What usually helps: a lower learning rate, `clipnorm` in the optimizer, data "
            "scaled to about unit size."
        )
