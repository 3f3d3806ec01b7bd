"""The VampPrior: a mixture of the posteriors of learned pseudo-inputs."""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from types import MappingProxyType

import keras
import numpy as np
import tensorflow_probability as tfp

from tfvae import _checks
from tfvae.distributions import MixtureOfPosteriors, is_diagonal_gaussian
from tfvae.likelihoods.base import within
from tfvae.priors.base import Prior

tfd = tfp.distributions

# The mixtures that are held, by the id of their prior.
_HELD = contextvars.ContextVar("held", default=MappingProxyType({}))


@keras.saving.register_keras_serializable(package="tfvae")
class VampPrior(Prior):
    """p(z) = (1/K) Σ_k q(z|u_k), with learned pseudo-inputs u_k [TW18].

    The rate has no closed form: one-sample estimates are used.

    Pseudo-inputs stay where data can be, in the likelihood's `support`: [0, 1] for a Bernoulli.
    What an initializer draws is clipped to it, and after each step of the optimizer what has left
    it is put back onto its bound. The gradient is the ordinary one there, so a pseudo-input on a
    bound can move in again. (The authors' program squashes free parameters into the support.)

    Args:
        num_components: K.
        initializer: of the pseudo-inputs, any that Keras knows. Better than any of them are
            training examples: `prior.adapt(x)` before `fit`.

    Raises:
        ValueError: when `num_components` is not a whole number ≥ 1.

    Example:
        >>> import numpy as np, tfvae
        >>> vae = tfvae.VAE(latent_dim=2, prior=tfvae.priors.VampPrior(num_components=10))
        >>> x = np.random.default_rng(0).normal(size=(32, 5)).astype("float32")
        >>> vae.prior.adapt(x)
        >>> vae.compile("adam")
        >>> history = vae.fit(x, verbose=0)
    """

    def __init__(
        self,
        num_components: int = 500,
        initializer: str | keras.initializers.Initializer = "random_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_components = _checks.positive_int("num_components", num_components)
        self.initializer = keras.initializers.get(initializer)
        self._examples = None

    @property
    def is_in_unit_of_data(self) -> bool:
        """Pseudo-inputs are data."""
        return True

    def adapt(self, x: np.ndarray, *, seed: int = 0) -> None:
        """Starts the pseudo-inputs at examples drawn from `x`, (n, *data), without replacement.

        Where there are fewer examples than components, some are drawn again.

        Raises:
            ValueError: when `x` is empty, its examples are not of the shape of the model's data, or
                a value lies outside the likelihood's support.
        """
        x = np.asarray(x, dtype="float32")
        if x.ndim < 2 or len(x) == 0:
            raise ValueError(f"`x` must hold at least one example, received the shape {x.shape}.")
        order = np.random.default_rng(seed).permutation(len(x))
        chosen = x[np.resize(order, self.num_components)]
        if self.built:
            self._check_examples(chosen, self.pseudo_inputs.shape[1:])
            self.pseudo_inputs.assign(chosen)
        else:
            self._examples = chosen

    def _check_examples(self, examples, data_shape):
        if examples.shape[1:] != tuple(data_shape):
            raise ValueError(
                f"`x` of `adapt` must hold examples of the model's shape {tuple(data_shape)}, "
                f"received examples of shape {examples.shape[1:]}. Prepare them as for `fit`."
            )
        low, high = self.support or (-np.inf, np.inf)
        if not np.all(np.isfinite(examples) & within(examples, (low, high))):
            allowed = "a finite number" if self.support is None else f"in [{low:g}, {high:g}]"
            raise ValueError(
                f"`x` of `adapt` must be {allowed}, as the likelihood has it, received "
                f"{_checks.span_of(examples)}. Prepare it as for `fit`."
            )

    def _in_support(self, values):
        """`values` clipped to the support."""
        return values if self.support is None else keras.ops.clip(values, *self.support)

    def create_weights(
        self, data_shape: tuple[int, ...], encode: Callable[..., tfd.Distribution] | None
    ) -> None:
        """Creates the pseudo-inputs."""
        if encode is None or not data_shape:
            raise ValueError(
                "`prior` must be another than VampPrior here, since pseudo-inputs need an encoder "
                "of x alone. It has one in a model without `condition`; elsewhere call "
                "`build(latent_dim, data_shape, encode)` with a function (x, training=False) -> "
                "q(z|x)."
            )
        self._encode = encode
        draw = self.initializer
        if self._examples is not None:
            self._check_examples(self._examples, data_shape)
            examples, self._examples = self._examples, None
            draw = lambda shape, dtype: keras.ops.cast(examples, dtype)  # noqa: E731
        self.pseudo_inputs = self.add_weight(
            shape=(self.num_components, *data_shape),
            initializer=lambda shape, dtype: self._in_support(draw(shape, dtype)),
            constraint=self._in_support,
            dtype="float32",
            name="pseudo_inputs",
        )

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Within it all pseudo-inputs are encoded once; see `Prior.held`."""
        token = _HELD.set({**_HELD.get(), id(self): self.distribution()})
        try:
            yield
        finally:
            _HELD.reset(token)

    def distribution(self, *, training: bool = False) -> tfd.Distribution:
        """The mixture, with the encoder and the pseudo-inputs as they are now."""
        self.check_built()
        held = _HELD.get().get(id(self))
        if held is not None and not training:
            return held
        posterior = self._encode(self.pseudo_inputs.value, training=training)
        if not is_diagonal_gaussian(posterior):
            raise ValueError(
                "`posterior` must be a diagonal Gaussian, tfd.Independent(tfd.Normal(μ, σ), 1), "
                f"for VampPrior, a mixture of such, received {posterior!r}. Take another prior."
            )
        return MixtureOfPosteriors(posterior.distribution.loc, posterior.distribution.scale)
