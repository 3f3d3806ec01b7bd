"""COIL-20 as a TFDS builder: 20 objects on a turntable, a grey image every 5 degrees."""

import dataclasses
import pathlib
import re
import zipfile
import zlib

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tfvae._checks import positive_int, whole_in
from tfvae.datasets import raw_files
from tfvae.datasets.images import area_average

OBJECTS, VIEWS, SIDE = 20, 72, 128

_NAMES = [f"obj{number}" for number in range(1, OBJECTS + 1)]
_ARCHIVE = "coil-20-proc.zip"
SOURCE = "https://www.cs.columbia.edu/CAVE/software/softlib/coil-20.php"
_MEMBER = re.compile(r"(?:.*/)?obj([0-9]{1,4})__([0-9]{1,4})\.png")


@dataclasses.dataclass
class COIL20Config(tfds.core.BuilderConfig):
    """Options of `COIL20`. The name holds them and a hash of the archive's path, size and date.

    Attributes:
      path: coil-20-proc.zip or its folder; None: TFDS's manual folder.
      size: height and width, pixels, a divisor of 128; smaller images are area averages.
      train_every: view k is a training image if k is a multiple of it, otherwise a test image.
    """

    name: str = ""
    path: str | None = None
    size: int = 64
    train_every: int = 2

    def __post_init__(self) -> None:
        self.size = positive_int("size", self.size)
        if SIDE % self.size:
            raise ValueError(f"`size` must be a divisor of {SIDE} pixels, received {self.size!r}.")
        self.train_every = whole_in("train_every", self.train_every, 2, VIEWS)
        if self.path is not None:
            self.path = str(_archive(self.path))
        digest = raw_files.fingerprint({}, [self.path] if self.path else [])
        self.name = raw_files.join_name(
            self.name, f"size{self.size}-train_every{self.train_every}-{digest}"
        )


class COIL20(tfds.core.GeneratorBasedBuilder):
    """Columbia Object Image Library: 20 objects × 72 views, 5° apart (Nene, Nayar, Murase, 1996).

    Features: `image`, float32 (size, size, 1) within [0, 1]; `label`, the object, 0 to 19 for
    obj1 to obj20; `angle`, float32, degrees, 5 times the view.

    Example:
      >>> from tfvae.datasets import COIL20, COIL20Config
      >>> builder = COIL20(config=COIL20Config(path="coil20", size=32))  # doctest: +SKIP
      >>> builder.download_and_prepare()                                 # doctest: +SKIP
      >>> builder.info.splits["train"].num_examples                      # doctest: +SKIP
      720
    """

    # By default, TFDS would name it coi_l20.
    name = "coil20"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [COIL20Config(name="default")]
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"The manual folder must hold {_ARCHIVE}; get it from {SOURCE}."

    def _info(self):
        size = self.builder_config.size
        return tfds.core.DatasetInfo(
            builder=self,
            description="Grey images of 20 objects on a turntable, 72 views each.",
            homepage=SOURCE,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Tensor(shape=(size, size, 1), dtype=np.float32),
                    "label": tfds.features.ClassLabel(names=_NAMES),
                    "angle": tfds.features.Scalar(dtype=np.float32),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        archive = raw_files.require(
            _archive(self.builder_config.path or dl_manager.manual_dir),
            needs=f"{_ARCHIVE} or its folder",
            source=SOURCE,
        )
        if not zipfile.is_zipfile(archive):
            raise ValueError(
                f"`path` must be a complete zip file, received {str(archive)!r}. Download it again"
                f" from {SOURCE}."
            )
        return {
            split: self._generate_examples(archive, train)
            for split, train in (("train", True), ("test", False))
        }

    def _generate_examples(self, archive, train):
        config = self.builder_config
        with zipfile.ZipFile(archive) as file:
            for (number, view), member in _members(file, archive).items():
                if (view % config.train_every == 0) is not train:
                    continue
                image = _read(file, archive, member)
                yield (
                    f"{number:02d}_{view:02d}",
                    {
                        "image": area_average(image, config.size)[..., None] / np.float32(255),
                        "label": number - 1,
                        "angle": np.float32(view * 360 / VIEWS),
                    },
                )


def _archive(path: str | pathlib.Path) -> pathlib.Path:
    path = pathlib.Path(path).expanduser().resolve()
    return path / _ARCHIVE if path.is_dir() else path


def _members(file: zipfile.ZipFile, archive: pathlib.Path) -> dict[tuple[int, int], str]:
    """Dict from (object, view) to the name of the member, for all 1440 images, sorted."""
    members = {}
    for name in file.namelist():
        if name.endswith("/"):
            continue
        match = _MEMBER.fullmatch(name)
        key = tuple(int(group) for group in match.groups()) if match else (0, 0)
        if not (1 <= key[0] <= OBJECTS and key[1] < VIEWS) or key in members:
            raise ValueError(
                f"{archive}: the members must be obj1__0.png to obj{OBJECTS}__{VIEWS - 1}.png,"
                f" each once, received {name!r}. Get {_ARCHIVE} from {SOURCE}."
            )
        members[key] = name
    wanted = {(number, view) for number in range(1, OBJECTS + 1) for view in range(VIEWS)}
    missing = [f"obj{number}__{view}.png" for number, view in sorted(wanted - set(members))]
    if missing:
        raise ValueError(
            f"{archive}: the archive must have {len(wanted)} images, received {len(members)}; the"
            f" first missing one is {missing[0]!r}. Get {_ARCHIVE} from {SOURCE}."
        )
    return dict(sorted(members.items()))


def _read(file: zipfile.ZipFile, archive: pathlib.Path, member: str) -> np.ndarray:
    """The image as uint8, (128, 128)."""
    try:
        image = tf.io.decode_png(file.read(member)).numpy()
    except (tf.errors.InvalidArgumentError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{archive}: member {member!r} must be a PNG image, received unreadable data ({error})."
            f" Download {_ARCHIVE} again from {SOURCE}."
        ) from error
    if image.shape != (SIDE, SIDE, 1):
        raise ValueError(
            f"{archive}: member {member!r} must have shape {(SIDE, SIDE, 1)} (grey), received"
            f" {image.shape}. Get {_ARCHIVE} from {SOURCE}."
        )
    return image[..., 0]
