"""Image files in the served graph: bytes of files to pixels, and pixels to PNG bytes."""

import tensorflow as tf

CHANNELS = (1, 3)
# Of one file. Decoding takes 3 bytes a pixel, and some 40 ns.
MAX_PIXELS = 2**25
# How files of each kind begin; TensorFlow would read more kinds, whose sizes are not checked here.
SIGNATURES = {"JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG\r\n\x1a\n", "GIF": b"GIF8", "BMP": b"BM"}
LUMA = (0.299, 0.587, 0.114)
# Blocks of a GIF that are looked at, less than a second.
_GIF_STEPS = 2**14
# Bytes from the start of a BMP file to the end of the part that all BMP files have.
_BMP_HEADER = 54


def is_image_shape(shape: tuple[int, ...]) -> bool:
    """Returns whether `shape` is that of a grey or colour image, (H, W, 1) or (H, W, 3)."""
    return len(shape) == 3 and shape[-1] in CHANNELS


def pixels_of(image_bytes: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    """Decodes image files to pixel values from 0 to 255, string (B,) -> (B, H, W, channels).

    The files are JPEG, PNG, GIF (the first frame) or BMP (of 8, 24 or 32 bits, not compressed).
    Colour becomes grey by luma (ITU-R BT.601) if the model has one channel, and grey files become
    colour if it has three. Transparency is dropped, as is the orientation in EXIF: pixels are read
    in the order in which they are stored. Images of another size are resized without keeping
    their proportions; each pixel is the mean over the area it covers.

    Raises:
        tf.errors.InvalidArgumentError: from the graph, for bytes of any other kind, and, before
            anything is decoded, for a file of more than `MAX_PIXELS`, or a GIF with more in all
            its frames.
    """
    height, width, channels = shape

    def decode(image_file: tf.Tensor) -> tf.Tensor:
        image = tf.image.resize(_decoded(image_file)[tf.newaxis], [height, width], method="area")[0]
        return image if channels == 3 else tf.tensordot(image, LUMA, 1)[..., tf.newaxis]

    return tf.map_fn(decode, image_bytes, fn_output_signature=tf.TensorSpec(shape, tf.float32))


def png_of(pixels: tf.Tensor) -> tf.Tensor:
    """Encodes pixel values, rounded and clipped to [0, 255], as PNG: (B, H, W, channels) -> (B,).

    Raises:
        tf.errors.InvalidArgumentError: from the graph, for NaN, which PNG does not have.
    """
    pixels = tf.debugging.assert_all_finite(
        pixels, "Pixels must be finite, received NaN. Send values that the model allows."
    )
    rounded = tf.cast(tf.clip_by_value(tf.round(pixels), 0.0, 255.0), tf.uint8)
    return tf.map_fn(tf.io.encode_png, rounded, fn_output_signature=tf.string)


def _decoded(image_file):
    """The pixels of one file, uint8 (h, w, 3), if its header tells a size that is allowed."""
    head = _bytes(tf.strings.substr(image_file + b"\0" * _BMP_HEADER, 0, _BMP_HEADER))
    head = tf.ensure_shape(head, [_BMP_HEADER])
    begins = [
        tf.strings.substr(image_file, 0, len(signature)) == signature
        for signature in SIGNATURES.values()
    ]
    known = tf.debugging.Assert(
        tf.reduce_any(begins),
        [f"`image_bytes` must be files of the kinds {', '.join(SIGNATURES)}, received others."],
    )
    with tf.control_dependencies([known]):
        kind = tf.argmax(begins, output_type=tf.int32)
    is_bmp = kind == list(SIGNATURES).index("BMP")
    pixels = tf.switch_case(
        kind,
        [
            lambda: tf.reduce_prod(tf.image.extract_jpeg_shape(image_file, tf.int64)[:2]),
            lambda: _number(head[19:15:-1]) * _number(head[23:19:-1]),
            lambda: _pixels_of_gif(_bytes(image_file)),
            lambda: _number(head[18:22]) * tf.abs(_number(head[22:26], signed=True)),
        ],
    )
    small = tf.debugging.Assert(
        pixels <= MAX_PIXELS,
        [
            f"`image_bytes` must be files of at most {MAX_PIXELS:,} pixels, in all frames of a "
            "GIF, received more. Make the image smaller. Pixels:",
            pixels,
        ],
    )
    bits, compression = _number(head[28:30]), _number(head[30:34])
    plain = tf.debugging.Assert(
        ~is_bmp
        | ((bits == 8) & (compression == 0))
        | ((bits == 24) & (compression == 0))
        | ((bits == 32) & ((compression == 0) | (compression == 3))),
        [
            "`image_bytes` must be BMP files of 8, 24 or 32 bits a pixel without compression, or "
            "of another kind, received bits and compression:",
            bits,
            compression,
        ],
    )
    with tf.control_dependencies([small, plain]):
        image_file = tf.identity(image_file)
    image = tf.io.decode_image(image_file, channels=3, expand_animations=False)
    image = tf.ensure_shape(image, [None, None, 3])
    # TensorFlow takes the indices into a palette for greys.
    return tf.cond(
        is_bmp & (bits == 8), lambda: _with_palette(image[..., 0], image_file, head), lambda: image
    )


def _with_palette(indices, image_file, head):
    """The colours of a BMP file, uint8 (h, w, 3); the palette is (blue, green, red, 0)."""
    start, end = 14 + _number(head[14:18]), _number(head[10:14])
    colors = tf.reshape(tf.io.decode_raw(image_file, tf.uint8)[start:end], [-1, 4])[:, 2::-1]
    with tf.control_dependencies(
        [tf.debugging.assert_less(tf.cast(indices, tf.int32), tf.shape(colors)[0])]
    ):
        return tf.gather(colors, tf.cast(indices, tf.int32))


def _pixels_of_gif(content):
    """The pixels of all frames; decoding expands every one of them, int64 (n,) -> ().

    A file is a header, perhaps a palette, then blocks. The first byte of a block says whether it
    is a frame, which has a size of its own, or something else; parts of up to 255 bytes follow,
    each after its length, until one of length 0. Parts of 255 bytes are one step together. A file
    that takes too many steps counts as too large.
    """
    length = tf.size(content, tf.int64)
    content = tf.concat([content, tf.zeros([16], tf.int64)], axis=0)
    two = tf.constant(2, tf.int64)

    def palette(flags):
        return 3 * two ** (flags % 8 + 1) * tf.cast(flags >= 128, tf.int64)

    def step(place, inside, pixels):
        first = content[place]
        is_frame = ~inside & (first == 0x2C)
        is_other = ~inside & (first == 0x21)
        size = _number(content[place + 5 : place + 7]) * _number(content[place + 7 : place + 9])
        lengths = content[place : place + 2**16 : 256]
        full = tf.reduce_sum(tf.math.cumprod(tf.cast(lengths == 255, tf.int64)))
        parts = tf.where(full > 0, 256 * full, 1 + first)
        ahead = tf.where(is_other, two, length)
        ahead = tf.where(is_frame, 11 + palette(content[place + 9]), ahead)
        return (
            place + tf.where(inside, parts, ahead),
            tf.where(inside, first > 0, is_frame | is_other),
            pixels + size * tf.cast(is_frame, tf.int64),
        )

    start = 13 + palette(content[10])
    place, _, pixels = tf.while_loop(
        lambda place, *_: place < length,
        step,
        (start, tf.constant(False), tf.constant(0, tf.int64)),
        maximum_iterations=_GIF_STEPS,
    )
    return tf.where(place < length, tf.int64.max, pixels)


def _bytes(text):
    return tf.cast(tf.io.decode_raw(text, tf.uint8), tf.int64)


def _number(content, *, signed=False):
    """The whole number in some bytes, the lowest first."""
    places = tf.constant(256, tf.int64) ** tf.range(tf.size(content, tf.int64))
    value = tf.reduce_sum(content * places)
    bits = 8 * tf.size(content, tf.int64)
    two = tf.constant(2, tf.int64)
    return tf.where(value >= two ** (bits - 1), value - two**bits, value) if signed else value
