"""How well tracks follow people: TrackEval, the evaluator of MOTChallenge."""

import contextlib
import io
import pathlib
import tempfile
from typing import NamedTuple

import numpy as np

from tfvae import _checks
from tfvae.applications.tracking import boxes as box_functions
from tfvae.applications.tracking.box_files import MOST_FRAMES, PEDESTRIAN, Boxes
from tfvae.applications.tracking.motion import EXTRA
from tfvae.evaluation import tables

# Columns of the published table, and how TrackEval calls them.
COLUMNS = {
    "IDF1": ("Identity", "IDF1"), "IDP": ("Identity", "IDP"), "IDR": ("Identity", "IDR"),
    "Recall": ("CLEAR", "CLR_Re"), "Precision": ("CLEAR", "CLR_Pr"),
    "FAR": ("CLEAR", "FP_per_frame"), "MT": ("CLEAR", "MT"), "PT": ("CLEAR", "PT"),
    "ML": ("CLEAR", "ML"),
    "FP": ("CLEAR", "CLR_FP"), "FN": ("CLEAR", "CLR_FN"), "IDs": ("CLEAR", "IDSW"),
    "FM": ("CLEAR", "Frag"), "MOTA": ("CLEAR", "MOTA"), "MOTP": ("CLEAR", "MOTP"),
    "MOTAL": ("CLEAR", "MOTAL"), "HOTA": ("HOTA", "HOTA"), "AssA": ("HOTA", "AssA"),
}  # fmt: skip
COUNTS = ("MT", "PT", "ML", "FP", "FN", "IDs", "FM")
ALL = "all"
# Of MOT16 and MOT20, as TrackEval knows them.
NUM_CLASSES = 13


class TrackingScores(NamedTuple):
    """The sixteen columns of the published table, HOTA and AssA, of each sequence and of all.

    Attributes:
        values: {sequence: {column: number}}, the last sequence is "all". Counts are numbers; FAR
            is false positives a frame; all others are %.
    """

    values: dict[str, dict[str, float]]

    def __getitem__(self, column: str) -> float:
        """A column over all sequences."""
        return self.values[ALL][column]

    def __str__(self) -> str:
        rows = [
            [name, *(int(v[c]) if c in COUNTS else float(v[c]) for c in COLUMNS)]
            for name, v in self.values.items()
        ]
        return tables.markdown(["sequence", *COLUMNS], rows)


def tracking_scores(
    tracks: dict[str, Boxes], ground_truth: dict[str, Boxes], lengths: dict[str, int] | None = None,
    *, classes: bool = True,
) -> TrackingScores:  # fmt: skip
    """Scores of tracks by TrackEval, at an intersection over union of 0.5.

    Rows of a ground truth of score 0 are not counted, nor are classes other than pedestrians. As
    MOT16 asks for, tracks on persons on vehicles, static persons, distractors and reflections are
    neither right nor wrong; files without classes (MOT15) have none of these.

    Args:
        tracks: of each sequence, by its name.
        ground_truth: of the same sequences.
        lengths: their numbers of frames; None: up to the last box.
        classes: whether the ground truth's classes are looked at.

    Raises:
        ImportError: where TrackEval is missing.
        ValueError: when sequences are missing, a box, id, class or frame is impossible, or an id
            stands twice in a frame.

    Example, one person of two frames, whose id changes:

        >>> import numpy as np
        >>> from tfvae.applications.tracking import Boxes, tracking_scores
        >>> box = np.array([[0.0, 0.0, 10.0, 20.0]] * 2)
        >>> truth, tracks = Boxes.of([1, 2], [7, 7], box), Boxes.of([1, 2], [1, 2], box)
        >>> scores = tracking_scores({"street": tracks}, {"street": truth})
        >>> scores["IDs"], scores["MOTA"], scores["IDF1"]
        (1.0, 50.0, 50.0)
    """
    trackeval = _checks.package("trackeval", "Evaluation of tracks", EXTRA)
    lengths = _checked_lengths(tracks, ground_truth, lengths or {})
    for name in tracks:
        _check(f"the ground truth of {name}", ground_truth[name])
        _check(f"the tracks of {name}", tracks[name])
        if classes:
            _check_classes(name, ground_truth[name])
    # TrackEval makes paths of names: those of the user could lead anywhere.
    names = {f"sequence{k}": name for k, name in enumerate(sorted(tracks))}
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for file, name in names.items():
            _write(root / "gt" / file / "gt" / "gt.txt", ground_truth[name], classes)
            _write(root / "tracks" / "ours" / "data" / f"{file}.txt", tracks[name], False)
        quiet = {"PRINT_CONFIG": False}
        dataset = trackeval.datasets.MotChallenge2DBox({
            **quiet, "GT_FOLDER": str(root / "gt"), "TRACKERS_FOLDER": str(root / "tracks"),
            "BENCHMARK": "MOT16", "SKIP_SPLIT_FOL": True, "DO_PREPROC": bool(classes),
            "SEQ_INFO": {file: lengths[name] for file, name in names.items()},
        })  # fmt: skip
        evaluator = trackeval.Evaluator({
            **quiet, "PRINT_RESULTS": False, "PRINT_ONLY_COMBINED": True, "TIME_PROGRESS": False,
            "OUTPUT_SUMMARY": False, "OUTPUT_DETAILED": False, "PLOT_CURVES": False,
            "BREAK_ON_ERROR": True, "LOG_ON_ERROR": None, "OUTPUT_EMPTY_CLASSES": True,
        })  # fmt: skip
        metrics = trackeval.metrics
        kinds = [metrics.HOTA(), metrics.CLEAR(quiet), metrics.Identity(quiet)]
        with contextlib.redirect_stdout(io.StringIO()):
            results, _ = evaluator.evaluate([dataset], kinds)
    found = results["MotChallenge2DBox"]["ours"]
    combined = found.pop("COMBINED_SEQ")
    order = {**{name: found[file] for file, name in names.items()}, ALL: combined}
    return TrackingScores({name: _columns(one["pedestrian"]) for name, one in order.items()})


def _columns(result):
    values = {}
    for column, (metric, field) in COLUMNS.items():
        if field == "FP_per_frame":
            frames = max(float(result[metric]["CLR_Frames"]), 1.0)
            values[column] = float(result[metric]["CLR_FP"]) / frames
        else:
            number = float(np.mean(result[metric][field]))
            values[column] = number if column in COUNTS else 100.0 * number
    return values


def _write(path, boxes, classes):
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes = box_functions.sizes(boxes.boxes)
    marks = boxes.classes if classes else np.full(len(boxes), PEDESTRIAN)
    # TrackEval has tables as long as the largest id, and rounds scores down.
    _, ids = np.unique(boxes.ids, return_inverse=True)
    rows = [
        f"{f},{i},{x!r},{y!r},{w!r},{h!r},{s},{c},1"
        for f, i, (x, y, w, h), s, c in zip(
            boxes.frames, ids + 1, sizes.tolist(), (boxes.scores != 0).astype(int), marks,
            strict=True,
        )
    ]  # fmt: skip
    path.write_text("\n".join(rows) + ("\n" if rows else ""))


def _checked_lengths(tracks, ground_truth, lengths):
    """The number of frames of each sequence."""
    for name, part in (("tracks", tracks), ("ground_truth", ground_truth)):
        _checks.instance_of(name, part, dict, '{"MOT16-02": tracks}')
        for one in part.values():
            _checks.instance_of(f"{name} of each sequence", one, Boxes, 'read_boxes("gt/gt.txt")')
    if set(ground_truth) ^ set(tracks) or not tracks:
        raise ValueError(
            f"`tracks` and `ground_truth` must be of the same sequences, received {sorted(tracks)} "
            f"and {sorted(ground_truth)}."
        )
    if ALL in tracks:
        raise ValueError(
            f"`tracks` must have other names than {ALL!r}, which is the row over all sequences."
        )
    found = {}
    for name in tracks:
        end = max(int(part.frames.max(initial=1)) for part in (tracks[name], ground_truth[name]))
        found[name] = _checks.whole_in(
            f"lengths[{name!r}]", lengths.get(name, end), end, MOST_FRAMES,
            f"There are boxes of frame {end}: take the part that is evaluated, "
            "Boxes.between(first, last).",
        )  # fmt: skip
    return found


def _check(name, boxes):
    """Boxes, frames and ids that TrackEval takes."""
    box_functions.checked(boxes.boxes, f"boxes of {name}")
    if boxes.frames.min(initial=1) < 1:
        raise ValueError(f"{name}: frames must count from 1, received {boxes.frames.min()}.")
    if boxes.ids.min(initial=0) < 0:
        raise ValueError(
            f"{name}: ids must be from 0 on, received {boxes.ids.min()}. Detections have none: "
            "track(Sort(), sequence) gives them."
        )
    pairs = np.stack([boxes.frames, boxes.ids], axis=1)
    unique, counts = np.unique(pairs, axis=0, return_counts=True)
    if (counts > 1).any():
        frame, one = unique[np.argmax(counts > 1)]
        raise ValueError(f"{name}: an id must stand once in a frame, received {one} twice in frame "
                         f"{frame}.")  # fmt: skip


def _check_classes(name, boxes):
    wrong = (boxes.classes < 1) | (boxes.classes > NUM_CLASSES)
    if wrong.any():
        raise ValueError(
            f"the ground truth of {name}: classes must be those of MOT16, 1 to {NUM_CLASSES}, "
            f"received {boxes.classes[wrong][0]}. `classes=False` takes all for pedestrians."
        )
