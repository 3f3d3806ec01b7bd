"""What somebody looks like, as a point of a latent space."""

import os
import zipfile
from typing import Any

import numpy as np
import scipy.spatial
import tensorflow as tf

from tfvae import _checks, _keras_files
from tfvae.applications.tracking import boxes as box_functions
from tfvae.applications.tracking import crops

# Rows of a call are filled up to a multiple of this, so that few shapes are traced.
CHUNK = 16
# Rows of a call at most: crops are sampled several times as fine as they are returned.
MOST_ROWS = 512


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
        self.dim = int(self._features_of(np.array([[0, 0, 8, 8]]), blank).shape[1])

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
        image = _checked_image(image)
        seen = np.flatnonzero(crops.inside(boxes, image.shape))
        features = np.full((len(boxes), self.dim), np.nan, "float32")
        for start in range(0, len(seen), MOST_ROWS):
            part = seen[start : start + MOST_ROWS]
            features[part] = self._features_of(boxes[part], image)
        return features

    def _features_of(self, boxes, image):
        """Of a few boxes, all of which the image shows, (n, 4) -> (n, D)."""
        padded = np.zeros((-(-len(boxes) // CHUNK) * CHUNK, 4), "float32")
        padded[:, 2:] = 2.0
        padded[: len(boxes)] = boxes
        found = self._features(tf.constant(image), tf.constant(padded)).numpy()
        return found[: len(boxes)]

    def encoder(self, bgr_image: Any, boxes_tlwh: Any) -> np.ndarray:
        """`get_features` as DeepSORT's programs call it.

        Args:
            bgr_image: as OpenCV reads it, (height, width, 3) in BGR.
            boxes_tlwh: x, y, width, height in pixels, (N, 4).

        Returns:
            float32 (N, D).

        Raises:
            ValueError: as of `get_features`.
        """
        boxes = box_functions.as_array("boxes_tlwh", boxes_tlwh, "float64")
        if boxes.size and (boxes.ndim != 2 or boxes.shape[1] != 4):
            raise ValueError(
                "`boxes_tlwh` must be of shape (N, 4), x, y, width, height, received shape "
                f"{boxes.shape}."
            )
        boxes = box_functions.corners(boxes.reshape(-1, 4))
        return self.get_features(boxes, np.asarray(bgr_image)[..., ::-1])

    @staticmethod
    def distance(a: Any, b: Any) -> np.ndarray:
        """Euclidean distances, (N, D) and (M, D) -> float32 (N, M); NaN where a descriptor is.

        Raises:
            ValueError: when they are not rows of one length.
        """
        a, b = box_functions.as_array("a", a, "float64"), box_functions.as_array("b", b, "float64")
        if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
            raise ValueError(
                f"`a` (N, D) and `b` (M, D) must be rows of one length, received {a.shape} and "
                f"{b.shape}. Of one descriptor: descriptor[None]."
            )
        return scipy.spatial.distance.cdist(a, b).astype("float32")


def _checked_image(image):
    """An RGB image from 0 to 255."""
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[-1] != 3 or not image.size:
        hint = "Of grey images: np.repeat(image[..., None], 3, axis=-1)."
        if image.ndim == 3 and image.shape[-1] == 4:
            hint = "Without its transparency: image[..., :3]."
        raise ValueError(
            "`image` must be one RGB image, (height, width, 3), received an array of shape "
            f"{image.shape}. {hint}"
        )
    if image.dtype == np.uint8:
        return image
    expected = "`image` must hold numbers from 0 to 255"
    if image.dtype.kind not in "iuf":
        raise ValueError(f"{expected}, received an array of {image.dtype}.")
    low, high = np.min(image), np.max(image)  # NaN if there is one.
    if not (low >= 0 and high <= 255):
        raise ValueError(f"{expected}, received {_checks.span_of(image.astype('float64'))}.")
    if image.dtype.kind == "f" and 0 < high <= 1:
        raise ValueError(
            f"{expected}, received {_checks.span_of(image.astype('float64'))}. Of an image in "
            "[0, 1]: 255 * image."
        )
    return image


def _loaded(path):
    """The model of a .keras file."""
    if not os.path.exists(path):
        raise ValueError(f"`model` must be a file that exists, received {path!r}.")
    try:
        if not zipfile.is_zipfile(path):
            raise zipfile.BadZipFile("it is no whole ZIP archive")
        return _keras_files.load_uncompiled(path)
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"{path}: must be a .keras file, but it is damaged: {error}. Copy it again, or save "
            "the model again."
        ) from error


def _embedding_of(model):
    """A function of crops, the shape of one, and what must live as long as the function does."""
    if not isinstance(model, (str, os.PathLike)):
        if not hasattr(model, "embed") or not hasattr(model, "data_shape"):
            raise ValueError(
                "`model` must be a model of tfvae that was trained, or the path of one, received "
                f"{model!r:.80}. tfvae.applications.tracking.train_descriptor trains one."
            )
        return model.embed, model.data_shape, model
    path = os.fspath(model)
    if path.endswith(".keras"):
        return _embedding_of(_loaded(path))
    if not tf.saved_model.contains_saved_model(path):
        raise ValueError(
            "`model` must be the path of a .keras file or of a folder of tfvae.export, received "
            f"{path!r}, which is neither."
        )
    loaded = tf.saved_model.load(path)
    try:
        served = loaded.signatures["serving_default"]
        shape = served.structured_input_signature[1]["x"].shape[1:]
        served.structured_outputs["embedding"]
    except KeyError as error:
        raise ValueError(
            f"{path}: must be a folder that tfvae.export wrote, with a signature serving_default "
            f"from x to embedding; {error} is missing. Export the model by tfvae.export."
        ) from error
    return (lambda x: served(x=x)["embedding"]), shape, loaded
