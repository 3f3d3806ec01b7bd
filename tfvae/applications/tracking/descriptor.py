"""What somebody looks like, as a point of a latent space."""

import os
from typing import Any

import numpy as np
import scipy.spatial
import tensorflow as tf

from tfvae.applications.tracking import boxes as box_functions
from tfvae.applications.tracking import crops
from tfvae.models import persistence

# Rows of a call are filled up to a multiple of this, so that few shapes are traced.
CHUNK = 16


class Descriptor:
    """Descriptors of boxes, for a tracker of this library or of any other.

    The descriptor is the mean of q(z|crop). Where the decoder is flat, Euclidean distance between
    descriptors is a distance between what people look like [C20].

    Args:
        model: a trained model of images (height, width, 3) in [0, 1], or the path of one: a
            `.keras` file, or a folder of `tfvae.export`, for which only TensorFlow is needed.

    Attributes:
        size: height and width of a crop.
        dim: D, length of a descriptor.

    Raises:
        ValueError: when the model does not take colour images.

    Example:
        >>> import numpy as np, tfvae
        >>> from tfvae.applications.tracking import Descriptor
        >>> vae = tfvae.VAE(3, seed=0)
        >>> vae.compile("adam")
        >>> x = np.random.default_rng(0).uniform(size=(8, 16, 8, 3)).astype("float32")
        >>> _ = vae.fit(x, verbose=0)
        >>> descriptor = Descriptor(vae)
        >>> image = np.zeros((120, 160, 3), "uint8")
        >>> features = descriptor.get_features([[10, 20, 40, 90], [50, 20, 80, 95]], image)
        >>> features.shape, features.dtype
        ((2, 3), dtype('float32'))
        >>> float(descriptor.distance(features, features)[0, 1])  # Both are black.
        0.0
    """

    def __init__(self, model: Any):
        self._embed, shape, self._model = _embedding_of(model)
        if len(shape) != 3 or shape[-1] != 3:
            raise ValueError(
                "`model` must take images (height, width, 3), received one that takes "
                f"{tuple(shape)}. Train it on crops: tfvae.applications.tracking.person_crops."
            )
        self.size = int(shape[0]), int(shape[1])

        @tf.function(reduce_retracing=True)
        def features(image, boxes):
            return self._embed(crops.cropped(image, boxes, self.size) / 255.0)

        self._features = features
        blank = np.zeros((8, 8, 3), "uint8")
        self.dim = int(self.get_features([[0, 0, 8, 8]], blank).shape[1])

    def get_features(self, boxes_xyxy: Any, image: Any) -> np.ndarray:
        """Descriptors of boxes in an image.

        Args:
            boxes_xyxy: corners x_min, y_min, x_max, y_max in pixels, (N, 4); cut at the edges.
            image: RGB, (height, width, 3), uint8 or float from 0 to 255.

        Returns:
            float32 (N, D); NaN for boxes of which the image shows nothing.

        Raises:
            ValueError: naming the box that is impossible, or the shape of the image.
        """
        boxes = box_functions.checked(boxes_xyxy, "boxes_xyxy")
        image = np.asarray(image)
        if image.ndim != 3 or image.shape[-1] != 3:
            raise ValueError(
                "`image` must be one RGB image, (height, width, 3), received an array of shape "
                f"{image.shape}. Of grey images: np.repeat(image[..., None], 3, axis=-1)."
            )
        seen = np.flatnonzero(crops.inside(boxes, image.shape))
        filled = -(-max(len(seen), 1) // CHUNK) * CHUNK
        padded = np.zeros((filled, 4), "float32")
        padded[:, 2:] = 2.0
        padded[: len(seen)] = boxes[seen]
        found = self._features(tf.constant(image), tf.constant(padded)).numpy()
        features = np.full((len(boxes), found.shape[1]), np.nan, "float32")
        features[seen] = found[: len(seen)]
        return features

    def encoder(self, bgr_image: Any, boxes_tlwh: Any) -> np.ndarray:
        """`get_features` as DeepSORT's programs call it.

        Args:
            bgr_image: as OpenCV reads it, (height, width, 3) in BGR.
            boxes_tlwh: x, y, width, height in pixels, (N, 4).

        Returns:
            float32 (N, D).
        """
        boxes = np.asarray(boxes_tlwh, "float64").reshape(-1, 4)
        return self.get_features(box_functions.corners(boxes), np.asarray(bgr_image)[..., ::-1])

    @staticmethod
    def distance(a: Any, b: Any) -> np.ndarray:
        """Euclidean distances, (N, D) and (M, D) -> float32 (N, M); NaN where a descriptor is."""
        return scipy.spatial.distance.cdist(np.asarray(a), np.asarray(b)).astype("float32")


def _embedding_of(model):
    """A function of crops, the shape of one, and what must live as long as the function does."""
    if not isinstance(model, (str, os.PathLike)):
        return model.embed, model.data_shape, model
    path = os.fspath(model)
    if path.endswith(".keras"):
        return _embedding_of(persistence.load_uncompiled(path))
    loaded = tf.saved_model.load(path)
    served = loaded.signatures["serving_default"]
    shape = served.structured_input_signature[1]["x"].shape[1:]
    return (lambda x: served(x=x)["embedding"]), shape, loaded
