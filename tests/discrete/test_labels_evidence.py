"""Terms and evidence of linear Gaussian models with d, a condition or a target, against NumPy.

x = zW + dV + cU + b + σε, z ~ N(0, I): log p(x|d, c) = log N(x; dV + cU + b, WᵀW + σ²I), and with
q(z|x) = N(m, diag s²) all terms have a closed form.
"""

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats

import tfvae
from tfvae.discrete import Assigned, GumbelSoftmax, Labels
from tfvae.objectives import Capacity, ImportanceWeighted, InformationCascade

SIGMA, N_X, N_Z, N = 0.7, 3, 2, 6
DRAWS = 40_000


class Linear:
    """A model and its weights in float64."""

    def __init__(self, discrete=None, condition=0, target="x", model=None, **kwargs):
        rng = np.random.default_rng(3)
        inputs = keras.Input((N_X,))
        encoder = keras.Sequential([keras.layers.Identity()])
        if condition:
            c = keras.Input((condition,))
            joined = keras.layers.Concatenate()([inputs, c])
            encoder = keras.Model([inputs, c], joined)
        self.decoder = keras.Sequential([keras.layers.Dense(N_X)])
        self.model = (model or tfvae.VAE)(
            N_Z,
            encoder=encoder,
            decoder=self.decoder,
            likelihood=tfvae.likelihoods.Gaussian(SIGMA),
            discrete=discrete,
            condition=condition or None,
            target=target,
            seed=0,
            **kwargs,
        )
        shapes = {"condition": (None, condition)} if condition else {}
        shapes |= {"target": (None, N_X)} if target == "y" else {}
        self.model.build(((None, N_X), shapes) if shapes else (None, N_X))
        sizes = self.model.num_categories
        kernel = rng.normal(size=(N_Z + sum(sizes) + condition, N_X))
        kernel[N_Z:] *= 0.3
        self.w, self.v, self.u = np.split(kernel, [N_Z, N_Z + sum(sizes)])
        self.b = rng.normal(size=N_X)
        self.decoder.layers[0].set_weights([kernel, self.b])
        # Means that depend on x, scales somewhat wider than any posterior.
        self.precision = np.linalg.inv(self.w @ self.w.T + SIGMA**2 * np.eye(N_Z))
        self.to_mean = np.zeros((N_X + condition, N_Z))
        self.to_mean[:N_X] = self.w.T @ self.precision
        self.to_mean[N_X:] = -self.u @ self.to_mean[:N_X]
        self.s = np.array([1.0, 0.9])
        raw = np.log(np.expm1(self.s - 1e-5))
        self.model.posterior_head.dense.set_weights(
            [np.hstack([self.to_mean, np.zeros_like(self.to_mean)]), np.append([0.1, -0.1], raw)]
        )
        self.bias = np.array([0.1, -0.1])
        if hasattr(self.model.discrete, "head"):
            self.to_logits = 0.3 * rng.normal(size=(N_X + condition, sum(sizes)))
            self.model.discrete.head.dense.set_weights([self.to_logits, np.zeros(sum(sizes))])
        self.combinations = np.stack(list(np.ndindex(*sizes))) if sizes else np.zeros((1, 0), int)
        self.sizes = sizes
        self.covariance = self.w.T @ self.w + SIGMA**2 * np.eye(N_X)

    def one_hot(self, categories):
        return np.hstack([np.eye(s)[categories[:, v]] for v, s in enumerate(self.sizes)])

    def offset(self, d=None, c=None):
        """The mean of x but for z, d one-hot."""
        return self.b + (0.0 if d is None else d @ self.v) + (0.0 if c is None else c @ self.u)

    def mean(self, features):
        return features @ self.to_mean + self.bias

    def q(self, features):
        """q(d_v|x) of each variable."""
        logits = np.split(features @ self.to_logits, np.cumsum(self.sizes)[:-1], axis=1)
        return [scipy.special.softmax(one, axis=1) for one in logits]

    def log_prob(self, x, d=None, c=None):
        """log p(x|d, c), each row."""
        offset = np.broadcast_to(self.offset(d, c), x.shape)
        return np.array(
            [
                scipy.stats.multivariate_normal.logpdf(row, mean, self.covariance)
                for row, mean in zip(x, offset, strict=True)
            ]
        )

    def distortion(self, x, m, offset):
        """E_q D."""
        error = np.sum((x - offset - m @ self.w) ** 2, axis=1)
        error += np.sum(self.s**2 * np.sum(self.w**2, axis=1))
        return error / (2 * SIGMA**2) + N_X * np.log(SIGMA * np.sqrt(2 * np.pi))

    def rate(self, m):
        """KL(q(z|x) ‖ N(0, I))."""
        return 0.5 * np.sum(m**2 + self.s**2 - 1 - 2 * np.log(self.s), axis=1)

    def terms(self, x, y=None, num_samples=DRAWS, **kwargs):
        """Distortion and rate of the library, means over samples."""
        found = self.model.elbo_terms(x, y, seed=(0, 1), num_samples=num_samples, **kwargs)
        return np.mean(found.distortion, axis=0), np.mean(found.rate, axis=0)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(N, N_X)).astype("float32")


def rows_of(linear, labels):
    """For each row the combinations that agree with its known labels, and their q(d|x)."""
    labels = labels.reshape(N, -1)
    known = labels >= 0
    return [
        [k for k, d in enumerate(linear.combinations) if np.all((d == row) | ~have)]
        for row, have in zip(labels, known, strict=True)
    ]


def test_terms_and_evidence_with_all_labels(x):
    linear = Linear(Labels(3))
    labels = np.array([0, 1, 2, 0, 1, 2])
    d = linear.one_hot(labels[:, None])
    m = linear.mean(x)
    distortion, rate = linear.terms(x, labels)
    np.testing.assert_allclose(distortion, linear.distortion(x, m, linear.offset(d)), rtol=0.02)
    np.testing.assert_allclose(rate, linear.rate(m), rtol=1e-5)
    exact = linear.log_prob(x, d)
    assert np.all(-linear.distortion(x, m, linear.offset(d)) - linear.rate(m) < exact)
    np.testing.assert_allclose(linear.model.log_likelihood(x, DRAWS, y=labels), exact, atol=0.05)


@pytest.mark.parametrize("sizes", [(3,), (3, 2)])
def test_terms_and_evidence_with_some_labels(x, sizes):
    linear = Linear(Labels(sizes, unknown=-1))
    labels = np.array([[0, 1], [2, 0], [1, -1], [-1, 0], [-1, -1], [-1, 1]])[:, : len(sizes)]
    labels = labels if len(sizes) > 1 else labels[:, 0]
    m, q = linear.mean(x), linear.q(x)
    # p(d) and the distortion of all combinations, each row.
    weights = np.ones((N, len(linear.combinations)))
    rate = linear.rate(m)
    classification = np.zeros(N)
    for v, size in enumerate(sizes):
        column = labels.reshape(N, -1)[:, v]
        for i in range(N):
            own = q[v][i]
            if column[i] >= 0:
                classification[i] -= np.log(own[column[i]])
                rate[i] += np.log(size)
                own = np.eye(size)[column[i]]
            else:
                rate[i] += np.sum(own * np.log(own * size))
            weights[i] *= own[linear.combinations[:, v]]
    hot = linear.one_hot(linear.combinations)
    each = np.stack([linear.distortion(x, m, linear.offset(d[None])) for d in hot], axis=1)
    expected = np.sum(weights * each, axis=1)
    distortion, found_rate = linear.terms(x, labels)
    np.testing.assert_allclose(distortion, expected, rtol=0.02)
    np.testing.assert_allclose(found_rate, rate, rtol=1e-5)
    found = linear.model.infer(linear.model.prepared(x, labels), seed=(0, 1))
    np.testing.assert_allclose(found.choice.penalties["classification"], classification, rtol=1e-4)
    density = np.stack([linear.log_prob(x, d[None]) for d in hot], axis=1)
    exact = np.array(
        [
            scipy.special.logsumexp(density[i, rows]) - np.log(np.prod(sizes))
            for i, rows in enumerate(rows_of(linear, labels))
        ]
    )
    assert np.all(-expected - rate < exact)
    np.testing.assert_allclose(linear.model.log_likelihood(x, DRAWS, y=labels), exact, atol=0.06)


def test_evaluation_of_gumbel_softmax_is_a_bound_in_mean(x):
    linear = Linear(GumbelSoftmax((3, 2)))
    m, q = linear.mean(x), linear.q(x)
    hot = linear.one_hot(linear.combinations)
    weights = q[0][:, linear.combinations[:, 0]] * q[1][:, linear.combinations[:, 1]]
    each = np.stack([linear.distortion(x, m, linear.offset(d[None])) for d in hot], axis=1)
    expected = np.sum(weights * each, axis=1)
    rate = linear.rate(m) + sum(np.sum(p * np.log(p * p.shape[1]), axis=1) for p in q)
    distortion, found_rate = linear.terms(x)
    np.testing.assert_allclose(distortion, expected, rtol=0.02)
    np.testing.assert_allclose(found_rate, rate, rtol=1e-3)
    density = np.stack([linear.log_prob(x, d[None]) for d in hot], axis=1)
    exact = scipy.special.logsumexp(density, axis=1) - np.log(6.0)
    assert np.all(-expected - rate < exact)
    np.testing.assert_allclose(linear.model.log_likelihood(x, DRAWS), exact, atol=0.06)


def test_importance_weighted_bound_of_gumbel_softmax_is_one(x):
    """log (1/L) Σ_l p(x, z_l, d_l)/q(z_l, d_l|x) goes to log p(x), from below."""
    linear = Linear(GumbelSoftmax(3), objective=ImportanceWeighted(4000))
    hot = linear.one_hot(linear.combinations)
    density = np.stack([linear.log_prob(x, d[None]) for d in hot], axis=1)
    exact = scipy.special.logsumexp(density, axis=1) - np.log(3.0)
    linear.model.compile()
    found = -linear.model.evaluate(x, verbose=0)["loss"]
    assert found == pytest.approx(np.mean(exact), abs=0.05)


def test_loss_of_capacities(x):
    """D + γ|E R_z − C_z| + γ|E R_d − C_d|, capacities t/T of their last values at step t."""
    objective = Capacity(weight=7.0, continuous=4.0, num_steps=4)
    linear = Linear(GumbelSoftmax(3), model=tfvae.JointVAE, objective=objective)
    m, (q,) = linear.mean(x), linear.q(x)
    rate, discrete = linear.rate(m), np.sum(q * np.log(3.0 * q), axis=1)
    linear.model.compile(keras.optimizers.SGD(0.0))
    for step in range(6):
        share = min(step / 4, 1.0)
        logs = linear.model.evaluate(x, verbose=0)
        expected = logs["distortion"] + 7.0 * abs(np.mean(rate) - 4.0 * share)
        expected += 7.0 * abs(np.mean(discrete) - np.log(3.0) * share)
        assert logs["loss"] == pytest.approx(expected, rel=1e-4), step
        linear.model.train_on_batch(x)


def test_terms_and_evidence_of_assigned_categories(x):
    objective = InformationCascade(1.0, 1.0, period=1, discrete_start=0)
    linear = Linear(
        Assigned(3, tfvae.assignment.MinCostFlow(0.5)), model=tfvae.CascadeVAE, objective=objective
    )
    found = linear.model.infer(linear.model.prepared(x), seed=(0, 1), training=True)
    z = found.z[0].numpy().astype(float)
    hot = np.eye(3)
    normaliser = N_X * np.log(SIGMA * np.sqrt(2 * np.pi))
    each = np.stack(
        [np.sum((x - linear.offset(d[None]) - z @ linear.w) ** 2, axis=1) for d in hot], axis=1
    )
    each = each / (2 * SIGMA**2) + normaliser
    # By brute force over all 3^6 assignments.
    best, assigned = np.inf, None
    for categories in np.ndindex(*[3] * N):
        counts = np.bincount(categories, minlength=3)
        cost = np.sum(each[np.arange(N), categories]) + 0.5 * np.sum(counts * (counts - 1)) / 2
        if cost < best:
            best, assigned = cost, categories
    np.testing.assert_allclose(found.terms.distortion[0], each[np.arange(N), assigned], rtol=1e-4)
    np.testing.assert_allclose(
        found.terms.rate[0], linear.rate(linear.mean(x)) + np.log(3.0), rtol=1e-5
    )
    density = np.stack([linear.log_prob(x, d[None]) for d in hot], axis=1)
    exact = scipy.special.logsumexp(density, axis=1) - np.log(3.0)
    np.testing.assert_allclose(linear.model.log_likelihood(x, DRAWS), exact, atol=0.06)


@pytest.mark.parametrize("labelled", [False, True])
def test_evidence_given_a_condition(x, labelled):
    linear = Linear(Labels(3) if labelled else None, condition=2)
    c = np.random.default_rng(5).normal(size=(N, 2)).astype("float32")
    labels = np.array([0, 1, 2, 0, 1, 2])
    y = {"condition": c} | ({"labels": labels} if labelled else {})
    d = np.eye(3)[labels] if labelled else None
    m = linear.mean(np.hstack([x, c]))
    distortion, rate = linear.terms(x, y)
    expected = linear.distortion(x, m, linear.offset(d, c))
    np.testing.assert_allclose(distortion, expected, rtol=0.02)
    np.testing.assert_allclose(rate, linear.rate(m), rtol=1e-5)
    exact = linear.log_prob(x, d, c)
    np.testing.assert_allclose(linear.model.log_likelihood(x, DRAWS, y=y), exact, atol=0.1)


def predictive(linear, x, target, d=None):
    """log E_{q(z|x)} p(target|z, d) = log N(target; mW + offset, Wᵀ diag s² W + σ²I)."""
    covariance = linear.w.T @ np.diag(linear.s**2) @ linear.w + SIGMA**2 * np.eye(N_X)
    means = linear.mean(x) @ linear.w + linear.offset(d)
    return np.array(
        [
            scipy.stats.multivariate_normal.logpdf(row, mean, covariance)
            for row, mean in zip(target, means, strict=True)
        ]
    )


def test_density_of_a_predicted_target(x):
    linear = Linear(target="y")
    target = np.random.default_rng(7).normal(size=(N, N_X)).astype("float32")
    m = linear.mean(x)
    distortion, rate = linear.terms(x, target)
    expected = linear.distortion(target, m, linear.offset())
    np.testing.assert_allclose(distortion, expected, rtol=0.02)
    np.testing.assert_allclose(rate, linear.rate(m), rtol=1e-5)
    exact = predictive(linear, x, target)
    found = linear.model.log_likelihood(x, DRAWS, y=target)
    np.testing.assert_allclose(found, exact, atol=0.08)
    assert np.all(-expected < exact)


@pytest.mark.parametrize("kind", ["gumbel", "labels"])
def test_density_of_a_predicted_target_takes_the_categories_that_x_tells(x, kind):
    """log Σ_d q(d|x) E_{q(z|x)} p(target|z, d): nothing of what predicts comes from a prior."""
    linear = Linear(
        GumbelSoftmax((3, 2)) if kind == "gumbel" else Labels((3, 2), unknown=-1), target="y"
    )
    target = np.random.default_rng(7).normal(size=(N, N_X)).astype("float32")
    labels = np.array([[0, 1], [2, 0], [1, -1], [-1, 0], [-1, -1], [-1, 1]])
    y = {"target": target, "labels": labels} if kind == "labels" else target
    q = linear.q(x)
    weights = q[0][:, linear.combinations[:, 0]] * q[1][:, linear.combinations[:, 1]]
    hot = linear.one_hot(linear.combinations)
    each = np.stack([predictive(linear, x, target, d[None]) for d in hot], axis=1)
    joint = np.log(weights) + each
    rows = rows_of(linear, labels) if kind == "labels" else [list(range(6))] * N
    exact = [scipy.special.logsumexp(joint[i, row]) for i, row in enumerate(rows)]
    found = linear.model.log_likelihood(x, DRAWS, y=y)
    np.testing.assert_allclose(found, exact, atol=0.08)
