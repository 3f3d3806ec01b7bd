"""The VampPrior: a mixture of the posteriors of learned pseudo-inputs."""

import keras
import numpy as np

from tfvae import _checks
from tfvae.distributions import MixtureOfPosteriors
from tfvae.priors.base import Prior


@keras.saving.register_keras_serializable(package="tfvae")
class VampPrior(Prior):
    """p(z) = (1/K) Σ_k q(z|u_k), with learned pseudo-inputs u_k [TW18, eq. 9].

    The rate has no closed form: one-sample estimates are used.

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

    def __init__(self, num_components: int = 500, initializer="random_normal", **kwargs):
        super().__init__(**kwargs)
        self.num_components = _checks.positive_int("num_components", num_components)
        self.initializer = keras.initializers.get(initializer)
        self._examples = None

    def adapt(self, x: np.ndarray, *, seed: int = 0):
        """Starts the pseudo-inputs at examples drawn from `x`, (n, *data), without replacement.

        Where there are fewer examples than components, some are drawn again.

        Raises:
            ValueError: when `x` is empty or its examples are not of the shape of the model's data.
        """
        x = np.asarray(x, dtype="float32")
        if x.ndim < 2 or len(x) == 0:
            raise ValueError(f"`x` must hold at least one example, received shape {x.shape}.")
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
                f"`adapt` was given examples of shape {examples.shape[1:]}, but the model's data "
                f"have the shape {tuple(data_shape)}."
            )

    def _create_weights(self, data_shape, encode):
        if encode is None or not data_shape:
            raise ValueError(
                "VampPrior needs the encoder of a model: give it to a model as `prior=`, or call "
                "`connect(latent_dim, data_shape, encode)` with a function (x, training=False) -> "
                "q(z|x)."
            )
        self._encode = encode
        initializer = self.initializer
        if self._examples is not None:
            self._check_examples(self._examples, data_shape)
            examples, self._examples = self._examples, None
            initializer = lambda shape, dtype: keras.ops.cast(examples, dtype)  # noqa: E731
        self.pseudo_inputs = self.add_weight(
            shape=(self.num_components, *data_shape),
            initializer=initializer,
            dtype="float32",
            name="pseudo_inputs",
        )

    def distribution(self, *, training=False):
        """The mixture, with the encoder and the pseudo-inputs as they are now."""
        self._check_connected()
        posterior = self._encode(self.pseudo_inputs.value, training=training).distribution
        return MixtureOfPosteriors(posterior.loc, posterior.scale)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "initializer": keras.initializers.serialize(self.initializer),
        }
