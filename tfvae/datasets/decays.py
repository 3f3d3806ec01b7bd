"""Simulated two-body decays, with kinematics in closed form."""

import numpy as np
import scipy.stats

from tfvae import _checks, _seeds
from tfvae.datasets.kinematics import boosted, decay_momentum, direction, on_shell


def two_body_decays(
    number: int,
    *,
    mass: float = 91.1876,
    width: float = 0.0,
    daughter_masses: tuple[float, float] = (0.0, 0.0),
    mean_pt: float = 15.0,
    rapidity_deviation: float = 1.2,
    seed: int = 0,
) -> np.ndarray:
    """Events of a particle that decays into two, isotropically where it rests.

        M ~ Breit–Wigner(mass, width)
        |p*| = sqrt((M² − (m_1 + m_2)²)(M² − (m_1 − m_2)²))/(2M)

    In the rest frame the first daughter has the momentum p* in a direction uniform on the sphere,
    the second one −p*. The parent has p_T ~ Rayleigh of the given mean, φ ~ U(−π, π) and rapidity
    ~ N(0, `rapidity_deviation`²), and both daughters are boosted to where it moves. The
    Breit–Wigner density is that of M (a Cauchy), cut off at the threshold m_1 + m_2 and at
    2·mass − (m_1 + m_2). The default is a Z that decays into massless leptons.

    Args:
        number: n.
        mass: of the parent, GeV or any other unit, which then holds for all masses and momenta.
        width: Γ, full width at half maximum of M; 0: all parents have the same mass.
        daughter_masses: m_1, m_2.
        mean_pt: mean transverse momentum of the parent; 0: none.
        rapidity_deviation: standard deviation of the parent's rapidity.
        seed: of all draws.

    Returns:
        Four-vectors (E, px, py, pz) of the daughters, float64, (n, 2, 4).

    Raises:
        ValueError: when a number is not in its range, or the parent is lighter than its daughters.

    Example:
        >>> import numpy as np
        >>> from tfvae.datasets import invariant_mass, two_body_decays
        >>> events = two_body_decays(1000, width=2.5, daughter_masses=(0.1, 0.1), seed=0)
        >>> events.shape
        (1000, 2, 4)
        >>> bool(np.allclose(invariant_mass(events), 0.1, atol=1e-6))
        True
    """
    number = _checks.positive_int("number", number)
    mass, light = checked_masses(mass, daughter_masses)
    width, mean_pt, rapidity_deviation = (
        _checks.number_in(name, value, 0.0, np.inf, high_open=True)
        for name, value in (
            ("width", width),
            ("mean_pt", mean_pt),
            ("rapidity_deviation", rapidity_deviation),
        )
    )
    rng = _seeds.generator(seed)
    parents = _masses(rng.uniform(size=number), mass, width, sum(light))
    size = decay_momentum(parents, *light)
    cosine, angle = rng.uniform(-1.0, 1.0, number), rng.uniform(-np.pi, np.pi, number)
    momentum = size[:, np.newaxis] * direction(cosine, angle)
    at_rest = np.stack([on_shell(momentum, light[0]), on_shell(-momentum, light[1])], axis=1)
    pt = rng.rayleigh(mean_pt / np.sqrt(np.pi / 2.0), number)
    phi = rng.uniform(-np.pi, np.pi, number)
    longitudinal = np.hypot(parents, pt) * np.sinh(rng.normal(0.0, rapidity_deviation, number))
    moving = np.stack([pt * np.cos(phi), pt * np.sin(phi), longitudinal], axis=-1)
    return boosted(at_rest, on_shell(moving, parents)[:, np.newaxis])


def checked_masses(
    mass: float, daughter_masses: tuple[float, float]
) -> tuple[float, tuple[float, float]]:
    """M and (m_1, m_2) as floats.

    Raises:
        ValueError: when they are not positive or not negative, or M is below m_1 + m_2.
    """
    mass = _checks.number_in("mass", mass, 0.0, np.inf, low_open=True, high_open=True)
    if np.shape(daughter_masses) != (2,):
        raise ValueError(
            f"`daughter_masses` must be two masses, as in (0.1, 0.1), received {daughter_masses!r}."
        )
    light = tuple(
        _checks.number_in("daughter_masses", one, 0.0, np.inf, high_open=True)
        for one in daughter_masses
    )
    if sum(light) >= mass:
        raise ValueError(
            f"`mass` must be above the sum of `daughter_masses`, received {mass:g} and "
            f"{sum(light):g}: such a particle cannot decay."
        )
    return mass, light


def _masses(uniform, mass, width, threshold):
    """M of numbers in [0, 1): quantiles of a Cauchy between the threshold and its mirror image."""
    if width == 0.0:
        return np.full(len(uniform), mass)
    cauchy = scipy.stats.cauchy(mass, width / 2.0)
    low, high = cauchy.cdf([threshold, 2.0 * mass - threshold])
    return np.clip(cauchy.ppf(low + uniform * (high - low)), threshold, None)
