"""What the people of the simulated street look like: build, hair, clothes, bags."""

import dataclasses

import numpy as np

PATTERNS = ("plain", "bands", "stripes", "checks", "yoke")
LEGS = ("trousers", "shorts", "skirt")
HAIR = ("short", "long", "hat")
BAGS = ("none", "backpack", "shoulder bag", "shopping bag")

# RGB. Brightly dressed people are as frequent as those in grey and blue.
# fmt: off
SKIN = (
    (244, 208, 177), (231, 184, 143), (203, 149, 105), (157, 104, 66), (110, 70, 46), (75, 48, 34),
)
HAIRS = (
    (28, 24, 22), (58, 40, 28), (98, 68, 42), (152, 112, 64), (206, 172, 112), (150, 148, 146),
    (130, 58, 30),
)
TROUSERS = (
    (34, 42, 66), (58, 78, 118), (96, 120, 156), (30, 30, 32), (74, 72, 70), (150, 132, 104),
    (190, 182, 166), (84, 62, 46), (62, 74, 50), (120, 40, 44),
)
SHOES = ((28, 26, 26), (230, 228, 222), (96, 62, 38), (150, 38, 36), (52, 66, 96))
# fmt: on


@dataclasses.dataclass(frozen=True)
class Looks:
    """Looks of P people; colours are RGB from 0 to 255, (P, 3).

    Attributes:
        height: metres, (P,).
        girth: breadth in units of an average person's, (P,).
        skin, hair, shirt, second, trousers, shoes, bag: colours; `second` is of the pattern.
        pattern, legs, hair_kind, bag_kind: indices into `PATTERNS`, `LEGS`, `HAIR`, `BAGS`, (P,).
        sleeves: whether sleeves are long, (P,).
        coat: whether the shirt is a coat to above the knees, (P,).
    """

    height: np.ndarray
    girth: np.ndarray
    skin: np.ndarray
    hair: np.ndarray
    shirt: np.ndarray
    second: np.ndarray
    trousers: np.ndarray
    shoes: np.ndarray
    bag: np.ndarray
    pattern: np.ndarray
    legs: np.ndarray
    hair_kind: np.ndarray
    bag_kind: np.ndarray
    sleeves: np.ndarray
    coat: np.ndarray

    @classmethod
    def of(cls, rng: np.random.Generator, num: int) -> "Looks":
        """Looks of `num` people, each of their own."""

        def chosen(palette):
            colors = np.array(palette, "float64")[rng.integers(len(palette), size=num)]
            return (
                colors * rng.uniform(0.88, 1.1, (num, 1)) + rng.normal(0.0, 5.0, (num, 3))
            ).clip(8.0, 250.0)

        def kind(*shares):
            return rng.choice(len(shares), size=num, p=shares)

        shirt = _cloth(rng, num)
        return cls(
            height=rng.normal(1.73, 0.085, num).clip(1.52, 1.95),
            girth=rng.normal(1.0, 0.1, num).clip(0.8, 1.3),
            skin=chosen(SKIN), hair=chosen(HAIRS), shirt=shirt, second=_second(rng, shirt),
            trousers=chosen(TROUSERS), shoes=chosen(SHOES), bag=_cloth(rng, num),
            pattern=kind(0.5, 0.16, 0.1, 0.1, 0.14), legs=kind(0.7, 0.14, 0.16),
            hair_kind=kind(0.52, 0.32, 0.16), bag_kind=kind(0.5, 0.2, 0.16, 0.14),
            sleeves=rng.uniform(size=num) < 0.6, coat=rng.uniform(size=num) < 0.18,
        )  # fmt: skip

    def of_people(self, which: np.ndarray) -> "Looks":
        """Looks of some, by their numbers, (n,)."""
        return Looks(*(getattr(self, one.name)[which] for one in dataclasses.fields(self)))


def _cloth(rng, num):
    """Colours of cloth: any hue; one in three is white, grey or black."""
    hue, strength = rng.uniform(size=num), rng.uniform(0.35, 0.95, num)
    strength = np.where(rng.uniform(size=num) < 1.0 / 3.0, 0.04, strength)
    value = rng.uniform(0.15, 0.95, num)
    # The formula of HSV: each channel is 1 − s·max(0, min(k, 4 − k, 1)), k = (n + 6 h) mod 6.
    k = (np.array([5.0, 3.0, 1.0]) + 6.0 * hue[:, np.newaxis]) % 6.0
    part = np.minimum(np.minimum(k, 4.0 - k), 1.0).clip(0.0)
    return 255.0 * value[:, np.newaxis] * (1.0 - strength[:, np.newaxis] * part)


def _second(rng, first):
    """A colour that stands out from the first: light on dark, dark on light."""
    other = _cloth(rng, len(first))
    light = first.mean(axis=1, keepdims=True) > 115.0
    return np.where(light, 0.35 * other, 140.0 + 0.42 * other)
