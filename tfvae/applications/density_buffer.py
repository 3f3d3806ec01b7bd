"""Generation and densities from a buffer of encoded events, which stands in for the prior."""

import os
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

from tfvae import _checks, _keras_files, _seeds
from tfvae.models import LatentVariableModel
from tfvae.priors import DensityBuffer as Buffer
from tfvae.priors import fit_to

tfd = tfp.distributions

# Latents whose log-density is computed at a time: 2,048 events of the buffer are beside each.
ROWS = 2**11


class DensityBuffer:
    """Generates from a trained model and the training events that it has encoded [O21].

        p_buf(z) = Σ_i w_i N(z; μ_i, diag(α σ_i)²),  p(x) = ∫ p(x|z) p_buf(z) dz

    A model that reconstructs well, with a small β or a small κ, encodes where N(0, I) has little of
    its mass, and samples of N(0, I) are decoded to what no data look like. The buffer takes the
    place of the prior: it draws an event i by its weight, z near its encoding, and x from p(x|z).
    The events that it generates have no weights: they are as frequent as their weights were large.

    α, the smear factor, is the one with the greatest mean log p_buf(z) of events that are held out
    of the buffer: a smaller one remembers the events, a larger one blurs them. The networks stay as
    they are. `model` is an ordinary model, with the buffer as its prior: evaluate it, save it,
    export it by `tfvae.export(buffer.model, folder)`.

    Args:
        model: a trained model of the library; it stays as it is.
        data: training events as for `fit`: array, table, tf.data.Dataset (batched) or PyDataset.
            None: the model's prior is a buffer already.
        y: the condition beside an array, for a model with one.
        sample_weight: w, the event weights of an array, (n,), not negative. None: equal ones.
        num_events: m, the number of events that are kept, drawn by their weights. None: all.
        smear: α, 10⁻⁶ to 10⁶. None: chosen as above.
        seed: of what is drawn for it.

    Raises:
        ValueError: when the data do not fit the model, its posterior is no diagonal Gaussian over
            z, there are no data and no buffer, or a number is not in its range.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).normal(size=(200, 3))
        >>> vae = tfvae.VAE(latent_dim=2, seed=0)
        >>> vae.build(x.shape)  # Better: vae.compile(); vae.fit(x)
        >>> buffer = tfvae.applications.DensityBuffer(vae, x, sample_weight=np.ones(200))
        >>> buffer.sample(5, seed=0).shape, buffer.sample_near(x[:1], 5, seed=0).shape
        ((5, 3), (1, 5, 3))
        >>> buffer.log_prob(x[:4], num_samples=10).shape
        (4,)
        >>> buffer.model.prior is buffer.prior, buffer.num_events
        (True, 200)
    """

    def __init__(
        self,
        model: LatentVariableModel,
        data: Any = None,
        *,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        num_events: int | None = None,
        smear: float | None = None,
        seed: Any = 0,
    ) -> None:
        _checks.instance_of("model", model, LatentVariableModel, "tfvae.VAE(latent_dim=8)")
        if data is not None:
            prior = fit_to(
                model,
                data,
                Buffer(num_events=num_events, smear=smear),
                y=y,
                sample_weight=sample_weight,
                seed=seed,
            )
            model = model.with_prior(prior)
        elif not isinstance(model.prior, Buffer):
            raise ValueError(
                "`data` must be the events to store, received None and a model whose prior is a "
                f"{type(model.prior).__name__}. Give the training data."
            )
        elif not (y is sample_weight is num_events is smear is None):
            raise ValueError(
                "`y`, `sample_weight`, `num_events` and `smear` must be None without `data`, "
                "received one of them: the buffer is there already. Give the training data as well."
            )
        model.prior.distribution()  # Whether it holds events
        self.model = model
        """The model with the buffer as its prior."""

    @property
    def prior(self) -> Buffer:
        """The buffer as a prior, `tfvae.priors.DensityBuffer`; `model.with_prior` takes it."""
        return self.model.prior

    @property
    def distribution(self) -> tfd.Distribution:
        """p_buf(z) as a TFP distribution, batch shape (), event shape (N_z,)."""
        return self.prior.distribution()

    @property
    def smear(self) -> float:
        """α."""
        return float(self.prior.smear_factor.numpy())

    @property
    def num_events(self) -> int:
        """m, the number of events that are stored."""
        return self.prior.num_events

    def sample(
        self, num_samples: int, *, y: Any = None, seed: int | None = None, mean: bool = False
    ) -> np.ndarray:
        """Draws x ~ p(x|z), z ~ p_buf(z), (num_samples, *target); see `model.generate`.

        Args:
            num_samples: number of events.
            y: labels and condition of a model that has them, one for all or one for each.
            seed: of the samples; None: other ones each time.
            mean: True gives E[x|z], which shows less spread than the data have.
        """
        return self.model.generate(num_samples, y=y, seed=seed, mean=mean)

    def sample_near(
        self,
        x: Any,
        num_samples: int,
        *,
        spread: float | None = None,
        y: Any = None,
        seed: int | None = None,
        mean: bool = False,
    ) -> np.ndarray:
        """Draws events near given ones: z ~ N(μ(x), diag(s σ(x))²), (n, num_samples, *target).

        Args:
            x: the examples, (n, *data), of the training data or not.
            num_samples: number of events for each of them.
            spread: s, not negative. None: α, as if the example were in the buffer; 0: all are
                decoded from its mean.
            y: the condition of a model with one, of the examples.
            seed: of the samples; None: other ones each time.
            mean: True gives E[x|z].

        Raises:
            ValueError: when x does not fit the model, or a number is not in its range.
        """
        num_samples = _checks.positive_int("num_samples", num_samples)
        spread = self.smear if spread is None else spread
        spread = _checks.number_in("spread", spread, 0.0, np.inf, high_open=True)
        posterior = self.model.encode(x, y)
        noise_seed, decoder_seed = tf.unstack(
            tf.random.experimental.stateless_split(_seeds.stateless(seed), 2)
        )
        loc, scale = posterior.mean(), posterior.stddev()
        bad = np.flatnonzero(~np.all(np.isfinite(loc + scale), axis=-1))
        if bad.size:
            raise ValueError(
                f"`x` must have finite encodings, received {bad.size} of {len(loc)} examples whose "
                f"encodings are not; the first is number {bad[0]}. Leave them out, or fill gaps."
            )
        shape = tf.concat([[num_samples], tf.shape(loc)], axis=0)
        z = loc + spread * scale * tf.random.stateless_normal(shape, noise_seed, dtype=loc.dtype)
        found = self.model.decode(z, y)
        found = found.mean() if mean else found.sample(seed=decoder_seed)
        return np.swapaxes(found.numpy(), 0, 1)

    def log_prob(
        self,
        x: Any = None,
        *,
        z: ArrayLike | None = None,
        y: Any = None,
        num_samples: int = 100,
        seed: int = 0,
        verbose: str | int = "auto",
    ) -> np.ndarray:
        """log p(x) of events under the model with the buffer, or log p_buf(z) of latents, in nats.

            log p(x) ≈ log (1/L) Σ_l p(x|z_l) p_buf(z_l)/q(z_l|x), z_l ~ q(z|x)  [BGS16]

        log p_buf(z) is exact. The estimate of log p(x) is a lower bound in mean and rises with L.
        Stored events explain themselves: judge the buffer by events that were held out. Both are
        computed in chunks: memory grows with neither n nor m beyond the buffer itself, the time
        with n·L·m.

        Args:
            x: events, (n, *data).
            z: latents, (n, N_z), in place of x.
            y: what the model needs beside x.
            num_samples: L.
            seed: of the samples for x.
            verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes
                long.

        Returns:
            float32 array (n,).

        Raises:
            ValueError: when not exactly one of x and z is given, or it does not fit the model.
        """
        if (x is None) == (z is None):
            raise ValueError(
                "`log_prob` takes either `x`, events, or `z`, latents, received "
                f"{'neither' if x is None else 'both'}. Latents: log_prob(z=…)."
            )
        if z is None:
            return self.model.log_likelihood(x, num_samples, y=y, seed=seed, verbose=verbose)
        z = np.asarray(z, "float32")
        if z.ndim != 2 or z.shape[1] != self.model.latent_dim or not np.all(np.isfinite(z)):
            raise ValueError(
                f"`z` must be finite latents of the shape (n, {self.model.latent_dim}), received "
                f"the shape {z.shape} with {_checks.span_of(z)}."
            )
        parts = np.split(z, range(ROWS, len(z), ROWS))
        return np.concatenate([self.model.log_prior(part, [0, 0]).numpy() for part in parts])

    def save(self, path: str | os.PathLike) -> None:
        """Writes the model with its buffer as a `.keras` file, completely or not at all."""
        self.model.save(path)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "DensityBuffer":
        """The buffer that `save` wrote, or that of any saved model with a buffer as its prior.

        Raises:
            ValueError: when the file is missing or damaged, or holds another model.
        """
        return cls(_keras_files.loaded("`path`", path))
