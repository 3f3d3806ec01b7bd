"""CMU motion capture as a TFDS builder: poses of chosen subjects, with held-out sequences."""

import dataclasses
import pathlib

import numpy as np
import tensorflow_datasets as tfds

from tfvae._checks import positive_int, true_or_false
from tfvae.datasets import raw_files
from tfvae.datasets.acclaim import read_amc, read_asf
from tfvae.datasets.motion import CMU_SOURCE, HEADING_AND_PLACE, PoseTransform, find_trials

MOTIONS = (
    "walk",
    "run",
    "balance",
    "dance",
    "jump",
    "cartwheel",
    "acrobatics",
    "obstacles",
    "other",
)

# From CMU's index of motions; 35 is walking and running, 49 modern dance and gymnastics.
_TRIALS_OF_MOTION = {
    "35": {"walk": [*range(1, 17), *range(28, 35)], "run": range(17, 27), "obstacles": [27]},
    "49": {
        "walk": [1],
        "jump": range(2, 6),
        "cartwheel": range(6, 9),
        "dance": [*range(9, 18), 22],
        "balance": range(18, 21),
        "acrobatics": [21],
    },
}
_MOTION_OF_TRIAL = {
    f"{subject}_{trial:02d}": motion
    for subject, motions in _TRIALS_OF_MOTION.items()
    for motion, trials in motions.items()
    for trial in trials
}

# Lawrence, AISTATS 2007 (35); Álvarez, Luengo and Lawrence, AISTATS 2009 (49).
_HELD_OUT = {"35_18", "35_29", "49_20"}

NEEDS = "a folder with <subject>.asf and <subject>_<trial>.amc, e.g. 35.asf and 35_01.amc"


@dataclasses.dataclass
class CMUMocapConfig(tfds.core.BuilderConfig):
    """Options of `CMUMocap`. The name holds a hash of all of them and of the raw files.

    Attributes:
      path: the folder of the .asf and .amc files; None: TFDS's manual folder.
      subjects: subject numbers as text.
      trials: sequences to use, e.g. ("35_01", "35_02"); None: all sequences of the subjects.
      test_trials: sequences held out for the test split; None: the published ones (35_18, 35_29 and
        49_20) in the folder, and the last sequence of a subject without a published one.
      every: keeps every n-th frame; 4 reduces 120 frames per second to 30.
      drop: channels left out of the pose; by default root translation and heading.
      hands: False leaves out wrists, hands, fingers and thumbs, whose angles jump from one frame to
        the next by more than 100 degrees; True keeps them.
      standardise: True gives poses with mean 0 and standard deviation 1 over the train split;
        False gives the units of the files.
      classes: dict from sequence to motion class, which replaces the built-in class. Sequences of
        other subjects than 35 and 49 have the class "other". New class names are appended.
    """

    name: str = ""
    path: str | None = None
    subjects: tuple[str, ...] = ("35", "49")
    trials: tuple[str, ...] | None = None
    test_trials: tuple[str, ...] | None = None
    every: int = 4
    drop: tuple[str, ...] = HEADING_AND_PLACE
    hands: bool = False
    standardise: bool = True
    classes: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        self.every = positive_int("every", self.every)
        self.hands = true_or_false("hands", self.hands)
        for argument in ("subjects", "trials", "test_trials", "drop"):
            value = getattr(self, argument)
            if isinstance(value, str):
                raise ValueError(
                    f"`{argument}` must be a tuple of text, received {value!r}. Write ({value!r},)."
                )
            if value is not None:
                setattr(self, argument, tuple(str(item) for item in value))
        if self.path is not None:
            self.path = str(pathlib.Path(self.path).expanduser().resolve())
        keys = (
            "subjects", "trials", "test_trials", "every", "drop", "hands", "standardise", "classes",
        )  # fmt: skip
        files = [self.path, *pathlib.Path(self.path).glob("*.a[sm][fc]")] if self.path else []
        digest = raw_files.fingerprint({key: getattr(self, key) for key in keys}, files)
        self.name = raw_files.join_name(
            self.name,
            f"subjects{'+'.join(self.subjects)}-every{self.every}"
            f"{'-hands' if self.hands else ''}-{digest}",
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the motion classes, in the order of the labels."""
        return (*MOTIONS, *sorted(set(self.classes.values()) - set(MOTIONS)))


class CMUMocap(tfds.core.GeneratorBasedBuilder):
    """Poses from the CMU Graphics Lab motion capture database (mocap.cs.cmu.edu).

    Features: `pose`, float32 (channels,); `label`, the motion class; `sequence`, e.g. "35_01";
    `frame`, its number in the sequence. TFDS shuffles the examples when it writes them; sort them
    by (`sequence`, `frame`) to restore the sequences.

    `pose_transform` turns poses back into joint angles for drawing.

    Example:
      >>> from tfvae.datasets import CMUMocap, CMUMocapConfig
      >>> builder = CMUMocap(config=CMUMocapConfig(path="cmu_mocap"))  # doctest: +SKIP
      >>> builder.download_and_prepare()                               # doctest: +SKIP
      >>> len(builder.pose_transform.kept)                             # doctest: +SKIP
      42
    """

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [CMUMocapConfig(name="default")]
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"The manual folder must be {NEEDS}; get them from {CMU_SOURCE}."

    @property
    def pose_transform(self) -> PoseTransform:
        """The `PoseTransform` of the prepared data: mean, std, channel names and the inverse.

        Raises:
          ValueError: if the data are not prepared.
        """
        if "kept" not in self.info.metadata:
            raise ValueError(
                "The data must be prepared before `pose_transform` is used, received a builder"
                " without data. Call download_and_prepare() first."
            )
        return PoseTransform.from_dict(self.info.metadata)

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="Human poses as joint angles, from CMU's motion capture database.",
            homepage=CMU_SOURCE,
            features=tfds.features.FeaturesDict(
                {
                    # The number of channels that move is known only after reading the files.
                    "pose": tfds.features.Tensor(shape=(None,), dtype=np.float32),
                    "label": tfds.features.ClassLabel(names=self.builder_config.class_names),
                    "sequence": tfds.features.Text(),
                    "frame": tfds.features.Scalar(dtype=np.int64),
                }
            ),
            supervised_keys=("pose", "label"),
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager):
        config = self.builder_config
        folder = raw_files.require(
            config.path or dl_manager.manual_dir, needs=NEEDS, source=CMU_SOURCE
        )
        files = _choose_trials(folder, config)
        test = _choose_test(list(files), config)
        skeletons = {
            subject: read_asf(
                raw_files.require(folder / f"{subject}.asf", needs=NEEDS, source=CMU_SOURCE)
            )
            for subject in sorted({_subject(trial) for trial in files})
        }
        motions = {"train": [], "test": []}
        for trial, file in files.items():
            motion = read_amc(file, skeletons[_subject(trial)]).every(config.every)
            motions["test" if trial in test else "train"].append(motion)
        transform = PoseTransform.fit(
            motions["train"],
            drop=config.drop,
            hands=config.hands,
            standardise=config.standardise,
        )
        self.info.metadata.update(transform.to_dict())
        return {
            split: self._generate_examples(chosen, transform) for split, chosen in motions.items()
        }

    def _generate_examples(self, motions, transform):
        classes = {**_MOTION_OF_TRIAL, **self.builder_config.classes}
        for motion in motions:
            label = classes.get(motion.name, "other")
            for frame, pose in zip(motion.frames.tolist(), transform.apply(motion), strict=True):
                yield (
                    f"{motion.name}/{frame:06d}",
                    {"pose": pose, "label": label, "sequence": motion.name, "frame": frame},
                )


def _subject(trial: str) -> str:
    return trial.rsplit("_", 1)[0]


def _choose_trials(folder: pathlib.Path, config: CMUMocapConfig) -> dict[str, pathlib.Path]:
    """Dict from the chosen sequences to their files, sorted."""
    found = find_trials(folder)
    if config.trials is None:
        chosen = [trial for trial in found if _subject(trial) in config.subjects]
        bare = sorted(set(config.subjects) - {_subject(trial) for trial in chosen})
        if bare:
            raise ValueError(
                f"`subjects` must be among {sorted({_subject(trial) for trial in found})}, the"
                f" subjects with .amc files in {str(folder)!r}, received {bare}. `path` must be"
                f" {NEEDS}. Get the files from {CMU_SOURCE}."
            )
        return {trial: found[trial] for trial in chosen}
    missing = sorted(set(config.trials) - set(found))
    if missing or not config.trials:
        raise ValueError(
            f"`trials` must be some of {list(found)}, the files of {str(folder)!r}, received"
            f" {missing or 'none'}. Get more files from {CMU_SOURCE}."
        )
    return {trial: found[trial] for trial in sorted(set(config.trials))}


def _choose_test(trials: list[str], config: CMUMocapConfig) -> set[str]:
    """The held-out sequences among `trials`."""
    if config.test_trials is not None:
        test = set(config.test_trials)
        missing = sorted(test - set(trials))
        if missing:
            raise ValueError(
                f"`test_trials` must be among the sequences {trials}, received {missing}."
            )
    else:
        last = {_subject(trial): trial for trial in trials}
        held_out = _HELD_OUT & set(trials)
        with_any = {_subject(trial) for trial in held_out}
        test = held_out | {trial for subject, trial in last.items() if subject not in with_any}
    if not test or test == set(trials):
        raise ValueError(
            f"`test_trials` must be some but not all of {trials}, received {sorted(test)}. Both"
            " splits need at least one sequence."
        )
    return test
