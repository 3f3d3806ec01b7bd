"""The pendulum data set as a TFDS builder: noisy images of a rod at uniform angles."""

import dataclasses

import numpy as np
import tensorflow_datasets as tfds

from tfvae._checks import positive_int
from tfvae.datasets import raw_files
from tfvae.datasets.images import pendulum_images

_CHUNK = 1024


@dataclasses.dataclass
class PendulumConfig(tfds.core.BuilderConfig):
    """Options of `Pendulum`. The name, which is the folder of the prepared data, lists them all.

    In this and the other configs, a given name becomes a prefix of the options. Data prepared with
    other options is therefore never reused by mistake.

    Attributes:
      size: height and width, pixels.
      noise: standard deviation of the image noise, in units of full intensity.
      num_train, num_test: numbers of images.
      seed: seed of angles and noise.
    """

    name: str = ""
    size: int = 16
    noise: float = 0.05
    num_train: int = 15_000
    num_test: int = 3_000
    seed: int = 0

    def __post_init__(self) -> None:
        for argument in ("size", "num_train", "num_test"):
            setattr(self, argument, positive_int(argument, getattr(self, argument)))
        if self.seed < 0:
            raise ValueError(
                f"`seed` must be a whole number of at least 0, received {self.seed!r}."
            )
        self.name = raw_files.join_name(
            self.name,
            f"size{self.size}-noise{self.noise:.6g}-train{self.num_train}"
            f"-test{self.num_test}-seed{self.seed}",
        )


class Pendulum(tfds.core.GeneratorBasedBuilder):
    """Images of a rod (see `tfvae.datasets.pendulum_images`) at angles uniform in [0, 2π).

    Features: `image`, float32 (size, size, 1) within [0, 1]; `label`, float32, the angle, radians.

    Example:
      >>> from tfvae.datasets import Pendulum, PendulumConfig
      >>> builder = Pendulum(config=PendulumConfig(num_train=100, num_test=10))
      >>> builder.download_and_prepare()  # doctest: +SKIP
      >>> builder.info.splits["train"].num_examples  # doctest: +SKIP
      100
    """

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [PendulumConfig(name="default")]

    def _info(self):
        size = self.builder_config.size
        return tfds.core.DatasetInfo(
            builder=self,
            description="Noisy images of a rod that turns about the image centre.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Tensor(shape=(size, size, 1), dtype=np.float32),
                    "label": tfds.features.Scalar(dtype=np.float32),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        config = self.builder_config
        return {
            "train": self._generate_examples(config.num_train, (config.seed, 0)),
            "test": self._generate_examples(config.num_test, (config.seed, 1)),
        }

    def _generate_examples(self, number, seed):
        config = self.builder_config
        angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, number).astype(np.float32)
        for start in range(0, number, _CHUNK):
            chunk = angles[start : start + _CHUNK]
            images = pendulum_images(
                chunk, size=config.size, noise=config.noise, seed=(*seed, 1 + start)
            )
            for i, (image, angle) in enumerate(zip(images, chunk, strict=True)):
                yield start + i, {"image": image, "label": angle}
