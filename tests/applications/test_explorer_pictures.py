"""Pictures of examples: their values, their scale, and texts that could be markup."""

import base64
import html.parser
import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import tfvae
from tfvae.applications.explorer import Data, LatentSpace, Pictures
from tfvae.applications.explorer.pictures import pictures_of


def pixels(source):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))


class Texts(html.parser.HTMLParser):
    """The tags and texts of markup."""

    def __init__(self, markup):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 1), (4, 6, 3)])
def test_images_come_back(shape):
    image = np.random.default_rng(0).uniform(size=shape)
    pictures = Pictures(shape, image[None])
    assert pictures.kinds == ("image",)
    expected = np.rint(255 * image).astype(int)
    expected = expected[..., 0] if shape[-1] == 1 else expected
    np.testing.assert_array_equal(pixels(pictures.source(image)), expected)


def test_values_out_of_range_and_not_finite():
    pictures = Pictures((1, 5), np.linspace(0, 1, 5)[None, None])
    row = np.array([[-2.0, 3.0, np.nan, np.inf, -np.inf]])
    assert pixels(pictures.source(row)).tolist() == [[0, 255, 128, 255, 0]]


def test_images_of_another_range_use_it():
    known = np.random.default_rng(0).normal(scale=50.0, size=(100, 8, 8))
    pictures = Pictures((8, 8), known)
    low, high = np.quantile(known, [0.005, 0.995])
    middle = np.full((8, 8), (low + high) / 2)
    np.testing.assert_allclose(pixels(pictures.source(middle)), 127.5, atol=1)


def test_a_curve_has_its_values():
    row = np.sin(np.linspace(0, 6, 50))
    pictures = Pictures((50,), row[None])
    assert pictures.kinds == ("curve", "table")
    points = re.search(r'points="(.*?)"', pictures.markup(row))[1]
    at = np.array([pair.split(",") for pair in points.split()], float)
    assert len(at) == 50 and np.all(np.diff(at[:, 0]) > 0)
    assert np.corrcoef(at[:, 1], -row)[0, 1] > 0.999
    assert "text" not in pictures.markup(row, small=True)
    assert "nan" not in pictures.markup(np.full(50, np.nan))


def test_a_table_shows_names_as_texts():
    columns = ["<script>alert(1)</script>", 'a" onload="x', "c"]
    pictures = Pictures((3,), np.array([[0.0, 0.0, 5.0], [2.0, 1.0, 5.0]]), columns=columns)
    found = Texts(pictures.markup(np.array([1.0, -0.5, 5.0])))
    assert set(found.tags) == {"table", "tr", "th", "td", "span"}
    assert found.texts == [columns[0], "1", columns[1], "−0.5", columns[2], "5"]
    assert pictures.markup(np.zeros(3), small=True).count("<rect") == 3


def test_a_stick_figure_hangs_together():
    def joints(rows):
        tip = np.stack([0 * rows[:, 0], np.cos(rows[:, 0]), np.sin(rows[:, 0])], axis=-1)
        return np.stack([np.zeros_like(tip), tip], axis=1)

    angles = np.linspace(0, 2 * np.pi, 20)[:, None]
    pictures = Pictures((1,), angles, joints=joints, parents=[-1, 0])
    assert pictures.kinds[0] == "stick figure"
    ends = []
    for angle in (0.0, np.pi / 2):  # Upwards, to the right.
        numbers = re.findall(r'[xy][12]="(.*?)"', pictures.markup(np.array([angle])))
        ends.append(np.array(numbers, float).reshape(2, 2))
    (start, up), (_, right) = ends
    assert up[1] < start[1] and up[0] == pytest.approx(start[0], abs=0.2)
    assert right[0] > start[0] and right[1] == pytest.approx(start[1], abs=0.2)


def test_other_kinds_are_refused():
    with pytest.raises(ValueError, match="`kind` must be one of 'table', 'curve'"):
        Pictures((3,), np.zeros((1, 3))).markup(np.zeros(3), "image")


def test_a_table_s_names_come_from_the_model():
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=["a", "<b>", "c"])
    model = tfvae.VAE(latent_dim=2, seed=0)
    model.compile("adam")
    model.fit(table, epochs=1, verbose=0)
    shown, read = pictures_of(LatentSpace(model, Data(table.to_numpy("float32"))))
    assert shown is read and "&lt;b&gt;" in shown.markup(np.zeros(3))


def test_a_target_of_another_shape_has_pictures_of_its_own():
    model = tfvae.VAE(latent_dim=2, target="y", seed=0)
    model.build(((None, 30), (None, 8, 8, 1)))
    x = np.random.default_rng(0).normal(size=(20, 30)).astype("float32")
    shown, read = pictures_of(LatentSpace(model, Data(x)))
    assert shown.kinds == ("image",) and read.kinds == ("curve", "table")
