"""What codes latents and data, against SciPy and the definition of bits back."""

import json

import numpy as np
import pytest
import scipy.special
import scipy.stats

import tfvae
from tfvae.applications.compression import bits_back, container, latents, symbols


def stack_of(num_words, seed=0):
    words = np.random.default_rng(seed).integers(1, 2**32, num_words, dtype="uint32")
    return latents.constriction().stream.stack.AnsCoder(words), words


MOMENTS = [
    (0.0, 1.0),
    (0.7, 0.1),
    (-6.0, 0.05),
    (31.99, 0.5),
    (-200.0, 1.0),
    (0.001, 1e-5),
    (0, 50),
]


@pytest.mark.parametrize(("loc", "scale"), MOMENTS)
def test_latents_that_are_put_back_leave_the_stack_as_it_was(loc, scale):
    stack, words = stack_of(800)
    loc, scale = np.full((25, 40), loc, float), np.full((25, 40), scale, float)
    index = latents.pop(stack, loc, scale)
    assert index.shape == (1000,) and np.all(np.abs(index) <= latents.LARGEST)
    latents.push(stack, index, loc, scale)
    np.testing.assert_array_equal(stack.get_compressed(), words)


def test_latents_with_random_moments_leave_the_stack_as_it_was():
    rng = np.random.default_rng(1)
    stack, words = stack_of(8000)
    loc, scale = 2.0 * rng.normal(size=(100, 100)), rng.uniform(1e-4, 1.1, size=(100, 100))
    latents.push(stack, latents.pop(stack, loc, scale), loc, scale)
    np.testing.assert_array_equal(stack.get_compressed(), words)


@pytest.mark.parametrize(("loc", "scale"), [(0.0, 1.0), (0.7, 0.1), (-6.0, 0.05)])
def test_latents_are_samples_of_the_posterior(loc, scale):
    stack, _ = stack_of(20_000)
    before, n = stack.num_valid_bits(), 20_000
    z = latents.STEP * latents.pop(stack, np.full(n, loc), np.full(n, scale))
    taken = (before - stack.num_valid_bits()) / n
    # Steps are noise of their own to a test of a continuous distribution.
    jitter = latents.STEP * np.random.default_rng(2).uniform(-0.5, 0.5, size=n)
    assert scipy.stats.kstest(z + jitter, scipy.stats.norm(loc, scale).cdf).pvalue > 1e-3
    # One of 2^16 values of u: nothing beyond 4.2 σ.
    assert np.max(np.abs(z - loc)) < 4.3 * scale + latents.STEP
    entropy = scipy.stats.norm(loc, scale).entropy() / np.log(2.0) - np.log2(latents.STEP)
    assert taken == pytest.approx(entropy, abs=0.03)


def test_the_prior_is_a_standard_normal():
    index = np.arange(-1500, 1501, 3, dtype="int32")
    edges = latents.STEP * (index[:, np.newaxis] + [-0.5, 0.5])
    p = np.diff(scipy.stats.norm.cdf(edges), axis=1)
    # The coder has probabilities of 24 bits, and keeps one of 2^−24 for each index.
    share = (2 * latents.LARGEST + 1) / 2**24
    expected = -np.log2((1.0 - share) * p + 2.0**-24).sum()
    stack, _ = stack_of(10)
    before = stack.num_valid_bits()
    stack.encode_reverse(index, latents.prior())
    assert stack.num_valid_bits() - before == pytest.approx(expected, rel=2e-3)


def bits_of(model, parameters, values):
    """Bits that each value takes, as the mean of 200 copies."""
    found = []
    for i, value in enumerate(values):
        stack, _ = stack_of(10)
        before = stack.num_valid_bits()
        stack.encode_reverse(
            np.full(200, value, "int32"), model, *[np.full(200, one[i]) for one in parameters]
        )
        found.append((stack.num_valid_bits() - before) / 200)
    return np.array(found)


def test_binary_data_take_the_bits_of_a_bernoulli():
    p = np.array([0.5, 0.5, 0.9, 0.9, 0.01, 0.01])
    x = np.array([0, 1, 0, 1, 0, 1])
    model, parameters = symbols.BinarySymbols().likelihood(p.reshape(3, 2))
    expected = -scipy.stats.bernoulli(p).logpmf(x) / np.log(2.0)
    np.testing.assert_allclose(bits_of(model, parameters, x), expected, atol=0.006)


def test_bytes_take_the_bits_of_a_discretised_gaussian():
    likelihood = tfvae.likelihoods.Gaussian(scale=0.05)
    likelihood.build((3,))
    coded = symbols.symbols_for(likelihood, unit=0.01)
    x = np.array([40, 47, 0, 255, 3, 100])
    mean = np.array([0.4, 0.4, 0.01, 2.5, -0.04, 1.15])
    model, parameters = coded.likelihood(mean.reshape(2, 3))
    low = np.where(x == 0, -np.inf, x - 0.5) / 100
    high = np.where(x == 255, np.inf, x + 0.5) / 100
    normal = scipy.stats.norm(mean, 0.05)
    expected = -np.log2(normal.cdf(high) - normal.cdf(low))
    np.testing.assert_allclose(bits_of(model, parameters, x), expected, rtol=2e-3, atol=0.006)
    np.testing.assert_allclose(coded.values(x.astype("uint8")), x / 100, rtol=1e-6)


def test_a_scale_of_each_feature_is_that_of_its_feature():
    likelihood = tfvae.likelihoods.Gaussian("per_feature")
    likelihood.build((2,))
    likelihood._spread.assign([0.01, 4.0])
    _, (mean, scale) = symbols.symbols_for(likelihood, unit=0.5).likelihood(np.ones((3, 2)))
    np.testing.assert_allclose(mean, np.full(6, 2.0))
    np.testing.assert_allclose(scale, [0.2, 4.0] * 3, rtol=1e-6)


class Linear:
    """z ~ N(0, 1), one bit x with P(1) = σ(3z); the posterior is crude."""

    def posterior(self, symbols):
        sign = 2.0 * symbols[:, :1] - 1.0
        return np.hstack([0.5 * sign, 0.0 * sign]), np.hstack([np.full_like(sign, 0.8), sign**2])

    def likelihood(self, z):
        model = latents.constriction().stream.model.Bernoulli(perfect=False)
        return model, [scipy.special.expit(3.0 * z[:, 0])]


def test_bits_back_takes_the_elbo_by_quadrature():
    x = np.random.default_rng(3).integers(2, size=(40_000, 1)).astype("uint8")
    chain = bits_back.push(Linear(), x, 2, 2048, lambda done: None)
    # By symmetry every example has the ELBO of x = 1.
    q = scipy.stats.norm(0.5, 0.8)
    distortion = q.expect(lambda z: np.logaddexp(0.0, -3.0 * z), lb=-8.0, ub=8.0)
    rate = 0.5 * (0.5**2 + 0.8**2 - 1.0) - np.log(0.8)
    start = 32 * chain.num_start
    found = (32 * len(chain.words) - start) / len(x)
    # Examples differ by about 1 bit: 0.005 in mean.
    assert found == pytest.approx((distortion + rate) / np.log(2.0), abs=0.02)
    np.testing.assert_array_equal(bits_back.pop(Linear(), chain, (1,), 2, lambda done: None), x)


def test_batches_grow_as_far_as_the_stack_reaches():
    x = np.random.default_rng(4).integers(2, size=(2000, 1)).astype("uint8")
    chain = bits_back.push(Linear(), x, 2, 64, lambda done: None)
    assert chain.sizes[0] == 1 and max(chain.sizes) == 64 and sum(chain.sizes) == 2000
    assert all(b <= 2 * a for a, b in zip(chain.sizes[:-1], chain.sizes[1:], strict=True))
    assert chain.num_start == (2 * 16 + 64) / 32


def content(**changes):
    chain = bits_back.Chain(np.array([5, 0, 7], "uint32"), [1, 1, 2, 4, 4, 3], 2)
    fields = [chain, np.dtype("float32"), 1 / 255, "0" * 16, "f" * 16, "tfvae 1"]
    return container.Content(*fields)._replace(**changes)


def test_the_container_keeps_everything():
    for given in (content(), content(unit=None, dtype=np.dtype(">i2"))):
        back = container.unpacked(container.packed(given), "`data`")
        np.testing.assert_array_equal(back.chain.words, given.chain.words)
        assert back.chain[1:] == given.chain[1:] and back[1:] == given[1:]
        assert back.num_examples == 15


def forged(change, number=container.FORMAT):
    """Compressed data with another header, and with the checksum that belongs to them."""
    data = container.packed(content())
    head = container._HEAD
    _, _, length = head.unpack_from(data)
    header = json.loads(data[head.size : head.size + length])
    text = json.dumps({**header, **change}).encode()
    whole = head.pack(container.MAGIC, number, len(text)) + text + data[head.size + length : -8]
    return whole + container.digest(whole)


@pytest.mark.parametrize(
    "change",
    [
        {"batches": [[0, 1]]}, {"batches": [[1.5, 1]]}, {"batches": 3}, {"batches": [[-1, 2]]},
        {"start": -1}, {"start": 2**40}, {"start": None}, {"start": 0.5}, {"dtype": "O"},
        {"dtype": "<U3"}, {"dtype": "what"}, {"dtype": 7.5}, {"unit": "x"}, {"unit": [1]},
    ],
)  # fmt: skip
def test_headers_that_nobody_wrote(change):
    with pytest.raises(ValueError, match="must be what a `Compressor` wrote, received something"):
        container.unpacked(forged(change), "`data`")


def test_another_format_is_named():
    with pytest.raises(ValueError, match="in format 1, received format 2"):
        container.unpacked(forged({}, number=2), "`data`")
