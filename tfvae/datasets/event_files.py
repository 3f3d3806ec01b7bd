"""Files of collisions: four-vectors from Les Houches Event files and from ROOT trees."""

import contextlib
import os
import warnings
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tfvae import _checks
from tfvae.datasets import raw_files
from tfvae.datasets.kinematics import four_vectors

EXTRA = "tfvae[physics]"
# PDG numbers of the charged leptons, e⁻, μ⁻, τ⁻, and of their antiparticles.
LEPTONS = ((11, 13, 15), (-11, -13, -15))
# Four numbers of particle i in the branches of a flat tree
CARTESIAN, CYLINDRICAL = ("E", "px", "py", "pz"), ("pt", "eta", "phi", "mass")
_KINDS = {"cartesian": CARTESIAN, "cylindrical": CYLINDRICAL}
_FINAL = 1
_TREES = ("TTree", "TNtuple", "TNtupleD", "ROOT::RNTuple")


class Events(NamedTuple):
    """Events of a file."""

    p: np.ndarray
    """Four-vectors (E, px, py, pz), float64, (n, particles, 4), GeV."""
    weights: np.ndarray
    """Event weights, float64, (n,)."""
    processes: np.ndarray
    """The file's number of the process of each event, int64, (n,); 0 where it has none."""


def read_lhe(
    path: str | os.PathLike,
    *,
    particles: Sequence[Sequence[int] | int] = LEPTONS,
    drop: bool = False,
) -> Events:
    """Reads final-state particles of a Les Houches Event file, plain or gzip-compressed.

    The file is read by the package pylhe, event by event.

    Args:
      path: the file.
      particles: PDG numbers of the particles to take, in order: for each particle one number, or
        several any of which will do. A choice that stands there twice takes the particle of the
        greatest transverse momentum first, then the next. The default is a charged lepton and an
        antilepton; two leptons and the hardest jet are
        [(11, 13), (-11, -13), (1, 2, 3, 4, 5, -1, -2, -3, -4, -5, 21)].
      drop: True leaves out events without these particles; False raises an error.

    Returns:
      `Events`: four-vectors in GeV as the file has them, weights, numbers of the processes.

    Raises:
      ImportError: if pylhe is not installed.
      ValueError: if the file is missing, damaged or not of this format (pylhe alone would return
        the events before the damage), has no events, or an event lacks a particle.

    Example:
      >>> from tfvae.datasets import read_lhe
      >>> events = read_lhe("z_jets.lhe.gz")  # doctest: +SKIP
      >>> events.p.shape  # doctest: +SKIP
      (10000, 2, 4)
    """
    pylhe = _checks.package("pylhe", "Reading Les Houches Event files", EXTRA)
    drop = _checks.true_or_false("drop", drop)
    choices = _choices(particles)
    path = raw_files.require(
        path, needs="a Les Houches Event file (.lhe or .lhe.gz)", source="an event generator"
    )
    read, kept = 0, []
    try:
        with warnings.catch_warnings():
            # pylhe ends at the damage with a warning.
            warnings.filterwarnings("error", "Parse Error", RuntimeWarning)
            for event in pylhe.LHEFile.fromfile(path, with_attributes=False).events:
                if len(event.particles) != event.eventinfo.nparticles:
                    raise ValueError(
                        f"{event.eventinfo.nparticles} particles are announced, and "
                        f"{len(event.particles)} are there"
                    )
                taken = _taken(event.particles, choices)
                if taken is not None:
                    kept.append((taken, event.eventinfo.weight, event.eventinfo.pid))
                elif not drop:
                    raise _MissingParticleError(read + 1, event.particles)
                read += 1
    except _MissingParticleError as error:
        raise ValueError(
            f"{path}, event {error.args[0]}: the final state must have the particles {choices}, "
            f"received {[one.id for one in error.args[1] if one.status == _FINAL]}. Take other "
            "`particles`, or leave such events out: drop=True."
        ) from None
    except (
        RuntimeWarning, ValueError, IndexError, OSError, EOFError, zlib.error, StopIteration,
        SyntaxError,
    ) as error:  # fmt: skip
        raise ValueError(
            f"{path}, after event {read}: the file must be a complete Les Houches "
            f"Event file, received a damaged or another one ({error}). Get it again."
        ) from error
    if not kept:
        raise ValueError(
            f"{path}: the file must have events with the particles {choices}, received {read} "
            "events without. Take other `particles`."
        )
    p, weights, processes = zip(*kept, strict=True)
    return _checked(path, Events(np.array(p), np.array(weights), np.array(processes, "int64")))


class _MissingParticleError(Exception):
    """An event lacks a particle; arguments: its number, its particles."""


def _choices(particles: Any) -> list[tuple[int, ...]]:
    """The allowed PDG numbers of each particle to take."""
    try:
        if isinstance(particles, (str, bytes)):
            raise TypeError
        found = [
            tuple(int(_checks.whole("particles", i)) for i in (one if np.ndim(one) else (one,)))
            for one in particles
        ]
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`particles` must be PDG numbers, as in [(11, 13), (-11, -13)] for a lepton and an "
            f"antilepton, received {particles!r}."
        ) from error
    if not found or not all(found):
        raise ValueError(f"`particles` must name at least one particle, received {particles!r}.")
    return found


def _taken(particles, choices):
    """Four-vectors of the particles that are chosen, as lists; None if one is missing."""
    left = sorted(
        (one for one in particles if one.status == _FINAL),
        key=lambda one: -(one.px**2 + one.py**2),
    )
    found = []
    for choice in choices:
        one = next((one for one in left if one.id in choice), None)
        if one is None:
            return None
        left.remove(one)
        found.append([one.e, one.px, one.py, one.pz])
    return found


def read_root(
    path: str | os.PathLike,
    *,
    tree: str | None = None,
    branches: Sequence[Sequence[str]] | None = None,
    coordinates: str = "cartesian",
    weight: str | None = None,
    unique: Sequence[str] = (),
) -> Events:
    """Reads four-vectors from the branches of a flat tree in a ROOT file, by the package uproot.

    Args:
      path: the file.
      tree: name of the tree. None: the only one of the file.
      branches: for each particle the names of four branches with a number for each event. None: E1,
        px1, py1, pz1, E2, … as far as there are such, or pt1, eta1, phi1, mass1, ….
      coordinates: "cartesian": the branches are E, px, py, pz; "cylindrical": p_T, η, φ, mass.
      weight: name of the branch of event weights. None: all 1.
      unique: names of branches, such as ("Run", "Event"): of the rows that agree in all of them
        the first is taken.

    Returns:
      `Events`: four-vectors in the unit of the file, weights, processes (0).

    Raises:
      ImportError: if uproot is not installed.
      ValueError: if the file is missing, damaged or not of this format, has no such tree or branch,
        a branch has not one number for each row, or there are no rows.

    Example:
      >>> from tfvae.datasets import read_root
      >>> events = read_root("zmumu.root", unique=("Run", "Event"))  # doctest: +SKIP
      >>> events.p.shape  # doctest: +SKIP
      (500, 2, 4)
    """
    uproot = _checks.package("uproot", "Reading ROOT files", EXTRA)
    coordinates = _checks.one_of("coordinates", coordinates, tuple(_KINDS))
    path = raw_files.require(path, needs="a ROOT file", source="the experiment's open data")
    with _readable(path):
        file = uproot.open(path)
    with file:
        found = _tree(path, file, tree)
        names = branches or _branches(path, found, _KINDS[coordinates])
        names = [_four_names(one) for one in names]
        wanted = {name for one in names for name in one} | {*unique, *([weight] if weight else ())}
        columns = {name: _column(path, found, name) for name in sorted(wanted)}
    size = len(next(iter(columns.values())))
    rows = np.arange(size)
    if unique:
        keys = np.stack([np.unique(columns[name], return_inverse=True)[1] for name in unique])
        rows = np.sort(np.unique(keys, axis=1, return_index=True)[1])
    p = np.stack(
        [np.stack([_numbers(path, columns, n)[rows] for n in one], -1) for one in names], 1
    )
    if not len(p):
        raise ValueError(f"{path}: the tree must have events, received none.")
    if coordinates == "cylindrical":
        p = four_vectors(*np.moveaxis(p, -1, 0))
    weights = np.ones(len(p)) if weight is None else _numbers(path, columns, weight)[rows]
    return _checked(path, Events(p, weights, np.zeros(len(p), "int64")))


@contextlib.contextmanager
def _readable(path):
    """Has one error for all that uproot meets in a damaged file."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # uproot, struct, zlib and awkward have many classes for one thing.
        raise ValueError(
            f"{path}: the file must be a complete ROOT file, received a damaged or another one "
            f"({next(iter(str(error).strip().splitlines()), type(error).__name__)}). Get it again."
        ) from error


def _tree(path, file, name):
    """The tree of this name, or the only one."""
    with _readable(path):
        trees = sorted(set(file.keys(filter_classname=_TREES.__contains__, cycle=False)))
    name = trees[0] if name is None and len(trees) == 1 else name
    if name not in trees:
        raise ValueError(
            f"`tree` must be one of {trees} in {path}, received {name!r}. Name the one to read."
        )
    with _readable(path):
        return file[name]


def _branches(path, tree, kinds):
    """Names of four branches for each particle, numbered from 1."""
    known, found = set(tree.keys()), []
    while all(f"{kind}{len(found) + 1}" in known for kind in kinds):
        found.append([f"{kind}{len(found) + 1}" for kind in kinds])
    if not found:
        raise ValueError(
            f"`branches` must name four branches for each particle of {path}, received none, and "
            f"{', '.join(f'{kind}1' for kind in kinds)} are not all there. The tree has "
            f"{', '.join(sorted(known))}."
        )
    return found


def _four_names(names):
    if isinstance(names, str) or len(names) != 4 or not all(isinstance(n, str) for n in names):
        raise ValueError(
            "`branches` must be four names for each particle, as in [['E1', 'px1', 'py1', 'pz1']], "
            f"received {names!r}."
        )
    return list(names)


def _column(path, tree, name):
    """A branch as an array (n,)."""
    if name not in tree:
        raise ValueError(
            f"`branches`, `weight` and `unique` must be branches of the tree in {path}, received "
            f"{name!r}. It has {', '.join(sorted(tree.keys()))}."
        )
    with _readable(path):
        return tree[name].array(library="np")


def _numbers(path, columns, name):
    """A branch as float64 (n,)."""
    values = columns[name]
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise ValueError(
            f"`branches` must have one number for each event, received {name!r} of {path}, which "
            "has lists or text. Write a flat tree, or build the arrays with uproot directly."
        )
    return values.astype("float64")


def _checked(path, events):
    """The events, if all their numbers are finite."""
    good = np.all(np.isfinite(events.p), axis=(1, 2)) & np.isfinite(events.weights)
    if not np.all(good):
        raise ValueError(
            f"{path}: four-vectors and weights must be finite, received NaN or infinities in "
            f"{np.sum(~good)} of {len(good)} events, the first of which is event "
            f"{np.argmin(good)}, counted from 0."
        )
    return events
