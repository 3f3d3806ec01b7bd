"""The categories of examples, from x."""

import tensorflow as tf

from tfvae.models.beside import Batch


def is_possible(model) -> bool:
    """Whether x tells the categories: there are some, and no target is needed to find them."""
    return model.discrete is not None and not (
        model.target == "y" and model.discrete.compares_likelihoods
    )


def check(model) -> None:
    """Raises a ValueError unless x tells the categories."""
    if model.discrete is None:
        raise ValueError(
            f"`discrete` of this {type(model).__name__} is None: it has no categories. Give it "
            "one, such as tfvae.discrete.Assigned(10)."
        )
    if not is_possible(model):
        raise ValueError(
            f'`discrete` must have a classifier where target="y", received a '
            f"{type(model.discrete).__name__} without one, which compares log p(target|z, d) of "
            "all d. Give it `classifier_weight=1.0`."
        )


def classified(model, batch: Batch) -> tuple[tf.Tensor, tf.Tensor | None]:
    """The categories of a batch, int32 (B, V), and q(d|x) of all variables, (B, Σ S_v).

    Categories that the batch holds as labels stay. q(d|x) is None where no network gives it.
    """
    encoded = model.encoded(batch)
    categories = model.discrete.categories(model.given(batch, encoded))
    posteriors = model.discrete.posteriors(encoded.features)
    if posteriors is None:
        return categories, None
    return categories, tf.concat([q.probs_parameter() for q in posteriors], axis=-1)
