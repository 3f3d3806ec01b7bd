"""Four-vectors (E, px, py, pz): masses, momenta, angles, boosts, and the observables of events."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks


def four_vectors(pt: ArrayLike, eta: ArrayLike, phi: ArrayLike, mass: ArrayLike) -> np.ndarray:
    """(E, px, py, pz) of transverse momentum, pseudorapidity, azimuth and mass.

        px = p_T cos φ, py = p_T sin φ, pz = p_T sinh η, E = sqrt(p² + m²)

    Args:
        pt: p_T, not negative, any shape; all four arguments broadcast.
        eta: η.
        phi: φ, radians.
        mass: m, in the unit of `pt`.

    Returns:
        float64, (…, 4), in the unit of `pt`.

    Raises:
        ValueError: when an argument is not finite, or `pt` or `mass` is negative.

    Example:
        >>> from tfvae.datasets import four_vectors
        >>> four_vectors(pt=3.0, eta=0.0, phi=0.0, mass=4.0)
        array([5., 3., 0., 0.])
    """
    given = {"pt": pt, "eta": eta, "phi": phi, "mass": mass}
    values = {name: np.asarray(value, "float64") for name, value in given.items()}
    for name, value in values.items():
        least = -np.inf if name in ("eta", "phi") else 0.0
        if not (np.all(np.isfinite(value)) and np.min(value, initial=0.0) >= least):
            sign = "" if least else " and not negative"
            raise ValueError(
                f"`{name}` must be finite{sign}, received {_checks.span_of(value)}. Leave out the "
                "particles without a measurement."
            )
    pt, eta, phi, mass = np.broadcast_arrays(*values.values())
    momentum = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], axis=-1)
    return on_shell(momentum, mass)


def on_shell(momentum: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """(sqrt(p² + m²), p) of momenta (…, 3) and masses (…): (…, 4)."""
    energy = np.sqrt(np.sum(np.square(momentum), axis=-1) + np.square(mass))
    return np.concatenate([energy[..., np.newaxis], momentum], axis=-1)


def invariant_mass(p: ArrayLike) -> np.ndarray:
    """m = sqrt(E² − |p|²) of four-vectors, (…, 4) -> (…); 0 where rounding makes m² negative.

    The mass of several particles is that of their sum: `invariant_mass(events.sum(axis=1))`.

    Example:
        >>> from tfvae.datasets import invariant_mass
        >>> float(invariant_mass([5.0, 3.0, 0.0, 0.0]))
        4.0
    """
    p = np.asarray(p, "float64")
    size = np.linalg.norm(p[..., 1:], axis=-1)
    # (E − |p|)(E + |p|) loses fewer digits than the difference of squares.
    return np.sqrt(np.maximum((p[..., 0] - size) * (p[..., 0] + size), 0.0))


def transverse_momentum(p: ArrayLike) -> np.ndarray:
    """p_T = sqrt(px² + py²) of four-vectors, (…, 4) -> (…).

    Example:
        >>> from tfvae.datasets import transverse_momentum
        >>> float(transverse_momentum([13.0, 3.0, 4.0, 12.0]))
        5.0
    """
    p = np.asarray(p, "float64")
    return np.hypot(p[..., 1], p[..., 2])


def pseudorapidity(p: ArrayLike) -> np.ndarray:
    """η = arsinh(pz/p_T) = −log tan(θ/2) of four-vectors, (…, 4) -> (…); ±∞ along the beam.

    Example:
        >>> from tfvae.datasets import pseudorapidity
        >>> round(float(pseudorapidity([5.0, 3.0, 0.0, 4.0])), 4)
        1.0986
    """
    p = np.asarray(p, "float64")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.arcsinh(p[..., 3] / transverse_momentum(p))


def azimuth(p: ArrayLike) -> np.ndarray:
    """φ = atan2(py, px) of four-vectors in radians, (…, 4) -> (…), from −π to π.

    Example:
        >>> from tfvae.datasets import azimuth
        >>> round(float(azimuth([1.0, 0.0, 1.0, 0.0])), 4)
        1.5708
    """
    p = np.asarray(p, "float64")
    return np.arctan2(p[..., 2], p[..., 1])


def boosted(p: ArrayLike, system: ArrayLike) -> np.ndarray:
    """Four-vectors given in the rest frame of a system, as they are where it moves.

        E' = (E_s E + p_s·p)/m,  p' = p + p_s (E + E')/(E_s + m)

    Turned round, `boosted(p, [E_s, −p_s])` takes four-vectors into the rest frame.

    Args:
        p: four-vectors in the rest frame, (…, 4).
        system: four-vector (E_s, p_s) of the system, (…, 4), with a mass m > 0; it broadcasts.

    Returns:
        float64, (…, 4).

    Raises:
        ValueError: when a system has no mass, and so no rest frame.

    Example:
        >>> from tfvae.datasets import boosted
        >>> boosted([4.0, 0.0, 0.0, 0.0], system=[5.0, 3.0, 0.0, 0.0])  # A mass of 4 at rest
        array([5., 3., 0., 0.])
    """
    p, system = np.asarray(p, "float64"), np.asarray(system, "float64")
    mass = invariant_mass(system)
    if not np.all(mass > 0.0):
        raise ValueError(
            "`system` must have a mass above 0, received one without, which has no rest frame. "
            "Leave out its event."
        )
    energy = np.sum(system * p, axis=-1) / mass
    factor = (p[..., 0] + energy) / (system[..., 0] + mass)
    return np.concatenate(
        [energy[..., np.newaxis], p[..., 1:] + factor[..., np.newaxis] * system[..., 1:]], axis=-1
    )


def decay_momentum(mass: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """|p*| of both products of a decay where the parent rests, from three masses that broadcast.

    |p*| = sqrt((M² − (m_1 + m_2)²)(M² − (m_1 − m_2)²))/(2M)
    """
    above = (mass - first - second) * (mass + first + second)
    return np.sqrt(np.maximum(above, 0.0) * (mass**2 - (first - second) ** 2)) / (2.0 * mass)


def direction(cosine: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """The unit vector of polar angle θ and azimuth φ, cos θ (…) and φ (…) -> (…, 3)."""
    sine = np.sqrt(np.maximum(1.0 - np.square(cosine), 0.0))
    return np.stack([sine * np.cos(angle), sine * np.sin(angle), cosine], axis=-1)


def event_observables(
    events: ArrayLike, particles: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """What is looked at in events: mass, momentum balance, p_T, η and Δφ.

    | name | what | unit |
    |---|---|---|
    | "mass" | invariant mass of the sum of all particles | that of the events, such as GeV |
    | "pT of the sum" | how far transverse momenta are from balancing each other | the same |
    | "pT of a", … | transverse momentum of each particle | the same |
    | "η of a", … | pseudorapidity of each particle | – |
    | "Δφ of a and b", … | angle in the transverse plane between neighbours, 0 to π | radians |

    Args:
        events: four-vectors (E, px, py, pz), (n, particles, 4).
        particles: their names. None: "1", "2", …

    Returns:
        A dict of float64 arrays (n,), in this order.

    Raises:
        ValueError: when `events` does not have this shape or is not finite, or the number of names
            is another.

    Example:
        >>> from tfvae.datasets import event_observables, two_body_decays
        >>> observables = event_observables(two_body_decays(100, mass=91.2, seed=0), ["e-", "e+"])
        >>> list(observables)
        ['mass', 'pT of the sum', 'pT of e-', 'η of e-', 'pT of e+', 'η of e+', 'Δφ of e- and e+']
        >>> round(float(observables["mass"][0]), 6)
        91.2
    """
    events = checked_events("events", events)
    number = events.shape[1]
    names = [str(i + 1) for i in range(number)] if particles is None else list(particles)
    if len(names) != number or len(set(names)) != number:
        raise ValueError(
            f"`particles` must be {number} different names, one for each particle, received "
            f"{particles!r}."
        )
    total = np.sum(events, axis=1)
    found = {"mass": invariant_mass(total), "pT of the sum": transverse_momentum(total)}
    for name, p in zip(names, np.swapaxes(events, 0, 1), strict=True):
        found[f"pT of {name}"] = transverse_momentum(p)
        found[f"η of {name}"] = pseudorapidity(p)
    phi = azimuth(events)
    for i in range(1, number):
        difference = np.abs(phi[:, i] - phi[:, i - 1])
        found[f"Δφ of {names[i - 1]} and {names[i]}"] = np.minimum(
            difference, 2.0 * np.pi - difference
        )
    return found


def checked_events(name: str, events: ArrayLike) -> np.ndarray:
    """Four-vectors as float64 (n, particles, 4).

    Raises:
        ValueError: when they have another shape, are not finite, or there are none.
    """
    try:
        events = np.asarray(events, "float64")
    except (TypeError, ValueError) as error:
        raise ValueError(f"`{name}` must be an array of numbers, received others: {error}.") from (
            error
        )
    if events.ndim != 3 or events.shape[-1] != 4 or events.size == 0:
        raise ValueError(
            f"`{name}` must be four-vectors (E, px, py, pz) of the shape (n, particles, 4), "
            f"received the shape {events.shape}."
        )
    bad = np.flatnonzero(~np.all(np.isfinite(events), axis=(1, 2)))
    if bad.size:
        raise ValueError(
            f"`{name}` must be finite, received NaN or infinities in {bad.size} of {len(events)} "
            f"events, the first of which is event {bad[0]}. Leave them out."
        )
    return events
