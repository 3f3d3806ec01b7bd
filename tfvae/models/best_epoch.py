"""The weights of the best epoch, by the examples that the objective sets aside."""

import math
from typing import Any

import keras

# So many losses of single examples tell one epoch from another: each has its own draw of z.
DRAWS = 100
# A loss that rose by less, in nats, in the last part of the training is not worth a warning.
NOTABLE = 0.5


class BestEpoch(keras.callbacks.Callback):
    """Ends `fit` with the weights of the least "held_out_loss", which it adds to the logs.

    There is none where no example is set aside. It is −ELBO with the penalties on it, in nats, as a
    mean over an epoch and the n examples that the objective sets aside (`Objective.divided`). Where
    it rises, networks learn the other examples by heart. Small data have few: epochs are compared
    by the moving average of the loss, in which an epoch has the share n/(n + 100). Epochs that end
    while the objective holds the prior do not count. Optimizer and random streams are those of the
    last epoch.
    """

    keeps_state = True
    """`tfvae.callbacks.Checkpoints` saves its public state as part of the run."""

    def __init__(self) -> None:
        super().__init__()
        # The moving average is `total`/`weight`.
        self.total, self.weight = 0.0, 0.0
        self.best, self.last, self.best_epoch, self.last_epoch = math.inf, math.nan, -1, -1
        self.best_weights = []
        # Of examples that were set aside in all epochs.
        self.number = 0.0
        self._measured = None

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Measures before validation: it uses the same sums."""
        self._measured = self.model.statistics.held_out_mean()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Keeps the weights if the epoch is the best one."""
        loss, number = self._measured or self.model.statistics.held_out_mean()
        self._measured = None
        self.last_epoch = epoch
        self.number += number
        if logs is not None and self.number:
            logs["held_out_loss"] = loss
        frozen = self.model.objective.prior_is_frozen
        if not number or (frozen is not None and bool(frozen)):
            return
        share = number / (number + DRAWS)
        self.total += share * (loss - self.total)
        self.weight += share * (1.0 - self.weight)
        self.last = self.total / self.weight
        if self.last < self.best:
            self.best, self.best_epoch = self.last, epoch
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Restores the weights of the best epoch."""
        if self.best_epoch < self.last_epoch and self.best_weights:
            self.model.set_weights(self.best_weights)

    def warning(self) -> str | None:
        """What a user should know about the epochs after the best one; None: all is well."""
        if self.last_epoch >= 0 and not self.number:
            return (
                "No example was set aside: one in ten is, to measure the error on examples that "
                "are not trained on, and these data are too few, or have too few different ones. "
                "The error and the automatic `kappa` are those of the training examples, and no "
                "epoch was chosen as the best. Give more data (about 50 examples or more), or "
                "`objective=tfvae.objectives.Constrained(kappa=…)`."
            )
        epochs = f"{self.last_epoch + 1} epochs"
        if not self.best_weights or self.last < self.best + NOTABLE:
            return None
        return (
            f"After epoch {self.best_epoch + 1} of {epochs} the model learned its examples by "
            f"heart: on those set aside, the loss rose from {self.best:.4g} to {self.last:.4g} "
            f"nats. The weights of epoch {self.best_epoch + 1} were restored. More data, smaller "
            "networks, weight decay or dropout help; more epochs do not."
        )


def added(model, options: dict[str, Any]) -> BestEpoch | None:
    """Adds a `BestEpoch` to the callbacks of `fit`, where the objective sets examples aside.

    None where another callback restores weights, the optimizer averages them, or the callbacks come
    as Keras' `CallbackList`.
    """
    callbacks = options.get("callbacks")
    if callbacks is None or isinstance(callbacks, keras.callbacks.Callback):
        callbacks = [] if callbacks is None else [callbacks]
    others = not isinstance(callbacks, (list, tuple)) or any(
        getattr(one, "restore_best_weights", False) for one in callbacks
    )
    if others or not model.objective.sets_aside or getattr(model.optimizer, "use_ema", False):
        return None
    own = BestEpoch()
    # First in the list: those that follow see its log, and the weights that it restores.
    options["callbacks"] = [own, *callbacks]
    return own
