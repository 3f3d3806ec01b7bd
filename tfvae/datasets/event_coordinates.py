"""Coordinates of events that a model can learn, and the way back to four-vectors on shell."""

import dataclasses
import itertools
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from tfvae import _checks, _files, _seeds
from tfvae.datasets.kinematics import (
    azimuth,
    boosted,
    checked_events,
    decay_momentum,
    direction,
    invariant_mass,
    on_shell,
    transverse_momentum,
)

# Knots of the normal scores; beyond the outermost ones a straight line leads to ±FARTHEST.
KNOTS, FARTHEST = 256, 12.0
# How far energies may be from the mass shell, relative to the energy.
OFF_SHELL = 1e-3
# A transverse momentum below this share of the mass is rounding of what balances exactly.
BALANCED = 1e-6
# What a system without one particle keeps at least, and leaves at least, of the mass to spare.
LEAST_SHARE = 1e-9
# A point on a circle of this radius has coordinates of variance 1.
RADIUS = 2.0**0.5
FORMAT = 1


@dataclasses.dataclass(frozen=True)
class EventCoordinates:
    """Turns events of k particles into 3k coordinates, each N(0, 1) by itself, and back.

    Four-vectors are hard to learn: the width of a mass peak is a small difference of large numbers,
    and particles must stay on shell. Here the mass is a coordinate, and particles cannot leave the
    shell. An event is read as a chain of two-body decays. All particles together are a system of

        log(M − Σ_i m_i), p_T, rapidity, φ

    In its rest frame, turned about the beam until the system came along x, particle 1 flies off
    with (cos θ, φ). It leaves a system of the others, whose mass M' is given by the share f that it
    has of what M had to spare, f = (M' − Σ_{i>1} m_i)/(M − Σ_i m_i), as log f/(1 − f). In its rest
    frame particle 2 flies off, and so on. These are 3k numbers for k particles whose masses are
    known, and any 3k numbers are an event. Rotations about the beam change one of them alone, φ.

    Each number then becomes its normal score, Φ⁻¹ of its rank among the training events, by linear
    interpolation between 256 knots that are equally spaced in the score. What has the same value in
    many events, such as a p_T of 0 without a jet, is spread at random over its ranks, and comes
    back as exactly that value. φ of a system with p_T = 0 is drawn at random; the way back does not
    depend on it.

    With `circles` each azimuth becomes two coordinates, √2 cos φ and √2 sin φ, which makes 4k of
    them. Take circles for a model that reconstructs well, with a small β or κ: networks are
    continuous, and −π and π then lie side by side. They are no coordinates for N(0, I), which has
    most of its mass within the circles; a `DensityBuffer` or another prior that is fitted to the
    data stays on them.

    Attributes:
      masses: m_i of the particles, (k,), in the unit of the events.
      scores: the knots' normal scores, (256 + 2,).
      values: the knots' values, (256 + 2, 3k).
      circles: whether azimuths are points on circles in place of scores.

    Example:
      >>> import numpy as np
      >>> from tfvae.datasets import EventCoordinates, two_body_decays
      >>> events = two_body_decays(1000, width=2.5, seed=0)
      >>> coordinates = EventCoordinates.fit(events)
      >>> x = coordinates.apply(events)
      >>> x.shape, x.dtype
      ((1000, 6), dtype('float32'))
      >>> bool(np.allclose(coordinates.invert(x), events, rtol=1e-3, atol=1e-3))
      True
    """

    masses: np.ndarray
    scores: np.ndarray
    values: np.ndarray
    circles: bool = False

    @classmethod
    def fit(
        cls,
        events: ArrayLike,
        *,
        masses: Sequence[float] | None = None,
        circles: bool = False,
        seed: int = 0,
    ) -> "EventCoordinates":
        """Finds masses and ranks of training events.

        Args:
          events: four-vectors (E, px, py, pz), (n, k, 4), k of at least 2.
          masses: m of each particle. None: the median of each over the events.
          circles: whether azimuths become points on circles.
          seed: of the angles that are drawn.

        Raises:
          ValueError: if the events have another shape or are not finite, the mass of a particle
            differs between events, or all particles of an event are parallel and massless.
        """
        events = checked_events("events", events)
        number, circles = events.shape[1], _checks.true_or_false("circles", circles)
        if number < 2:
            raise ValueError(
                "`events` must have at least two particles, received one. Take more particles of "
                "each event."
            )
        if masses is None:
            masses = np.median(invariant_mass(events), axis=0)
            # What rounding makes of 0
            masses = np.where(masses < BALANCED * np.median(events[..., 0], axis=0), 0.0, masses)
        elif np.shape(masses) != (number,):
            raise ValueError(
                f"`masses` must be {number} numbers, one for each particle, received {masses!r}."
            )
        masses = np.array(
            [_checks.number_in("masses", float(one), 0.0, np.inf, high_open=True) for one in masses]
        )
        raw = _numbers(events, masses, _seeds.generator(seed))
        # Half an event lies beyond the outermost knots.
        end = -special.ndtri(0.5 / max(len(events), 2))
        scores = np.linspace(-end, end, KNOTS)
        values = np.quantile(raw, special.ndtr(scores), axis=0)
        # The slope of the outermost twentieth of the knots goes on beyond them.
        step = max(1, KNOTS // 20)
        per_score = step * (scores[1] - scores[0])
        far = (FARTHEST - end) / per_score
        first = values[0] - far * (values[step] - values[0])
        last = values[-1] + far * (values[-1] - values[-1 - step])
        return cls(
            masses,
            np.concatenate([[-FARTHEST], scores, [FARTHEST]]),
            np.concatenate([[first], values, [last]]),
            circles,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coordinates, in order."""
        names = _names(len(self.masses))
        if not self.circles:
            return tuple(names)
        pairs = ([f"cos {one}", f"sin {one}"] if one[0] == "φ" else [one] for one in names)
        return tuple(itertools.chain.from_iterable(pairs))

    def apply(self, events: ArrayLike, *, seed: int = 0) -> np.ndarray:
        """Coordinates of events, (n, k, 4) -> float32 (n, 3k or 4k).

        `seed` decides what is drawn.

        Raises:
          ValueError: if the events are not such as those of `fit`.
        """
        events = checked_events("events", events)
        if events.shape[1] != len(self.masses):
            raise ValueError(
                f"`events` must have {len(self.masses)} particles, as those of `fit`, received "
                f"{events.shape[1]}."
            )
        rng = _seeds.generator(seed)
        raw = _numbers(events, self.masses, rng)
        share = rng.uniform(size=raw.shape)
        found = np.empty_like(raw)
        for i, (column, knots) in enumerate(zip(raw.T, self.values.T, strict=True)):
            # Where knots have one value, these are the last and the first of them.
            right = np.interp(column, knots, self.scores)
            left = -np.interp(-column, -knots[::-1], -self.scores[::-1])
            low, high = special.ndtr(left), special.ndtr(right)
            spread = special.ndtri(low + share[:, i] * (high - low))
            found[:, i] = np.where(left < right, spread, left)
        if self.circles:
            columns = []
            for name, angle, score in zip(_names(len(self.masses)), raw.T, found.T, strict=True):
                circle = [RADIUS * np.cos(angle), RADIUS * np.sin(angle)]
                columns += circle if name[0] == "φ" else [score]
            found = np.stack(columns, axis=1)
        return found.astype("float32")

    def invert(self, x: ArrayLike) -> np.ndarray:
        """Four-vectors (E, px, py, pz) of coordinates, float64 (n, k, 4), on shell.

        Raises:
          ValueError: if `x` has another shape or is not finite.
        """
        x = np.asarray(x, "float64")
        wanted = len(self.names)
        if x.ndim != 2 or x.shape[1] != wanted or not np.all(np.isfinite(x)):
            raise ValueError(
                f"`x` must be finite coordinates of the shape (n, {wanted}), received the shape "
                f"{x.shape} with {_checks.span_of(x)}."
            )
        low, high = _bounds(len(self.masses))
        left, columns = list(x.T), []
        for name, knots, *bounds in zip(
            _names(len(self.masses)), self.values.T, low, high, strict=True
        ):
            column = left.pop(0)
            if self.circles and name[0] == "φ":
                columns.append(np.arctan2(left.pop(0), column))
            else:
                columns.append(np.clip(np.interp(column, self.scores, knots), *bounds))
        return _four_vectors(columns, self.masses)

    def save(self, path: str | os.PathLike) -> None:
        """Writes a file of arrays (.npz) that ends with its SHA-256, completely or not at all."""
        arrays = {name: getattr(self, name) for name in ("masses", "scores", "values")}
        _files.write_arrays(path, arrays, {"event_coordinates": FORMAT, "circles": self.circles})

    @classmethod
    def load(cls, path: str | os.PathLike) -> "EventCoordinates":
        """The coordinates that `save` wrote.

        Raises:
          ValueError: if the file is missing, damaged or another one.
        """
        path = pathlib.Path(path)
        try:
            arrays, manifest = _files.read_arrays(path)
        except (OSError, _files.DamagedFileError) as error:
            raise ValueError(
                f"`path` must be a file that `EventCoordinates.save` wrote, received {str(path)!r}:"
                f" {error}. Fit the coordinates again."
            ) from error
        if manifest.get("event_coordinates") != FORMAT:
            raise ValueError(
                f"`path` must be a file that `EventCoordinates.save` wrote, received {str(path)!r},"
                f" a file of {manifest}."
            )
        return cls(**arrays, circles=manifest["circles"])


def _names(number: int) -> list[str]:
    """Names of the numbers of a chain of decays of k particles; azimuths begin with φ."""
    found = ["log mass", "pT", "rapidity", "φ"]
    for i in range(1, number):
        found += [f"cos θ of {i}", f"φ of {i}"]
        found += [f"share of mass without {i}"] if i < number - 1 else []
    return found


def _bounds(number: int) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest values that the coordinates of k particles can have."""
    # A particle exactly along the beam would have an infinite pseudorapidity.
    most = 1.0 - LEAST_SHARE
    mass, cosine, angle = (-np.inf, np.inf), (-most, most), (-np.pi, np.pi)
    found = [mass, (0.0, np.inf), (-np.inf, np.inf), angle]
    for i in range(1, number):
        found += [cosine, angle] + ([mass] if i < number - 1 else [])
    return tuple(np.transpose(found))


def _numbers(events: np.ndarray, masses: np.ndarray, rng: Any) -> np.ndarray:
    """The numbers of a chain of decays, (n, k, 4) -> (n, 3k), before they become scores."""
    number = len(masses)
    p = on_shell(events[..., 1:], masses)
    off = np.abs(p[..., 0] - events[..., 0]) > OFF_SHELL * p[..., 0]
    if np.any(off):
        event, particle = np.argwhere(off)[0]
        raise ValueError(
            f"`events` must have one mass for each particle, received a mass of "
            f"{float(invariant_mass(events[event, particle])):g} for particle {particle + 1} in "
            f"event {event}, where {masses[particle]:g} was expected. `EventCoordinates` is for "
            "particles such as leptons and photons; take `masses` that fit."
        )
    total = np.sum(p, axis=1)
    mass, pt, phi = invariant_mass(total), transverse_momentum(total), azimuth(total)
    excess = _excess(mass, masses)
    found = [np.log(excess)]
    balanced = pt < BALANCED * mass
    phi = np.where(balanced, rng.uniform(-np.pi, np.pi, len(phi)), phi)
    found += [np.where(balanced, 0.0, pt), np.arcsinh(total[:, 3] / np.hypot(mass, pt)), phi]
    p, total = _rotated(p, -phi[:, np.newaxis]), _rotated(total, -phi)
    for i in range(number - 1):
        p = boosted(p, (total * [1.0, -1.0, -1.0, -1.0])[:, np.newaxis])
        flying, p = p[:, 0], p[:, 1:]
        size = np.linalg.norm(flying[:, 1:], axis=1)
        cosine = flying[:, 3] / np.where(size > 0.0, size, 1.0)
        found += [np.clip(cosine, -1.0, 1.0), azimuth(flying)]
        if i < number - 2:
            total = np.sum(p, axis=1)
            whole, excess = excess, _excess(invariant_mass(total), masses[i + 1 :])
            # Rounding may leave nothing to particle i.
            found.append(special.logit(np.clip(excess / whole, LEAST_SHARE, 1.0 - LEAST_SHARE)))
    return np.stack(found, axis=1)


def _four_vectors(columns: Sequence[np.ndarray], masses: np.ndarray) -> np.ndarray:
    """The way back of `_numbers`: columns (n,) of 3k coordinates -> (n, k, 4)."""
    number = len(masses)
    log_mass, pt, rapidity, phi, *rest = columns
    excess, angles = np.exp(log_mass), []
    systems = [excess + np.sum(masses)]
    for i in range(1, number):
        angles.append((rest.pop(0), rest.pop(0)))
        excess = excess * special.expit(rest.pop(0)) if i < number - 1 else np.zeros_like(pt)
        systems.append(excess + np.sum(masses[i:]))
    # From the last decay to the first, each in the rest frame of its parent
    inner = on_shell(np.zeros([len(pt), 1, 3]), systems[-1][:, np.newaxis])
    for i in range(number - 2, -1, -1):
        size = decay_momentum(systems[i], masses[i], systems[i + 1])
        momentum = size[:, np.newaxis] * direction(*angles[i])
        if i < number - 2:
            inner = boosted(inner, on_shell(-momentum, systems[i + 1])[:, np.newaxis])
        else:
            inner = on_shell(-momentum, systems[-1])[:, np.newaxis]
        inner = np.concatenate([on_shell(momentum, masses[i])[:, np.newaxis], inner], axis=1)
    longitudinal = np.hypot(systems[0], pt) * np.sinh(rapidity)
    moving = np.stack([pt, np.zeros_like(pt), longitudinal], axis=-1)
    p = boosted(inner, on_shell(moving, systems[0])[:, np.newaxis])
    return on_shell(_rotated(p, phi[:, np.newaxis])[..., 1:], masses)


def _excess(mass, masses):
    """M − Σ m_i of systems, (n,)."""
    excess = mass - np.sum(masses)
    bad = np.flatnonzero(~(excess > 0.0))
    if bad.size:
        raise ValueError(
            "`events` must have particles that move relative to each other, received parallel ones "
            f"without mass, or at rest to each other, in {bad.size} of {len(mass)} events, the "
            f"first of which is event {bad[0]}. Leave them out."
        )
    return excess


def _rotated(p, angle):
    """Four-vectors (…, 4), turned about the beam by an angle (…)."""
    cosine, sine = np.cos(angle), np.sin(angle)
    energy, x, y, z = np.moveaxis(p, -1, 0)
    return np.stack([energy, cosine * x - sine * y, sine * x + cosine * y, z], axis=-1)
