"""Motions as arrays, their transform into poses and back, and the walk-jog data of Taylor et al."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tfvae._checks import true_or_false
from tfvae.datasets import raw_files

CMU_SOURCE = "http://mocap.cs.cmu.edu"

HEADING_AND_PLACE = ("root.TX", "root.TY", "root.TZ", "root.RY")

# Channels of CMU's hands, such as "lwrist.ry" and "rthumb.rz". The markers there are few, and the
# angles jump by more than 100 degrees from one frame to the next; all others by less than 60.
_OF_HANDS = re.compile(r"[lr]?(wrist|hand|fingers|thumb)\.")

_CMU_DOF = (
    "root.TX TY TZ RX RY RZ, lfemur.rx ry rz, ltibia.rx, lfoot.rx rz, ltoes.rx, rfemur.rx ry rz,"
    " rtibia.rx, rfoot.rx rz, rtoes.rx, lowerback.rx ry rz, upperback.rx ry rz, thorax.rx ry rz,"
    " lowerneck.rx ry rz, upperneck.rx ry rz, head.rx ry rz, lclavicle.ry rz, lhumerus.rx ry rz,"
    " lradius.rx, lwrist.ry, lhand.rx rz, lfingers.rx, lthumb.rx rz, rclavicle.ry rz,"
    " rhumerus.rx ry rz, rradius.rx, rwrist.ry, rhand.rx rz, rfingers.rx, rthumb.rx rz"
)
CMU_CHANNELS = tuple(
    f"{joint}.{dof}"
    for joint, dofs in (entry.strip().split(".") for entry in _CMU_DOF.split(","))
    for dof in dofs.split()
)

_WALK_JOG_TRIALS = {
    "train": [i for i in range(1, 35) if i not in (18, 27, 29)],
    "test": [18, 29],
}


@dataclasses.dataclass(frozen=True)
class Motion:
    """One captured sequence.

    Attributes:
      values: float64, shape (frames, channels): rotations in degrees, translations in the
        skeleton's length unit.
      channels: names of the columns, e.g. ("root.TX", …, "ltoes.rx").
      frames: int, shape (frames,): consecutive or equally spaced frame numbers; CMU's data has 120
        frames per second.
      name: name of the sequence, e.g. "35_01".
    """

    values: np.ndarray
    channels: tuple[str, ...]
    frames: np.ndarray
    name: str = ""

    def every(self, step: int) -> Motion:
        """The motion with every step-th frame only, starting with the first."""
        return dataclasses.replace(self, values=self.values[::step], frames=self.frames[::step])


@dataclasses.dataclass(frozen=True)
class PoseTransform:
    """Turns motion channels into poses, the inputs of a model: (kept channels − mean) / std.

    Attributes:
      channels: names of all channels.
      kept: names of the channels in a pose, a subset in the same order.
      mean, std: (kept,): statistics of the training frames, or 0 and 1.
      fill: (channels,): values that `invert` gives to the channels that are not kept: 0, the pose
        at rest, or their mean where they do not move.

    Example:
      >>> import numpy as np
      >>> from tfvae.datasets import Motion, PoseTransform
      >>> motion = Motion(np.array([[0.0, 1, 5], [9, 3, 5]]), ("root.TX", "a.rx", "b.rx"), [1, 2])
      >>> transform = PoseTransform.fit([motion], drop=("root.TX",))
      >>> transform.kept
      ('a.rx',)
      >>> transform.apply(motion)
      array([[-1.],
             [ 1.]], dtype=float32)
      >>> transform.invert([[2.0]])
      array([[0., 4., 5.]])
    """

    channels: tuple[str, ...]
    kept: tuple[str, ...]
    mean: np.ndarray
    std: np.ndarray
    fill: np.ndarray

    @classmethod
    def fit(
        cls,
        motions: Iterable[Motion],
        *,
        drop: Sequence[str] = HEADING_AND_PLACE,
        hands: bool = False,
        standardise: bool = True,
        min_std: float = 1e-3,
    ) -> PoseTransform:
        """Chooses the channels and their scale from the training motions.

        Args:
          motions: `Motion` objects with the same channels.
          drop: names of channels to leave out; `invert` sets them to 0.
          hands: False leaves out all channels of wrists, hands, fingers and thumbs as well, since
            in CMU's data they jump from one frame to the next; True keeps them.
          standardise: True takes mean and std of the frames; False takes 0 and 1.
          min_std: channels with a smaller standard deviation (in degrees or the length unit) count
            as constant. They are left out, and `invert` sets them to their mean.

        Raises:
          ValueError: if there are no motions, their channels differ, `drop` names an unknown
            channel, `hands` is neither True nor False, or no channel is left.
        """
        hands = true_or_false("hands", hands)
        motions = list(motions)
        if not motions:
            raise ValueError("`motions` must have at least one training motion, received none.")
        channels = tuple(motions[0].channels)
        for motion in motions:
            if tuple(motion.channels) != channels:
                raise ValueError(
                    f"`motions` must have the same channels, received {motion.name!r} with other"
                    f" channels than {motions[0].name!r}. Prepare subjects with different skeletons"
                    " separately."
                )
        unknown = sorted(set(drop) - set(channels))
        if unknown:
            raise ValueError(
                f"`drop` must name channels of the motions, received {unknown}. The channels are"
                f" {channels}."
            )
        frames = np.concatenate([motion.values for motion in motions])
        mean, std = frames.mean(0), frames.std(0)
        of_hands = [_OF_HANDS.match(name) is not None for name in channels]
        dropped = np.isin(channels, list(drop)) | (np.array(of_hands) & (not hands))
        keep = ~dropped & (std >= min_std)
        if not keep.any():
            raise ValueError(
                f"`drop` must leave a channel that moves, received {drop!r} and hands={hands}. Drop"
                " fewer channels, or keep those of the hands by hands=True."
            )
        return cls(
            channels=channels,
            kept=tuple(np.array(channels)[keep].tolist()),
            mean=mean[keep] if standardise else np.zeros(keep.sum()),
            std=std[keep] if standardise else np.ones(keep.sum()),
            fill=np.where(dropped, 0.0, mean),
        )

    @property
    def _columns(self) -> list[int]:
        return [self.channels.index(name) for name in self.kept]

    def apply(self, motion: Motion) -> np.ndarray:
        """The poses of a `Motion`: float32, shape (frames, kept).

        Raises:
          ValueError: if the channels of the motion and of the transform differ.
        """
        if tuple(motion.channels) != self.channels:
            raise ValueError(
                f"`motion` must have the channels {self.channels}, received"
                f" {tuple(motion.channels)}. Fit a transform to motions of this skeleton."
            )
        return ((motion.values[:, self._columns] - self.mean) / self.std).astype(np.float32)

    def invert(self, poses: ArrayLike) -> np.ndarray:
        """All channels for given poses, ready for `Skeleton.positions`.

        Args:
          poses: shape (n, kept), e.g. the outputs of a decoder.

        Returns:
          float64, shape (n, channels): rotations in degrees, translations in the length unit.

        Raises:
          ValueError: if the shape does not fit.
        """
        poses = np.asarray(poses, np.float64)
        if poses.ndim != 2 or poses.shape[1] != len(self.kept):
            raise ValueError(
                f"`poses` must have shape (n, {len(self.kept)}), received {poses.shape}."
            )
        values = np.tile(self.fill, (len(poses), 1))
        values[:, self._columns] = poses * self.std + self.mean
        return values

    def to_dict(self) -> dict[str, list]:
        """The fields as lists, for JSON; `PoseTransform.from_dict` reads them."""
        return {key: np.asarray(value).tolist() for key, value in vars(self).items()}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> PoseTransform:
        """The transform with the fields that `to_dict` returned."""
        names = {key: tuple(fields[key]) for key in ("channels", "kept")}
        arrays = {key: np.array(fields[key], np.float64) for key in ("mean", "std", "fill")}
        return cls(**names, **arrays)


def read_walk_jog(path: str | pathlib.Path | None) -> dict[str, list[Motion]]:
    """Reads `cmu35WalkJog.mat`: subject 35 walks and jogs, every fourth frame (30 per second).

    Args:
      path: the file or its folder.

    Returns:
      {"train": 31 `Motion` objects, "test": 2 of them}. The held-out sequences are trials 18 (jog)
      and 29 (walk), as in Lawrence, "Learning for larger datasets with the Gaussian process latent
      variable model", AISTATS 2007, after Taylor, Hinton and Roweis, "Modeling human motion using
      binary latent variables", NIPS 2006. `frames` counts from 1 in steps of 4.

    Raises:
      ValueError: if the file is missing, is not a MATLAB 5 file, or has other content.

    Example:
      >>> from tfvae.datasets import read_walk_jog
      >>> len(read_walk_jog("cmu_mocap")["train"])  # doctest: +SKIP
      31
    """
    import scipy.io

    name = "cmu35WalkJog.mat"
    path = raw_files.require(path, needs=f"{name} or its folder", source=CMU_SOURCE)
    file = path / name if path.is_dir() else path
    raw_files.require(file, needs=name, source=CMU_SOURCE)
    try:
        content = scipy.io.loadmat(file)
    except Exception as error:  # SciPy raises a dozen types for damaged files.
        raise ValueError(
            f"{file}: the file must be in MATLAB 5 format, received unreadable data ({error})."
            " Get the file again."
        ) from error
    motions = {}
    for split, suffix in (("train", ""), ("test", "test")):
        trials = _WALK_JOG_TRIALS[split]
        try:
            values, one_hot = (np.asarray(content[key + suffix]) for key in ("Y", "lbls"))
        except KeyError as error:
            raise ValueError(
                f"{file}: the variables must be Y, lbls, Ytest, lblstest, received"
                f" {sorted(key for key in content if not key.startswith('__'))}."
                " Get the file again."
            ) from error
        expected = f"(n, {len(CMU_CHANNELS)}) and (n, {len(trials)}) one-hot"
        if (
            values.shape != (len(one_hot), len(CMU_CHANNELS))
            or one_hot.shape[1:] != (len(trials),)
            or not np.all(np.isfinite(values))
            or not np.array_equal(np.sort(one_hot, 1)[:, -2:], [[0, 1]] * len(one_hot))
        ):
            raise ValueError(
                f"{file}: the {split} values and labels must be finite, of shapes {expected},"
                f" received {values.shape} and {one_hot.shape}. Get the file again."
            )
        motions[split] = []
        for column, trial in enumerate(trials):
            rows = values[one_hot[:, column] == 1].astype(np.float64)
            frames = 1 + 4 * np.arange(len(rows))
            motions[split].append(Motion(rows, CMU_CHANNELS, frames, f"35_{trial:02d}"))
    return motions


def find_trials(folder: str | pathlib.Path) -> dict[str, pathlib.Path]:
    """Paths of the AMC files in a folder by trial name, e.g. {"35_01": Path(…/35_01.amc)}."""
    return {file.stem: file for file in sorted(pathlib.Path(folder).glob("*_*.amc"))}
