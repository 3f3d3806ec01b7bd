"""Reads the Acclaim formats of motion capture: skeletons (ASF) and their motions (AMC)."""

import math
import pathlib
from collections.abc import Iterator

import numpy as np

from tfvae._checks import number as number_of
from tfvae._checks import whole_number
from tfvae.datasets.motion import Motion
from tfvae.datasets.skeleton import Bone, Skeleton

_DOF = ("rx", "ry", "rz")
_ROOT_DOF = ("TX", "TY", "TZ", "RX", "RY", "RZ")

_UNUSED = ("id", "limits", "bodymass", "cofmass")

# Bounds of time and memory, far above any captured body.
_LONGEST_LINE = 10_000
_MOST_BONES = 1_000


class _Lines:
    """The lines of a text file without blanks and comments, with their numbers for errors.

    Attributes:
      path: the file.
      last: number of the last line that was read.
    """

    def __init__(self, path: str | pathlib.Path) -> None:
        self.path = pathlib.Path(path)
        self.last = 0

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        # latin-1 reads any byte, also in comments. Text mode accepts CR LF.
        with self.path.open(encoding="latin-1") as file:
            while line := file.readline(_LONGEST_LINE + 1):
                self.last += 1
                if len(line) > _LONGEST_LINE:
                    raise self.error(
                        self.last, f"a line must have at most {_LONGEST_LINE} characters"
                    )
                if self.last == 1:
                    line = line.removeprefix("\xef\xbb\xbf")  # The byte-order mark of UTF-8.
                    if line.startswith(("\xff\xfe", "\xfe\xff")):
                        raise self.error(
                            1, "the text must be ASCII or UTF-8, received UTF-16", "Convert it."
                        )
                if line.strip() and not line.lstrip().startswith("#"):
                    yield self.last, line.split()

    def error(
        self, number: int, message: str, hint: str = "Check the file, or download it again."
    ) -> ValueError:
        return ValueError(f"{self.path}, line {number}: {message}. {hint}")

    def numbers(self, number: int, what: str, words: list[str], count: int) -> list[float]:
        """The words as `count` finite floats."""
        try:
            values = [number_of(word) for word in words]
        except ValueError:
            values = [math.nan]
        if not all(map(math.isfinite, values)):
            raise self.error(
                number, f"`{what}` must be finite numbers, received {' '.join(words)!r}"
            )
        if len(values) != count:
            raise self.error(number, f"`{what}` must have {count} values, received {len(values)}")
        return values


def read_asf(path: str | pathlib.Path) -> Skeleton:
    """Reads a skeleton from an Acclaim ASF file.

    Args:
      path: the file; lines may end with LF or CR LF, and a byte-order mark is skipped. Upper and
        lower case count in names only.

    Returns:
      A `Skeleton`; bones and channels are in the order of the file.

    Raises:
      ValueError: if the file is not ASF, is truncated, lacks a section or an entry, or has invalid
        numbers, unknown or unconnected bones, angles other than degrees, degrees of freedom other
        than rotations, more than 1,000 bones, or a line of more than 10,000 characters. The message
        names the file and the line.

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
            raise lines.error(
                number,
                f"`units` must be lines of a unit and its value, received {' '.join(words)!r}",
            )
        key, value = words[0].lower(), words[1]
        units[key] = value.lower() if key == "angle" else lines.numbers(number, key, [value], 1)[0]
    if units.get("angle", "deg") != "deg":
        raise lines.error(
            sections["units"][0],
            f"`angle` must be 'deg', received {units['angle']!r}",
            "Convert the angles to degrees.",
        )
    for number, (key, *words) in sections["root"][1]:
        key = key.lower()
        words = [word.upper() for word in words]
        if key == "order" and (set(words) - set(_ROOT_DOF) or len(set(words)) != len(words)):
            raise lines.error(
                number, f"`order` must be some of {_ROOT_DOF}, each once, received {words}"
            )
        if key in ("position", "orientation"):
            words = np.array(lines.numbers(number, key, words, 3))
        root[key] = _axis_order(lines, number, words) if key == "axis" else words
    missing = [key for key in ("order", "axis", "position", "orientation") if key not in root]
    if missing:
        raise lines.error(
            sections["root"][0], f"section :root must have {', '.join(missing)}, received none"
        )
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


def _sections(lines: _Lines) -> dict[str, tuple[int, list, list[str]]]:
    """Dict from section to (line number, [(number, words), …], words on the section's own line)."""
    sections, body = {}, None
    for number, words in lines:
        if words[0].startswith(":"):
            body, section = [], words[0][1:].lower()
            if section in sections:
                raise lines.error(
                    number, f"a section must come once, received {words[0]!r} a second time"
                )
            sections[section] = number, body, words[1:]
        elif body is None:
            raise lines.error(
                number, f"an ASF file must start with a section (:version), received {words[0]!r}"
            )
        else:
            body.append((number, words))
    missing = [s for s in ("units", "root", "bonedata", "hierarchy") if s not in sections]
    if missing:
        raise lines.error(
            lines.last,
            f"an ASF file must have section :{', :'.join(missing)}, received none",
        )
    return sections


def _axis_order(lines: _Lines, number: int, words: list[str]) -> str:
    order = words[0].upper() if len(words) == 1 else " ".join(words)
    if sorted(order) != ["X", "Y", "Z"]:
        raise lines.error(number, f"`axis` must be an order such as XYZ, received {order!r}")
    return order


def _bones(lines: _Lines, _: int, body: list, __: list[str]) -> list[dict]:
    """A dict for each bone, with the fields of `Bone` except the parent."""
    bones, bone, names = [], None, set()
    for number, (key, *words) in body:
        key = key.lower()
        if key == "begin":
            if bone is not None:
                raise lines.error(
                    number, "a bone must close with 'end' before the next, received 'begin'"
                )
            bone = {}
        elif bone is None:
            raise lines.error(number, f"a bone must start with 'begin', received {key!r}")
        elif key == "name":
            bone["name"] = " ".join(words)
            if bone["name"] in names or bone["name"] == "root" or not words:
                raise lines.error(
                    number, f"`name` must be new and not 'root', received {bone['name']!r}"
                )
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
                raise lines.error(
                    number, f"`dof` must be some of {_DOF}, each once, received {words}"
                )
        elif key == "end":
            missing = [k for k in ("name", "direction", "length", "axis") if k not in bone]
            if missing:
                raise lines.error(
                    number,
                    f"bone {bone.get('name', '?')!r} must have {', '.join(missing)}, received none",
                )
            bones.append(bone)
            bone = None
            if len(bones) > _MOST_BONES:
                raise lines.error(number, f"a skeleton must have at most {_MOST_BONES} bones")
        elif key not in _UNUSED and not key.startswith("("):  # Limits may have more lines.
            raise lines.error(number, f"a bone has no entry {key!r}")
    if bone is not None:
        raise lines.error(
            body[-1][0], f"bone {bone.get('name', '?')!r} must close with 'end', received none"
        )
    return bones


def _parents(
    lines: _Lines, start: int, body: list, _: list[str], names: list[str]
) -> dict[str, str]:
    """Dict from each bone to its parent."""
    parents = {}
    ends = [[word.lower() for word in words] for _, words in (body[:1] + body[1:][-1:])]
    if ends != [["begin"], ["end"]]:
        raise lines.error(
            lines.last,
            "section :hierarchy must start with 'begin' and close with 'end', received other text",
        )
    for number, (parent, *children) in body[1:-1]:
        for name in (parent, *children):
            if name not in names and name != "root":
                raise lines.error(
                    number, f":hierarchy must name bones of :bonedata, received {name!r}"
                )
        # A parent must already be connected to the root. This also excludes loops.
        if parent != "root" and parent not in parents:
            raise lines.error(
                number, f"{parent!r} must have a parent before it has children, received none"
            )
        for child in children:
            if child == "root":
                raise lines.error(number, f"'root' must have no parent, received {parent!r}")
            if child in parents:
                raise lines.error(
                    number, f"{child!r} must have one parent, received a second, {parent!r}"
                )
            parents[child] = parent
    orphans = [name for name in names if name not in parents]
    if orphans:
        raise lines.error(
            start, f"every bone must have a parent, received none for {', '.join(orphans)}"
        )
    return parents


def read_amc(path: str | pathlib.Path, skeleton: Skeleton) -> Motion:
    """Reads a motion from an Acclaim AMC file.

    Args:
      path: the file; lines may end with LF or CR LF, and a byte-order mark is skipped. The
        header is in any case. Frame numbers must be consecutive; the first may be any number
        (excerpts).
      skeleton: the `Skeleton` of the motion, from `read_asf`.

    Returns:
      A `Motion` with the name of the file. Its channels are in the order of `skeleton.channels`,
      not of the file: rotations in degrees, translations in the skeleton's length unit.

    Raises:
      ValueError: if the header has no `:DEGREES`, a frame lacks a joint (as the last frame of a
        truncated file), a joint is unknown or repeated, the number of values is wrong, a value is
        not finite, or frame numbers are not consecutive. The message names the file and the line.

    Example: see `read_asf`.
    """
    lines = _Lines(path)
    dof = skeleton.dof
    header, start = set(), 1
    frames, rows, pose = [], [], None

    def check_header() -> None:
        if ":DEGREES" not in header or ":RADIANS" in header:
            raise lines.error(
                start,
                "the header of an AMC file must have ':DEGREES', received "
                f"{sorted(header) or 'none'}",
            )

    def close(number: int) -> None:
        if pose is not None:
            missing = [joint for joint in dof if joint not in pose]
            if missing:
                raise lines.error(
                    number, f"frame {frames[-1]} must have {', '.join(missing)}, received none"
                )
            rows.append([value for joint in dof for value in pose[joint]])

    for number, (key, *words) in lines:
        if not header:
            start = number
        if key.startswith(":"):
            header.add(key.upper())
            if frames:
                raise lines.error(
                    number,
                    f"the header must come first, received {key!r} after frame {frames[-1]}",
                )
            continue
        if not frames:
            check_header()
        if key.isdecimal() and not words:
            close(number)
            frame = whole_number(key) if len(key) < 10 else None
            if frame is None or (frames and frame != frames[-1] + 1):
                wanted = frames[-1] + 1 if frames else "a whole number below 10^9"
                raise lines.error(number, f"the frame number must be {wanted}, received {key}")
            frames.append(frame)
            pose = {}
        elif pose is None:
            raise lines.error(number, f"a frame must start with its number, received {key!r}")
        elif key not in dof:
            raise lines.error(
                number,
                f"a joint must have channels in skeleton {skeleton.name!r}, received {key!r}",
                "Read the motion with its own skeleton.",
            )
        elif key in pose:
            raise lines.error(
                number,
                f"a joint must come once in a frame, received {key!r} twice in frame {frames[-1]}",
            )
        else:
            pose[key] = lines.numbers(number, key, words, len(dof[key]))
    check_header()
    close(lines.last)
    if not rows:
        raise lines.error(lines.last, "an AMC file must have at least one frame, received none")
    return Motion(np.array(rows), skeleton.channels, np.array(frames), lines.path.stem)
