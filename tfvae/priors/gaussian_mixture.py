"""A mixture of K Gaussians as a prior: fitted by EM to posteriors, or trained with its model."""

import functools
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

from tfvae import _checks, _seeds
from tfvae.distributions import MixtureOfGaussians, MixtureOfPosteriors
from tfvae.networks.heads import MINIMUM_SCALE
from tfvae.priors.base import Prior
from tfvae.priors.fitting import checked_moments, cumulated, draws, folds

tfd = tfp.distributions

# Numbers of components that are tried where none is given, and the latents that EM sees.
CANDIDATES = (1, 2, 4, 8, 16, 32, 64, 128)
DRAWS = 10_000


@keras.saving.register_keras_serializable(package="tfvae")
class GaussianMixture(Prior):
    """p(z) = Σ_k π_k N(z; μ_k, Σ_k), with π, μ and Σ learned.

    `tfvae.priors.fit_to` fits it by scikit-learn's EM to latents drawn from the aggregated
    posterior. As the prior of a model that is trained, it starts at μ_k ~ N(0, I), Σ_k = I and
    equal π_k, and learns by gradient steps.

    Args:
        num_components: K. None: chosen among 1, 2, 4, … 128 when the mixture is fitted, by mean
            log p(z) of posteriors that are held out; a model that is trained needs a number.
        covariance: "diagonal" or "full". "full" may take fewer components, and takes longer.

    Raises:
        ValueError: when an argument is not of the kind described; at `build`, when K is not known.

    Example:
        >>> from tfvae.priors import GaussianMixture
        >>> prior = GaussianMixture(num_components=3)
        >>> prior.adapt_to_posteriors(loc=[[-2.0], [1.0], [3.0]], scale=[[0.1], [0.2], [0.3]])
        True
        >>> prior.build(latent_dim=1)
        >>> sorted(prior.loc.numpy()[:, 0].round(1).tolist())
        [-2.0, 1.0, 3.0]
    """

    def __init__(self, num_components: int | None = 10, covariance: str = "diagonal", **kwargs):
        super().__init__(**kwargs)
        self.num_components = (
            None
            if num_components is None
            else _checks.positive_int("num_components", num_components)
        )
        self.covariance = _checks.one_of("covariance", covariance, ("diagonal", "full"))

    def create_weights(
        self, data_shape: tuple[int, ...], encode: Callable[..., tfd.Distribution] | None
    ) -> None:
        """Creates the logarithms of π, μ, and the unconstrained entries of the scales."""
        if self.num_components is None:
            raise ValueError(
                "`num_components` of GaussianMixture must be a number before it is built, received "
                "None. `tfvae.priors.fit_to(model, data, prior)` chooses one."
            )
        number, size = self.num_components, self.latent_dim
        entries = size * (size + 1) // 2 if self.covariance == "full" else size
        self.logits = self._weight("logits", (number,), "zeros")
        self.loc = self._weight("loc", (number, size), keras.initializers.RandomNormal(0.0, 1.0))
        self.raw_scale = self._weight("raw_scale", (number, entries), "zeros")
        scale = np.tile(np.eye(size, dtype="float32"), [number, 1, 1])
        self._set_scale(scale)

    def _weight(self, name, shape, initializer):
        return self.add_weight(shape=shape, initializer=initializer, dtype="float32", name=name)

    def _set(self, weights, loc, scale_tril):
        """Assigns π, μ and L."""
        self.logits.assign(np.log(np.maximum(weights, 1e-30)).astype("float32"))
        self.loc.assign(loc.astype("float32"))
        self._set_scale(scale_tril)

    def _set_scale(self, scale_tril):
        scale_tril = tf.constant(scale_tril, tf.float32)
        if self.covariance == "full":
            self.raw_scale.assign(_fill().inverse(scale_tril))
        else:
            diagonal = tf.maximum(tf.linalg.diag_part(scale_tril) - MINIMUM_SCALE, MINIMUM_SCALE)
            self.raw_scale.assign(tfp.math.softplus_inverse(diagonal))

    def adapt_to_posteriors(
        self, loc: ArrayLike, scale: ArrayLike, *, weights: ArrayLike | None = None, seed: Any = 0
    ) -> bool:
        """Fits the mixture by EM to z ~ Σ_i w_i N(μ_i, diag σ_i²); see `Prior`."""
        size = self.latent_dim if self.built else None
        loc, scale, weights = checked_moments(loc, scale, weights, size)
        if self.num_components is None:
            self.num_components = self._chosen(loc, scale, weights, seed)
        found = self._em(self.num_components, _drawn(loc, scale, weights, DRAWS, seed))
        scale_tril = np.linalg.cholesky(
            found.covariances_
            if self.covariance == "full"
            else [np.diag(one) for one in found.covariances_]
        )
        fitted = (found.weights_, found.means_, scale_tril)
        self.when_built(functools.partial(self._set, *fitted))
        return True

    def _chosen(self, loc, scale, weights, seed):
        """The K of the greatest mean log p(z) of held-out posteriors; larger ones are not tried."""
        pairs = folds(weights, seed)
        if not pairs:
            return 1
        kept, held = pairs[0]
        z = _drawn(loc[kept], scale[kept], weights[kept], DRAWS, seed)
        z_held = _drawn(loc[held], scale[held], weights[held], DRAWS, seed)
        scores = []
        for number in CANDIDATES:
            if number > len(loc[kept]):
                break
            scores.append(self._em(number, z).score(z_held))
            if len(scores) > 2 and max(scores[-2:]) < max(scores[:-2]):
                break
        return CANDIDATES[int(np.argmax(scores))]

    def _em(self, number, z):
        """The mixture of scikit-learn, fitted to z, (n, N_z)."""
        from sklearn import mixture
        from sklearn.exceptions import ConvergenceWarning

        em = mixture.GaussianMixture(
            number,
            covariance_type={"full": "full", "diagonal": "diag"}[self.covariance],
            reg_covar=1e-5 * float(np.mean(np.var(z, axis=0))) + 1e-10,
            max_iter=300,
            random_state=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # The last ‰ of a nat.
            return em.fit(np.asarray(z, "float64"))

    def distribution(self, *, training: bool = False) -> tfd.Distribution:
        """The mixture, with the weights as they are now."""
        self.check_built()
        if self.covariance == "full":
            scale_tril = _fill().forward(self.raw_scale.value)
            return MixtureOfGaussians(self.loc.value, scale_tril, self.logits.value)
        scale = tf.math.softplus(self.raw_scale.value) + MINIMUM_SCALE
        return MixtureOfPosteriors(self.loc.value, scale, self.logits.value)


def _fill():
    """N_z (N_z + 1)/2 numbers -> a lower triangular matrix with a positive diagonal."""
    return tfp.bijectors.FillScaleTriL(diag_shift=MINIMUM_SCALE)


def _drawn(loc, scale, weights, number, seed):
    """z ~ Σ_i w_i N(μ_i, diag σ_i²), (number, N_z), NumPy."""
    ends = cumulated(weights)
    return draws(tf.constant(loc), tf.constant(scale), ends, number, _seeds.stateless(seed)).numpy()
