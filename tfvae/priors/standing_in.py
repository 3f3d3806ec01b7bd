"""Priors that are fitted to a trained model, to take the place of the one it was trained with."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfvae.priors.base import Prior
from tfvae.priors.fitting import check_over_z, fit
from tfvae.priors.names import get


def fit_to(
    model: Any,
    data: Any,
    prior: str | Prior = "gaussian_mixture",
    *,
    y: Any = None,
    sample_weight: ArrayLike | None = None,
    seed: Any = 0,
    verbose: str | int = "auto",
    **options: Any,
) -> Prior:
    """Fits a prior to the aggregated posterior of a trained model, which stays as it is.

        q(z) = Σ_i w_i q(z|x_i), the optimum of any prior

    Samples of N(0, I) often lie where no data are encoded. A density that is fitted to q(z) after
    the training can stand in: `vae.with_prior(prior)` is a model that generates with it.

    | prior | how it is fitted |
    |---|---|
    | "gaussian_mixture" | EM to draws of q(z); K by held-out posteriors |
    | "density_buffer" | keeps all posteriors; α by held-out ones |
    | "flow", "hierarchical" | 3,000 steps of `tfvae.priors.fit`, which take the longest |

    `tfvae.evaluation.prior_fit` on data that were held out tells which of them comes nearest.

    Args:
        model: a trained model of the library.
        data: array, table, tf.data.Dataset (batched) or PyDataset, as for `fit`.
        prior: one of these names, or a new object of `tfvae.priors`, your own included.
        y: the condition beside an array, for a model with one.
        sample_weight: w of the examples of an array, (n,), not negative. None: equal ones.
        seed: of all draws.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.
        options: of `tfvae.priors.fit`: `steps`, `batch_size`, `learning_rate`. With them, what EM
            has found is trained on as well.

    Returns:
        The prior, built.

    Raises:
        ValueError: when the data do not fit the model, its posterior is no diagonal Gaussian over
            z, or the prior has nothing that could be fitted.

    Example:
        >>> import numpy as np, tfvae
        >>> vae = tfvae.VAE(latent_dim=2, seed=0)
        >>> x = np.random.default_rng(0).normal(size=(200, 3))
        >>> vae.build(x.shape)  # Better: vae.compile(); vae.fit(x)
        >>> prior = tfvae.priors.fit_to(vae, x, "density_buffer")
        >>> better = vae.with_prior(prior)
        >>> better.generate(4, seed=0).shape
        (4, 3)
    """
    prior = get(prior)
    check_over_z(prior)
    check_over_z(model.prior)
    if prior is model.prior:
        raise ValueError(
            "`prior` must be another than the model's own, received that. `model.fit_prior(data)` "
            "fits it."
        )
    loc, scale = model.posterior_moments(data, y)
    weights = row_weights(sample_weight, data, model.sequence_shape)
    is_fitted = prior.adapt_to_posteriors(loc, scale, weights=weights, seed=seed)
    if not prior.built:
        prior.build(model.latent_dim, sequence_shape=model.sequence_shape)
    if not is_fitted or options:
        fit(prior, loc, scale, weights=weights, seed=seed, verbose=verbose, **options)
    return prior


def row_weights(
    sample_weight: ArrayLike | None, data: Any, sequence_shape: tuple[int, ...]
) -> np.ndarray | None:
    """The weights of examples for the rows of `posterior_moments`: a step has its sequence's.

    Raises:
        ValueError: when the weights come with a dataset, whose order may be another each time.
    """
    is_dataset = isinstance(data, (tf.data.Dataset, keras.utils.PyDataset))
    element = data[0] if isinstance(data, keras.utils.PyDataset) else None
    element = data.element_spec if isinstance(data, tf.data.Dataset) else element
    if is_dataset and (
        sample_weight is not None or (isinstance(element, tuple) and len(element) == 3)
    ):
        raise ValueError(
            "`sample_weight` must be None for a dataset, and the dataset must hold x or (x, y), "
            "received weights. Give arrays with `sample_weight`, or a dataset without weights: "
            "dataset.map(lambda x, y, weight: (x, y))."
        )
    if sample_weight is None or not sequence_shape:
        return sample_weight
    return np.repeat(np.asarray(sample_weight, "float64"), sequence_shape[0])
