"""A detector as a SavedModel, which serves without tfvae, Keras and scikit-learn."""

import os

import numpy as np
import tensorflow as tf

from tfvae.applications.outliers.scoring import Scorer


def save(
    scorer: Scorer,
    path: str | os.PathLike[str],
    usual: np.ndarray,
    threshold: float,
    names: list[str],
) -> None:
    """Writes the scores of raw rows as the signature `serving_default`.

    | input | | output | |
    |---|---|---|---|
    | x | float64 (B, D) | score | float32 (B,), nats |
    | | | is_outlier | bool (B,) |
    | | | contributions | float32 (B, D + 1), nats |
    | | | names | string (D + 1,): of the contributions |

    The same row has the same score in every batch.

    Args:
        scorer: of a fitted detector.
        path: a folder that does not exist.
        usual: usual contributions, (D + 1,), which are subtracted.
        threshold: scores above it are outliers.
        names: of the contributions.

    Raises:
        ValueError: when `path` exists.
    """
    if os.path.exists(path):
        raise ValueError(
            f"`path` must be a new folder, received {path}, which exists. Choose another."
        )
    usual = usual.astype("float32")
    module = tf.Module()
    module.scorer = scorer

    @tf.function(input_signature=[tf.TensorSpec([None, scorer.columns], tf.float64, "x")])
    def serve(x):
        contributions = scorer.contributions(x) - usual
        score = tf.reduce_sum(contributions, axis=1)  # They add up to it.
        return {
            "score": score,
            "is_outlier": score > threshold,
            "contributions": contributions,
            "names": tf.constant(names),
        }

    tf.saved_model.save(module, os.fspath(path), signatures={"serving_default": serve})
