"""Image files of all kinds and formats: the same pixels as Pillow's, and what is refused."""

import functools
import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfvae.serving import images

HEIGHT, WIDTH = 21, 30


@functools.cache
def decoder(channels):
    return compiled(channels)


def compiled(channels):
    return tf.function(
        lambda files: images.pixels_of(files, (HEIGHT, WIDTH, channels)),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )


@pytest.fixture(scope="module", params=[1, 3], ids=["grey", "colour"])
def decode(request):
    """A function from one file to pixels (H, W, channels), for both kinds of models."""
    return lambda file: decoder(request.param)(tf.constant([file])).numpy()[0]


def picture(mode):
    """A smooth picture with all levels; its transparency varies too."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] / [[[HEIGHT - 1]], [[WIDTH - 1]]]
    bands = [255 * x, 255 * y, 255 * (1 - x), 255 * (1 - y)]
    image = Image.fromarray(np.round(np.stack(bands, -1)).astype("uint8"))
    if mode == "I;16":
        return Image.fromarray(np.asarray(image)[..., 0].astype("uint16") * 256 + 7)
    if mode in ("P", "P16"):
        return image.convert("RGB").quantize(16 if mode == "P16" else 256)
    return image.convert("RGB").convert(mode) if mode in ("CMYK", "1") else image.convert(mode)


def file_of(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def interlaced_png():
    """Adam7 of a picture in grey, which Pillow reads but does not write."""
    pixels = np.asarray(picture("L"))
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
    rows = b""
    for top, left, down, right in [*passes, (1, 0, 2, 1)]:
        rows += b"".join(b"\0" + row.tobytes() for row in pixels[top::down, left::right])

    def chunk(name, content):
        checked = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checked)

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 1))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def animated(frames=3):
    """A GIF of frames that differ everywhere, for Pillow leaves out what does not change."""
    rng = np.random.default_rng(0)
    noise = rng.integers(256, size=(frames - 1, HEIGHT, WIDTH), dtype="uint8")
    more = [Image.fromarray(frame) for frame in noise]
    return file_of(picture("L"), "GIF", save_all=True, append_images=more)


JPEG = {"quality": 95, "subsampling": 0}
FILES = {
    **{f"PNG {mode}": file_of(picture(mode), "PNG") for mode in ("L", "LA", "RGB", "RGBA", "P")},
    **{f"PNG {mode}": file_of(picture(mode), "PNG") for mode in ("1", "P16", "I;16")},
    "PNG interlaced": interlaced_png(),
    **{f"JPEG {mode}": file_of(picture(mode), "JPEG", **JPEG) for mode in ("L", "RGB", "CMYK")},
    "JPEG progressive": file_of(picture("RGB"), "JPEG", progressive=True, **JPEG),
    **{f"GIF {mode}": file_of(picture(mode), "GIF") for mode in ("L", "P", "P16", "1")},
    "GIF interlaced": file_of(picture("P"), "GIF", interlace=1),
    "GIF animated": animated(),
    **{f"BMP {mode}": file_of(picture(mode), "BMP") for mode in ("L", "RGB", "RGBA", "P", "P16")},
}


def of_pillow(file, channels):
    image = Image.open(io.BytesIO(file))
    if image.mode.startswith("I"):  # Pillow clips 16 bits.
        image = Image.fromarray((np.asarray(image) >> 8).astype("uint8"))
    pixels = np.asarray(image.convert("RGB"), "float64")
    return pixels if channels == 3 else pixels @ [[0.299], [0.587], [0.114]]


@pytest.mark.parametrize("name", FILES)
def test_the_pixels_are_those_of_pillow(decode, name):
    found = decode(FILES[name])
    # TensorFlow takes a fast transform for JPEG.
    tolerance = 6.0 if name.startswith("JPEG") else 1e-3
    np.testing.assert_allclose(found, of_pillow(FILES[name], found.shape[-1]), atol=tolerance)


def test_files_of_all_kinds_in_one_request():
    found = decoder(3)(tf.constant(list(FILES.values())))
    assert found.shape == (len(FILES), HEIGHT, WIDTH, 3) and np.ptp(found) == 255.0


def test_pixels_are_read_as_they_are_stored():
    exif = Image.Exif()
    exif[0x0112] = 6  # the orientation of a camera that was turned
    turned = file_of(picture("RGB"), "JPEG", exif=exif, **JPEG)
    files = tf.constant([turned, FILES["JPEG RGB"]])
    one, other = decoder(3)(files).numpy()
    np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def decode_small():
    """Decodes one file of at most 19,999 pixels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "MAX_PIXELS", 19_999)
        function = compiled(1)
        function.get_concrete_function()
    return lambda file: function(tf.constant([file]))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_too_many_pixels_are_refused_before_decoding(kind, decode_small):
    file = file_of(Image.new("L", (200, 100)), kind)
    assert decoder(1)(tf.constant([file])).shape == (1, HEIGHT, WIDTH, 1)
    # Its end is missing: decoding would be another error.
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 19,999 pixels"):
        decode_small(file[: len(file) - 10])


def test_all_frames_of_a_gif_count(decode_small):
    assert HEIGHT * WIDTH * 31 <= 19_999 < HEIGHT * WIDTH * 32
    assert decode_small(animated(31)).shape == (1, HEIGHT, WIDTH, 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 19,999 pixels"):
        decode_small(animated(32))
    still = file_of(
        Image.fromarray(np.random.default_rng(0).integers(256, size=(140, 142), dtype="uint8")),
        "GIF",
    )
    assert len(still) > 2**14 and decode_small(still).shape == (1, HEIGHT, WIDTH, 1)


def test_the_limit():
    """4 kB that would be 400 million pixels."""
    file = bytearray(FILES["PNG L"])
    file[16:24] = 2 * (20_000).to_bytes(4, "big")
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 33,554,432 pixels"):
        decoder(1)(tf.constant([bytes(file)]))


def test_a_gif_of_very_many_parts_is_refused():
    """One byte in each part: to look at a million of them would take a minute."""
    file = animated(1)
    start = file.index(b",", 13 + 3 * 256)
    many = file[: start + 11] + b"\x01\x00" * 100_000
    with pytest.raises(tf.errors.InvalidArgumentError, match="pixels"):
        decoder(1)(tf.constant([many]))


@pytest.mark.parametrize(
    "file, message",
    [
        (b"", "kinds JPEG, PNG, GIF, BMP"),
        (b"no image", "kinds JPEG, PNG, GIF, BMP"),
        (file_of(picture("RGB"), "TIFF"), "kinds JPEG, PNG, GIF, BMP"),
        (file_of(picture("RGB"), "WEBP"), "kinds JPEG, PNG, GIF, BMP"),
        (file_of(picture("1"), "BMP"), "BMP files of 8, 24 or 32 bits"),
    ],
    ids=["empty", "text", "TIFF", "WebP", "BMP of 1 bit"],
)
def test_other_kinds_are_refused(file, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        decoder(1)(tf.constant([file]))


@pytest.mark.parametrize("name", ["PNG RGB", "JPEG RGB", "GIF animated", "BMP P"])
def test_damaged_files_are_refused_or_read(name):
    """Cut at many places, and with changed bytes in the header; the process goes on."""
    rng = np.random.default_rng(0)
    refused = 0
    for place in np.linspace(0, len(FILES[name]) - 1, 8).astype(int):
        changed = bytearray(FILES[name])
        changed[rng.integers(min(60, len(changed)))] ^= 1 << int(rng.integers(8))
        for file in (FILES[name][:place], bytes(changed)):
            try:
                assert decoder(3)(tf.constant([file])).shape == (1, HEIGHT, WIDTH, 3)
            except tf.errors.InvalidArgumentError:
                refused += 1
    assert refused
