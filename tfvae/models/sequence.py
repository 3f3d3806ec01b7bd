"""VAEs of sequences whose latents are capsules, which roll as the sequence goes on."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import _checks, _seeds
from tfvae.models import beside, inputs
from tfvae.models.base import LatentVariableModel
from tfvae.priors.topographic import capsule_grid


@keras.saving.register_keras_serializable(package="tfvae")
class SequenceVAE(LatentVariableModel):
    """A VAE of sequences (T, *step): networks see step by step, all terms are those of a sequence.

    With its default prior N(0, I) the steps know nothing of each other: the baseline of the
    Topographic VAE [KW21]. Latents of a step, N_z of them, are taken for capsules of C = T latents
    each, or as the prior's `grid` says; see `LatentVariableModel` for the arguments.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).uniform(size=(8, 6, 10)).astype("float32")
        >>> vae = tfvae.SequenceVAE(latent_dim=12)
        >>> vae.compile("adam")
        >>> history = vae.fit(x, epochs=2, verbose=0)
        >>> vae.embed(x).shape, vae.capsules(x).shape, vae.roll(x, 2).shape
        (TensorShape([8, 6, 12]), (8, 6, 2, 6), (8, 6, 10))
    """

    sequence_axes = 1

    def build(self, input_shape: Any) -> None:
        """Creates all weights for sequences of shape `input_shape`, (B, T, *step).

        Raises:
            ValueError: when the data have no axis of steps.
        """
        x_shape, _ = beside.split_shape(input_shape)
        if len(x_shape) < 3:
            raise ValueError(
                f"`x` must hold sequences, (batch, steps, *shape_of_a_step), received the shape "
                f"{x_shape}. Single features need an axis of length 1: x[..., None]."
            )
        super().build(input_shape)

    @property
    def capsule_grid(self) -> tuple[int, int]:
        """(number of capsules, capsule size).

        Raises:
            ValueError: when the latents of a step are no capsules.
        """
        grid = self.prior.grid or capsule_grid(self.latent_dim, self.sequence_shape)
        if len(grid) != 2:
            raise ValueError(
                "`grid` of the prior must be (number of capsules, capsule size) for capsules, "
                f"received {grid}. Give the prior another `grid`."
            )
        return grid

    def capsules(self, x: Any, y: Any = None) -> np.ndarray:
        """The latents that stand for each step as capsules, (B, T, number of capsules, C).

        Raises:
            ValueError: when `x` does not fit, holds NaN or values outside the likelihood's support.
        """
        return self._as_capsules(x, self.embed(x, y).numpy())

    def sample_capsules(self, x: Any, y: Any = None, *, seed: Any) -> np.ndarray:
        """Capsules of one draw from the posterior of each step, (B, T, number of capsules, C).

        Of (z, u) ~ q(z, u|x) for a `TopographicPrior`: the latents that training decodes.

        Raises:
            ValueError: when `x` does not fit, holds NaN or values outside the likelihood's support.
        """
        noise = self.encode(x, y).sample(seed=_seeds.stateless(seed))
        return self._as_capsules(x, self.prior.latents_from_noise(noise).numpy())

    def _as_capsules(self, x, z):
        """z (B, T, N_z) in the shape of capsules; refuses x that has none."""
        inputs.check_support(self, "x", np.asarray(x))
        return z.reshape(*z.shape[:-1], *self.capsule_grid)

    def roll(self, x: Any, steps: int, y: Any = None) -> np.ndarray:
        """E[x|Roll(t̂)]: each step as expected `steps` later, (B, T, *step) [KW21].

        Args:
            x: sequences.
            steps: by how many places the capsules are rolled, 0, negative or positive.
            y: the condition of a model with one.

        Raises:
            ValueError: when the model is not built, or `x` or `steps` does not fit.
        """
        steps = _checks.whole("steps", steps)
        return self._decoded(np.roll(self.capsules(x, y), steps, axis=-1), y)

    def predict_sequence(
        self, partial: Any, length: int | None = None, y: Any = None
    ) -> np.ndarray:
        """A sequence whose first steps are given, and the rest of it by rolling [KW21].

        t̂ of the given steps is rolled to each step to come, and the mean over them is decoded. The
        denominators sum over the squares of the given steps alone, and are scaled up by their
        share.

        Args:
            partial: first steps, (B, S, *step), 1 ≤ S ≤ T.
            length: steps to return; None: T. More than T go round.
            y: the condition of a model with one.

        Returns:
            (B, length, *step): reconstructions of the first S steps, then predictions.

        Raises:
            ValueError: when the model is not built, or `partial` or `length` does not fit.
        """
        inputs.check_built(self, "predict_sequence")
        (frames,) = self.sequence_shape
        length = frames if length is None else _checks.positive_int("length", length)
        partial = np.asarray(partial, dtype="float32")
        seen = partial.shape[1] if partial.ndim > 1 else 0
        if partial.shape[2:] != self.step_shape or not 1 <= seen <= frames:
            raise ValueError(
                f"`partial` must hold 1 to {frames} steps of the shape {self.step_shape}, (batch, "
                f"steps, …), received the shape {partial.shape}."
            )
        inputs.check_support(self, "partial", partial)
        missing = np.zeros((len(partial), frames - seen, *self.step_shape), "float32")
        posterior = self.encode(np.concatenate([partial, missing], axis=1), y)
        given = tf.constant(np.arange(frames) < seen)
        z = self.prior.embedding(posterior, given=given).numpy()[:, :seen]
        capsules = z.reshape(*z.shape[:-1], *self.capsule_grid)
        # Each step is rolled back to the first one, where all show the same capsules.
        first = np.mean(
            [np.roll(capsules[:, step], -step, axis=-1) for step in range(seen)], axis=0
        )
        later = [np.roll(first, step, axis=-1)[:, np.newaxis] for step in range(seen, length)]
        return self._decoded(np.concatenate([capsules[:, :length], *later], axis=1), y)

    def _decoded(self, capsules, y):
        """E[x|t] of capsules (B, T, number, C), NumPy."""
        z = capsules.reshape(*capsules.shape[:2], self.latent_dim)
        return self.decode_mean(z, y).numpy()
