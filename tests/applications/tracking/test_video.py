"""Videos and contact sheets of tracks."""

import dataclasses
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import tfvae.applications.tracking as tracking
from tfvae.applications.tracking import sheets, video
from tfvae.applications.tracking.box_files import Boxes
from tfvae.applications.tracking.sequences import Sequence

WIDTH, HEIGHT, LENGTH = 160, 120, 6
GREY = 90


@pytest.fixture
def sequence(tmp_path):
    """Six grey frames; a bright number of pixels at the left edge tells them apart."""
    import cv2

    folder = tmp_path / "grey" / "img1"
    folder.mkdir(parents=True)
    for number in range(1, LENGTH + 1):
        image = np.full((HEIGHT, WIDTH, 3), GREY, "uint8")
        image[-4:, : 10 * number] = 200
        cv2.imwrite(str(folder / f"{number:06d}.png"), image)
    nothing = Boxes.of([], [], np.zeros((0, 4)))
    return Sequence(
        "grey", folder.parent, LENGTH, 10.0, (WIDTH, HEIGHT), nothing, None, folder
    )  # fmt: skip


def moving(num=LENGTH, one=3, frames=None):
    """Somebody who goes to the right by 8 pixels a frame."""
    frames = np.arange(1, num + 1) if frames is None else np.asarray(frames)
    left = 20.0 + 8.0 * frames
    boxes = np.stack([left, 0 * left + 40.0, left + 24.0, 0 * left + 90.0], axis=1)
    return Boxes.of(frames, np.full(len(frames), one), boxes)


def read(path):
    """All frames, RGB."""
    if path.suffix == ".gif":
        image = Image.open(path)
        return [np.asarray(image.convert("RGB")) for _ in _seek(image)]
    import cv2

    reader, found = cv2.VideoCapture(str(path)), []
    while True:
        there, image = reader.read()
        if not there:
            return found
        found.append(image[..., ::-1])


def _seek(image):
    for number in range(image.n_frames):
        image.seek(number)
        yield number


def near(pixels, color):
    """Whether colours are alike, for lossy codecs."""
    return np.abs(pixels.astype(int) - np.array(color)).max(axis=-1) < 70


@pytest.mark.parametrize("ending", ["mp4", "gif"])
def test_boxes_have_the_color_of_their_id_where_they_are(sequence, tmp_path, ending):
    path = tmp_path / f"tracks.{ending}"
    tracks = moving()
    video.write_video(path, sequence, tracks, trails=0)
    frames = read(path)
    assert len(frames) == LENGTH
    assert frames[0].shape == (HEIGHT, WIDTH, 3)
    color = video.id_color(3)
    for number, frame in enumerate(frames):
        left, top, right, low = tracks.boxes[number].astype(int)
        for pixels in (frame[top + 5 : low - 5, left], frame[top + 5 : low - 5, right - 1],
                       frame[low - 1, left + 5 : right - 5]):  # fmt: skip
            assert near(pixels, color).mean() > 0.9
        # Neither within the box nor around it, and nothing of the other frames' boxes.
        assert not near(frame[top + 6 : low - 6, left + 6 : right - 6], color).any()
        assert not near(frame[top + 6 : low - 6, : left - 6], color).any()
        assert not near(frame[top + 6 : low - 6, right + 6 :], color).any()
        # The id stands above the box.
        assert near(frame[top - 12 : top - 3, left : left + 12], color).any()


def test_ids_are_written_in_ink_that_can_be_read(sequence, tmp_path):
    drawn = {}
    for one in (3, 8):
        path = tmp_path / f"{one}.gif"
        video.write_video(path, sequence, moving(one=one), trails=0)
        label = read(path)[2][24:40, 43:56].astype(int)
        color = np.array(video.id_color(one))
        ink = np.abs(label - color).max(axis=-1) > 90
        assert 5 < ink.sum() < 100
        drawn[one] = ink
    assert (drawn[3] != drawn[8]).any()


def test_trails_follow_the_feet_and_end(sequence, tmp_path):
    tracks = moving(frames=[1, 2, 3])
    video.write_video(tmp_path / "long.gif", sequence, tracks, trails=10)
    video.write_video(tmp_path / "short.gif", sequence, tracks, trails=3)
    video.write_video(tmp_path / "none.gif", sequence, tracks, trails=0)

    def strength(name, number, left, right):
        """Of the colour in the way of the feet: at 40, 48, 56 pixels in the first three frames."""
        frame = read(tmp_path / f"{name}.gif")[number].astype(float)
        return np.abs(frame[88:92, left:right] - GREY).max(axis=-1).mean()

    assert max(video.id_color(3)) - GREY > 100
    # The box is gone after the third frame.
    assert min(strength("long", number, 42, 54) for number in (3, 4, 5)) > 30.0
    # In the fourth frame three frames reach back to the second, in the fifth to the third.
    assert strength("short", 3, 51, 55) > 30.0
    assert strength("short", 3, 36, 45) < 5.0
    assert strength("short", 4, 36, 60) < 5.0
    assert strength("none", 3, 36, 60) < 5.0


def test_detections_have_neither_id_nor_trail(sequence, tmp_path):
    video.write_video(tmp_path / "a.gif", sequence, moving(one=-1))
    frame = read(tmp_path / "a.gif")[5]
    left, top, right, low = moving().boxes[5].astype(int)
    around = np.abs(frame.astype(int) - GREY).max(axis=-1) > 20
    around[top - 1 : low + 1, left - 1 : right + 1] = False
    assert not around[: HEIGHT - 4].any()
    assert near(frame[top + 5 : low - 5, left], video.id_color(-1)).all()


def test_colors_of_ids_differ():
    colors = np.array([video.id_color(one) for one in range(1, 13)], float)
    distance = np.linalg.norm(colors[:, np.newaxis] - colors, axis=-1)
    assert distance[np.triu_indices(12, 1)].min() > 40.0
    assert video.id_color(7) == video.id_color(7)


def test_a_part_of_the_sequence(sequence, tmp_path):
    path = tmp_path / "part.mp4"
    video.write_video(path, sequence, moving(num=3), first=3, last=5, frame_rate=5.0)
    frames = read(path)
    assert len(frames) == 3
    # The first frame of the video is the third of the sequence.
    bright = [int((frame[-2, :, 0] > 150).sum()) for frame in frames]
    np.testing.assert_allclose(bright, [30, 40, 50], atol=2)


def test_no_tracks_and_boxes_beyond_the_image(sequence, tmp_path):
    nothing = Boxes.of([], [], np.zeros((0, 4)))
    video.write_video(tmp_path / "empty.mp4", sequence, nothing)
    assert len(read(tmp_path / "empty.mp4")) == LENGTH
    boxes = [[-50, -50, 30, 30], [150, 100, 900, 900], [-1e7, -1e7, 1e7, 1e7], [500, 500, 520, 560]]
    wild = Boxes.of([1, 1, 2, 2], [1, 2, 3, 4], boxes)
    video.write_video(tmp_path / "wild.mp4", sequence, wild)
    first = read(tmp_path / "wild.mp4")[0]
    assert near(first[10:20, 28:30], video.id_color(1)).mean() > 0.8


def test_odd_sides(sequence, tmp_path):
    import cv2

    for number in range(1, LENGTH + 1):
        cv2.imwrite(
            str(sequence.images / f"{number:06d}.png"), np.full((61, 83, 3), 40 * number, "uint8")
        )
    video.write_video(tmp_path / "odd.mp4", sequence, moving(num=1))
    frames = read(tmp_path / "odd.mp4")
    assert len(frames) == LENGTH and frames[0].shape == (62, 84, 3)


@pytest.mark.parametrize("name", ["tracks.avi", "tracks", "tracks.mp4.txt"])
def test_another_ending(sequence, tmp_path, name):
    with pytest.raises(ValueError, match=r"`path` must end with \.mp4 or \.gif, received .*ffmpeg"):
        video.write_video(tmp_path / name, sequence, moving())
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("function", ["video", "sheet"])
def test_tracks_of_frames_outside(sequence, tmp_path, function):
    def call(tracks, **options):
        if function == "video":
            return video.write_video(tmp_path / "a.mp4", sequence, tracks, **options)
        return sheets.contact_sheet(sequence, tracks, **options)

    with pytest.raises(
        ValueError, match="`tracks` must be of frames 1 to 6, received frames 1 to 7"
    ):
        call(moving(num=7))
    with pytest.raises(
        ValueError, match="`tracks` must be of frames 1 to 3, received frames 1 to 6"
    ):
        call(moving(), first=4)
    with pytest.raises(ValueError, match="`last` must be a whole number from 1 to 6"):
        call(moving(), last=7)
    with pytest.raises(ValueError, match=r"`tracks` must be an instance of .*Boxes"):
        call(np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"`sequence` must be an instance"):
        video.write_video(tmp_path / "a.mp4", str(tmp_path), moving())
    with pytest.raises(ValueError, match=r"`tracks\.boxes` must be finite"):
        call(dataclasses.replace(moving(), boxes=np.full((LENGTH, 4), np.nan)))
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize("ending", ["mp4", "gif"])
def test_the_old_file_stays_where_frames_are_missing(sequence, tmp_path, ending):
    path = tmp_path / f"tracks.{ending}"
    path.write_text("old")
    (sequence.images / "000004.png").unlink()
    with pytest.raises(ValueError, match="frame 4 of 1 to 6 is missing"):
        video.write_video(path, sequence, moving())
    assert path.read_text() == "old"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["grey", path.name]


def test_frames_of_several_sizes(sequence, tmp_path):
    import cv2

    cv2.imwrite(str(sequence.images / "000003.png"), np.zeros((50, 60, 3), "uint8"))
    for name in ("a.mp4", "a.gif"):
        with pytest.raises(ValueError, match=r"one size, received 60×50 after 160×120.*frame 3"):
            video.write_video(tmp_path / name, sequence, moving())
        assert not (tmp_path / name).exists()


@pytest.mark.parametrize("ending", video.ENDINGS)
def test_where_no_file_can_be_written_is_found_before_drawing(
    sequence, tmp_path, monkeypatch, ending
):
    monkeypatch.setattr(Sequence, "frames", lambda *_: pytest.fail("It draws."))
    (tmp_path / f"folder{ending}").mkdir()
    with pytest.raises(ValueError, match=r"must be a file to write, received the folder"):
        video.write_video(tmp_path / f"folder{ending}", sequence, moving())
    with pytest.raises(FileNotFoundError, match="The folder does not exist"):
        video.write_video(tmp_path / "missing" / f"a{ending}", sequence, moving())


def test_without_opencv(sequence, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    for call in (
        lambda: video.write_video(tmp_path / "a.mp4", sequence, moving()),
        lambda: sheets.contact_sheet(sequence, moving()),
        lambda: tracking.simulated_street(tmp_path / "street"),
    ):
        with pytest.raises(ImportError, match=r"cv2.*pip install 'tfvae\[tracking\]'"):
            call()


# ---- contact sheets ----------------------------------------------------------------------------


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_a_row_for_each_identity(sequence):
    first, second = moving(one=3), moving(one=12, frames=[2, 3, 5])
    tracks = Boxes.of(*(np.concatenate([getattr(part, name) for part in (first, second)])
                        for name in ("frames", "ids", "boxes")))  # fmt: skip
    figure = sheets.contact_sheet(sequence, tracks, num=4)
    assert isinstance(figure, Figure)
    assert len(figure.axes[0].images) == 4 + 3
    assert texts(figure) == [
        "id 3  ·  6 frames, 1 to 6", "1", "3", "4", "6",
        "id 12  ·  3 frames, 2 to 5", "2", "3", "5",
    ]  # fmt: skip
    figure.canvas.draw()  # Nothing lies beyond the edge.
    inside = figure.bbox.padded(1.0)
    for text in figure.axes[0].texts:
        corners = text.get_window_extent().get_points()
        assert all(inside.contains(*corner) for corner in corners)


def test_which_identities(sequence):
    parts = [moving(one=one, frames=range(1, 1 + count)) for one, count in ((1, 2), (5, 6), (7, 4))]
    tracks = Boxes.of(*(np.concatenate([getattr(part, name) for part in parts])
                        for name in ("frames", "ids", "boxes")))  # fmt: skip
    few = texts(sheets.contact_sheet(sequence, tracks, num=1, max_identities=2))
    assert few[0] == "2 of 3 identities: those seen in most frames"
    assert [text.split("  ")[0] for text in few if "id " in text] == ["id 5", "id 7"]
    chosen = texts(sheets.contact_sheet(sequence, tracks, num=1, ids=[7, 1]))
    assert [text.split("  ")[0] for text in chosen if "id " in text] == ["id 7", "id 1"]
    with pytest.raises(ValueError, match=r"`ids` must be ids of `tracks`.*received 4"):
        sheets.contact_sheet(sequence, tracks, ids=[4])
    with pytest.raises(ValueError, match=r"`ids` must be .*received none"):
        sheets.contact_sheet(sequence, tracks, ids=[])


def test_no_track(sequence):
    with pytest.raises(ValueError, match="`tracks` must hold at least one track"):
        sheets.contact_sheet(sequence, Boxes.of([], [], np.zeros((0, 4))))


def test_frames_of_a_part_are_those_of_the_sequence(sequence):
    shown = texts(sheets.contact_sheet(sequence, moving(num=2), first=3, last=5))
    assert shown == ["id 3  ·  2 frames, 3 to 4", "3", "4"]


@pytest.mark.parametrize("factor", [1, 2, 4, 9])
def test_a_crop_is_what_the_box_shows(factor):
    """Smooth colours, read off at the centres of the crop's pixels, whatever the box's size is."""
    import cv2

    rows, columns = np.mgrid[: 140 * factor, : 120 * factor]
    image = np.stack([columns / factor, rows / factor, 0 * rows + 50.0], axis=-1)
    box = factor * np.array([30.0, 20.0, 70.0, 120.0])
    crop = sheets._crop(cv2, image.astype("float32"), box)
    height, width = sheets.CROP
    assert crop.shape == (height, width, 3)
    sides = 100.0 * (1.0 + sheets.AROUND) * np.array([width / height, 1.0])
    x = 50.0 + sides[0] * ((np.arange(width) + 0.5) / width - 0.5) - 0.5 / factor
    y = 70.0 + sides[1] * ((np.arange(height) + 0.5) / height - 0.5) - 0.5 / factor
    np.testing.assert_allclose(crop[..., 0], np.broadcast_to(x, (height, width)), atol=0.06)
    np.testing.assert_allclose(
        crop[..., 1], np.broadcast_to(y[:, None], (height, width)), atol=0.06
    )


def test_a_crop_of_a_box_far_larger_than_the_image():
    """It was made larger before it was made smaller, to gigabytes."""
    import cv2

    image = np.full((40, 60, 3), 200, "uint8")
    crop = sheets._crop(cv2, image, np.array([-9e6, -9e6, 9e6, 9e6]))
    assert crop.shape == (*sheets.CROP, 3)


def test_crops_at_the_edge_and_beyond_it(sequence):
    boxes = [[-20.0, 40.0, 20.0, 120.0], [300.0, 40.0, 340.0, 120.0]]
    figure = sheets.contact_sheet(sequence, Boxes.of([1, 2], [1, 1], boxes))
    (shown,) = figure.axes[0].images  # Of the second the image shows nothing.
    crop = shown.get_array()
    assert (crop[:, :5] == 212).all() and (crop[:100, -5:] == GREY).all()
    assert texts(figure) == ["id 1  ·  2 frames, 1 to 2", "1", "2"]


def test_ground_truth_of_a_street_shows_its_people(tmp_path):
    street = tracking.simulated_street(
        tmp_path / "street", num_people=4, num_frames=3, image_size=(320, 180), seed=1
    )
    figure = tracking.contact_sheet(street, street.ground_truth, num=2)
    assert len(figure.axes[0].images) >= 4
    tracking.write_video(tmp_path / "truth.gif", street, street.ground_truth)
    assert Image.open(tmp_path / "truth.gif").n_frames == 3
