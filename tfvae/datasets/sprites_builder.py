"""The sprites as a TFDS builder, with the features of dsprites in the catalogue."""

import dataclasses

import numpy as np
import tensorflow_datasets as tfds

from tfvae._checks import true_or_false
from tfvae.datasets import raw_files
from tfvae.datasets.sprites import (
    SHAPES,
    SPRITE_FACTORS,
    check_size,
    grid_factors,
    sprite_images,
    sprite_values,
)

_CHUNK = 4096
_COUNTS = ("shapes", "scales", "orientations", "positions_x", "positions_y")


@dataclasses.dataclass
class SpritesConfig(tfds.core.BuilderConfig):
    """Options of `Sprites`. The name, which is the folder of the prepared data, lists them all.

    Attributes:
      size: height and width, pixels; at least 16.
      shapes, scales, orientations, positions_x, positions_y: numbers of values of each factor, at
        most 3, 6, 40, 32, 32; `tfvae.datasets.sprite_values` gives the values.
      ordered: True keeps the examples in the order of `sprite_grid`; False puts them into a fixed
        random order. A slice of the ordered grid has few of the shapes and scales, and the shuffle
        buffer of `load` holds at most 2²⁹ bytes (130,000 images of 64 × 64). A slice of the
        unordered grid is a random sample.
    """

    name: str = ""
    size: int = 64
    shapes: int = 3
    scales: int = 6
    orientations: int = 40
    positions_x: int = 32
    positions_y: int = 32
    ordered: bool = True

    def __post_init__(self) -> None:
        self.size = check_size(self.size)
        self.ordered = true_or_false("ordered", self.ordered)
        for option, values in zip(_COUNTS, self.values().values(), strict=True):
            setattr(self, option, len(values))
        counts = "-".join(f"{option}{getattr(self, option)}" for option in _COUNTS)
        order = "ordered" if self.ordered else "unordered"
        self.name = raw_files.join_name(self.name, f"size{self.size}-{counts}-{order}")

    def values(self) -> dict[str, np.ndarray]:
        """The values of the factors, from `tfvae.datasets.sprite_values`."""
        return sprite_values(**{option: getattr(self, option) for option in _COUNTS})


class Sprites(tfds.core.GeneratorBasedBuilder):
    """White squares, ellipses and hearts (see `tfvae.datasets.sprite_images`), all in `train`.

    Features: `image`, uint8 (size, size, 1), 0 or 1. For each of shape, scale, orientation,
    x_position and y_position: a class `label_…`, int64, the index of the value in
    `sprite_values`, and a `value_…`, float32, in the units of `sprite_images` and of dSprites.

    Example:
      >>> from tfvae.datasets import Sprites, SpritesConfig
      >>> builder = Sprites(config=SpritesConfig(orientations=8, positions_x=8, positions_y=8))
      >>> builder.download_and_prepare()  # doctest: +SKIP
      >>> builder.info.splits["train"].num_examples  # doctest: +SKIP
      9216
    """

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [SpritesConfig(name="default")]

    def _info(self):
        config = self.builder_config
        labels = {
            f"label_{factor}": tfds.features.ClassLabel(num_classes=len(values))
            for factor, values in config.values().items()
        }
        labels["label_shape"] = tfds.features.ClassLabel(names=SHAPES[: config.shapes])
        values = {f"value_{factor}": np.float32 for factor in SPRITE_FACTORS}
        image = tfds.features.Image(shape=(config.size, config.size, 1))
        return tfds.core.DatasetInfo(
            builder=self,
            description="Squares, ellipses and hearts: the dSprites family, rendered by formula.",
            homepage="https://github.com/google-deepmind/dsprites-dataset",
            features=tfds.features.FeaturesDict({"image": image, **labels, **values}),
            disable_shuffling=config.ordered,
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        config = self.builder_config
        values = config.values()
        counts = [len(v) for v in values.values()]
        number = int(np.prod(counts))
        for start in range(0, number, _CHUNK):
            factors = grid_factors(counts, start, min(start + _CHUNK, number))
            chosen = [v[f] for v, f in zip(values.values(), factors.T, strict=True)]
            images = sprite_images(*chosen, size=config.size)
            for i, image in enumerate(images):
                example = {"image": image}
                for factor, labels, numbers in zip(SPRITE_FACTORS, factors.T, chosen, strict=True):
                    example[f"label_{factor}"] = labels[i]
                    example[f"value_{factor}"] = np.float32(numbers[i])
                yield start + i, example
