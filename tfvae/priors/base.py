"""What every prior p(z) offers: a distribution, its samples, and the rate against it."""

import abc
import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

from tfvae import _checks, _own_optimizer
from tfvae._component import Component

tfd = tfp.distributions


class Prior(Component, abc.ABC):
    """Base class: a Keras layer that owns weights and hands out a `tfd.Distribution`.

    A subclass gives `distribution`; one with weights creates them in `create_weights`. The model
    that owns the prior calls `build` once; a prior that stands alone is built by hand.

    A prior is learned as empirical Bayes: the optimum of E_{q(z)}[log p(z)] over its weights is the
    aggregated posterior q(z). With `steps` it follows q(z) closely as that changes: after each step
    of the networks, `steps` steps of `optimizer` on −log p(z) alone, with z drawn anew from q(z|x)
    of the batch each time. The model's optimizer then leaves the prior alone.

    Args:
        steps: number of steps on the prior for each step of the networks; 0: the model's optimizer
            trains prior and networks together.
        optimizer: Keras optimizer of these steps; None: Adam(3e-3).

    Raises:
        ValueError: when `steps` is not a whole number ≥ 0, or there is an optimizer without steps.

    Example, N(m, I) with a learned mean:
        >>> import tensorflow as tf, tensorflow_probability as tfp, tfvae
        >>> class LearnedMean(tfvae.priors.Prior):
        ...     def create_weights(self, data_shape, encode):
        ...         self.mean = self.add_weight(shape=(self.latent_dim,), name="mean")
        ...     def distribution(self, *, training=False):
        ...         return tfp.distributions.MultivariateNormalDiag(self.mean.value)
        >>> vae = tfvae.VAE(latent_dim=2, prior=LearnedMean())
        >>> vae.build((None, 5))
        >>> vae.generate(3).shape
        (3, 5)
    """

    role = "prior"
    grid: tuple[int, ...] | None = None
    """The shape in which the N_z latents are laid out, where that means something."""
    noise_per_latent: int = 1
    """Gaussian variables that the posterior has for each latent; see `latents_from_noise`."""
    is_proper: bool = True
    """Whether p(z) integrates to 1, so that there is something to draw from."""

    def __init__(
        self,
        steps: int = 0,
        optimizer: str | keras.optimizers.Optimizer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._start = None
        self.steps = _checks.whole_in("steps", steps, 0, 1000)
        if optimizer is not None and not self.steps:
            raise ValueError(
                "`optimizer` must be None where `steps` is 0, since the model's optimizer trains "
                f"the prior then, received {optimizer!r}. Give `steps` of at least 1."
            )
        self.optimizer = None
        if self.steps:
            self.optimizer = _own_optimizer.get(optimizer, lambda: keras.optimizers.Adam(3e-3))

    def trained_apart(self) -> keras.layers.Layer | None:
        """The prior itself, if it takes steps of its own."""
        return self if self.steps else None

    def build(
        self,
        latent_dim: int,
        data_shape: tuple[int, ...] = (),
        encode: Callable[..., tfd.Distribution] | None = None,
        sequence_shape: tuple[int, ...] = (),
        support: tuple[float, float] | None = None,
    ) -> None:
        """Creates the weights.

        Args:
            latent_dim: N_z, of each step where the data are sequences.
            data_shape: shape of one example of the data, or of one step of a sequence.
            encode: function x (K, *data), training=False -> posterior over z, for priors made of
                posteriors; None where the posterior depends on more than x.
            sequence_shape: (T,) where an example is a sequence, else ().
            support: closed interval of the values of the data; None: every finite number.

        Raises:
            ValueError: when the prior was built before.
        """
        self.start_build()
        self.latent_dim = _checks.positive_int("latent_dim", latent_dim)
        self.sequence_shape = tuple(sequence_shape)
        self.support = support
        self.create_weights(tuple(data_shape), encode)
        if self._start is not None:
            start, self._start = self._start, None
            start()
        if self.steps and not self.trainable_weights and self.trainable:
            raise ValueError(
                f"`steps` must be 0 for a {type(self).__name__}, which has no weights to train, "
                f"received {self.steps}."
            )
        if self.steps:
            self.optimizer = _own_optimizer.scaled(self, self.optimizer)

    def create_weights(
        self, data_shape: tuple[int, ...], encode: Callable[..., tfd.Distribution] | None
    ) -> None:
        """Creates what the subclass owns; nothing by default.

        `latent_dim`, `sequence_shape` and `support` are known.
        """

    def when_built(self, start: Callable[[], None]) -> None:
        """Calls `start`, which sets weights: now, or at the end of `build`, once there are any."""
        if self.built:
            start()
        else:
            self._start = start

    @property
    def is_in_unit_of_data(self) -> bool:
        """Whether weights are data that the encoder reads, and train in their unit."""
        return False

    def observe(self, posterior: tfd.Distribution, weights: tf.Tensor | None = None) -> None:
        """Called with q(z|x) of each batch before the prior's own steps; nothing by default.

        For what follows the data without a gradient, such as moments. Not called while the
        objective freezes the prior. `weights` are those of the examples, (B,); None: all 1.
        """

    def check_built(self) -> None:
        """Raises a ValueError when the prior has no weights yet."""
        if not self.built:
            raise ValueError(
                f"{type(self).__name__} has no weights yet: it gets them when its model is built "
                "(by `fit` or `build`), or by `prior.build(latent_dim=…)`."
            )

    def adapt_to_posteriors(
        self, loc: ArrayLike, scale: ArrayLike, *, weights: ArrayLike | None = None, seed: Any = 0
    ) -> bool:
        """Takes over what posteriors tell without steps, before `build` or after it.

        Args:
            loc: μ, (n, N_z).
            scale: σ, (n, N_z).
            weights: w of the examples, (n,). None: equal ones.
            seed: of draws.

        Returns:
            Whether the prior is thereby fitted; else `tfvae.priors.fit` takes steps from there.
        """
        return False

    @property
    def posterior_is_over_z(self) -> bool:
        """Whether the posterior is over z itself: `latents_from_noise` is not overridden."""
        return type(self).latents_from_noise is Prior.latents_from_noise

    @abc.abstractmethod
    def distribution(self, *, training: bool = False) -> tfd.Distribution:
        """p(z), batch shape (), event shape (N_z,), with the weights as they are now.

        `training` is for networks with layers that differ in it, such as Dropout.
        """

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Within it the weights stay as they are: a subclass may compute once what costs.

        It holds for the thread that enters it, also for the functions that are traced there.
        """
        yield

    def log_prob(self, z: tf.Tensor, *, seed: Any = None, training: bool = False) -> tf.Tensor:
        """log p(z) in nats, (..., N_z) -> (...). `seed` matters where it is an estimate."""
        return self.distribution(training=training).log_prob(z)

    def sample(self, num_samples: int, *, seed: Any = None) -> tf.Tensor:
        """Draws z ~ p(z), (num_samples, N_z), or (num_samples, T, N_z) for sequences."""
        z = self.distribution().sample(num_samples * math.prod(self.sequence_shape), seed=seed)
        return tf.reshape(z, [num_samples, *self.sequence_shape, self.latent_dim])

    def latents_from_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """z as a function of the variables that the posterior is over; the same by default.

        (..., noise_per_latent·N_z) -> (..., N_z), with an axis T before the last for sequences.
        """
        return noise

    def embedding(
        self, posterior: tfd.Distribution, *, given: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The latents that stand for a posterior, (B, N_z) or (B, T, N_z): its mean.

        `given`, (T,) bool, says which steps of a sequence have been seen; None: all.
        """
        return posterior.mean()

    def rate(
        self,
        posterior: tfd.Distribution,
        noise: tf.Tensor,
        *,
        seed: Any = None,
        analytic: bool = True,
        training: bool = False,
    ) -> tf.Tensor:
        """R = KL(q(z|x) ‖ p(z)) in nats: analytic where TFP has it, else log q(z|x) − log p(z).

        Args:
            posterior: q(z|x), batch shape (B,), or (B, T) for sequences.
            noise: samples of it, (L, B, N_z) or (L, B, T, N_z).
            seed: for a prior whose density is an estimate.
            analytic: False asks for the one-sample estimate in every case.
            training: whether a training step asks.

        Returns:
            (1, B) when analytic, else one estimate for each sample, (L, B); an axis T last for
            sequences.
        """
        if analytic:
            try:
                return posterior.kl_divergence(self.distribution(training=training))[tf.newaxis]
            except NotImplementedError:
                pass  # TFP's word for «no closed form is registered for this pair».
        return posterior.log_prob(noise) - self.log_prob(noise, seed=seed, training=training)

    def rate_per_latent(self, posterior: tfd.Distribution) -> tf.Tensor | None:
        """R of each latent where the prior is a product over them, (1, B, N_z); else None."""
        return None
