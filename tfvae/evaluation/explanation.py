"""What a training came to and what to try next, in two sentences."""

import dataclasses
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import _checks
from tfvae.evaluation.learning import EPOCHS, Learning, learned_of
from tfvae.evaluation.posterior import PosteriorReport, posterior_report
from tfvae.evaluation.prior import PriorFit, prior_fit
from tfvae.evaluation.tables import Line, Report
from tfvae.models import LatentVariableModel, aggregated, units

# Below this share of prior samples where data are, a better prior makes better samples.
GOOD_SHARE = 0.9
# The ELBO of new data may be so much below that of the training data: nats per feature, and at
# least. With a learned scale, 0.2 is a squared error that is 40% larger.
GAP_PER_FEATURE, LEAST_GAP = 0.2, 5.0
# What the share is for the aggregated posterior itself.
BEST_SHARE = aggregated.QUANTILE


@dataclasses.dataclass(frozen=True)
class Explanation(Report):
    """Two sentences; `str` gives both."""

    what_happened: str
    """Whether the bound on the error was reached, active units, fit of the prior."""
    what_to_try: str
    """The one change that is likely to help most."""

    title = "In short"

    def lines(self) -> list[Line]:
        """Returns both sentences."""
        return [
            Line("what happened", self.what_happened),
            Line("what to try next", self.what_to_try),
        ]

    def __str__(self) -> str:
        return f"{self.what_happened} {self.what_to_try}"

    @classmethod
    def of(
        cls,
        model: LatentVariableModel,
        posterior: PosteriorReport | None,
        fit: PriorFit | None,
        rate: float | None = None,
        *,
        elbo: float | None = None,
        training_elbo: float | None = None,
        learned: Learning | None = None,
    ) -> "Explanation":
        """The sentences of reports that are there already; see `explain`, which makes them.

        Args:
            model: a trained model.
            posterior: from `posterior_report`; None: nothing is said of active units.
            fit: from `prior_fit`; None: nothing is said of the prior.
            rate: nats, from `model.evaluate`; None: not known.
            elbo: nats, of data that were not trained on; None: not known.
            training_elbo: nats, of the training data; None: not known.
            learned: from `learned_of`; None: nothing is said of the length of the training.
        """
        used = None
        if posterior is not None and model.prior.posterior_is_over_z:
            used = int(np.sum(posterior.active)), len(posterior.active)
        gap = _gap(model, elbo, training_elbo)
        happened = [_of_objective(model), *_of_latents(used), *_of_prior(fit)]
        sentence = _listed(happened) + "."
        if gap is not None:
            sentence += (
                f" The ELBO is {elbo:.4g} nats on data that were not trained on, and "
                f"{training_elbo:.4g} on the training data, {gap:.4g} more: the model has learned "
                "its examples by heart."
            )
        sentence += _of_learning(learned)
        return cls(sentence, _advice(model, used, fit, rate, gap, learned))


def explain(
    model: LatentVariableModel,
    data: np.ndarray | tf.data.Dataset | keras.utils.PyDataset,
    *,
    y: Any = None,
    num_samples: int = 1000,
    num_importance_samples: int = 512,
    batch_size: int = 512,
    seed: Any = 0,
) -> Explanation:
    """Says in two sentences what a training came to and what to try next.

    The first one has the facts: whether the bound on the error was reached and by how much it was
    missed; the number of active units (`active_units`); and the share of prior samples that lie
    where data are, with KL(q(z) ‖ p(z)) (`prior_fit`). Where something is wrong with it, further
    ones tell of overfitting and of a training that was too short. The last one gives what the
    warnings at the end of `fit` advise or, where there are none, what the others say: the first of
    these that applies.

    1. A rate of more than 100 nats per latent, of a compiled model: data in raw units.
    2. The ELBO of these data is below that of the training data, as the last `fit` of this process
       reported it, by more than 0.2 nats per feature and 5 nats: overfitting. It is not looked at
       where another bound is trained, as by `ImportanceWeighted`.
    3. The bound was not reached, or the objective's schedule has not ended.
    4. The ELBO was still rising at the end of the last `fit` of this process: by more than 0.1 nats
       in the last quarter of the epochs, and 5% of what it is above the ELBO of the mean of the
       data. Or the model explains less than 10% of what this mean leaves, after fewer than 8
       epochs.
    5. No latent is an active unit.
    6. The model explains less than 10%, but its ELBO is flat or its training is not known.
    7. Less than 90% of the prior samples lie where data are, of at most 99%.
    8. The last `fit` had one epoch, which does not tell whether the ELBO was still rising.
    9. All is well: how many latents would do, or what may explain more.

    Args:
        model: a trained model.
        data: array, or tf.data.Dataset or PyDataset of x or (x, y), of the training or, better, not
            seen by it.
        y: what the model needs beside an array.
        num_samples: number of draws from q(z) and from p(z).
        num_importance_samples: K, of a prior whose density is a bound.
        batch_size: number of rows of an array at a time; a dataset keeps its own batches.
        seed: of all draws.

    Raises:
        ValueError: if the data are empty or of the wrong shape, an encoding is not finite, or a
            part of y is missing.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).normal(size=(200, 3)).astype("float32")
        >>> vae = tfvae.VAE(latent_dim=2, seed=0)
        >>> vae.compile("adam")
        >>> _ = vae.fit(x, epochs=1, verbose=0)
        >>> print(tfvae.evaluation.explain(vae, x))
        The objective sets no bound on the error, ... of 2 latents are active units, and ...
    """
    _checks.instance_of("model", model, LatentVariableModel, "tfvae.VAE(latent_dim=2)")
    posterior, fit = _reports(
        model,
        data,
        y,
        batch_size,
        num_samples=num_samples,
        num_importance_samples=num_importance_samples,
        seed=seed,
    )
    rate = elbo = learned = None
    if model.compiled:
        terms = model.evaluate(data, y, verbose=0)
        rate, elbo = float(terms["rate"]), float(terms["elbo"])
        learned = learned_of(model, data, terms, y=y)
    more = {"elbo": elbo, "training_elbo": _training_elbo(model), "learned": learned}
    return Explanation.of(model, posterior, fit, rate, **more)


def _reports(model, data, y, batch_size, **options):
    """Reports on the posterior and the prior; None where there is no such thing."""
    with np.errstate(divide="ignore"):  # A point has no information in nats.
        posterior = posterior_report(model, data, y=y, batch_size=batch_size)
    if not model.prior.is_proper or not np.any(posterior.mean_variance):
        return posterior, None
    return posterior, prior_fit(model, data, y=y, batch_size=batch_size, **options)


def _training_elbo(model):
    """The ELBO that `fit` reported of the epoch whose weights the model has; None: not known."""
    logs = getattr(getattr(model, "history", None), "history", None) or {}
    elbos, held_out = logs.get("elbo"), logs.get("held_out_loss")
    if not elbos:
        return None
    if held_out and len(held_out) == len(elbos) and np.all(np.isfinite(held_out)):
        return float(elbos[int(np.argmin(held_out))])
    return float(elbos[-1])


def _gap(model, elbo, training_elbo):
    """By how much the ELBO of new data is lower, where this is notable, in nats; else None."""
    if elbo is None or training_elbo is None or not model.objective.raises_elbo:
        return None
    gap = training_elbo - elbo
    return gap if gap > max(GAP_PER_FEATURE * math.prod(model.target_shape), LEAST_GAP) else None


def _of_objective(model) -> str:
    state = model.objective.bound_state(model.likelihood)
    if state is None:
        warning = model.objective.convergence_warning(model.likelihood)
        if warning:
            return _first(warning)[0]
        if model.objective.bound is None:
            return "The objective sets no bound on the error"
        return "No step was trained that could reach the bound on the error"
    kappa = f"{'the automatic ' if state.is_automatic else ''}κ = {state.kappa:.4g}"
    error = f"The error of the last training steps, {state.error:.4g},"
    if state.reached:
        text = f"{error} reaches {kappa} ({state.unit})"
    else:
        above = f" by {state.error / state.kappa - 1.0:.0%}" if state.kappa > 0.0 else ""
        text = f"{error} misses {kappa}{above} ({state.unit})"
    if not state.prior_is_untrained:
        return text
    if model.prior_was_fitted:
        return (
            f"{text}, the initial phase of REWO has not ended and `fit_prior` alone has learned "
            "the prior"
        )
    return f"{text}, the initial phase of REWO has not ended and the prior has not been trained"


def _of_latents(used) -> list[str]:
    if used is None:
        return []
    return [f"{used[0]} of {used[1]} latents are active units"]


def _of_prior(fit) -> list[str]:
    if fit is None:
        return []
    z = "noise" if fit.is_of_noise else "z"
    return [
        f"{fit.share:.0%} of the prior's samples lie where data are (best: {BEST_SHARE:.0%}; "
        f"KL(q({z}) ‖ p({z})) = {fit.divergence:.3g} nats)"
    ]


def _of_learning(learned) -> str:
    """Sentences on what has been learned, if it is little, and whether more was being learned."""
    if learned is None:
        return ""
    text = ""
    if learned.explains_little:
        share = max(learned.share, 0.0)
        text += f" The model explains {share:.0%} of what the mean of the data leaves."
    if learned.gain is not None:
        text += (
            f" The {learned.what} was still rising, by {learned.gain:.2g} nats in the last quarter "
            f"of {learned.epochs} epochs."
        )
    return text


def _longer(learned) -> str | None:
    """What to do about a training that was too short; None: nothing is known of it."""
    if learned is None:
        return None
    few = 0 < learned.epochs < EPOCHS
    if learned.gain is None and not (learned.explains_little and few):
        return None
    return "Train longer, or with a larger learning rate, until the loss is flat."


def _advice(model, used, fit, rate, gap, learned) -> str:
    latents = model.latent_dim * math.prod(model.sequence_shape)
    if rate is not None and units.absurd_rate(rate, latents):
        return (
            f"The rate of {rate:.3g} nats says that data were in raw units: bring all features to "
            "about unit size before `fit`."
        )
    if gap is not None:
        return (
            "More data, smaller networks, fewer latent dimensions, weight decay, dropout or fewer "
            "epochs help against that; more epochs do not."
        )
    state = model.objective.bound_state(model.likelihood)
    if state is not None and not state.reached:
        return state.advice
    warning = model.objective.convergence_warning(model.likelihood)
    if warning:
        return _first(warning)[1] or "Train longer."
    longer = _longer(learned)
    if longer is not None:
        return longer
    is_bounded = model.objective.bound is not None
    if used is not None and not used[0]:
        smaller = "give the rate a smaller weight, or `objective=tfvae.objectives.Constrained()`"
        smaller = "ask for a smaller `kappa`" if is_bounded else smaller
        return f"The decoder does without the latents: {smaller}, and train longer."
    if learned is not None and learned.explains_little:
        return (
            "If the data have more structure than that, a larger learning rate, larger networks or "
            "more latents may find it."
        )
    if fit is not None and fit.share < GOOD_SHARE:
        return _better_prior(model)
    if learned is not None and learned.epochs == 1:
        return (
            "One epoch does not tell whether the training was long enough: train until the loss is "
            "flat."
        )
    if used is not None and used[0] < used[1]:
        return f"Nothing needs to change: `latent_dim={used[0]}` would do as well."
    if is_bounded and not (state is not None and state.is_automatic):
        return "Nothing needs to change; a smaller `kappa` asks for finer reconstructions."
    return "Nothing needs to change; more latents may explain more."


def _better_prior(model) -> str:
    if not model.prior.posterior_is_over_z:
        return "Samples of the prior will be better after longer training, or with more data."
    if model.prior.trainable_weights:
        return (
            "For better samples train the prior alone for more steps, `model.fit_prior(x)`, or "
            "give it larger networks or more components."
        )
    return (
        'For better samples take a prior that learns, `prior="hierarchical"`, or put one in the '
        "place of this one by `tfvae.priors.fit_to`."
    )


def _first(text) -> tuple[str, str]:
    """The first sentence of a text without its dot, and the rest."""
    first, _, rest = text.partition(". ")
    return first.removesuffix("."), rest


def _listed(parts) -> str:
    if len(parts) < 3:
        return " and ".join(parts)
    return ", ".join(parts[:-1]) + f", and {parts[-1]}"
