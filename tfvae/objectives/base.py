"""What every objective offers: a loss from distortion, rate and error."""

import abc
from typing import Any, NamedTuple

import tensorflow as tf

from tfvae._component import Component


class Terms(NamedTuple):
    """The terms of L posterior samples of B examples, in nats; C in the likelihood's unit."""

    distortion: tf.Tensor
    """D = −log p(x|z), (L, B)."""
    rate: tf.Tensor
    """R, (L, B), or (1, B) when it is analytic; the discrete latents' included."""
    error: tf.Tensor
    """C, the part of D that a constraint bounds, (L, B)."""
    residual: tf.Tensor | None = None
    """What the likelihood learns its scale from, (L, B, …); None when it learns none."""
    rate_per_latent: tf.Tensor | None = None
    """R of each continuous latent, (1, B, N_z); None where the prior is no product over them."""
    discrete_rate: tf.Tensor | None = None
    """The discrete latents' part of the rate, (1, B) or (L, B); None without them."""


class BoundState(NamedTuple):
    """Where training left the error, beside the bound on it. Both are per feature, as κ is."""

    error: float
    """The error of the last training steps."""
    kappa: float
    """The κ that was asked for, or the one that the objective chose."""
    unit: str
    """Of both: `Likelihood.kappa_unit`."""
    reached: bool
    """Whether C ≤ 1.05 κ² in the unit of C, or a bound that the objective chose held."""
    is_automatic: bool = False
    """Whether the objective chose κ."""
    explained: float | None = None
    """The share that the model explains of what the mean of the data leaves; None: not measured."""
    prior_is_untrained: bool = False
    """Whether training ended before the prior had its first step."""

    @property
    def advice(self) -> str:
        """What to do about a bound that was not reached, a sentence."""
        more = "Train longer, use larger networks or more latent dimensions, or "
        if not self.is_automatic or self.prior_is_untrained:
            return f"{more}ask for a larger `kappa`, such as {1.1 * self.error:.2g}."
        return (
            f"{more}give penalties a smaller weight; if the data have no more structure, all is "
            f"well, and `kappa={1.1 * self.error:.2g}` asks for about this error."
        )


class Objective(Component, abc.ABC):
    """Base class: `loss` is a pure function of the terms; `update` changes the state.

    `num_samples` is L, the number of posterior samples that training draws for an example;
    `analytic_rate` says whether a closed-form rate may take the place of the sampled one.

    A subclass gives `loss`. It creates weights in `create_weights` and changes them in `update`.
    Numbers that may change during training are class attributes of the type
    `tfvae.objectives.Coefficient`.

    Example, a loss that forgives distortions below a floor:
        >>> import tensorflow as tf, tfvae
        >>> class Floor(tfvae.objectives.Objective):
        ...     floor = tfvae.objectives.Coefficient()
        ...     def __init__(self, floor=1.0, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.floor = floor
        ...     def loss(self, terms):
        ...         return tf.reduce_mean(tf.maximum(terms.distortion, self.floor) + terms.rate, 0)
        >>> vae = tfvae.VAE(latent_dim=2, objective=Floor(3.0))
    """

    role = "objective"
    num_samples: int = 1
    analytic_rate: bool = True
    needs_rate_per_latent: bool = False
    """Whether `loss` reads the rate of each latent."""
    raises_elbo: bool = True
    """Whether a smaller loss is a larger ELBO, which then tells how a training went."""
    sets_aside: bool = False
    """Whether `divided` may set examples aside, which are not trained on."""

    def build(
        self, likelihood: Any, latent_dim: int = 1, num_categories: tuple[int, ...] = ()
    ) -> None:
        """Creates the weights; the model calls it when the likelihood knows the data's shape.

        Args:
            likelihood: the model's likelihood.
            latent_dim: N_z, the number of continuous latents.
            num_categories: (S_1, …, S_V) of the discrete latents.

        Raises:
            ValueError: when the objective was built before.
        """
        self.start_build()
        self.latent_dim, self.num_categories = latent_dim, tuple(num_categories)
        self.create_weights(likelihood)

    def create_weights(self, likelihood: Any) -> None:
        """Creates what the subclass owns; nothing by default."""

    @abc.abstractmethod
    def loss(self, terms: Terms) -> tf.Tensor:
        """The quantity to minimise, one number for each example, (B,)."""

    def gradient_divisor(self) -> tf.Tensor | float:
        """What the gradients of the loss are divided by, ≥ 1 and without a gradient; 1 by default.

        An objective whose loss grows with a number that changes in training, such as λ, divides by
        it. The optimum and the logged loss stay the same, but the gradients keep their size: Adam,
        which divides them by a long average, would take steps far too large while the number rises
        and none for long after it has fallen.
        """
        return 1.0

    def sample_weights(self, terms: Terms) -> tf.Tensor:
        """Weights of the L samples in averages over them, (L, B); they sum to 1 over L.

        Objectives that are linear in the samples weigh them equally.
        """
        return tf.ones_like(terms.distortion) / tf.cast(tf.shape(terms.distortion)[0], tf.float32)

    def divided(
        self, x: tf.Tensor, weights: tf.Tensor | None
    ) -> tuple[tf.Tensor | None, tf.Tensor | None]:
        """The weights (B,) to train with, and those to measure the error of `update` with.

        Both are the batch's own by default, None for equal ones. An objective may set examples
        aside.
        """
        return weights, weights

    def observe_batch(self, x: tf.Tensor, likelihood: Any) -> None:
        """Called with each training batch before its loss, for settings that follow the data."""

    def is_ready(self) -> tf.Tensor:
        """Scalar bool: whether `observe_batch` has found what the loss needs."""
        return tf.constant(True)

    def update(self, error: tf.Tensor) -> None:
        """Called after each gradient step with C, a scalar: its mean over the global batch."""

    @property
    def prior_is_frozen(self) -> tf.Tensor | None:
        """Scalar bool: whether this step leaves the prior's weights alone. None: never."""
        return None

    @property
    def discrete_is_open(self) -> tf.Tensor | None:
        """Scalar bool: whether discrete latents take part yet. None: always."""
        return None

    @property
    def bound(self) -> tf.Tensor | None:
        """κ², the bound on the error C; None for an objective without a constraint."""
        return None

    def explained(self) -> tf.Tensor | None:
        """Nats by which the model's distortion is below that of the mean of the data, a scalar.

        None for an objective that does not measure it.
        """
        return None

    def state(self) -> dict[str, tf.Tensor]:
        """Scalars of the objective's state to report beside the terms."""
        return {}

    def bound_state(self, likelihood: Any) -> BoundState | None:
        """Whether training reached the bound; None without a bound, or before the first step."""
        return None

    def convergence_warning(self, likelihood: Any) -> str | None:
        """What a user should know about the state in which training ended; None: all is well."""
        return None
