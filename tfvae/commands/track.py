"""Follows people in video: trains a descriptor without labels, tracks, evaluates.

    tfvae track train MOT16/train --output=people.keras [--frames=1:400]
    tfvae track run MOT16/train --output=tracks [--descriptor=people.keras]
    tfvae track evaluate MOT16/train --tracks=tracks
    tfvae track compare MOT16/train [--train_on MOT16/test]

SEQUENCES are folders of MOTChallenge (MOT15, MOT16, MOT17, MOT20), or folders of such: det/det.txt,
gt/gt.txt to evaluate, the frames as img1/ or a video file for appearance. `train` learns from
detections alone: from pairs of crops of SORT's own short tracks, or from single crops (--single),
as published. It writes the model and, beside it, the threshold on distance that it found. `run`
writes a file of tracks for each sequence: SORT's, or with a descriptor VHP-FMVAE-SORT's or
VHP-VAE-SORT's, by the model's class. `evaluate` prints TrackEval's scores. `compare` does all of it
for SORT and both models, and prints the table of [C20] beside its own for the sequences of MOT16.
"""

import argparse
import json
import math
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfvae._checks import number, positive_int, whole_in, whole_number
from tfvae.commands import outputs, parsing

if TYPE_CHECKING:
    from tfvae.applications import tracking

MODELS = {"flat": "FlatManifoldVAE", "hierarchical": "VHPVAE"}
# Of [C20], on the test sequences of MOT16: IDF1 to MOTAL in the order of the table.
PUBLISHED = {
    "VHP-FMVAE-SORT, η = 300":
        "63.7 77.0 54.3 65.0 92.3 1.12 158 269 90 5950 38592 616 1143 59.1 81.8 59.7",
    "VHP-FMVAE-SORT, η = 3000":
        "64.2 77.6 54.8 65.1 92.3 1.13 162 265 90 6026 38515 598 1163 59.1 81.8 59.7",
    "VHP-VAE-SORT":
        "60.5 72.3 52.1 65.8 91.4 1.28 170 266 81 6820 37739 693 1264 59.0 81.6 59.6",
    "SORT":
        "57.0 67.4 49.4 66.4 90.6 1.44 158 275 84 7643 37071 1486 1515 58.2 81.9 59.5",
    "DeepSORT (supervised)":
        "64.7 76.9 55.8 66.7 91.9 1.22 180 250 87 6506 36747 585 1165 60.3 81.6 60.8",
}  # fmt: skip


def add_arguments(parser: parsing.Parser) -> None:
    """The steps, each with its arguments."""
    steps = parser.add_subparsers(required=True, metavar="STEP")

    def step(name, function, words):
        own = steps.add_parser(name, description=words, help=words)
        own.set_defaults(step=function)
        own.add_argument("sequences", nargs="+", help="Folders of sequences.")
        own.add_argument("--frames", help="FIRST:LAST, which tracks count from 1 on; default: all.")
        return own.add_argument

    def training(add):
        add("--single", action="store_true", help="Learn from single crops, as published.")
        add("--epochs", type=whole_number, default=20, help="Number of passes over the crops.")
        add("--latent_dim", type=whole_number, default=16, help="N_z, length of a descriptor.")
        add("--seed", type=whole_number, default=0, help="Of weights and draws.")

    add = step("train", train, "Trains a descriptor.")
    add(
        "--output",
        required=True,
        help="The .keras file to write; it and the .json beside it are replaced if there.",
    )
    add("--model", choices=MODELS, default="flat", help="FlatManifoldVAE or VHPVAE.")
    training(add)
    add = step("run", track, "Writes tracks.")
    add("--output", required=True, help="Folder to write to; these tracks are replaced if there.")
    add("--descriptor", help="A .keras file of `train`; default: SORT, boxes alone.")
    add("--max_distance", type=number, help="Default: what `train` found.")
    add = step("evaluate", evaluate, "Prints scores.")
    add("--tracks", required=True, help="Folder of the files of tracks.")
    add = step("compare", compare, "SORT, VHP-VAE-SORT and VHP-FMVAE-SORT in one table.")
    add("--train_on", nargs="+", help="Folders to train on; default: the sequences.")
    add("--train_frames", help="FIRST:LAST to train on; default: all.")
    training(add)


@parsing.user_errors()
def run(options: argparse.Namespace) -> None:
    """Does what the first argument says."""
    options.step(options)


def train(options: argparse.Namespace) -> None:
    """Trains a descriptor and writes it with its threshold."""
    check_training(options)
    beside = pathlib.Path(options.output).with_suffix(".json")
    outputs.check_file("--output", options.output, {}, (".keras",))
    if not options.output.endswith(".keras"):  # Keras goes by capital letters.
        raise ValueError(f"--output must end in .keras, received {options.output}.")
    outputs.check_file("--output", beside, {})

    from tfvae import _files
    from tfvae.applications import tracking

    crops = crops_of(options.sequences, options.frames)
    model, calibration = tracking.train_descriptor(
        crops, model=MODELS[options.model], single=options.single, epochs=options.epochs,
        latent_dim=options.latent_dim, seed=options.seed, verbose=1,
    )  # fmt: skip
    print(calibration)
    # An old threshold beside the new model would be wrong, were this process killed in between.
    beside.unlink(missing_ok=True)
    with _files.replacing(options.output) as partial:
        model.save(partial)
    with _files.replacing(beside) as partial:
        settings = {k: v for k, v in vars(options).items() if k != "step"}
        found = {**calibration._asdict(), "settings": settings}
        pathlib.Path(partial).write_text(json.dumps(found, indent=1) + "\n")
    print(f"Written to {options.output}; the threshold to {beside}.")


def track(options: argparse.Namespace) -> None:
    """Writes the tracks of each sequence, and what was asked for beside."""
    from tfvae import _files
    from tfvae.applications import tracking

    descriptor, distance = None, options.max_distance
    if options.descriptor:
        descriptor = tracking.Descriptor(options.descriptor)
        distance = threshold_beside(options.descriptor) if distance is None else distance
    elif distance is not None:
        raise ValueError("--max_distance must come with --descriptor: SORT looks at boxes alone.")
    new_tracker(descriptor, distance)
    sequences = tracking.read_sequences(options.sequences)
    # What is wrong with the last of them should not be found after hours with the others.
    for sequence in sequences:
        span(options.frames, sequence)
        if descriptor is not None:
            sequence.frames()
    _files.make_folder("--output", options.output)
    paths = {one.name: pathlib.Path(options.output, f"{one.name}.txt") for one in sequences}
    # Were this process killed, tracks of an earlier one would stand beside those of this one.
    for path in paths.values():
        path.unlink(missing_ok=True)
    for sequence in sequences:
        tracks = tracks_of(sequence, descriptor, distance, options.frames)
        path = paths[sequence.name]
        tracking.write_tracks(path, tracks)
        print(f"{sequence.name}: {len(set(tracks.ids.tolist()))} tracks, {path}", flush=True)
    if options.frames:
        print(f"Frames count from the first as 1: evaluate with --frames={options.frames}.")


def evaluate(options: argparse.Namespace) -> None:
    """Prints the scores of files of tracks."""
    from tfvae.applications import tracking

    tracks, truth, lengths = {}, {}, {}
    for sequence in tracking.read_sequences(options.sequences):
        if sequence.ground_truth is None:
            print(f"{sequence.name} is left out: it has no gt/gt.txt.")
            continue
        first, last = span(options.frames, sequence)
        path = os.path.join(options.tracks, f"{sequence.name}.txt")
        if not os.path.exists(path):
            raise ValueError(
                f"--tracks must have a file of each sequence, but {path} is missing. `tfvae track "
                "run` writes it."
            )
        tracks[sequence.name] = tracking.read_boxes(path)
        truth[sequence.name] = sequence.ground_truth.between(first, last)
        lengths[sequence.name] = last - first + 1
    if not tracks:
        raise ValueError("SEQUENCES must have a gt/gt.txt to evaluate with, received none.")
    print(tracking.tracking_scores(tracks, truth, lengths))


def compare(options: argparse.Namespace) -> None:
    """SORT, VHP-VAE-SORT and VHP-FMVAE-SORT in one table."""
    import keras

    from tfvae.applications import tracking
    from tfvae.evaluation import tables

    check_training(options)
    sequences = []
    for sequence in tracking.read_sequences(options.sequences):
        if sequence.ground_truth:
            span(options.frames, sequence)
            sequence.frames()
            sequences.append(sequence)
        else:
            print(f"{sequence.name} is left out: it has no gt/gt.txt.")
    if not sequences:
        raise ValueError("SEQUENCES must have a gt/gt.txt to compare with, received none.")
    crops = crops_of(options.train_on or options.sequences, options.train_frames, "--train_frames")
    rows = []
    for name in ("SORT", "VHP-VAE-SORT", "VHP-FMVAE-SORT"):
        descriptor = distance = None
        if name != "SORT":
            model, calibration = tracking.train_descriptor(
                crops, model=MODELS["flat" if "FM" in name else "hierarchical"],
                single=options.single, epochs=options.epochs, latent_dim=options.latent_dim,
                seed=options.seed, verbose=1,
            )  # fmt: skip
            descriptor, distance = tracking.Descriptor(model), calibration.max_distance
            keras.backend.clear_session()
        found, truth, lengths = {}, {}, {}
        for sequence in sequences:
            first, last = span(options.frames, sequence)
            found[sequence.name] = tracks_of(sequence, descriptor, distance, options.frames)
            truth[sequence.name] = sequence.ground_truth.between(first, last)
            lengths[sequence.name] = last - first + 1
        scores = tracking.tracking_scores(found, truth, lengths)
        rows.append([name, *(round(scores[column], 2) for column in tracking.COLUMNS)])
    if all("MOT16" in sequence.name for sequence in sequences):
        rows += [
            [f"published, test: {name}", *map(float, numbers.split()), None, None]
            for name, numbers in PUBLISHED.items()
        ]
    print(tables.markdown(["tracker", *tracking.COLUMNS], rows))


def check_training(options: argparse.Namespace) -> None:
    """Looks at numbers before a video is read.

    Raises:
        ValueError: when one is not allowed.
    """
    positive_int("--epochs", options.epochs)
    positive_int("--latent_dim", options.latent_dim)
    whole_in("--seed", options.seed, 0, 2**32 - 1)


def threshold_beside(descriptor: str) -> float:
    """The threshold that `train` wrote beside a descriptor.

    Raises:
        ValueError: when there is none.
    """
    path = pathlib.Path(descriptor).with_suffix(".json")
    if not path.exists():
        raise ValueError(f"--max_distance must be given, since {path} is missing.")
    try:
        found = float(json.loads(path.read_text(encoding="utf-8"))["max_distance"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: must hold a number `max_distance`, as `tfvae track train` writes it "
            f"({type(error).__name__}: {error}). Train again, or give --max_distance."
        ) from error
    if not 0.0 < found < math.inf:
        raise ValueError(
            f"{path}: `max_distance` must be finite and above 0, received {found}. Train again, or "
            "give --max_distance."
        )
    return found


def span(
    frames: str | None, sequence: "tracking.Sequence", option: str = "--frames"
) -> tuple[int, int]:
    """First and last frame of "FIRST:LAST"; all of the sequence's for None.

    Raises:
        ValueError: when it says something else.
    """
    if frames is None:
        return 1, sequence.length
    parts = frames.split(":")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"{option} must be FIRST:LAST, such as 1:400, received {frames!r}.")
    first, last = (int(part) for part in parts)
    if not 1 <= first <= last <= sequence.length:
        raise ValueError(
            f"{option} must lie in 1:{sequence.length} of {sequence.name}, received {frames!r}."
        )
    return first, last


def crops_of(
    folders: Sequence[str], frames: str | None, option: str = "--frames"
) -> "tracking.PersonCrops":
    """Crops of all sequences."""
    from tfvae.applications import tracking

    crops = None
    sequences = tracking.read_sequences(folders)
    spans = [span(frames, sequence, option) for sequence in sequences]
    for sequence, (first, last) in zip(sequences, spans, strict=True):
        own = tracking.person_crops(sequence, first=first, last=last)
        crops = own if crops is None else crops + own
        print(f"{sequence.name}: {len(own)} crops of {len(set(own.tracklets.tolist()))} tracks")
    return crops


def new_tracker(descriptor, distance) -> "tracking.Sort | tracking.AppearanceSort":
    """SORT without a descriptor."""
    from tfvae.applications import tracking

    return tracking.Sort() if descriptor is None else tracking.AppearanceSort(distance)


def tracks_of(sequence, descriptor, distance, frames) -> "tracking.Boxes":
    """The tracks of a sequence: SORT's without a descriptor."""
    from tfvae.applications import tracking

    first, last = span(frames, sequence)
    tracker = new_tracker(descriptor, distance)
    return tracking.track(tracker, sequence, descriptor, first=first, last=last)
