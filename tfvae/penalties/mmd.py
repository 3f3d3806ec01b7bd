"""The maximum mean discrepancy between the latents of a batch and the prior (WAE-MMD, InfoVAE)."""

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from tfvae import _checks
from tfvae.penalties.base import Inference, Penalty, has_pairs

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def inverse_multiquadratic(a: tf.Tensor, b: tf.Tensor, constants: Iterable[float]) -> tf.Tensor:
    """k(a, b) = Σ_s C_s / (C_s + ‖a − b‖²) for all pairs.

    Args:
        a: points, (..., n, N_z).
        b: points, (..., m, N_z).
        constants: C_s > 0, in the square of z's unit.

    Returns:
        (..., n, m).
    """
    differences = a[..., :, tf.newaxis, :] - b[..., tf.newaxis, :, :]
    squares = tf.reduce_sum(tf.square(differences), axis=-1)
    return tf.add_n([c / (c + squares) for c in constants])


def mmd_shares(z: tf.Tensor, prior_z: tf.Tensor, constants: Iterable[float]) -> tf.Tensor:
    """Each example's share of the unbiased estimate of MMD²(q(z), p(z)); may be negative.

        1/(B−1) Σ_{k≠i} k(z_i, z_k) − 2/B Σ_k k(z_i, z'_k) + 1/(B(B−1)) Σ_{l≠k} k(z'_l, z'_k)

    Its mean over i is the U-statistic of MMD². A pair of a point with itself is left out, since
    k(z, z) is no sample of E k(z, z') and would bias the estimate.

    Args:
        z: z_i ~ q(z), (..., B, N_z), B ≥ 2.
        prior_z: z'_k ~ p(z), (..., B, N_z).
        constants: C_s > 0 of `inverse_multiquadratic`.

    Returns:
        (..., B).
    """
    own = _mean_of_others(inverse_multiquadratic(z, z, constants))
    across = tf.reduce_mean(inverse_multiquadratic(z, prior_z, constants), axis=-1)
    prior = _mean_of_others(inverse_multiquadratic(prior_z, prior_z, constants))
    return own - 2.0 * across + tf.reduce_mean(prior, axis=-1, keepdims=True)


def _mean_of_others(kernel):
    """Means of the rows without the diagonal, (..., B, B) -> (..., B)."""
    size = tf.shape(kernel)[-1]
    # Not set_diag: XLA does not compile its gradient for batches of unknown size.
    others = kernel * (1.0 - tf.eye(size, dtype=kernel.dtype))
    return tf.reduce_sum(others, axis=-1) / tf.cast(tf.maximum(size - 1, 1), kernel.dtype)


@keras.saving.register_keras_serializable(package="tfvae")
class MMD(Penalty):
    """weight·MMD²(q(z), p(z)), unbiased, with inverse multiquadratic kernels [TBGS18].

        MMD² = E k(z, z̃) − 2 E k(z, z') + E k(z', z̃'),   z, z̃ ~ q(z),   z', z̃' ~ p(z),
        k(a, b) = Σ_s C_s / (C_s + ‖a − b‖²),   C_s = 2 N_z σ_p² s,

    a number without unit, estimated from the B first posterior samples and B samples of the prior
    (see `mmd_shares`). With an objective of β = 0 the model is a WAE-MMD (**choice**: with the
    Gaussian posterior); beside a rate it is an InfoVAE. The posterior may be any, and the prior's
    density is not needed.

    The estimate scatters around 0, on both sides, where q(z) = p(z). The prior is not trained by
    it: no gradient passes through its samples. For sequences the MMD of each step is taken, and
    an example gets the mean over its steps, since steps of one sequence are no independent pair.
    The batch includes examples of weight 0; under several replicas it is the replica's own, which
    leaves the mean over replicas unbiased.

    A batch of one example has no pair, and adds 0.

    Args:
        weight: a number ≥ 0 or a Keras schedule; [TBGS18] take 10 for MNIST and 100 for CelebA.
        scales: s > 0, one kernel each.
        prior_scale: σ_p > 0, the standard deviation of a latent under the prior, in units of z.
        name: under which it is reported.

    Raises:
        ValueError: when an argument lies outside its range.

    Example:
        >>> import tfvae
        >>> vae = tfvae.VAE(
        ...     latent_dim=2,
        ...     objective=tfvae.objectives.BetaELBO(beta=0.0),
        ...     penalties=[tfvae.penalties.MMD(10.0)],
        ... )
    """

    def __init__(
        self,
        weight: Any = 10.0,
        scales: Iterable[float] = SCALES,
        prior_scale: float = 1.0,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(weight, name, **kwargs)
        if isinstance(scales, str) or not hasattr(scales, "__iter__") or not (each := [*scales]):
            raise ValueError(
                f"`scales` must be a sequence of numbers > 0, received {scales!r}. One kernel is "
                "[1.0]."
            )
        self.scales = tuple(_positive("scales", one) for one in each)
        self.prior_scale = _positive("prior_scale", prior_scale)

    def constants(self, latent_dim: int) -> tuple[float, ...]:
        """C_s = 2 N_z σ_p² s of each kernel."""
        return tuple(2.0 * latent_dim * self.prior_scale**2 * s for s in self.scales)

    def value(self, inference: Inference, *, seed: tf.Tensor, training: bool) -> tf.Tensor:
        """The shares of the first posterior samples; (B,), a mean over steps."""
        z = inference.z[0]
        drawn = tf.stop_gradient(inference.prior.sample(tf.shape(z)[0], seed=seed))
        z, drawn = _steps_first(z), _steps_first(drawn)
        shares = mmd_shares(z, drawn, self.constants(z.shape[-1]))
        return has_pairs(z) * tf.reduce_mean(shares, axis=0)


def _positive(name, value):
    return _checks.number_in(name, value, 0.0, float("inf"), low_open=True, high_open=True)


def _steps_first(z):
    """(B, N_z) -> (1, B, N_z), (B, T, N_z) -> (T, B, N_z)."""
    return z[tf.newaxis] if z.shape.rank == 2 else tf.transpose(z, [1, 0, 2])
