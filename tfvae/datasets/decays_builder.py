"""Simulated two-body decays as a TFDS builder."""

import dataclasses

import numpy as np
import tensorflow_datasets as tfds

from tfvae import _checks
from tfvae.datasets import raw_files
from tfvae.datasets.decays import checked_masses, two_body_decays
from tfvae.datasets.kinematics import invariant_mass


@dataclasses.dataclass
class TwoBodyDecaysConfig(tfds.core.BuilderConfig):
    """Options of `TwoBodyDecays`. The name, the folder of the prepared data, lists them all.

    Attributes:
      mass, width, mean_pt, rapidity_deviation: see `tfvae.datasets.two_body_decays`.
      first_mass, second_mass: masses of the daughters.
      num_train, num_test: numbers of events.
      seed: seed of all draws.
    """

    name: str = ""
    mass: float = 91.1876
    width: float = 2.4952
    first_mass: float = 0.0
    second_mass: float = 0.0
    mean_pt: float = 15.0
    rapidity_deviation: float = 1.2
    num_train: int = 8_000
    num_test: int = 2_000
    seed: int = 0

    def __post_init__(self) -> None:
        for argument in ("num_train", "num_test"):
            setattr(self, argument, _checks.positive_int(argument, getattr(self, argument)))
        for argument in ("width", "mean_pt", "rapidity_deviation"):
            value = _checks.number_in(
                argument, getattr(self, argument), 0.0, np.inf, high_open=True
            )
            setattr(self, argument, value)
        daughters = (self.first_mass, self.second_mass)
        self.mass, (self.first_mass, self.second_mass) = checked_masses(self.mass, daughters)
        self.seed = _checks.whole_in("seed", self.seed, 0, 2**31 - 1)
        self.name = raw_files.join_name(
            self.name,
            f"mass{self.mass:.9g}-width{self.width:.9g}-first{self.first_mass:.9g}"
            f"-second{self.second_mass:.9g}-pt{self.mean_pt:.9g}"
            f"-rapidity{self.rapidity_deviation:.9g}-train{self.num_train}-test{self.num_test}"
            f"-seed{self.seed}",
        )


class TwoBodyDecays(tfds.core.GeneratorBasedBuilder):
    """Events of a particle that decays into two (see `tfvae.datasets.two_body_decays`).

    Features: `event`, float64 (2, 4), four-vectors (E, px, py, pz) of the daughters; `label`,
    float64, the mass of the parent. Both are in GeV, or in the unit of the masses that are given.

    Example:
      >>> from tfvae.datasets import TwoBodyDecays, TwoBodyDecaysConfig
      >>> builder = TwoBodyDecays(config=TwoBodyDecaysConfig(num_train=100, num_test=10))
      >>> builder.download_and_prepare()  # doctest: +SKIP
      >>> builder.info.splits["train"].num_examples  # doctest: +SKIP
      100
    """

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [TwoBodyDecaysConfig(name="default")]

    def _info(self):
        # Otherwise TFDS would store float32.
        exact = {"dtype": np.float64, "encoding": tfds.features.Encoding.BYTES}
        return tfds.core.DatasetInfo(
            builder=self,
            description="Simulated decays of a particle into two, isotropic where it rests.",
            features=tfds.features.FeaturesDict(
                {
                    "event": tfds.features.Tensor(shape=(2, 4), **exact),
                    "label": tfds.features.Tensor(shape=(), **exact),
                }
            ),
            supervised_keys=("event", "label"),
        )

    def _split_generators(self, dl_manager):
        config = self.builder_config
        return {
            "train": self._generate_examples(config.num_train, (config.seed, 0)),
            "test": self._generate_examples(config.num_test, (config.seed, 1)),
        }

    def _generate_examples(self, number, seed):
        config = self.builder_config
        events = two_body_decays(
            number,
            mass=config.mass,
            width=config.width,
            daughter_masses=(config.first_mass, config.second_mass),
            mean_pt=config.mean_pt,
            rapidity_deviation=config.rapidity_deviation,
            seed=seed,
        )
        masses = invariant_mass(events.sum(axis=1))
        for i, (event, mass) in enumerate(zip(events, masses, strict=True)):
            yield i, {"event": event, "label": mass}
