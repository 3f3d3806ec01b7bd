"""Neighbourhoods against explicit loops, in every form of the sum, and what does not fit."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.distributions import (
    Bubble,
    Explicit,
    Neighborhood,
    Shifting,
    TopographicStudentT,
    Torus,
    neighborhoods,
)
from tfvae.distributions.torus import Box

RANDOM = np.random.default_rng(0)


def window(width):
    """−⌊w/2⌋, …, ⌈w/2⌉ − 1."""
    return range(-int(np.floor(width / 2)), int(np.ceil(width / 2)))


def shifting_loop(u2, frames, w, k):
    v = np.zeros_like(u2)
    for frame, capsule, place in np.ndindex(u2.shape):
        for a, b in itertools.product(window(w), window(w)):
            if abs(a - b) <= (k - 1) / 2:
                v[frame, capsule, place] += u2[
                    (frame - a) % frames, capsule, (place - b) % u2.shape[2]
                ]
    return v


def box_loop(u2, widths):
    v = np.zeros_like(u2)
    for index in np.ndindex(u2.shape):
        for offset in itertools.product(*map(window, widths)):
            neighbor = tuple((i - o) % n for i, o, n in zip(index, offset, u2.shape, strict=True))
            v[index] += u2[neighbor]
    return v


def published_without_window(u2, k):
    """The published L = 0: v[l, c] = Σ_{|b| ≤ (K − 1)/2} u²[l, c − b]."""
    v = np.zeros_like(u2)
    for frame, capsule, place in np.ndindex(u2.shape):
        for b in range(-(k - 1) // 2, (k - 1) // 2 + 1):
            v[frame, capsule, place] += u2[frame, capsule, (place - b) % u2.shape[2]]
    return v


CASES = [
    (Shifting(), (6, 2, 6), lambda u2: shifting_loop(u2, 6, 6, 3)),
    (Shifting(4), (6, 2, 6), lambda u2: shifting_loop(u2, 6, 4, 3)),
    (Shifting(5, 1), (6, 2, 7), lambda u2: shifting_loop(u2, 6, 5, 1)),
    (Shifting(3, 5), (4, 1, 9), lambda u2: shifting_loop(u2, 4, 3, 5)),
    (Shifting(1, 1), (6, 2, 6), lambda u2: u2),
    (Bubble(), (6, 2, 5), lambda u2: box_loop(u2, (5, 1, 3))),
    (Bubble(None), (6, 2, 5), lambda u2: box_loop(u2, (6, 1, 3))),
    (Bubble(1), (4, 2, 6), lambda u2: published_without_window(u2, 3)),
    (Bubble(1, 5), (4, 2, 6), lambda u2: published_without_window(u2, 5)),
    (Bubble(4, 5), (6, 2, 6), lambda u2: box_loop(u2, (4, 1, 5))),
    (Torus(3), (7,), lambda u2: box_loop(u2, (3,))),
    (Torus(3), (2, 7), lambda u2: box_loop(u2, (1, 3))),
    (Torus((3, 3)), (4, 5), lambda u2: box_loop(u2, (3, 3))),
    (Torus((3, 2, 3)), (4, 3, 5), lambda u2: box_loop(u2, (3, 2, 3))),
    (Torus((None, 1, 3)), (4, 3, 5), lambda u2: box_loop(u2, (4, 1, 3))),
]
IDS = [f"{case[0]}-{case[1]}" for case in CASES]


@pytest.mark.parametrize(("neighborhood", "shape", "loop"), CASES, ids=IDS)
def test_every_form_of_the_sum_against_a_loop(neighborhood, shape, loop):
    u2 = RANDOM.normal(size=(3, 2, *shape)) ** 2
    expected = np.array([[loop(one) for one in row] for row in u2])
    for form in (None, *neighborhood.forms):
        sums = neighborhood.sums(tf.constant(u2), shape, form)
        np.testing.assert_allclose(sums, expected, rtol=1e-12, atol=1e-12, err_msg=str(form))
    whole = u2.reshape(6, -1) @ neighborhood.matrix(shape).T
    np.testing.assert_allclose(whole.reshape(u2.shape), expected, rtol=1e-12)
    np.testing.assert_array_equal(neighborhood.sizes(shape), loop(np.ones(shape)))


@pytest.mark.parametrize("form", ["matrix", "fft"])
def test_gradients_of_the_sum_are_its_transpose(form):
    neighborhood, shape = Shifting(4), (6, 2, 6)
    u2 = tf.constant(RANDOM.normal(size=shape) ** 2)
    upstream = RANDOM.normal(size=shape)
    with tf.GradientTape() as tape:
        tape.watch(u2)
        sums = neighborhood.sums(u2, shape, form)
    gradient = tape.gradient(sums, u2, output_gradients=tf.constant(upstream))
    expected = neighborhood.matrix(shape).T @ upstream.reshape(-1)
    np.testing.assert_allclose(gradient, expected.reshape(shape), rtol=1e-9, atol=1e-12)


def test_published_numbers_of_offsets():
    shape = (18, 18, 18)
    assert len(Shifting(coherence=3).offsets(shape)) == 52
    assert len(Shifting(coherence=1).offsets(shape)) == 18
    assert np.all(Shifting().sizes(shape) == 52)
    assert np.all(Bubble().sizes(shape) == 15)  # BubbleVAE of digits: 5 frames, K = 3.
    assert np.all(Bubble(coherence=5).sizes(shape) == 25)  # That of sprites.
    assert np.all(Bubble(window=1).sizes(shape) == 3)  # L = 0.


def test_a_window_over_all_frames_makes_the_bubble_invariant_and_the_published_one_does_not():
    u2 = tf.constant(RANDOM.normal(size=(18, 2, 18)) ** 2)
    whole, published = (b.sums(u2, u2.shape).numpy() for b in (Bubble(None), Bubble()))
    np.testing.assert_allclose(whole, np.broadcast_to(whole[:1], whole.shape), rtol=1e-12)
    assert np.all(np.ptp(published, axis=0) > 0.0)


def test_every_coherence_that_is_accepted_counts():
    """No K is taken that a narrower one would equal: Shifting(window=1) would ignore its own."""
    for window, coherence in itertools.product(range(1, 6), (1, 3, 5, 7)):
        if coherence > 2 * window - 1:
            with pytest.raises(ValueError, match=rf"`coherence` must be at most {2 * window - 1}"):
                Shifting(window, coherence)
        elif coherence > 1:
            sizes = [Shifting(window, k).sizes((9, 1, 9)).max() for k in (coherence, coherence - 2)]
            assert sizes[0] > sizes[1]
    with pytest.raises(ValueError, match=r"window of 1 frames.*published L = 0"):
        Shifting().sizes((1, 1, 6))


@pytest.mark.parametrize("neighborhood", [Shifting(), Shifting(5, 3), Bubble(4)])
def test_a_roll_of_u_in_time_and_capsule_is_one_of_v(neighborhood):
    shape = (6, 2, 6)
    u2 = RANDOM.normal(size=shape) ** 2
    rolled = np.roll(u2, (1, 1), axis=(0, 2))
    expected = np.roll(neighborhood.sums(tf.constant(u2), shape), (1, 1), axis=(0, 2))
    np.testing.assert_allclose(neighborhood.sums(tf.constant(rolled), shape), expected, rtol=1e-12)


def test_a_step_in_time_is_a_roll_in_the_capsule_when_squares_move_so():
    """Squares that shift as the neighbourhood does give denominators that shift exactly."""
    places = RANDOM.normal(size=6) ** 2
    moving = np.stack([np.roll(places, step) for step in range(6)])[:, np.newaxis]
    v = Shifting().sums(tf.constant(moving), (6, 1, 6)).numpy()
    for step in range(6):
        np.testing.assert_allclose(v[step, 0], np.roll(v[0, 0], step), rtol=1e-12)


@pytest.mark.parametrize("form", ["matrix", "fft"])
def test_single_precision_keeps_denominators_positive(form):
    u2 = tf.constant(RANDOM.normal(size=(4, 18, 2, 18)) ** 2 * 1e-12, tf.float32)
    sums = Shifting().sums(u2, (18, 2, 18), form).numpy()
    exact = Shifting().sums(tf.cast(u2, tf.float64), (18, 2, 18)).numpy()
    assert np.all(sums >= 0.0)
    np.testing.assert_allclose(sums, exact, rtol=1e-5)


def test_shapes_are_static_and_unknown_batches_allowed():
    @tf.function(input_signature=[tf.TensorSpec((None, 6, 2, 6))])
    def sums(values):
        result = Shifting().sums(values, (6, 2, 6))
        assert result.shape.as_list() == [None, 6, 2, 6]
        return result

    assert sums(tf.ones([5, 6, 2, 6])).shape == (5, 6, 2, 6)


def test_explicit_matrix():
    rows = (RANDOM.uniform(size=(6, 6)) < 0.4) | np.eye(6, dtype=bool)
    u2 = RANDOM.normal(size=(4, 2, 3)) ** 2
    sums = Explicit(rows).sums(tf.constant(u2), (2, 3))
    np.testing.assert_allclose(sums, (u2.reshape(4, 6) @ rows.T).reshape(4, 2, 3), rtol=1e-12)


@pytest.mark.parametrize("neighborhood", [Shifting(5), Bubble(None, 5), Torus((3, None)), Torus(3)])
def test_config_round_trip(neighborhood):
    config = keras.saving.serialize_keras_object(neighborhood)
    assert keras.saving.deserialize_keras_object(config) == neighborhood


def test_config_round_trip_of_a_matrix():
    again = Explicit.from_config(Explicit(np.eye(3)).get_config())
    np.testing.assert_array_equal(again.rows, np.eye(3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Shifting(coherence=2), "must be odd.*received 2"),
        (lambda: Shifting(window=0), "`window` must be a whole number"),
        (lambda: Bubble(coherence=4), "must be odd"),
        (lambda: Torus(0), "`width` must be a whole number"),
        (lambda: Shifting(9).sizes((6, 2, 6)), "at most 6, the number of frames, received 9"),
        (lambda: Shifting(4, 7).sizes((6, 2, 5)), "`coherence` must be at most 5.*received 7"),
        (
            lambda: Bubble().sizes((4, 2, 4)),
            "`window` must be at most 4.*received 5. Give the neig",
        ),
        (lambda: Shifting().sizes((6, 6)), "grid of .frames, capsules, capsule size."),
        (lambda: Torus((3, 3)).sizes((6,)), "`width` must have at most 1 entries.*received .3, 3."),
        (lambda: Torus(5).sizes((3,)), "at most 3, the number of latents along axis 0"),
        (lambda: Explicit(np.ones((2, 3))), "square matrix, received the shape .2, 3."),
        (lambda: Explicit(2 * np.eye(2)), "nothing but 0 and 1, received 2"),
        (lambda: Explicit([[1, 0], [0, 0]]), "received none in row 1"),
        (lambda: Explicit(np.eye(3)).sizes((4,)), "the 4 latents.*over 3"),
        (lambda: Torus(3).sums(tf.ones([5]), (5,), "fft"), "`form` must be one of"),
        (lambda: neighborhoods.get("ring"), "`neighborhood` must be one of"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(("neighborhood", "shape", "loop"), CASES, ids=IDS)
def test_sizes_and_groups_are_those_of_the_matrix(neighborhood, shape, loop):
    matrix = neighborhood.matrix(shape)
    sizes = neighborhood.sizes(shape)
    assert sizes.shape == shape and sizes.dtype == "float64"
    np.testing.assert_array_equal(sizes.reshape(-1), matrix.sum(axis=1))
    _, expected = np.unique(matrix, axis=0, return_inverse=True)
    expected = expected.reshape(-1)
    alike = (matrix @ matrix.T > 0) == (expected[:, np.newaxis] == expected)
    found = neighborhood.groups(shape)
    assert (found is not None) == alike.all()
    if found is not None:
        group, nu = found
        np.testing.assert_array_equal(
            group[:, np.newaxis] == group, expected[:, np.newaxis] == expected
        )
        np.testing.assert_array_equal(nu[group], matrix.sum(axis=1))


@pytest.mark.parametrize(
    ("neighborhood", "shape"),
    [
        (Torus((3, 3)), (300, 200)),
        (Torus(1), (60_000,)),
        (Bubble(), (200, 1, 300)),
        (Shifting(3, 3), (200, 1, 300)),
    ],
)
def test_large_grids_need_no_matrix(neighborhood, shape, monkeypatch):
    # Their matrices would have 60,000² numbers, 29 GB; the block of a window of 1 has one.
    def refuse(self, shape):
        assert self._block_size(shape) == 1, "The matrix was asked for."
        return np.ones((1, 1))

    monkeypatch.setattr(Neighborhood, "matrix", lambda *_: pytest.fail("A matrix was asked for."))
    for cls in (type(neighborhood), Box):
        monkeypatch.setattr(cls, "block", refuse)
    prior = tfvae.priors.TopographicPrior(neighborhood, grid=shape)
    prior.build(60_000)
    assert prior.sample(1, seed=(0, 0)).shape == (1, 60_000)
    assert prior.distribution().degrees_of_freedom.shape == shape
    p = TopographicStudentT(neighborhood, shape)
    if p.has_closed_form:
        assert p.log_prob(tf.zeros([2, *shape])).shape == (2,)
