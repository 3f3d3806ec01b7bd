"""What a user calls of Keras: compile, fit, evaluate, predict; data are checked before a step."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from tfvae.models.steps import GuardedSteps


class Workflow(GuardedSteps):
    """Keras' methods, with clear errors, and without what surprises in them.

    A subclass has the methods `build` and `_check_shape`.
    """

    def compile(self, optimizer="adam", **kwargs):
        """Configures the optimizer; the loss is the objective that the model was made with.

        Raises:
            ValueError: when a loss or metrics are given.
        """
        for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            if kwargs.get(name) is not None:
                raise ValueError(
                    f"`compile` of a {type(self).__name__} takes no `{name}`, received "
                    f"{kwargs[name]!r}: the loss is the model's objective (`objective=` of the "
                    "constructor), and every term of it is reported."
                )
        super().compile(optimizer=optimizer, **kwargs)
        if self.built:
            self.build_optimizers()

    def compile_from_config(self, config):
        """Compiles a loaded model as it was, so that it can be trained on."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def build_optimizers(self):
        """Creates the optimizer's state."""
        self.optimizer.build(self.trainable_variables)

    def fit(self, x=None, y=None, *args, **kwargs):
        """As `keras.Model.fit`; labels are ignored, sample weights weigh the examples' losses.

        Raises:
            ValueError: when the data are empty, of the wrong shape or outside the support.
            FloatingPointError: when a term is not finite; says which, and at which step.
        """
        self._build_for(x)
        y = _labels(x, y, kwargs.get("sample_weight"))
        validation = kwargs.get("validation_data")
        if isinstance(validation, tuple) and len(validation) == 3:
            kwargs["validation_data"] = (validation[0], _labels(*validation), validation[2])
        self._warn_of_monitors(kwargs.get("callbacks"))
        history = super().fit(x, y, *args, **kwargs)
        concern = self.objective.concern(self.likelihood)
        if concern:
            warnings.warn(concern, stacklevel=2)
        return history

    def evaluate(self, x=None, y=None, *args, return_dict=True, **kwargs):
        """As `keras.Model.evaluate`, but a dict; the same data give the same numbers each time."""
        self._build_for(x)
        self.test_seed_generator.state.assign([self.test_seed_generator.get_config()["seed"], 0])
        y = _labels(x, y, kwargs.get("sample_weight"))
        return super().evaluate(x, y, *args, return_dict=return_dict, **kwargs)

    def predict(self, x, *args, **kwargs):
        """As `keras.Model.predict`: reconstructions E[x|z] at z = E[z|x], (n, *data)."""
        self._build_for(x)
        return super().predict(x, *args, **kwargs)

    def _build_for(self, x):
        """Checks data of known shape, and builds the model for them.

        Before Keras traces a function: an error in it would leave the function half traced, and the
        replicas of a distribution strategy can build neither a model nor, but for the one that
        Keras knows, an optimizer.
        """
        shape = _shape_of(x)
        if shape is None:
            return
        if shape[0] == 0:
            raise ValueError("`x` is empty: at least one example is needed.")
        with self.distribute_strategy.scope():
            self.build((None, *shape[1:]))
            if self.compiled and not self.optimizer.built:
                self.build_optimizers()
        self._check_shape(shape)

    def _warn_of_monitors(self, callbacks):
        """Warns of a callback that compares losses of different multipliers."""
        if self.objective.bound is None:
            return
        for callback in callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]:
            monitor = getattr(callback, "monitor", None)
            if monitor in ("loss", "val_loss"):
                better = monitor.replace("loss", "elbo")
                warnings.warn(
                    f"{type(callback).__name__} monitors {monitor!r}, whose values do not compare "
                    f"while the multiplier moves. Monitor {better!r} with mode='max'.",
                    stacklevel=3,
                )

    def make_train_function(self, force=False):
        """As Keras makes it; the function raises when a step has failed."""
        if self.train_function is None or force:
            super().make_train_function(force)
            self.train_function = self._checked(self.train_function, "training")

    def make_test_function(self, force=False):
        """As Keras makes it; the function raises when a step has failed."""
        if self.test_function is None or force:
            super().make_test_function(force)
            self.test_function = self._checked(self.test_function, "evaluation")

    def _checked(self, function, doing):
        def checked(iterator):
            logs = function(iterator)
            self.statistics.raise_on_failure(self.likelihood.allowed, doing)
            return logs

        return checked


def _labels(x, y, weights):
    """`y`, or zeros where there are weights alone: Keras drops the weights of unlabelled arrays."""
    return np.zeros(len(x), "float32") if y is None and weights is not None else y


def _shape_of(x):
    """The shape of an array, or that of a dataset's batches; None where only a step will tell.

    Raises:
        ValueError: for a list.
    """
    if isinstance(x, (list, tuple)):
        raise ValueError(
            f"`x` is a {type(x).__name__} of {len(x)} elements, but an array or a dataset is "
            "expected: `numpy.asarray(x)` makes an array of it."
        )
    if not isinstance(x, tf.data.Dataset):
        return tuple(x.shape) if hasattr(x, "shape") else None
    element = x.element_spec
    element = element[0] if isinstance(element, tuple) else element
    known = isinstance(element, tf.TensorSpec) and element.shape.rank is not None
    if not known or None in element.shape[1:]:
        return None
    return (0 if int(x.cardinality()) == 0 else None, *element.shape[1:])
