"""Files and folders of MOTChallenge."""

import re

import numpy as np
import pytest

from tfvae.applications.tracking import (
    Boxes,
    read_boxes,
    read_sequence,
    read_sequences,
    write_tracks,
)

DET = "2,-1,11,21,30,80,0.9,-1,-1,-1\n1,-1,10.5,20,30,80,0.7,-1,-1,-1\n"


def make(folder, det=DET, gt=None, info=None):
    (folder / "det").mkdir(parents=True)
    (folder / "det" / "det.txt").write_text(det)
    if gt is not None:
        (folder / "gt").mkdir()
        (folder / "gt" / "gt.txt").write_text(gt)
    if info is not None:
        (folder / "seqinfo.ini").write_text(info)
    return folder


def test_a_folder_is_read(tmp_path):
    gt16 = "1,4,11,21,30,80,1,1,0.8\n1,5,11,21,30,80,0,8,0.8\n"
    info = "[Sequence]\nname=Street\nimDir=img1\nframeRate=25\nseqLength=3\n"
    info += "imWidth=640\nimHeight=480\n"
    sequence = read_sequence(make(tmp_path / "s", gt=gt16, info=info))
    assert (sequence.name, sequence.length, sequence.frame_rate) == ("Street", 3, 25.0)
    assert sequence.image_size == (640, 480)
    np.testing.assert_array_equal(sequence.detections.frames, [1, 2])  # Sorted.
    np.testing.assert_allclose(sequence.detections.boxes[1], [10, 20, 40, 100])
    np.testing.assert_array_equal(sequence.ground_truth.classes, [1, 8])
    np.testing.assert_array_equal(sequence.ground_truth.scores, [1, 0])
    assert sequence.detections.of_frame(3) == slice(2, 2)


def test_mot15_has_places_in_the_world_and_no_classes(tmp_path):
    path = tmp_path / "gt.txt"
    path.write_text("1,4,11,21,30,80,1,5,6,7\n1,5,11,21,30,80,1,2.5,6,7\n")
    np.testing.assert_array_equal(read_boxes(path).classes, [1, 1])


def test_without_seqinfo_the_last_box_ends_the_video(tmp_path):
    assert read_sequence(make(tmp_path / "s")).length == 2


def test_an_empty_file_is_a_video_without_detections(tmp_path):
    info = "[Sequence]\nseqLength=5\n"
    sequence = read_sequence(make(tmp_path / "s", det="", info=info))
    assert (len(sequence.detections), sequence.length) == (0, 5)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,-1,10,20,30", "at least 6 numbers.*received 5"),
        ("1,-1,10,20,thirty,80,1", "`width` must be a number, received 'thirty'"),
        ("1,-1,10,20,0,80,1", "`width` must be above 0, received 0"),
        ("1,-1,10,20,30,-80,1", "`height` must be above 0, received -80"),
        ("0,-1,10,20,30,80,1", "`frame` must be a whole number from 1"),
        ("1.5,-1,10,20,30,80,1", "`frame` must be a whole number from 1"),
        ("1,-1,nan,20,30,80,1", "`x` must be finite"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    path = tmp_path / "det.txt"
    path.write_text(f"1,-1,10,20,30,80,1\n\n{line}\n")
    with pytest.raises(ValueError, match=rf"{re.escape(str(path))}, line 3: .*{message}"):
        read_boxes(path)


def test_folders_that_are_none(tmp_path):
    with pytest.raises(ValueError, match=r"motchallenge\.net"):
        read_sequence(tmp_path / "missing")
    with pytest.raises(ValueError, match="no sequence is here"):
        read_sequences([tmp_path])
    make(tmp_path / "b"), make(tmp_path / "a")
    assert [one.name for one in read_sequences([tmp_path])] == ["a", "b"]
    short = make(tmp_path / "short", info="[Sequence]\nseqLength=1\n")
    with pytest.raises(ValueError, match=r"1 frames.*up to 2"):
        read_sequence(short)
    broken = make(tmp_path / "broken", info="nothing")
    with pytest.raises(ValueError, match=r"must have a section \[Sequence\]"):
        read_sequence(broken)


def test_tracks_come_back_from_their_file(tmp_path):
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 100, size=(6, 2)).round(2)
    boxes = np.concatenate([low, low + rng.uniform(5, 50, size=(6, 2)).round(2)], axis=1)
    tracks = Boxes.of([1, 1, 2, 2, 3, 3], [1, 2, 1, 2, 1, 2], boxes)
    write_tracks(tmp_path / "t.txt", tracks)
    found = read_boxes(tmp_path / "t.txt")
    np.testing.assert_allclose(found.boxes, tracks.boxes, atol=0.011)
    np.testing.assert_array_equal(found.ids, tracks.ids)


def test_a_part_counts_its_frames_from_one(tmp_path):
    boxes = np.array([[0.0, 0, 1, 1]] * 4)
    part = Boxes.of([1, 2, 3, 4], [1] * 4, boxes).between(3, 4)
    np.testing.assert_array_equal(part.frames, [1, 2])
