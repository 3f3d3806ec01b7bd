"""Files and folders of MOTChallenge."""

import re

import cv2
import numpy as np
import pytest

from tfvae.applications.tracking import (
    Boxes,
    Sort,
    read_boxes,
    read_sequence,
    read_sequences,
    track,
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
        ("1,-1,10,20,0,80,1", "`width` must lie in \\[0.0001, 1e\\+07\\] pixels, received 0"),
        ("1,-1,10,20,30,-80,1", "`height` must lie in .* received -80"),
        ("0,-1,10,20,30,80,1", "`frame` must be a whole number from 1"),
        ("1.5,-1,10,20,30,80,1", "`frame` must be a whole number from 1"),
        ("1,-1,nan,20,30,80,1", "`x` must be finite"),
        ("1e19,-1,10,20,30,80,1", "`frame` must be a whole number from 1 to 10,000,000"),
        ("1,1.7,10,20,30,80,1", "`id` must be a whole number.* received 1.7"),
        ("1,1e30,10,20,30,80,1", "`id` must be a whole number"),
        ("1,-1,1_0,20,30,80,1", "`x` must be a number, received '1_0'"),
        ("1,-1,1e300,20,30,80,1", "`x` must lie in"),
        ("1\t-1\t10\t20\t30\t80\t1", "6 numbers with commas between them"),
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
    with pytest.raises(ValueError, match=r"broken/seqinfo.ini: .* section \[Sequence\]"):
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


def test_what_is_no_text_is_named_with_its_line(tmp_path):
    path = tmp_path / "det.txt"
    path.write_bytes(b"1,-1,10,20,30,80,1\n1,-1,10,20,30,8\xe9,1\n")
    with pytest.raises(ValueError, match=r"det\.txt, line 2: `height` must be a number"):
        read_boxes(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seqLength=abc", "`seqLength` must be a whole number.*'abc'"),
        ("seqLength=2.5", "`seqLength` must be a whole number.*'2.5'"),
        ("seqlength=-3", "`seqLength` must be a whole number.*'-3'"),
        ("frameRate=nan", "`frameRate` must be a number from 0"),
        ("imWidth=640px", "`imWidth` must be a whole number"),
        ("name=../../x", "`name` must be one that a file may have"),
        ("name=..", "`name` must be one that a file may have"),
        ("seqLength=3\nseqLength=4", "already exists"),
        ("name=\xe9", "must be a text in UTF-8"),
    ],
)
def test_a_bad_line_of_seqinfo_is_named(tmp_path, line, message):
    folder = make(tmp_path / "s")
    path = folder / "seqinfo.ini"
    path.write_bytes(f"[Sequence]\n{line}\n".encode("latin-1"))
    with pytest.raises(ValueError, match=rf"(?s){re.escape(str(path))}: .*{message}"):
        read_sequence(folder)


def test_a_name_may_have_a_percent_sign(tmp_path):
    assert read_sequence(make(tmp_path / "s", info="[Sequence]\nname=50%\n")).name == "50%"


def test_two_sequences_of_one_name_are_refused(tmp_path):
    """The tracks of one would replace those of the other."""
    for part in ("train", "test"):
        make(tmp_path / part / "street")
    with pytest.raises(ValueError, match="both called street"):
        read_sequences([tmp_path / "train", tmp_path / "test"])


def test_which_file_is_the_video(tmp_path):
    folder = make(tmp_path / "s")
    for name in ("street.mp4", "._street.mp4", ".partial-0123456789abcdef-street.mp4"):
        (folder / name).write_bytes(b"")
    assert read_sequence(folder).images == folder / "street.mp4"
    (folder / "again.avi").write_bytes(b"")
    with pytest.raises(ValueError, match=r"received again\.avi, street\.mp4"):
        read_sequence(folder)
    (folder / "seqinfo.ini").write_text("[Sequence]\nimDir=street.mp4\n")
    assert read_sequence(folder).images == folder / "street.mp4"


@pytest.fixture
def images(tmp_path):
    """A sequence of two frames as JPEG."""
    folder = make(tmp_path / "s")
    (folder / "img1").mkdir()
    for number in (1, 2):
        image = np.random.default_rng(number).integers(0, 255, (40, 60, 3)).astype("uint8")
        cv2.imwrite(str(folder / "img1" / f"{number:06d}.jpg"), image)
    return folder / "img1"


def test_images_that_mislead_are_named(images):
    sequence = read_sequence(images.parent)
    assert [number for number, _ in sequence.frames()] == [1, 2]
    with pytest.raises(ValueError, match="`last` must be a whole number from 1 to 2, received 3"):
        sequence.frames(1, 3)
    first = images / "000001.jpg"
    whole = first.read_bytes()
    first.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"000001\.jpg: is cut after"):
        list(sequence.frames())
    first.write_bytes(b"")
    with pytest.raises(ValueError, match=r"000001\.jpg: cannot be read"):
        list(sequence.frames())
    first.write_bytes(whole + b"\0" * 16)  # Some cameras fill the last block.
    assert len(list(sequence.frames())) == 2
    (images / "1.png").write_bytes(whole)
    with pytest.raises(ValueError, match="one image of a frame"):
        list(sequence.frames())
    (images / "1.png").rename(images / "000000.jpg")
    with pytest.raises(ValueError, match="frames must count from 1"):
        list(sequence.frames())


def test_a_file_of_tracks_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "t.txt"
    write_tracks(path, Boxes.of([1], [1], [[0.0, 0, 5, 5]]))
    before = path.read_text()
    broken = Boxes.of([1, 2], [1, 1], [[0.0, 0, 5, 5]] * 2)
    object.__setattr__(broken, "scores", [1.0, None])  # Fails in its second row.
    with pytest.raises(TypeError):
        write_tracks(path, broken)
    assert path.read_text() == before and [one.name for one in tmp_path.iterdir()] == ["t.txt"]
    with pytest.raises(ValueError, match=r"`tracks\.boxes` must be finite"):
        write_tracks(path, Boxes.of([1], [1], [[0.0, 0, np.nan, 5]]))


def test_thin_boxes_can_be_read_again(tmp_path):
    write_tracks(tmp_path / "t.txt", Boxes.of([1], [1], [[0.0, 0, 0.002, 5]]))
    np.testing.assert_allclose(read_boxes(tmp_path / "t.txt").boxes, [[0, 0, 0.01, 5]], atol=1e-9)


@pytest.mark.parametrize(
    ("frames", "ids", "message"),
    [([1, 2], [1], "one row for each box"), ([0, 1], [1, 1], "frames \\+ 1"),
     ([1, 1.5], [1, 1], "received 1.5"), ([1, np.nan], [1, 1], "received nan")],
)  # fmt: skip
def test_boxes_that_do_not_fit(frames, ids, message):
    with pytest.raises(ValueError, match=message):
        Boxes.of(frames, ids, [[0.0, 0, 1, 1]] * len(frames))


@pytest.mark.parametrize(
    ("part", "message"),
    [({"first": 0}, "`first`"), ({"first": 3}, "`first`"), ({"last": 3}, "`last`"),
     ({"first": 2, "last": 1}, "`last`"), ({"min_score": np.nan}, "`min_score`")],
)  # fmt: skip
def test_a_part_that_is_not_there_is_refused(tmp_path, part, message):
    sequence = read_sequence(make(tmp_path / "s"))
    with pytest.raises(ValueError, match=message):
        track(Sort(), sequence, **part)


def test_what_is_no_tracker_and_no_sequence(tmp_path):
    sequence = read_sequence(make(tmp_path / "s", det=""))
    assert len(track(Sort(), sequence)) == 0  # No frame.
    for tracker in (Sort, None):
        with pytest.raises(ValueError, match="`tracker` must be an object with a method `update`"):
            track(tracker, sequence)
    with pytest.raises(ValueError, match="`descriptor` must"):
        track(Sort(), sequence, "people.keras")
    with pytest.raises(ValueError, match="`sequence` must"):
        track(Sort(), str(tmp_path))
