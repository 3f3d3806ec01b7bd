"""A detector as a SavedModel, which serves without tfvae, Keras and scikit-learn."""

import os
from typing import Any

import tensorflow as tf

from tfvae.applications.outliers.scoring import Scorer
from tfvae.applications.outliers.usual import Usual
from tfvae.serving.folders import new_folder
from tfvae.serving.raw_columns import raw_columns_of


def save(
    scorer: Scorer,
    path: str | os.PathLike[str],
    usual: Usual,
    threshold: float,
    names: list[str],
    table: Any = None,
) -> None:
    """Writes the scores of raw rows as the signature `serving_default`.

    | input | | output | |
    |---|---|---|---|
    | x | float64 (B, D), NaN: missing | score | float32 (B,), nats; NaN: a value is not allowed |
    | | | is_outlier | bool (B,); true without a score |
    | | | contributions | float32 (B, D + 1), nats |
    | | | names | string (D + 1,): of the contributions |

    The same row has the same score in every batch. With a table, the inputs are its raw columns in
    place of x, string (B,) or float64 (B,) each.

    Args:
        scorer: of a fitted detector.
        path: a folder that does not exist.
        usual: what usual rows have.
        threshold: scores above it are outliers.
        names: of the contributions.
        table: a fitted `tfvae.tables.Table`; None: rows are x.

    Raises:
        ValueError: when `path` exists, or the table does not make the rows of the detector.
    """
    if os.path.exists(path):
        raise ValueError(
            f"`path` must be a new folder, received {path}, which exists. Choose another."
        )
    module = tf.Module()
    module.scorer = scorer

    columns, specs = None, [tf.TensorSpec([None, scorer.columns], tf.float64, "x")]
    if table is not None:
        columns = raw_columns_of(table, (scorer.columns,))
        specs = columns.specs()
        module.resources = columns.resources()

    @tf.function
    def serve(**given):
        x = given["x"] if columns is None else tf.cast(columns.x(given), tf.float64)
        contributions = usual.parts(scorer.contributions(x), tf.math.is_nan(x))
        score = tf.reduce_sum(contributions, axis=1)  # They add up to it.
        return {
            "score": score,
            "is_outlier": (score > threshold) | tf.math.is_nan(score),
            "contributions": contributions,
            "names": tf.constant(names),
        }

    signature = serve.get_concrete_function(**{one.name: one for one in specs})
    with new_folder(path) as partial:
        tf.saved_model.save(module, partial, signatures={"serving_default": signature})
