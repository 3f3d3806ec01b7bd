"""Labels and conditions where models sample, decode and classify."""

import numpy as np
import pytest

import tfvae
from tfvae.discrete import Assigned, Labels


def small(cls=tfvae.VAE, decoded=(4,), **kwargs):
    mlp = tfvae.networks.mlp
    return cls(2, encoder=mlp([8]), decoder=mlp([8], decoded), seed=3, **kwargs)


def test_unknown_labels_are_drawn_from_the_prior():
    vae = small(discrete=Labels((3, 2), unknown=-1))
    vae.build((None, 4))
    labels = np.tile([[-1, 1], [2, -1]], (600, 1))
    d = vae.sample_prior(1200, labels, seed=0).numpy()[:, 2:]
    assert np.all(d[::2, 4] == 1.0) and np.all(d[1::2, 2] == 1.0)
    # Frequencies of 600 uniform draws, within five standard errors.
    np.testing.assert_allclose(d[::2, :3].mean(0), 1 / 3, atol=5 * np.sqrt(2 / 9 / 600))
    np.testing.assert_allclose(d[1::2, 3:].mean(0), 1 / 2, atol=5 * np.sqrt(1 / 4 / 600))


def test_an_unknown_label_cannot_be_decoded():
    vae = small(discrete=Labels(3, unknown=-1))
    vae.build((None, 4))
    with pytest.raises(ValueError, match=r"`labels` must lie from 0 to S − 1, S = \[3\], received"):
        vae.decode(np.zeros((2, 2)), [-1, 0])


def test_each_sequence_is_decoded_with_its_condition():
    vae = small(tfvae.SequenceVAE, condition=2)
    vae.build((None, 3, 4))
    rng = np.random.default_rng(0)
    for number in (5, 3):  # 3: as many as there are steps
        z, c = rng.normal(size=(number, 3, 2)), rng.normal(size=(number, 2))
        found = vae.decode(z, c).mean().numpy()
        wanted = [vae.decode(z[i : i + 1], c[i : i + 1]).mean()[0] for i in range(number)]
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
        steps = [vae.decode_mean(z[:, t], c).numpy() for t in range(3)]
        np.testing.assert_allclose(found, np.stack(steps, axis=1), rtol=1e-5, atol=1e-6)


def test_categories_of_a_conditional_model_without_labels():
    vae = small(discrete=Labels(3), condition=2)
    vae.build((None, 4))
    x, c = np.zeros((5, 4), "float32"), np.ones((5, 2), "float32")
    assert vae.categories(x, {"condition": c}).shape == (5, 1)
    given = vae.categories(x, {"condition": c, "labels": [2, 1, 0, 1, 2]})
    np.testing.assert_array_equal(given[:, 0], [2, 1, 0, 1, 2])


def test_categories_that_need_the_target_are_refused():
    shapes = ((None, 6), (None, 4))
    with pytest.raises(ValueError, match="`discrete` must find categories from x alone"):
        small(discrete=Assigned(3), target="y").build(shapes)
    vae = small(discrete=Labels(3), target="y")
    vae.build(((None, 6), {"target": (None, 4)}))
    with pytest.raises(ValueError, match="`discrete` must have a classifier"):
        vae.categories(np.zeros((2, 6)))
