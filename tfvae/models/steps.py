"""The steps of fit and evaluate: gradient, dual step, statistics, and no change on failure."""

import contextlib

import keras
import tensorflow as tf

from tfvae import _replicas
from tfvae.models.statistics import TERMS, StepStatistics
from tfvae.objectives import Terms

WITH_BIAS = (keras.layers.Dense, keras.layers.Conv2D, keras.layers.Conv2DTranspose)
# Layers that turn no finite gradient into one that is not, with an activation of which the same
# holds.
PLAIN = (
    *WITH_BIAS,
    keras.Sequential,
    keras.layers.Activation,
    keras.layers.Cropping2D,
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.InputLayer,
    keras.layers.ReLU,
    keras.layers.Reshape,
)


PLAIN_ACTIVATIONS = (
    keras.activations.linear,
    keras.activations.relu,
    keras.activations.elu,
    keras.activations.gelu,
    keras.activations.leaky_relu,
    keras.activations.selu,
    keras.activations.sigmoid,
    keras.activations.silu,
    keras.activations.softplus,
    keras.activations.tanh,
)


def _is_plain(layer) -> bool:
    activation = getattr(layer, "activation", keras.activations.linear)
    return isinstance(layer, PLAIN) and activation in PLAIN_ACTIVATIONS


class GuardedSteps(keras.Model):
    """`keras.Model` whose steps train an objective, and change nothing once one has failed.

    A subclass has the attributes `likelihood`, `prior`, `objective` and `flatness`, and the methods
    `_prepared` (data to float32, building the model) and `terms`.
    """

    def _create_streams(self, seed):
        """The streams of random numbers and the statistics of the steps."""
        self.seed_generator = keras.random.SeedGenerator(seed)
        # Evaluation draws from a stream of its own that starts anew each time: evaluating twice
        # gives one result, and evaluating between epochs does not change the training.
        self.test_seed_generator = keras.random.SeedGenerator(0 if seed is None else seed)
        self.statistics = StepStatistics(self.penalty_names)

    @property
    def penalty_names(self) -> tuple[str, ...]:
        """Names of the penalties, which are reported beside the terms."""
        return () if self.flatness is None else ("flatness",)

    @property
    def penalty_weights(self) -> dict[str, float]:
        """The weight of each penalty that is added to the objective's loss."""
        return {} if self.flatness is None else {"flatness": self.flatness.weight}

    learns_from_labels = False
    """Whether `fit` and `evaluate` need labels beside the data."""
    has_several_losses = False
    """Whether `_gradients` asks the tape for more than the gradient of one loss."""

    def _next_terms(self, x, labels, generator, training) -> Terms:
        seed = _replicas.own_seed(tf.cast(generator.next(), tf.int32))
        objective = self.objective
        return self.terms(
            x,
            seed=seed,
            num_samples=objective.num_samples,
            analytic=objective.analytic_rate,
            training=training,
            regularized=True,
            labels=labels,
        )

    def _loss(self, terms: Terms):
        """The objective's loss of each example with the penalties on it, (B,)."""
        loss = self.objective.loss(terms)
        for name, weight in self.penalty_weights.items():
            loss += weight * terms.penalties[name]
        return loss

    def _term_sums(self, terms: Terms, loss, weights):
        """Σ w v over the batch, in the order of the statistics, and Σ w."""
        means = (
            tf.reduce_mean(term, axis=0, keepdims=True)
            for term in (terms.distortion, terms.rate, terms.error)
        )
        more = [terms.penalties[name][tf.newaxis] for name in self.penalty_names]
        per_example = tf.concat([*means, loss[tf.newaxis], *more], axis=0)  # (terms, B)
        if weights is None:
            return tf.reduce_sum(per_example, axis=1), tf.cast(tf.shape(loss)[0], tf.float32)
        return tf.linalg.matvec(per_example, weights), tf.reduce_sum(weights)

    def train_step(self, data):
        """One gradient step on the objective's loss, then the dual step on its multiplier."""
        x, labels, weights = self._unpacked(data)
        self.objective.prepare(x, self.likelihood)
        with tf.GradientTape(persistent=self.has_several_losses) as tape:
            terms = self._next_terms(x, labels, self.seed_generator, training=True)
            loss = self._loss(terms)
            penalty = self._penalty()
            # The mean over the global batch: gradients are summed over replicas.
            batch_size = _replicas.total(tf.cast(tf.shape(x)[0], tf.float32))

            def mean(values):
                return tf.reduce_sum(values if weights is None else values * weights) / batch_size

            scaled = self.optimizer.scale_loss(mean(loss) + penalty / _replicas.count())
            others = self._other_losses(terms, mean)
        gradients = self._gradients(tape, scaled, others)
        sums, weight = self._term_sums(terms, loss + penalty, weights)
        self._step_unless_failed(
            x, sums, lambda: self._update(gradients, terms, sums, weights, weight), gradients
        )
        return self._step_logs()

    def test_step(self, data):
        """The terms of a batch, with noise of the evaluation's own stream."""
        x, labels, weights = self._unpacked(data)
        terms = self._next_terms(x, labels, self.test_seed_generator, training=False)
        loss = self._loss(terms) + self._penalty()
        sums, weight = self._term_sums(terms, loss, weights)
        self._step_unless_failed(x, sums, lambda: self.statistics.update_state(sums, weight))
        return self._step_logs()

    def _other_losses(self, terms, mean):
        """Losses of networks that do not minimise the model's; `mean` is that over the batch."""
        return ()

    def _gradients(self, tape, loss, others):
        """The gradient of the loss for each of the trainable weights."""
        return tape.gradient(loss, [v.value for v in self.trainable_weights])

    def _apply(self, gradients):
        """One step of the optimizer."""
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))

    @property
    def _optimizer_variables(self):
        return self.optimizer.variables

    def _penalty(self):
        """What regularisers of layers, and `add_loss` of layers, add to the loss; a scalar."""
        return tf.add_n([tf.cast(loss, tf.float32) for loss in self.losses] or [tf.zeros([])])

    @property
    def metrics(self):
        """The one metric that holds the running means of all terms."""
        return [self.statistics]

    def get_metrics_result(self):
        """Means of the terms in nats, the error as `constraint` in the unit of κ, κ and λ."""
        result = self.statistics.result()
        result["elbo"] = -(result["distortion"] + result["rate"])
        result["constraint"] = self.likelihood.kappa_of(result.pop("error"))
        bound = self.objective.bound
        if bound is not None:
            result["kappa"] = self.likelihood.kappa_of(bound)
        return {**result, **self.objective.state()}

    def _step_logs(self):
        """What a step returns to Keras.

        With several workers Keras 3 takes the mean over the first axis of every log, which a scalar
        does not have (keras-team/keras issue 20585).
        """
        logs = self.get_metrics_result()
        if _replicas.over_workers():
            return {name: tf.reshape(value, [1]) for name, value in logs.items()}
        return logs

    def _unpacked(self, data):
        """`x` in float32, labels or None, and one weight for each example, (B,), or None."""
        x, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        x = self._prepared(x)
        if weights is not None:
            if weights.shape.rank > 1 and weights.shape[1:].num_elements() != 1:
                raise ValueError(
                    f"`sample_weight` must hold one number for each example, received the shape "
                    f"{tuple(weights.shape)}."
                )
            weights = tf.reshape(tf.cast(weights, tf.float32), [tf.shape(x)[0]])
        return x, labels if self.learns_from_labels else None, weights

    def _update(self, gradients, terms, sums, weights, weight):
        """Gradient step, dual step and statistics."""
        held = self.objective.prior_is_held
        # Put back rather than given no gradient: weight decay must not move the prior either, and
        # the optimizer's moments are warm when its turn comes.
        resting = [] if held is None else self.prior.trainable_weights
        with _unchanged(resting, held):
            self._apply(gradients)
        self._update_state(terms, sums, weights, weight)
        self.statistics.update_state(sums, weight)

    def _update_state(self, terms, sums, weights, weight):
        """Dual step and learned scale, from the mean over the examples of the global batch."""
        total_weight = _replicas.total(weight)
        state = [*self.objective.weights, *self.likelihood.non_trainable_weights]
        with _unchanged(state, total_weight == 0.0):  # No example has a weight: no mean.
            self.objective.update(_replicas.total(sums[TERMS.index("error")]) / total_weight)
            if terms.residual is not None:
                residual = self._mean_over_samples(terms)
                rows = tf.ones([tf.shape(residual)[0]]) if weights is None else weights
                mean = _replicas.total(tf.tensordot(rows, residual, 1)) / total_weight
                self.likelihood.update(mean)

    def _mean_over_samples(self, terms):
        """The residual as the objective weighs the samples, (L, B, …) -> (B, …)."""
        weights = self.objective.sample_weights(terms)
        for _ in range(terms.residual.shape.rank - 2):
            weights = weights[..., tf.newaxis]
        return tf.reduce_sum(weights * terms.residual, axis=0)

    def _step_unless_failed(self, x, sums, step, gradients=None):
        """Runs `step` if every watched quantity is finite and no step before it has failed.

        `gradients` are those of a training step, None in evaluation.
        """
        training = gradients is not None
        gradients = self._watched_gradients(gradients) if training else []
        # A few numbers decide here; which quantity was the first is looked up only on failure.
        totals = [tf.cast(tf.reduce_sum(v), tf.float32) for v in (sums, *gradients)]
        good = tf.math.is_finite(tf.add_n(totals)) & self.likelihood.in_support(x)
        ready = self.objective.is_ready() if training else tf.constant(True)
        good &= ready & ~self.statistics.has_failed()
        step_number = self.optimizer.iterations.value if training else 0

        def evidence():
            bad = [
                ~(tf.reduce_all(tf.math.is_finite(x)) & self.likelihood.in_support(x)),
                ~ready,
                *tf.unstack(~tf.math.is_finite(sums)),
                ~tf.math.is_finite(tf.add_n(totals)),
            ]
            extremes = [tf.reduce_max(-x), tf.reduce_max(x)]
            return _replicas.gathered(tf.stack([*(tf.cast(b, tf.float32) for b in bad), *extremes]))

        def record(found):
            self.statistics.record_failure(step_number, found)

        if not _replicas.several():
            tf.cond(good, lambda: _nothing(step()), lambda: _nothing(record(evidence())))
            return
        # Within a replica no branch may hold a reduction: the step runs, and is undone.
        found = evidence()
        good = _replicas.mean(tf.cast(good, tf.float32)) > 0.999
        with _unchanged([*self.weights, *self._optimizer_variables] if training else [], ~good):
            step()
        tf.cond(good, lambda: _nothing(None), lambda: _nothing(record(found)))

    def _watched_gradients(self, gradients):
        """Gradients that are not finite when any gradient is not, as few numbers as possible.

        The gradient of a layer's bias is the sum over the batch of what flows back into the layer:
        where it is finite, so is that of the kernel, which is hundreds of times larger. What flows
        back into an encoder of plain layers has passed the posterior's head, whose bias is watched:
        so the optimizer need not wait for the end of the backward pass.
        """
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            return []  # An optimizer that scales the loss skips steps that overflow by itself.
        layers = self._flatten_layers(include_self=False)
        if self.flatness is not None:
            # Its gradient passes the Jacobian, to which a last layer's bias does not belong.
            decoder = {id(layer) for layer in self.decoder._flatten_layers()}
            layers = [layer for layer in layers if id(layer) not in decoder]
        covered = {
            id(layer.kernel) for layer in layers if isinstance(layer, WITH_BIAS) and layer.use_bias
        }
        reaches_encoder = self.flatness is not None and self.flatness.train_encoder
        plain = all(_is_plain(layer) for layer in self.encoder._flatten_layers())
        if plain and not reaches_encoder:
            covered |= {id(weight) for weight in self.encoder.trainable_weights}
        return [
            gradient
            for gradient, weight in zip(gradients, self.trainable_weights, strict=True)
            if gradient is not None and id(weight) not in covered
        ]


@contextlib.contextmanager
def _unchanged(variables, condition):
    """Puts `variables` back to what they were before the block, where `condition` is true."""
    before = [variable.value + tf.zeros([], variable.value.dtype) for variable in variables]
    yield
    for variable, value in zip(variables, before, strict=True):
        variable.assign(tf.where(condition, value, variable.value))


def _nothing(_):
    """What a branch returns whose effects are assignments."""
    return tf.constant(0)
