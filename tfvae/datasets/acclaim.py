"""Readers of the Acclaim formats of motion capture: skeletons (ASF) and their motions (AMC)."""

import math
import pathlib

import numpy as np

from tfvae.datasets.motion import Motion
from tfvae.datasets.skeleton import Bone, Skeleton

_DOF = ("rx", "ry", "rz")
_ROOT_DOF = ("TX", "TY", "TZ", "RX", "RY", "RZ")


class _Lines:
    """The lines of a text file that say something, with their numbers for error messages."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        # latin-1 reads any byte, so that strange comments do no harm; text mode accepts CR LF.
        with self.path.open(encoding="latin-1") as file:
            lines = file.readlines()
        self.last = len(lines)
        self.words = [
            (number, line.split())
            for number, line in enumerate(lines, 1)
            if line.strip() and not line.lstrip().startswith("#")
        ]

    def error(self, number, message):
        return ValueError(f"{self.path}, line {number}: {message}")

    def numbers(self, number, what, words, count):
        """The words as `count` finite floats."""
        try:
            values = [float(word) for word in words]
        except ValueError:
            values = [math.nan]
        if not all(map(math.isfinite, values)):
            raise self.error(number, f"{what}: expected finite numbers, got {' '.join(words)!r}")
        if len(values) != count:
            raise self.error(number, f"{what}: expected {count} values, got {len(values)}")
        return values


def read_asf(path):
    """Reads a skeleton from an Acclaim ASF file.

    Args:
      path: the file; lines may end with LF or CR LF.

    Returns:
      A `Skeleton`; bones and channels in the order of the file.

    Raises:
      ValueError: naming file and line, where the file is not ASF, is truncated, lacks a section or
        an entry, has values that are no numbers, unknown or unconnected bones, angles other than
        degrees, or degrees of freedom other than rotations.

    Example:
      >>> from tfvae.datasets import read_amc, read_asf
      >>> skeleton = read_asf("35.asf")                   # doctest: +SKIP
      >>> skeleton.positions(read_amc("35_01.amc", skeleton)).shape  # doctest: +SKIP
      (358, 31, 3)
    """
    lines = _Lines(path)
    sections = _sections(lines)
    units, root = {}, {}
    for number, words in sections["units"][1]:
        if len(words) != 2:
            raise lines.error(number, f"expected a unit and its value, got {' '.join(words)!r}")
        key, value = words
        units[key] = value if key == "angle" else lines.numbers(number, key, [value], 1)[0]
    if units.get("angle", "deg") != "deg":
        raise lines.error(
            sections["units"][0], f"angle: expected 'deg', got {units['angle']!r}; convert first"
        )
    for number, (key, *words) in sections["root"][1]:
        if key == "order" and (set(words) - set(_ROOT_DOF) or len(set(words)) != len(words)):
            raise lines.error(
                number, f"order: expected some of {_ROOT_DOF}, each once, got {words}"
            )
        if key in ("position", "orientation"):
            words = np.array(lines.numbers(number, key, words, 3))
        root[key] = _axis_order(lines, number, words) if key == "axis" else words
    missing = [key for key in ("order", "axis", "position", "orientation") if key not in root]
    if missing:
        raise lines.error(sections["root"][0], f"section :root lacks {', '.join(missing)}")
    bones = _bones(lines, *sections["bonedata"])
    parents = _parents(lines, *sections["hierarchy"], [bone["name"] for bone in bones])
    return Skeleton(
        name=" ".join(sections["name"][2]) if "name" in sections else lines.path.stem,
        bones=tuple(Bone(parent=parents[bone["name"]], **bone) for bone in bones),
        root_dof=tuple(root["order"]),
        root_axis=root["axis"],
        root_position=root["position"],
        root_orientation=root["orientation"],
        units=units,
    )


def _sections(lines):
    """Dict from section to (line number, [(number, words), …], words on the section's own line)."""
    sections, body = {}, None
    for number, words in lines.words:
        if words[0].startswith(":"):
            body = []
            sections[words[0][1:]] = number, body, words[1:]
        elif body is None:
            raise lines.error(number, f"expected an ASF section (:version …), got {words[0]!r}")
        else:
            body.append((number, words))
    missing = [s for s in ("units", "root", "bonedata", "hierarchy") if s not in sections]
    if missing:
        raise lines.error(
            lines.last,
            f"the file ends without section :{', :'.join(missing)}; is it whole, and ASF?",
        )
    return sections


def _axis_order(lines, number, words):
    order = words[0].upper() if len(words) == 1 else " ".join(words)
    if sorted(order) != ["X", "Y", "Z"]:
        raise lines.error(number, f"axis: expected an order such as XYZ, got {order!r}")
    return order


def _bones(lines, _, body, __):
    """Fields of `Bone` except the parent, a dict a bone."""
    bones, bone, names = [], None, set()
    for number, (key, *words) in body:
        if key == "begin":
            if bone is not None:
                raise lines.error(number, "'begin' before the 'end' of the bone above")
            bone = {}
        elif bone is None:
            raise lines.error(number, f"expected 'begin', got {key!r}")
        elif key == "name":
            bone["name"] = " ".join(words)
            if bone["name"] in names or bone["name"] == "root" or not words:
                raise lines.error(number, f"name: {bone['name']!r} is empty or already taken")
            names.add(bone["name"])
        elif key == "direction":
            bone["direction"] = np.array(lines.numbers(number, key, words, 3))
        elif key == "length":
            (bone["length"],) = lines.numbers(number, key, words, 1)
        elif key == "axis":
            bone["axis"] = np.array(lines.numbers(number, key, words[:3], 3))
            bone["axis_order"] = _axis_order(lines, number, words[3:])
        elif key == "dof":
            bone["dof"] = tuple(word.lower() for word in words)
            if set(bone["dof"]) - set(_DOF) or len(set(bone["dof"])) != len(words):
                raise lines.error(number, f"dof: expected some of {_DOF}, each once, got {words}")
        elif key == "end":
            missing = [k for k in ("name", "direction", "length", "axis") if k not in bone]
            if missing:
                raise lines.error(
                    number, f"bone {bone.get('name', '?')!r} lacks {', '.join(missing)}"
                )
            bones.append(bone)
            bone = None
    if bone is not None:
        raise lines.error(body[-1][0], f"bone {bone.get('name', '?')!r} has no 'end'; truncated?")
    return bones


def _parents(lines, start, body, _, names):
    """Dict from each bone to its parent."""
    parents = {}
    if len(body) < 2 or body[0][1] != ["begin"] or body[-1][1] != ["end"]:
        raise lines.error(lines.last, "section :hierarchy is not closed by 'end'; truncated?")
    for number, (parent, *children) in body[1:-1]:
        for name in (parent, *children):
            if name not in names and name != "root":
                raise lines.error(number, f"hierarchy names {name!r}, which :bonedata lacks")
        # Each parent must hang from the root already: that rules out loops too.
        if parent != "root" and parent not in parents:
            raise lines.error(number, f"{parent!r} has children before it has a parent")
        for child in children:
            if child in parents or child == "root":
                raise lines.error(number, f"{child!r} has a second parent")
            parents[child] = parent
    orphans = [name for name in names if name not in parents]
    if orphans:
        raise lines.error(start, f"the hierarchy leaves out {', '.join(orphans)}")
    return parents


def read_amc(path, skeleton):
    """Reads a motion from an Acclaim AMC file.

    Args:
      path: the file; lines may end with LF or CR LF. Frame numbers may start anywhere (excerpts),
        and must be consecutive.
      skeleton: the `Skeleton` it belongs to, from `read_asf`.

    Returns:
      A `Motion`, named as the file, with channels in the order of `skeleton.channels`, whatever
      the order in the file: rotations in degrees, translations in the skeleton's length unit.

    Raises:
      ValueError: naming file and line, for a header without `:DEGREES`, a frame that lacks a joint
        (as the last one of a truncated file does), unknown or repeated joints, a wrong number of
        values, values that are no finite numbers, frame numbers that are not consecutive.

    Example: see `read_asf`.
    """
    lines = _Lines(path)
    dof = skeleton.dof
    header = [words[0] for _, words in lines.words if words[0].startswith(":")]
    if ":DEGREES" not in header:
        raise lines.error(
            lines.words[0][0] if lines.words else 1,
            f"expected an AMC header with ':DEGREES', got {header or 'none'}",
        )
    frames, rows, pose = [], [], None

    def close(number):
        if pose is not None:
            missing = [joint for joint in dof if joint not in pose]
            if missing:
                raise lines.error(
                    number, f"frame {frames[-1]} ends without {', '.join(missing)}; truncated?"
                )
            rows.append([value for joint in dof for value in pose[joint]])

    for number, (key, *words) in lines.words:
        if key.startswith(":"):
            if frames:
                raise lines.error(number, f"header {key!r} after frame {frames[-1]}")
        elif key.isdecimal() and not words:
            close(number)
            if frames and int(key) != frames[-1] + 1:
                raise lines.error(number, f"expected frame {frames[-1] + 1}, got {key}")
            frames.append(int(key))
            pose = {}
        elif pose is None:
            raise lines.error(number, f"expected a frame number, got {key!r}")
        elif key not in dof:
            raise lines.error(
                number, f"joint {key!r} has no channels in skeleton {skeleton.name!r}"
            )
        elif key in pose:
            raise lines.error(number, f"joint {key!r} stands twice in frame {frames[-1]}")
        else:
            pose[key] = lines.numbers(number, key, words, len(dof[key]))
    close(lines.last)
    if not rows:
        raise lines.error(lines.last, "the file ends before the first frame")
    return Motion(np.array(rows), skeleton.channels, np.array(frames), lines.path.stem)
