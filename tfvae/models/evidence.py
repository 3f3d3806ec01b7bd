"""Importance-weighted estimates of log p(x), in bounded memory."""

import numpy as np
import tensorflow as tf

from tfvae import _checks, _seeds
from tfvae.models.workflow import Workflow

# Rows of decoder output that an estimate with many samples computes at a time.
ROWS_AT_A_TIME = 2048


class EvidenceEstimate(Workflow):
    """Estimates the evidence p(x) of a model that has `terms`."""

    def log_weights(self, x, num_samples: int, *, seed) -> tf.Tensor:
        """log p(x|z_l) p(z_l)/q(z_l|x), z_l ~ q(z|x): (B, *data) -> (num_samples, B), nats."""
        terms = self.terms(self._prepared(x), seed=seed, num_samples=num_samples, analytic=False)
        return -(terms.distortion + terms.rate)

    def log_likelihood(self, x, num_samples: int = 5000, *, batch_size: int = 32, seed: int = 0):
        """Importance-weighted estimate of log p(x) for each example [BGS16, eq. 8].

            log (1/L) Σ_l p(x, z_l)/q(z_l|x), z_l ~ q(z|x): a lower bound in mean, rising with L.

        The sum runs over chunks: memory grows neither with L nor with the number of examples.

        Args:
            x: data, (n, *data).
            num_samples: L.
            batch_size: examples at a time.
            seed: of the samples.

        Returns:
            float32 array (n,), nats.
        """
        _checks.positive_int("num_samples", num_samples)
        _checks.positive_int("batch_size", batch_size)
        if isinstance(x, tf.data.Dataset):
            raise ValueError(
                "`x` must be an array; `tfvae.evaluation.log_likelihood(model, dataset)` takes a "
                "dataset."
            )
        x = np.asarray(x)
        self._prepared(x[:1])
        self._check_support(x)
        chunk = max(1, min(num_samples, ROWS_AT_A_TIME // min(batch_size, max(1, len(x)))))
        bounds = [
            self._chunked_bound(
                tf.constant(x[start : start + batch_size], tf.float32),
                tf.random.experimental.stateless_fold_in(_seeds.stateless(seed), start),
                num_samples,
                chunk,
            ).numpy()
            for start in range(0, len(x), batch_size)
        ]
        return np.concatenate(bounds) if bounds else np.zeros([0], "float32")

    @tf.function(autograph=False, reduce_retracing=True)
    def _chunked_bound(self, x, seed, num_samples, chunk):
        """log mean exp of `num_samples` log-weights, `chunk` of them at a time; (B,)."""

        def add(log_sum, index, size):
            own_seed = tf.random.experimental.stateless_fold_in(seed, index)
            log_weights = self.log_weights(x, size, seed=own_seed)
            return tf.reduce_logsumexp(tf.concat([log_sum[tf.newaxis], log_weights], 0), axis=0)

        whole, rest = divmod(num_samples, chunk)
        _, log_sum = tf.while_loop(
            lambda index, _: index < whole,
            lambda index, log_sum: (index + 1, add(log_sum, index, chunk)),
            (0, tf.fill([tf.shape(x)[0]], -np.inf)),
            parallel_iterations=1,
        )
        if rest:
            log_sum = add(log_sum, whole, rest)
        return log_sum - np.log(num_samples).astype("float32")

    def _check_support(self, x):
        """Raises a ValueError for data, an array, that have no density."""
        low, high = self.likelihood.support or (-np.inf, np.inf)
        allowed = np.isfinite(x) & (x >= low) & (x <= high)
        if not np.all(allowed):
            where = tuple(int(i) for i in np.argwhere(~allowed)[0])
            raise ValueError(
                f"Every value of `x` must be {self.likelihood.allowed}; received {x[where]:g} at "
                f"{list(where)}, and {np.sum(~allowed)} such values in all."
            )
