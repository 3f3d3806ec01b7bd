"""A skeleton of bones, and its joint positions by forward kinematics over all frames at once."""

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from tfvae.datasets.motion import Motion


@dataclasses.dataclass(frozen=True)
class Bone:
    """One bone of a `Skeleton`.

    Attributes:
      name: unique within the skeleton.
      parent: name of the bone at whose end this bone starts, or "root".
      direction: (3,), unit vector in world coordinates at rest.
      length: in the skeleton's length unit.
      axis: (3,), degrees: rotations from the axes of the world to the axes of the bone.
      axis_order: axes of these rotations, in the order of application, e.g. "XYZ".
      dof: names of the bone's channels, e.g. ("rx", "rz"), in the order of application.
    """

    name: str
    parent: str
    direction: np.ndarray
    length: float
    axis: np.ndarray
    axis_order: str = "XYZ"
    dof: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Skeleton:
    """Bones and their hierarchy, as in an Acclaim ASF file.

    Attributes:
      name: name of the skeleton.
      bones: tuple of `Bone`, in the order of the file.
      root_dof: the root's channels in order, e.g. ("TX", "TY", "TZ", "RX", "RY", "RZ").
      root_axis: order in which the root's rotations are applied, e.g. "XYZ".
      root_position: (3,), added to the root's translation.
      root_orientation: (3,), degrees: the root's rotation at rest, in the order of `root_axis`.
      units: dict of the file's units, e.g. {"mass": 1.0, "length": 0.45, "angle": "deg"}. CMU's
        lengths times 2.54 / length give centimetres.

    Example:
      >>> import numpy as np
      >>> from tfvae.datasets.skeleton import Bone, Skeleton
      >>> arm = Bone("arm", "root", np.array([1.0, 0, 0]), 2.0, np.zeros(3), dof=("rz",))
      >>> Skeleton("toy", (arm,), root_dof=()).positions([[90.0]]).round(6)[0, 1] + 0.0
      array([0., 2., 0.])
    """

    name: str
    bones: tuple[Bone, ...]
    root_dof: tuple[str, ...] = ("TX", "TY", "TZ", "RX", "RY", "RZ")
    root_axis: str = "XYZ"
    root_position: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(3))
    root_orientation: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(3))
    units: dict = dataclasses.field(default_factory=dict)

    @property
    def joints(self) -> tuple[str, ...]:
        """Names of the joints: "root", then the end of each bone, in the order of `bones`."""
        return ("root", *(bone.name for bone in self.bones))

    @property
    def parents(self) -> np.ndarray:
        """Index of each joint's parent joint, shape (joints,); −1 for the root."""
        index = {name: i for i, name in enumerate(self.joints)}
        return np.array([-1, *(index[bone.parent] for bone in self.bones)])

    @property
    def dof(self) -> dict[str, tuple[str, ...]]:
        """Dict from each joint that moves to the names of its channels, in order."""
        return {"root": self.root_dof, **{bone.name: bone.dof for bone in self.bones if bone.dof}}

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of all channels in order, e.g. ("root.TX", …, "ltoes.rx")."""
        return tuple(f"{joint}.{name}" for joint, dof in self.dof.items() for name in dof)

    def positions(self, motion: Motion | ArrayLike) -> np.ndarray:
        """World coordinates of all joints by forward kinematics.

        Let A be the axis rotation of a bone and L the rotation by its channels, both in the stated
        order. The world rotation of the bone is G = G_parent A L A⁻¹, and its end lies at
        p = p_parent + G · length · direction.

        Args:
          motion: a `Motion`, or an array (frames, channels) in the order of `channels`: rotations
            in degrees, translations in the skeleton's length unit.

        Returns:
          float64, shape (frames, joints, 3), in the skeleton's length unit.

        Raises:
          ValueError: if the channels of the motion and of the skeleton differ, or a bone is not
            connected to the root.
        """
        names = getattr(motion, "channels", None)
        if names is not None and tuple(names) != self.channels:
            raise ValueError(
                f"`motion` must have the channels of skeleton {self.name!r}, {self.channels},"
                f" received {tuple(names)}. Read it with this skeleton, or call"
                " PoseTransform.invert first."
            )
        values = np.asarray(getattr(motion, "values", motion), np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.channels):
            raise ValueError(
                f"`motion` must have shape (frames, {len(self.channels)}), received {values.shape}."
            )
        columns = dict(zip(self.channels, values.T, strict=True))
        frames = len(values)

        rest = _euler(self.root_orientation, self.root_axis)
        turns = {n[1]: columns[f"root.{n}"] for n in self.root_dof if n[0] == "R"}
        spin = _rotations([(a, turns[a]) for a in self.root_axis if a in turns], frames)
        shift = [columns.get(f"root.T{a}", np.zeros(frames)) for a in "XYZ"]
        ends = {"root": self.root_position + np.stack(shift, -1)}
        world = {"root": rest @ spin}
        # The file may list a child before its parent.
        waiting = list(self.bones)
        while waiting:
            ready = [bone for bone in waiting if bone.parent in ends]
            if not ready:
                raise ValueError(
                    "`bones` must all be connected to the root, received"
                    f" {[b.name for b in waiting]} without a connection. Correct their parents."
                )
            for bone in ready:
                axis = _euler(bone.axis, bone.axis_order)
                turns = [(n[1].upper(), columns[f"{bone.name}.{n}"]) for n in bone.dof]
                turned = world[bone.parent] @ axis @ _rotations(turns, frames) @ axis.T
                world[bone.name] = turned
                ends[bone.name] = ends[bone.parent] + turned @ (bone.length * bone.direction)
            waiting = [bone for bone in waiting if bone.name not in ends]
        return np.stack([ends[joint] for joint in self.joints], 1)


def _rotations(turns: Iterable[tuple[str, ArrayLike]], frames: int) -> np.ndarray:
    """Composes turns [(axis letter, degrees of shape (frames,)), …], the first applied first."""
    result = np.broadcast_to(np.eye(3), (frames, 3, 3))
    for letter, degrees in turns:
        i = "XYZ".index(letter)
        j, k = (i + 1) % 3, (i + 2) % 3
        radians = np.deg2rad(degrees)
        turn = np.zeros((frames, 3, 3))
        turn[:, i, i] = 1
        turn[:, j, j] = turn[:, k, k] = np.cos(radians)
        turn[:, k, j] = np.sin(radians)
        turn[:, j, k] = -turn[:, k, j]
        result = turn @ result
    return result


def _euler(degrees: ArrayLike, order: str) -> np.ndarray:
    """Rotation (3, 3) by one angle in degrees for each letter of order, the first applied first."""
    return _rotations(zip(order, np.reshape(degrees, (3, 1)), strict=True), 1)[0]
