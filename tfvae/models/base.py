"""The base class of all models: a generative model with what trains and keeps it."""

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import _checks, _seeds, objectives
from tfvae._coefficients import coefficients
from tfvae._component import Component, fixed_attributes
from tfvae._signatures import ClassSignature
from tfvae.discrete import Discrete
from tfvae.likelihoods import Likelihood
from tfvae.models import accepted, beside, best_epoch, inputs, latents, training, workflow
from tfvae.models.beside import Batch
from tfvae.models.first_look import first_look
from tfvae.models.refitting import Refittable
from tfvae.models.statistics import OBSERVED, StepStatistics
from tfvae.networks.standardize import standardizing
from tfvae.objectives import Objective
from tfvae.penalties import Penalty
from tfvae.penalties import get as get_penalties
from tfvae.priors import Prior


class LatentVariableModel(Refittable):
    """A latent variable model p(x), composed of parts, with an amortised posterior q(z|x).

    Each station of the line that every model follows is handed in:

        x ─ encoder ─▶ q(z|x) ─ sample ─▶ z, d, c ─ decoder ─▶ p(x|z, d, c)
        distortion −log p(x|z, d, c), rate KL(q ‖ p(z)) ─ objective, penalties ─▶ loss

    Args:
        latent_dim: N_z; of each step where an example is a sequence.
        encoder: Keras model or layer, x -> features. None: convolutions for images of at least
            24×24 pixels, dense layers for all else. `posterior_head`, a layer of the model, makes
            q(z|x) of the features. `encoder.trainable = False` leaves it trainable, for encoders
            that were trained elsewhere; `posterior_head.trainable = False` as well holds q(z|x).
        decoder: Keras model or layer, [z, d, c] -> parameters of the likelihood. None: the
            encoder's mirror image.
        likelihood: "gaussian", "bernoulli" or an object of `tfvae.likelihoods`.
        prior: "standard_normal", "hierarchical", "vamp", "gaussian_mixture", "flow" or an object of
            `tfvae.priors`.
        objective: "elbo", "constrained", … or an object of `tfvae.objectives`.
        discrete: categories d beside z, an object of `tfvae.discrete`: `Labels(S)` observed,
            `GumbelSoftmax(S)` or `Assigned(S)` latent. None: there are none.
        condition: an observed vector c for both networks: its length, or a Keras layer that embeds
            it. None: there is none.
        target: "x": x itself is explained; "y": what comes beside it, a clean image or another
            view, given as y.
        corruption: a layer that corrupts what the encoder reads in training, such as
            `keras.layers.GaussianNoise(0.3)`; the target stays clean. None: nothing is corrupted.
        penalties: what is added to the loss: objects of `tfvae.penalties` or short names,
            "flatness", "total_correlation", ….
        seed: of all random numbers of the model: first weights, noise, layers such as Dropout. A
            network that has weights already keeps them. None draws one from Python's `random`,
            which `keras.utils.set_random_seed` decides.

    Labels, condition and target come beside x, as y: alone where the model needs one of them, as a
    dict with the keys "labels", "condition", "target" where it needs several.

    Raises:
        ValueError: when an argument is not of the kind described.
    """

    def __init__(
        self,
        latent_dim: int,
        encoder: keras.layers.Layer | None = None,
        decoder: keras.layers.Layer | None = None,
        likelihood: str | Likelihood = "gaussian",
        prior: str | Prior = "standard_normal",
        objective: str | Objective = "elbo",
        discrete: Discrete | None = None,
        condition: int | keras.layers.Layer | None = None,
        target: str = "x",
        corruption: keras.layers.Layer | None = None,
        penalties: Sequence[str | Penalty] = (),
        seed: int | None = None,
        **kwargs,
    ):
        parts = (encoder, decoder, likelihood, prior, discrete, condition, target, corruption)
        super().__init__(latent_dim, *parts, **kwargs)
        self.objective = objectives.get(objective)
        self.penalties = get_penalties(penalties)
        self.seed = seed = None if seed is None else _checks.whole("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(seed)
        # Evaluation draws from a stream of its own that starts anew each time: evaluating twice
        # gives one result, and evaluating between epochs does not change the training.
        self.test_seed_generator = keras.random.SeedGenerator(0 if seed is None else seed)
        names = [OBSERVED] if self.likelihood.missing else []
        names += [] if self.discrete is None else list(self.discrete.penalty_names)
        names += [name for penalty in self.penalties for name in penalty.reported_names]
        self.statistics = StepStatistics(names, self.objective.sets_aside)

    def __init_subclass__(cls, **kwargs):
        """Lets `help` and `inspect.signature` show the arguments behind **kwargs."""
        super().__init_subclass__(**kwargs)
        cls.__signature__ = ClassSignature(cls, LatentVariableModel)

    def __setattr__(self, name, value):
        if getattr(self, "built", False) and name in fixed_attributes(type(self)):
            raise AttributeError(
                f"`{name}` of {type(self).__name__} is fixed once the model is built, since its "
                "steps were made with it. Make a new model to change it; coefficients of its parts "
                "may be assigned."
            )
        if getattr(self, "built", False) and name not in self.__dict__:
            owners = [p for p in self.components if name in (c.name for c in coefficients(p))]
            if owners:
                raise AttributeError(
                    f"`{name}` of {type(self).__name__} does not exist: assigning it would "
                    f"change nothing. Its {owners[0].role} has it: assign it there."
                )
        super().__setattr__(name, value)

    def build(self, input_shape: Any) -> None:
        """Creates all weights; see `GenerativeModel.build`."""
        if self.built:
            return
        # By hand a model may be built outside of the scope of the strategy that it belongs to.
        scope = self.distribute_strategy.scope()
        with tf.init_scope(), scope, _seeds.decided(self, self.seed):
            super().build(input_shape)
            self.objective.build(self.likelihood, self.latent_dim, self.num_categories)
            for penalty in self.penalties:
                penalty.build(self.latent_dim)
        counters = [count for part in self.components for count in part.step_counters]
        self.__dict__["step_counters"] = counters  # Keras need not track it.
        self.__dict__["standardizing"] = standardizing(self, self.encoders, self.decoder)

    @property
    def discrete_is_open(self) -> tf.Tensor | None:
        """Scalar bool: whether discrete latents take part yet, as the objective says."""
        return self.objective.discrete_is_open

    @property
    def components(self) -> list[Component]:
        """All parts that may have a state of their own."""
        latent = [] if self.discrete is None else [self.discrete]
        return [self.prior, self.likelihood, *latent, self.objective, *self.penalties]

    @property
    def network_penalties(self) -> list[Penalty]:
        """The penalties that own a network, and with it an optimizer."""
        return [penalty for penalty in self.penalties if penalty.network is not None]

    @property
    def parts_apart(self) -> list[Component]:
        """The parts that train weights by an optimizer of their own."""
        return [part for part in self.components if part.trained_apart() is not None]

    @property
    def own_trainable_weights(self) -> list[keras.Variable]:
        """What the model's optimizer trains: all but what parts with an optimizer train."""
        others = {id(weight) for one in self.parts_apart for weight in one.trained_apart().weights}
        return [weight for weight in super().trainable_weights if id(weight) not in others]

    @property
    def trainable_weights(self) -> list[keras.Variable]:
        """As in Keras, with the weights that parts with an optimizer train last.

        After `fit` Keras assigns the optimizer's moving averages (`use_ema`) to them in order.
        """
        last = [one.trained_apart().trainable_weights for one in self.parts_apart]
        return sum(last, self.own_trainable_weights)

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """The same, in the same order."""
        return self.trainable_weights

    @property
    def training_state(self) -> list[keras.Variable]:
        """All that a training step changes, the optimizers' variables included."""
        optimizers = [self.optimizer, *(part.optimizer for part in self.parts_apart)]
        return [*self.weights, *(v for optimizer in optimizers for v in optimizer.variables)]

    # ---- what a user calls -------------------------------------------------------------------

    def compile(
        self, optimizer: str | keras.optimizers.Optimizer = "adam", *args, **kwargs
    ) -> None:
        """As `keras.Model.compile`; the loss is the objective that the model was made with.

        Raises:
            ValueError: when a loss or metrics are given, the optimizer is a part's own, or several
                replicas cannot train so.
        """
        options = workflow.by_name(super().compile, optimizer, *args, **kwargs)
        super().compile(**workflow.compile_options(self, options))
        if self.built:
            self.build_optimizers()

    def compile_from_config(self, config: dict) -> None:
        """Compiles a loaded model as it was: training can go on."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def build_optimizers(self) -> None:
        """Creates the state of the optimizer, and of those that parts have of their own."""
        self.optimizer.build(self.own_trainable_weights)
        for part in self.parts_apart:
            part.optimizer.build(part.trained_apart().trainable_weights)

    def fit(self, x: Any = None, y: Any = None, *args, **kwargs) -> keras.callbacks.History:
        """As `keras.Model.fit`; y holds what the model needs beside x, else it is ignored.

        Raises:
            ValueError: when the model is not compiled; the data are empty, of the wrong shape or
                outside the support; or a part of y is missing.
            FloatingPointError: when a term is not finite; says which, and at which step.
        """
        workflow.check_compiled(self, "fit")
        inputs.check_batch_size("fit", y)
        options = workflow.by_name(super().fit, x, y, *args, **kwargs)
        look = first_look(self, x, y, values=True)
        workflow.build_for(self, look)
        self.columns = self.columns or look.columns
        of_units = workflow.check_values(self, look)
        if of_units:
            warnings.warn(of_units, stacklevel=2)
        options = workflow.fit_options(self, look, options)
        workflow.warn_of_monitors(self, options.get("callbacks"))
        best = best_epoch.added(self, options)
        with workflow.around_fit(options) as arguments:
            history = super().fit(**arguments)
        for part in self.parts_apart:  # as Keras does for the model's own
            part.optimizer.finalize_variable_values(part.trained_apart().trainable_weights)
        overfitted = best.warning() if best else None
        if overfitted:
            warnings.warn(overfitted, stacklevel=2)
        warning = self.objective.convergence_warning(self.likelihood)
        if warning:
            warnings.warn(warning, stacklevel=2)
        warning = None if warning or of_units else workflow.check_rate(self, history.history)
        if warning:
            warnings.warn(warning, stacklevel=2)
        return history

    def evaluate(
        self, x: Any = None, y: Any = None, *args, return_dict: bool = True, **kwargs
    ) -> dict[str, float] | list[float]:
        """As `keras.Model.evaluate`, but a dict; the same data give the same numbers each time."""
        workflow.check_compiled(self, "evaluate")
        inputs.check_batch_size("evaluate", y)
        options = workflow.by_name(super().evaluate, x, y, *args, **kwargs)
        look = first_look(self, x, y)
        workflow.build_for(self, look)
        self.test_seed_generator.state.assign([self.test_seed_generator.get_config()["seed"], 0])
        options = workflow.evaluate_options(self, look, options)
        return super().evaluate(**{"return_dict": return_dict, **options})

    def predict(self, x: Any, y: Any = None, *args, **kwargs) -> np.ndarray:
        """As `keras.Model.predict`: reconstructions at `embed(x, y)`, (n, *target)."""
        inputs.check_batch_size("predict", y)
        look = first_look(self, x, y, beside.INPUTS)
        workflow.build_for(self, look)
        return super().predict(workflow.predict_input(self, look, y), *args, **kwargs)

    def call(self, x: Any, training: bool = False) -> tf.Tensor:
        """The reconstruction mean at `embed`, what `predict` returns, (B, *target).

        `x` may be a pair (x, y). NaN for an example with a value that is not finite, in its
        condition too, or outside of the likelihood's support, such as raw pixels: on its way it
        would become an ordinary number.
        """
        batch = self.prepared(x, purpose=beside.INPUTS)
        encoded = self.encoded(batch, training=training)
        z = latents.joined(self.embedding(batch, encoded), None, encoded.condition)
        outputs = self.decoder_outputs(z, training=training)
        usable = tf.reshape(inputs.usable_rows(self, batch), [-1] + [1] * len(self.target_shape))
        return tf.where(usable, self.likelihood.mean(outputs), np.nan)

    def __call__(self, x: Any, *args, **kwargs) -> tf.Tensor:
        """As in Keras, which would look at numbers of a table alone, not at its columns' names."""
        return super().__call__(self._without_names(x), *args, **kwargs)

    def train_on_batch(self, x: Any, *args, **kwargs) -> Any:
        """As in Keras; see `__call__`."""
        return super().train_on_batch(self._without_names(x), *args, **kwargs)

    def test_on_batch(self, x: Any, *args, **kwargs) -> Any:
        """As in Keras; see `__call__`."""
        return super().test_on_batch(self._without_names(x), *args, **kwargs)

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """As in Keras; see `__call__`."""
        return super().predict_on_batch(self._without_names(x))

    def _without_names(self, x):
        return accepted.without_names("x", x, self.columns, self.takes_missing)

    # ---- what Keras calls --------------------------------------------------------------------

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """One gradient step on the loss, then the dual step on its multiplier."""
        return training.train_step(self, data)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """The terms of a batch."""
        return training.test_step(self, data)

    def predict_step(self, data: Any) -> tf.Tensor:
        """Reconstructions of a batch; y of a dataset holds what the model needs beside x."""
        x, y, _ = beside.unpack(data)
        return self((x, y) if self.needs.names and y is not None else x, training=False)

    def unpack(self, data: Any) -> Batch:
        """What Keras hands to a step as a checked batch."""
        x, y, weights = beside.unpack(data)
        batch = self.prepared(x, y)
        if weights is not None:
            weights = beside.check_weights(weights, tf.shape(batch.x)[0])
        return batch._replace(weights=weights)

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Builds the model for the first batch of what told no shapes before: a generator, say.

        Keras would reduce this batch over the replicas, and fails where they cannot share it evenly
        (keras-team/keras issues 19246, 20164).
        """
        if not self.built and iterator is not None:
            workflow.build_for(self, first_look(self, iterator.data_adapter.get_tf_dataset()))
        if not self.built:
            super()._maybe_symbolic_build(iterator, data_batch)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The one metric that holds the running means of all terms."""
        return [self.statistics]

    def get_metrics_result(self) -> dict[str, tf.Tensor]:
        """Means of the terms in nats, the error as `constraint` in the unit of κ, κ and λ."""
        return training.metrics_result(self)

    def make_train_function(self, force: bool = False) -> None:
        """As Keras makes it; the function raises when a step has failed."""
        if self.train_function is None or force:
            super().make_train_function(force)
            self.train_function = workflow.checked(self, self.train_function, "training")

    def make_test_function(self, force: bool = False) -> None:
        """As Keras makes it; the function raises when a step has failed."""
        if self.test_function is None or force:
            super().make_test_function(force)
            self.test_function = workflow.checked(self, self.test_function, "evaluation")
