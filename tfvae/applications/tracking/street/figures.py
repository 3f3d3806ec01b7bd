"""The people of the simulated street as polygons: a skeleton that walks, seen from any side."""

import numpy as np

from tfvae.applications.tracking.street.looks import Looks

# Lengths in units of the height of a person.
HIP, SHOULDER, HEAD = 0.52, 0.815, 0.925
THIGH, SHIN, ANKLE, FOOT = 0.245, 0.235, 0.035, 0.085
UPPER_ARM, FOREARM = 0.165, 0.165
HIP_SIDE, SHOULDER_SIDE = 0.047, 0.118
# Depth on the ground is seen from above at this slope.
SLOPE = 0.22
# Corners of a rounded limb and of a head.
_LIMB = np.concatenate([np.linspace(0.5, 1.5, 5), np.linspace(1.5, 2.5, 5)]) * np.pi
_ANGLES = np.linspace(0.0, 2.0 * np.pi, 14, endpoint=False)
_ROUND = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
# Darker is the limb that is farther away, and the side away from the sun.
DIM, DARK = 0.74, 0.8
# Shares of the torso's breadth that are in light.
LIT = 0.68


def figures(
    looks: Looks, heading: np.ndarray, phase: np.ndarray, swing: np.ndarray
) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """Polygons and RGB colours of P people, from back to front.

    Args:
        looks: of the P people.
        heading: 0 to the right, π/2 away, (P,).
        phase: of the stride, radians, (P,).
        swing: from 0 to 1, (P,).

    Returns:
        of each person: convex polygons (k, 2) in units of the person's height, to the right and
        down from the point of the ground that the person stands on.
    """
    body = _Body(looks, heading, phase, swing)
    return [body.parts(person) for person in range(len(heading))]


class _Body:
    """Joints and outlines of all people at once, (P, …)."""

    def __init__(self, looks, heading, phase, swing):
        self.looks = looks
        self.cos, self.sin = np.cos(heading), np.sin(heading)
        girth = looks.girth
        sides = np.array([1.0, -1.0])
        stride = np.stack([phase, phase + np.pi], axis=1)
        # Legs: left, right.
        thigh = 0.48 * swing[:, np.newaxis] * np.sin(stride)
        bend = swing[:, np.newaxis] * (0.12 + 0.75 * np.cos(stride).clip(0.0) ** 1.5)
        hip = self._joint(0.0, HIP_SIDE * sides * girth[:, np.newaxis], HIP)
        knee = self._from(hip, THIGH, thigh)
        ankle = self._from(knee, SHIN, thigh - bend)
        # Somebody stands on the lower foot.
        sink = ankle[..., 2].min(axis=1) - ANKLE
        for joint in (hip, knee, ankle):
            joint[..., 2] -= sink[:, np.newaxis]
        toe = self._from(ankle, FOOT, 0.5 * np.pi + 0.6 * (thigh - bend))
        toe[..., 2] = np.maximum(toe[..., 2] - 0.012, 0.016)
        # Arms swing against the legs.
        arm = -0.5 * swing[:, np.newaxis] * np.sin(stride) + 0.02
        shoulder = self._joint(0.0, SHOULDER_SIDE * sides * girth[:, np.newaxis], SHOULDER)
        shoulder[..., 2] -= sink[:, np.newaxis]
        elbow = self._from(shoulder, UPPER_ARM, arm)
        hand = self._from(elbow, FOREARM, arm + 0.15 + 0.35 * swing[:, np.newaxis])
        self.sink = sink
        self.hand = self._seen(hand)
        thick = girth[:, np.newaxis]
        wrist = elbow + 0.82 * (hand - elbow)
        self.limbs = {
            name: _limb(self._seen(first), self._seen(second), wide * thick, narrow * thick)
            for name, first, second, wide, narrow in (
                ("thigh", hip, knee, 0.052, 0.038), ("shin", knee, ankle, 0.036, 0.024),
                ("foot", ankle, toe, 0.024, 0.02), ("upper arm", shoulder, elbow, 0.034, 0.027),
                ("forearm", elbow, wrist, 0.026, 0.02), ("palm", wrist, hand, 0.019, 0.019),
            )
        }  # fmt: skip
        self.shoulders = self._breadth(0.128, 0.076) * girth
        self.hips = self._breadth(0.1, 0.075) * girth

    def _joint(self, forward, left, up):
        """(P, 2, 3): forward, left, up."""
        joint = np.zeros((len(self.cos), 2, 3))
        joint[..., 0], joint[..., 1], joint[..., 2] = forward, left, up
        return joint

    @staticmethod
    def _from(joint, length, angle):
        """The next joint: the bone hangs down at angle 0, and forward at π/2."""
        step = np.stack([np.sin(angle), np.zeros_like(angle), -np.cos(angle)], axis=-1)
        return joint + length * step

    def _seen(self, joint):
        """Forward, left, up -> right and down in the image."""
        forward, left, up = np.moveaxis(joint, -1, 0)
        cos, sin = self.cos[:, np.newaxis], self.sin[:, np.newaxis]
        return np.stack(
            [forward * cos - left * sin, -up - SLOPE * (forward * sin + left * cos)], axis=-1
        )

    def _breadth(self, across, along):
        """Half the breadth of an ellipse on the ground, seen from the camera."""
        return np.hypot(across * self.sin, along * self.cos)

    def parts(self, person):
        """Polygons and colours of one."""
        looks, cos, sin = self.looks, self.cos[person], self.sin[person]
        skin = looks.skin[person]
        # Left is index 0; it is farther away of those who walk to the right.
        far, near = (0, 1) if cos > 0.0 else (1, 0)
        bag, pack = looks.bag[person], []
        if looks.bag_kind[person] == 1:
            pack = self._box(person, -0.1 * cos, 0.075 + 0.02 * abs(sin), 0.6, 0.8, bag)
        found = [] if sin > 0.3 else pack
        found = [*found, *self._arm(person, far, DIM), *self._leg(person, far, DIM)]
        found += self._leg(person, near, 1.0)
        if looks.legs[person] == 2 and not looks.coat[person]:
            found += self._skirt(person)
        found += self._torso(person)
        if looks.bag_kind[person] == 2:
            found += self._shoulder_bag(person, bag)
        found.append((self._oval(person, 0.0, 0.86, 0.033, 0.045), 0.85 * skin))
        found += self._head(person)
        found += pack if sin > 0.3 else []
        found += self._arm(person, near, 1.0)
        if looks.bag_kind[person] == 3:
            x, y = self.hand[person, near]
            found.append((np.array([[x - 0.04, y], [x + 0.04, y], [x + 0.055, y + 0.16],
                                    [x - 0.055, y + 0.16]]), bag))  # fmt: skip
        return found

    def _arm(self, person, side, light):
        looks = self.looks
        sleeve, skin = looks.shirt[person], looks.skin[person]
        fore = sleeve if looks.sleeves[person] or looks.coat[person] else skin
        return [(self.limbs["palm"][person, side], light * skin),
                (self.limbs["forearm"][person, side], light * 0.95 * fore),
                (self.limbs["upper arm"][person, side], light * 0.92 * sleeve)]  # fmt: skip

    def _leg(self, person, side, light):
        looks, kind = self.looks, self.looks.legs[person]
        cloth, skin = looks.trousers[person], looks.skin[person]
        colors = {
            "foot": looks.shoes[person],
            "shin": cloth if kind == 0 else skin,
            "thigh": skin if kind == 2 else cloth,
        }
        return [(self.limbs[name][person, side], light * color) for name, color in colors.items()]

    def _quad(self, person, low, high, below, above, left=-1.0, right=1.0, centre=0.0):
        """Between two heights and two shares of half breadths."""
        low, high = low - self.sink[person], high - self.sink[person]
        return np.array([
            [centre + left * below, -low], [centre + right * below, -low],
            [centre + right * above, -high], [centre + left * above, -high],
        ])  # fmt: skip

    def _box(self, person, centre, half, low, high, color):
        light = self._quad(person, low, high, half, 0.88 * half, centre=centre)
        dark = self._quad(person, low, low + 0.4 * (high - low), half, 0.95 * half, centre=centre)
        return [(light, color), (dark, DARK * color)]

    def _skirt(self, person):
        color, hips = self.looks.trousers[person], self.hips[person]
        whole = self._quad(person, 0.3, HIP + 0.03, 1.35 * hips + 0.02, hips)
        dark = self._quad(person, 0.3, HIP + 0.03, 1.35 * hips + 0.02, hips, 0.4)
        return [(whole, color), (dark, DARK * color)]

    def _torso(self, person):
        """The shirt in rows and columns of its pattern; each has a lit and a dark side."""
        looks = self.looks
        first, second = looks.shirt[person], looks.second[person]
        top, bottom = self.shoulders[person], self.hips[person]
        low = 0.36 if looks.coat[person] else 0.49
        bottom = bottom * (1.2 if looks.coat[person] else 1.0)
        high = SHOULDER + 0.012
        rows, columns = ((1, 1), (7, 1), (1, 7), (5, 5), (3, 1))[looks.pattern[person]]

        def half(height):
            return bottom + (top - bottom) * (height - low) / (high - low)

        neck = self._quad(person, high - 0.004, high + 0.03, top, 0.45 * top)
        collar = second if looks.pattern[person] == 4 else first
        found = [(neck, collar), (self._quad(person, low, high, bottom, top), first)]
        found.append((self._quad(person, low, high, bottom, top, 2.0 * LIT - 1.0), DARK * first))
        levels = [low + (high - low) * row / rows for row in range(rows + 1)]
        edges = [2.0 * column / columns - 1.0 for column in range(columns + 1)]
        for row in range(rows):
            for column in range(columns):
                other = row == rows - 1 if looks.pattern[person] == 4 else (row + column) % 2
                if not other:
                    continue
                a, b = levels[row], levels[row + 1]
                left, right = edges[column], edges[column + 1]
                lit = 2.0 * LIT - 1.0
                for start, end, light in (
                    (left, min(right, lit), 1.0),
                    (max(left, lit), right, DARK),
                ):
                    if end > start:
                        found.append(
                            (self._quad(person, a, b, half(a), half(b), start, end), light * second)
                        )
        if looks.coat[person] and self.sin[person] < 0.0:  # Its opening is seen from in front.
            found.append((self._quad(person, low, high, 0.012, 0.012), 0.6 * first))
        return found

    def _shoulder_bag(self, person, color):
        """On the left hip, by a strap across the chest."""
        side = -0.12 * self.sin[person]
        strap = np.array([[-side * 0.7 - 0.008, -0.82], [-side * 0.7 + 0.008, -0.82],
                          [side + 0.008, -0.52], [side - 0.008, -0.52]])  # fmt: skip
        strap[:, 1] += self.sink[person]
        return [(strap, 0.6 * color), *self._box(person, side, 0.06, 0.44, 0.55, color)]

    def _oval(self, person, centre, height, across, along):
        return np.array([centre, self.sink[person] - height]) + _ROUND * np.array([across, along])

    def _head(self, person):
        looks, cos, sin = self.looks, self.cos[person], self.sin[person]
        hair, kind = looks.hair[person], looks.hair_kind[person]
        found = []
        if kind == 1:
            breadth = 0.052 + 0.008 * abs(sin)
            fall = self._quad(person, 0.8, HEAD + 0.01, breadth, breadth, centre=-0.028 * cos)
            if sin <= 0.0:
                found.append((fall, 0.85 * hair))
        found.append((self._oval(person, 0.0, HEAD, 0.054, 0.071), hair))
        if kind == 1 and sin > 0.0:
            found.append((fall, hair))
        # How much of the face is seen: all from in front, half from the side, none from behind.
        shown = np.clip(0.62 - 0.62 * sin, 0.0, 1.0)
        if shown > 0.08:
            face = self._oval(person, 0.02 * cos, HEAD - 0.013, 0.047 * shown**0.5, 0.055)
            face[:, 0] += 0.016 * cos
            found.append((face, looks.skin[person]))
        if kind == 2:
            color = looks.second[person]
            found.append((self._quad(person, HEAD + 0.018, HEAD + 0.082, 0.058, 0.04), color))
            found.append((self._quad(person, HEAD + 0.016, HEAD + 0.03, 0.058, 0.058,
                                     centre=0.03 * cos), DARK * color))  # fmt: skip
        return found


def _limb(first, second, wide, narrow):
    """Rounded limbs between joints (P, 2, 2), of radii (P, 1) -> (P, 2, corners, 2)."""
    along = second - first
    length = np.linalg.norm(along, axis=-1, keepdims=True)
    along = np.where(length > 1e-9, along / np.maximum(length, 1e-9), np.array([0.0, 1.0]))
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    circle = (
        np.cos(_LIMB)[:, np.newaxis] * along[..., np.newaxis, :]
        + np.sin(_LIMB)[:, np.newaxis] * across[..., np.newaxis, :]
    )
    half = len(_LIMB) // 2
    start = first[..., np.newaxis, :] + wide[..., np.newaxis, np.newaxis] * circle[..., :half, :]
    end = second[..., np.newaxis, :] + narrow[..., np.newaxis, np.newaxis] * circle[..., half:, :]
    return np.concatenate([start, end], axis=-2)
