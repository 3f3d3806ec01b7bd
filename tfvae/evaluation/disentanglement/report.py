"""All metrics of disentanglement in one report."""

import dataclasses

import numpy as np

from tfvae import _checks
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


@dataclasses.dataclass(frozen=True, repr=False)
class DisentanglementReport(Report):
    """Every metric, and the matrices of latents against factors behind some of them."""

    num_examples: int
    """n."""
    latents: tuple[str, ...]
    """Names of the rows of the matrices: "z[0]", …, then "d[0]", … for the discrete latents."""
    factors: tuple[str, ...]
    """Names of the columns: the factors that have two values or more."""
    active: np.ndarray
    """Latents that the scores by votes go by, (N_z + V,) bool."""
    matrix: np.ndarray
    """I(z_i; v_k) / H(v_k), (N_z + V, F), see `mutual_information`."""
    importance: np.ndarray
    """Of each latent for each factor, (N_z + V, F), see `dci`."""
    factor_vae_score: float
    """See `factor_vae_score`."""
    beta_vae_score: float
    """See `beta_vae_score`."""
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
    """`unsupervised_accuracy` of each discrete latent for each factor, by their names."""

    title = "Disentanglement"

    def lines(self):
        """The numbers of the report."""
        lines = [
            Line("examples", self.num_examples),
            Line("factors", len(self.factors)),
            Line("latents", len(self.latents)),
            Line("active latents", int(self.active.sum())),
            Line("FactorVAE score", self.factor_vae_score, f"chance {1 / len(self.factors):.3g}"),
            Line("β-VAE score", self.beta_vae_score, f"chance {1 / len(self.factors):.3g}"),
            Line("MIG", self.mig),
            Line("DCI disentanglement", self.disentanglement),
            Line("DCI completeness", self.completeness),
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
    model,
    data,
    *,
    factors=None,
    num_examples: int = 10_000,
    seed: int = 0,
    batch_size: int = 512,
) -> DisentanglementReport:
    """All metrics of disentanglement of a model, on a random part of data with known factors.

    The representation is the mean of q(z|x), `model.encode(x)`, and, for a model with a tuple
    `num_categories` that is not empty, its discrete latents `model.categories(x)`. The scores by
    votes go by active latents, those with E_x KL(q(z_i|x) ‖ N(0, 1)) > 0.1 nats, and by discrete
    ones; the other metrics by all.

    Args:
        model: a model of the library.
        data: array (n, *data) beside `factors`; or a batched tf.data.Dataset or PyDataset of
            (x, factors), as `tfvae.datasets.load("sprites")` gives it. A dataset is gone through
            once, whatever its order.
        factors: states of the factors of an array, whole numbers or names: (n, F), or dict of (n,).
        num_examples: the most examples that are encoded, drawn at random.
        seed: of that choice, and of the metrics.
        batch_size: examples that are encoded at a time.

    Raises:
        ValueError: when the data are empty, without factors or without end, a shape, type or number
            does not fit, a code is not finite, no factor has two values, no two examples share a
            value of a factor, or there are fewer than 8 examples.

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
    x, factors = random_part(data, factors, num_examples, seed)
    loc, categories, active = encoded(model, x, batch_size)
    return disentanglement_scores(loc, factors, categories=categories, active=active, seed=seed)


def disentanglement_scores(
    representation, factors, *, categories=None, active=None, seed: int = 0
) -> DisentanglementReport:
    """All metrics of disentanglement of a representation, each with its defaults.

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). Those with
            one value are left out.
        categories: discrete latents, whole numbers (n, V).
        active: which continuous latents the scores by votes go by, (N_z,) bool; None: all.
        seed: of the draws.

    Raises:
        ValueError: as the metrics.

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
    names = [f"z[{i}]" for i in range(codes.shape[1])]
    discrete = {f"d[{i}]": column for i, column in enumerate(data.categories.T)}
    predictions = dci(codes, states, **arguments)
    return DisentanglementReport(
        num_examples=len(codes),
        latents=(*names, *discrete),
        factors=data.names,
        active=used_latents(data, active),
        matrix=mutual_information(codes, states, categories=data.categories, normalised=True),
        importance=predictions.importance,
        factor_vae_score=factor_vae_score(codes, states, active=active, **arguments),
        beta_vae_score=beta_vae_score(codes, states, active=active, **arguments),
        mig=mig(codes, states, **arguments),
        disentanglement=predictions.disentanglement,
        completeness=predictions.completeness,
        informativeness=predictions.informativeness,
        sap=sap(codes, states, **arguments),
        irs=irs(codes, states, **arguments),
        accuracies={
            (latent, factor): unsupervised_accuracy(category, values)
            for latent, category in discrete.items()
            for factor, values in states.items()
        },
    )
