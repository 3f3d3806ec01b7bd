"""How the people of the simulated street walk: they cross, stop, turn round, leave, come back."""

import dataclasses

import numpy as np

from tfvae.applications.tracking.street.camera import FAR, NEAR, Camera

# Shares of the people at whom the street begins outside, and of the aims that lie outside.
BEGIN_OUTSIDE, LEAVE = 0.25, 0.3
# Metres beyond the edge of the image to which those go who leave.
BEYOND = 1.5
# Events a second of somebody who walks: to stop, to turn round.
STOP, TURN = 0.05, 0.04
# Seconds of a stop, and of a stay outside.
PAUSE, AWAY = (1.0, 4.0), (1.0, 5.0)
# A stride is two steps; metres.
STRIDE = 1.45
# Metres at which people make way for one another, and for things.
ROOM = 0.75


@dataclasses.dataclass(frozen=True)
class Walks:
    """Where P people are in T frames, and what their limbs do.

    Attributes:
        x, z: place on the ground, metres, (T, P).
        heading: angle of the way that they face, 0 to the right and π/2 away, (T, P).
        phase: of the stride, radians, (T, P).
        swing: of the limbs, from 0 for somebody who stands to 1, (T, P).
    """

    x: np.ndarray
    z: np.ndarray
    heading: np.ndarray
    phase: np.ndarray
    swing: np.ndarray

    @classmethod
    def of(
        cls, rng: np.random.Generator, num_people: int, num_frames: int, frame_rate: float,
        camera: Camera, things: np.ndarray,
    ) -> "Walks":  # fmt: skip
        """Walks around things at x, z with radius, (n, 3)."""
        crowd = _Crowd(rng, num_people, camera, things)
        states = []
        for _ in range(num_frames):
            states.append(crowd.state())
            crowd.advance(1.0 / frame_rate)
        return cls(*np.stack(states, axis=1))


class _Crowd:
    """P people who walk to aims: each turns to the aim, and is pushed off by who is near."""

    def __init__(self, rng, num, camera, things):
        self._rng, self._camera, self._things = rng, camera, things
        self._pace = rng.normal(1.3, 0.2, num).clip(0.8, 1.9)
        outside = rng.uniform(size=num) < BEGIN_OUTSIDE
        self._place = self._inside(num)
        self._place[outside] = self._outside(self._place[outside])
        self._aim = self._inside(num)
        self._leaving = np.zeros(num, bool)
        self._away = outside
        # Seconds of rest that are left.
        self._rest = np.where(outside, rng.uniform(0.0, AWAY[1], num), 0.0)
        to_aim = self._aim - self._place
        self._heading = np.arctan2(to_aim[:, 1], to_aim[:, 0])
        self._speed = np.where(outside, 0.0, self._pace)
        self._phase = rng.uniform(0.0, 2.0 * np.pi, num)

    def state(self):
        return np.stack([*self._place.T, self._heading, self._phase,
                         (self._speed / 1.1).clip(0.0, 1.0)])  # fmt: skip

    def _inside(self, num):
        z = self._rng.uniform(NEAR, FAR, num)
        return np.stack([self._rng.uniform(-0.92, 0.92, num) * self._camera.half_width(z), z], 1)

    def _outside(self, places):
        """The nearer side, at the same depth or so; beyond what the camera ever shows."""
        z = (places[:, 1] + self._rng.normal(0.0, 1.5, len(places))).clip(NEAR, FAR)
        edge = self._camera.half_width(z) * (
            1.0 + 2.0 * self._camera.margin[0] / self._camera.size[0]
        )
        return np.stack([np.where(places[:, 0] < 0.0, -1.0, 1.0) * (edge + BEYOND), z], axis=1)

    def advance(self, seconds):
        rng, num = self._rng, len(self._place)
        self._events(seconds)
        to_aim = self._aim - self._place
        walking = self._rest <= 0.0
        wanted = to_aim / np.maximum(np.linalg.norm(to_aim, axis=1, keepdims=True), 1e-6)
        push = self._push()
        wanted = np.where(walking[:, np.newaxis], wanted, 0.0) + push
        # Nobody turns faster than half a turn a second.
        turn = np.angle(np.exp(1j * (np.arctan2(wanted[:, 1], wanted[:, 0]) - self._heading)))
        most = np.pi * seconds * np.where(walking, 1.0, 0.0)
        self._heading += turn.clip(-most, most) + rng.normal(0.0, 0.02, num) * walking
        # Slower through a turn, and to a stop within half a second.
        target = np.where(walking, self._pace * np.where(np.abs(turn) > 1.0, 0.35, 1.0), 0.0)
        self._speed += (target - self._speed) * min(1.0, 5.0 * seconds)
        ahead = np.stack([np.cos(self._heading), np.sin(self._heading)], axis=1)
        self._place += seconds * (self._speed[:, np.newaxis] * ahead + 0.5 * push)
        self._place[:, 1] = self._place[:, 1].clip(NEAR - 0.3, FAR + 1.0)
        self._phase += 2.0 * np.pi * seconds * self._speed / STRIDE

    def _events(self, seconds):
        rng, num = self._rng, len(self._place)
        self._rest = np.maximum(self._rest - seconds, 0.0)
        # All draw in every frame: what one does leaves the others' numbers as they are.
        chance, kind, pause = rng.uniform(size=(3, num))
        near, far = self._inside(num), self._outside(self._place)
        walking = self._rest <= 0.0
        back = self._away & walking
        self._away[back] = False
        reached = walking & (np.linalg.norm(self._aim - self._place, axis=1) < 0.7)
        gone = reached & self._leaving
        self._rest[gone] = AWAY[0] + pause[gone] * (AWAY[1] - AWAY[0])
        self._away |= gone
        turned = walking & ~reached & ~self._leaving & ~back & (chance < TURN * seconds)
        leaves = (reached | turned) & ~gone & (kind < LEAVE)
        stays = (back | gone | reached | turned) & ~leaves
        self._aim[stays], self._aim[leaves] = near[stays], far[leaves]
        behind = turned & ~leaves
        self._aim[behind, 0] = self._place[behind, 0] - 0.8 * np.sign(
            np.cos(self._heading[behind])
        ) * self._camera.half_width(self._place[behind, 1])
        self._leaving[stays], self._leaving[leaves] = False, True
        stops = walking & ~reached & ~self._away & (chance > 1.0 - STOP * seconds)
        self._rest[stops] = PAUSE[0] + pause[stops] * (PAUSE[1] - PAUSE[0])

    def _push(self):
        """Away from who is nearer than `ROOM`, and from things, (P, 2)."""
        others = self._place[:, np.newaxis] - self._place[np.newaxis]
        away = _repulsion(others, ROOM)
        if len(self._things):
            offsets = self._place[:, np.newaxis] - self._things[np.newaxis, :, :2]
            away = away + 1.5 * _repulsion(offsets, self._things[:, 2] + 0.5)
        return away


def _repulsion(offsets, room):
    """Sum over neighbours of unit vectors from them, by how much nearer than `room` they are."""
    distance = np.linalg.norm(offsets, axis=-1)
    strength = (1.0 - distance / room).clip(0.0) * (distance > 0.0)
    return np.sum(offsets * (2.0 * strength / np.maximum(distance, 1e-6))[..., np.newaxis], axis=1)
