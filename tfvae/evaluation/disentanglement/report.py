"""All metrics of disentanglement in one report."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfvae import _checks, _names, _progress
from tfvae.evaluation.disentanglement.clustering import UnsupervisedAccuracy, unsupervised_accuracy
from tfvae.evaluation.disentanglement.encoding import encoded, random_part
from tfvae.evaluation.disentanglement.information import mig, mutual_information
from tfvae.evaluation.disentanglement.inputs import checked
from tfvae.evaluation.disentanglement.prediction import dci, sap
from tfvae.evaluation.disentanglement.robustness import irs
from tfvae.evaluation.disentanglement.votes import (
    beta_vae_score,
    factor_vae_score,
    used_latents,
)
from tfvae.evaluation.tables import Line, Report
from tfvae.models import LatentVariableModel


@dataclasses.dataclass(frozen=True, repr=False)
class DisentanglementReport(Report):
    """Every metric, and two matrices of latents against factors."""

    num_examples: int
    """n, the number of encoded examples."""
    latents: tuple[str, ...]
    """Names of the rows of the matrices: "z_0", …, then "d_0", … for the discrete latents."""
    factors: tuple[str, ...]
    """Names of the columns: the factors with two values or more."""
    active: np.ndarray
    """Latents that the FactorVAE and β-VAE scores use, (N_z + V,) bool."""
    matrix: np.ndarray
    """I(z_i; v_k) / H(v_k), (N_z + V, F); see `mutual_information`."""
    importance: np.ndarray
    """Importance of each latent for each factor, (N_z + V, F); see `dci`."""
    factor_vae_score: float
    """See `factor_vae_score`; NaN for one factor, which any latents would tell."""
    beta_vae_score: float
    """See `beta_vae_score`; NaN for one factor."""
    mig: float
    """See `mig`."""
    disentanglement: float
    """See `dci`."""
    completeness: float
    """See `dci`."""
    informativeness: float
    """See `dci`."""
    sap: float
    """See `sap`."""
    irs: float
    """See `irs`."""
    accuracies: dict[tuple[str, str], UnsupervisedAccuracy]
    """`unsupervised_accuracy` by the names of a discrete latent and a factor."""

    title = "Disentanglement"

    def lines(self) -> list[Line]:
        """Returns the numbers of the report."""
        of_factors = "means nothing for one factor" if len(self.factors) == 1 else ""
        of_latents = "means nothing for one latent" if len(self.latents) == 1 else ""
        chance = of_factors or f"chance {1 / len(self.factors):.3g}"
        lines = [
            Line("examples", self.num_examples),
            Line("factors", len(self.factors)),
            Line("latents", len(self.latents)),
            Line("scored latents", int(self.active.sum())),
            Line("FactorVAE score", self.factor_vae_score, chance),
            Line("β-VAE score", self.beta_vae_score, chance),
            Line("MIG", self.mig),
            Line("DCI disentanglement", self.disentanglement, of_factors),
            Line("DCI completeness", self.completeness, of_latents),
            Line("DCI informativeness", self.informativeness, "accuracy"),
            Line("SAP", self.sap, "adjusted for chance"),
            Line("IRS", self.irs),
        ]
        for (latent, factor), accuracy in self.accuracies.items():
            lines += [
                Line(f"accuracy, {latent} as {factor}", accuracy.one_to_one, "one to one"),
                Line(f"majority accuracy, {latent} as {factor}", accuracy.majority),
            ]
        return lines


def disentanglement(
    model: LatentVariableModel,
    data: np.ndarray | tf.data.Dataset | keras.utils.PyDataset,
    *,
    factors: ArrayLike | dict[str, ArrayLike] | None = None,
    y: Any = None,
    num_examples: int = 10_000,
    seed: int = 0,
    batch_size: int = 512,
    verbose: str | int = "auto",
) -> DisentanglementReport:
    """Computes all metrics of disentanglement on a random subset of data with known factors.

    The representation is the mean of q(z|x), `model.encode(x)`. A model with categories adds them,
    `model.categories(x)`: the discrete latents, or the labels that `y` gives. The
    FactorVAE and β-VAE scores use the discrete latents and the active continuous ones, those with
    E_x KL(q(z_i|x) ‖ N(0, 1)) > 0.1 nats. The other metrics use all latents.

    Args:
        model: a model of the library.
        data: array (n, *data) with `factors`; or a batched tf.data.Dataset or PyDataset of
            (x, factors), as `tfvae.datasets.load("sprites")` gives it. A dataset is read once, in
            any order.
        factors: states of the factors of an array, whole numbers or names: (n, F), or dict of (n,).
        y: labels and condition beside an array, for a model that needs them. A dataset gives them
            among its factors, as "labels" and "condition".
        num_examples: largest number of examples to encode, drawn at random.
        seed: seed for the choice of examples and for the metrics.
        batch_size: number of examples encoded at a time.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.

    Raises:
        ValueError: if the data are empty, have no factors or never end, a part of y is missing, a
            shape, type or number does not fit, a latent is not finite, no factor has two values, no
            two examples share a value of a factor, or there are fewer than 8 examples.

    Example:
        >>> import tfvae
        >>> x, factors = tfvae.datasets.sprite_grid(
        ...     size=16, scales=2, orientations=2, positions_x=4, positions_y=4)
        >>> vae = tfvae.VAE(latent_dim=2, likelihood="bernoulli", seed=0)
        >>> vae.build((None, 16, 16, 1))
        >>> names = tfvae.datasets.SPRITE_FACTORS
        >>> report = tfvae.evaluation.disentanglement(
        ...     vae, x, factors=dict(zip(names, factors.T)))
        >>> report.num_examples, report.matrix.shape
        (192, (2, 5))
    """
    num_examples = _checks.positive_int("num_examples", num_examples)
    batch_size = _checks.positive_int("batch_size", batch_size)
    x, factors, y = random_part(
        data, factors, num_examples, seed, y=y, needs=model.needs, columns=model.columns
    )
    loc, categories, active = encoded(model, x, y, batch_size)
    return disentanglement_scores(
        loc, factors, categories=categories, active=active, seed=seed, verbose=verbose
    )


def disentanglement_scores(
    representation: ArrayLike,
    factors: ArrayLike | dict[str, ArrayLike],
    *,
    categories: ArrayLike | None = None,
    active: ArrayLike | None = None,
    seed: int = 0,
    verbose: str | int = "auto",
) -> DisentanglementReport:
    """Computes all metrics of disentanglement of a representation, with their default arguments.

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). A factor
            with one value is left out.
        categories: discrete latents, whole numbers (n, V).
        active: the continuous latents that the FactorVAE and β-VAE scores use, (N_z,) bool; None:
            all.
        seed: seed for the draws.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.

    Raises:
        ValueError: as for the metrics, but for one factor, whose scores by votes are NaN.

    Example:
        >>> import numpy as np, tfvae
        >>> factors = np.random.default_rng(0).integers(3, size=(900, 2))
        >>> print(tfvae.evaluation.disentanglement_scores(factors, factors))
        Disentanglement
        -------------------------------------------------
        ...
        FactorVAE score          1  chance 0.5
        ...
    """
    data = checked(representation, factors, categories)
    codes, states = data.codes, dict(zip(data.names, data.states.T, strict=True))
    arguments = {"categories": data.categories, "seed": seed}
    names = [_names.latent(i) for i in range(codes.shape[1])]
    discrete = {_names.discrete(i): column for i, column in enumerate(data.categories.T)}

    def by_votes(score):
        if len(states) == 1:  # It means nothing.
            return float("nan")
        return score(codes, states, active=active, **arguments)

    metrics = {
        "dci": lambda: dci(codes, states, **arguments),
        "matrix": lambda: mutual_information(
            codes, states, categories=data.categories, normalised=True
        ),
        "factor_vae_score": lambda: by_votes(factor_vae_score),
        "beta_vae_score": lambda: by_votes(beta_vae_score),
        "mig": lambda: mig(codes, states, **arguments),
        "sap": lambda: sap(codes, states, **arguments),
        "irs": lambda: irs(codes, states, **arguments),
    }
    found = {}
    with _progress.progress(len(metrics), verbose, "metric") as add:
        for name, metric in metrics.items():
            found[name] = metric()
            add(1)
    predictions = found.pop("dci")
    return DisentanglementReport(
        num_examples=len(codes),
        latents=(*names, *discrete),
        factors=data.names,
        active=used_latents(data, active),
        importance=predictions.importance,
        disentanglement=predictions.disentanglement,
        completeness=predictions.completeness,
        informativeness=predictions.informativeness,
        accuracies={
            (latent, factor): unsupervised_accuracy(category, values)
            for latent, category in discrete.items()
            for factor, values in states.items()
        },
        **found,
    )
