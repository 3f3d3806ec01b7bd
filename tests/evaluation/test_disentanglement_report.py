"""The report of disentanglement: models with and without discrete latents, data of every kind."""

import tracemalloc

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

import tfvae
from tfvae import evaluation
from tfvae.evaluation.disentanglement import encoding
from tfvae.models.beside import Needs

NAMES = ("shape", "size", "place")


def some_examples(number=600, seed=0):
    """x holds the factors, with noise; three shapes, two sizes, five places."""
    rng = np.random.default_rng(seed)
    factors = np.stack([rng.integers(states, size=number) for states in (3, 2, 5)], axis=1)
    x = np.concatenate([factors, rng.normal(size=(number, 1))], axis=1).astype("float32")
    return x, dict(zip(NAMES, factors.T, strict=True))


class Fake:
    """Encodes columns of x as Gaussians of given scales."""

    needs = Needs()
    num_categories = ()

    def __init__(self, columns, scales):
        self.columns, self.scales = columns, scales

    def encode(self, x, y=None):
        loc = np.asarray(x)[:, self.columns] - 1.0
        return tfd.MultivariateNormalDiag(loc, np.ones_like(loc) * np.float32(self.scales))


class FakeJoint(Fake):
    """And finds the shape, with other numbers, by one discrete latent, and noise by another."""

    num_categories = (3, 2)

    def categories(self, x, y=None):
        x = np.asarray(x)
        return np.stack([(x[:, 0] + 1) % 3, x[:, 3] > 0.0], axis=1).astype("int32")


def test_report_of_a_joint_model():
    x, factors = some_examples()
    # The third latent is collapsed: its mean follows the noise, but too faintly.
    model = FakeJoint([1, 2, 3], [0.1, 0.1, 1.0])
    x[:, 3] = 1.0 + 0.05 * x[:, 3]
    report = evaluation.disentanglement(model, x, factors=factors, batch_size=100)
    assert report.num_examples == 600
    assert report.latents == ("z_0", "z_1", "z_2", "d_0", "d_1")
    assert report.factors == NAMES
    assert report.active.tolist() == [True, True, False, True, False]
    assert report.factor_vae_score == 1.0
    assert report.beta_vae_score > 0.98
    for score in (report.mig, report.disentanglement, report.completeness, report.sap):
        assert 0.85 < score <= 1.0
    assert report.informativeness == 1.0
    best = [3, 0, 1]
    for matrix in (report.matrix, report.importance):
        assert matrix.shape == (5, 3)
        assert matrix.argmax(axis=0).tolist() == best
        assert matrix[best, range(3)] == pytest.approx(np.ones(3), abs=0.01)
    assert report.accuracies["d_0", "shape"] == (1.0, 1.0)
    assert report.accuracies["d_1", "shape"].one_to_one < 0.5


def test_report_prints_and_gives_a_dict():
    x, factors = some_examples()
    report = evaluation.disentanglement(FakeJoint([1, 2], 0.1), x, factors=factors)
    numbers = report.to_dict()
    assert numbers["FactorVAE score"] == report.factor_vae_score
    assert numbers["MIG"] == report.mig
    assert numbers["accuracy, d_0 as shape"] == 1.0
    accuracy = report.accuracies["d_1", "place"]
    assert numbers["majority accuracy, d_1 as place"] == accuracy.majority
    text = str(report)
    assert text.startswith("Disentanglement\n")
    assert "chance 0.333" in text


def test_each_number_is_that_of_its_function():
    x, factors = some_examples()
    codes = x[:, [1, 3, 0]] + 0.3 * x[:, [3, 2, 2]]
    categories = x[:, :1].astype(int) // 2
    active = np.array([True, False, True])
    report = evaluation.disentanglement_scores(
        codes, factors, categories=categories, active=active, seed=4
    )
    options = {"categories": categories, "seed": 4}
    for metric in ("mig", "sap", "irs"):
        assert getattr(report, metric) == getattr(evaluation, metric)(codes, factors, **options)
    for metric in ("factor_vae_score", "beta_vae_score"):
        score = getattr(evaluation, metric)(codes, factors, active=active, **options)
        assert getattr(report, metric) == score
    expected = evaluation.dci(codes, factors, **options)
    assert report.disentanglement == expected.disentanglement
    assert report.completeness == expected.completeness
    assert report.informativeness == expected.informativeness
    assert np.array_equal(report.importance, expected.importance)


def test_kl_against_the_integral():
    """KL(N(μ, σ²) ‖ N(0, 1)) by the trapezoidal rule, mean over two examples."""
    loc, scale = np.array([[0.5, 0.0], [-1.0, 0.0]]), np.array([[0.7, 1.0], [1.3, 1.0]])
    z = np.linspace(-12.0, 12.0, 20001)
    total = 0.0
    for m, s in zip(loc[:, 0], scale[:, 0], strict=True):
        q = np.exp(-0.5 * ((z - m) / s) ** 2) / (s * np.sqrt(2 * np.pi))
        log_q = -0.5 * ((z - m) / s) ** 2 - np.log(s * np.sqrt(2 * np.pi))
        total += np.trapezoid(q * (log_q + 0.5 * z**2 + 0.5 * np.log(2 * np.pi)), z) / 2
    assert encoding.kl_to_standard_normal(loc, scale) == pytest.approx([total, 0.0], rel=1e-6)
    assert np.isinf(encoding.kl_to_standard_normal(loc, 0.0 * scale)).all()


def test_report_of_a_model_that_is_trained_on_nothing():
    x, factors = some_examples(200)
    vae = tfvae.VAE(latent_dim=3, seed=0)
    vae.build((None, 4))
    report = evaluation.disentanglement(vae, x, factors=factors)
    assert report.latents == ("z_0", "z_1", "z_2")
    assert report.accuracies == {}
    again = evaluation.disentanglement(vae, x, factors=factors)
    assert again.to_dict() == report.to_dict()
    expected = evaluation.mig(vae.encode(x).mean().numpy(), factors)
    assert report.mig == pytest.approx(expected, rel=1e-6)


def test_datasets_and_arrays_give_the_same_scores():
    x, factors = some_examples()
    model = FakeJoint([1, 2], 0.1)
    one = evaluation.disentanglement(model, x, factors=factors, num_examples=400, seed=3)
    assert one.num_examples == 400
    data = tf.data.Dataset.from_tensor_slices((x, factors)).batch(70)
    many = evaluation.disentanglement(model, data, num_examples=400, seed=3)
    assert many.num_examples == 400
    assert many.mig == pytest.approx(one.mig, abs=0.05)
    matrix = np.stack(list(factors.values()), axis=1)
    columns = ("factor 0", "factor 1", "factor 2")
    for given, names in ((matrix, columns), (matrix[:, 0], ("label",))):
        data = tf.data.Dataset.from_tensor_slices((x, given)).batch(70)
        part, found, _ = encoding.random_part(data, None, 1000, 0)
        assert tuple(found) == names
        assert np.array_equal(np.stack(list(found.values()), axis=1), part[:, : len(names)])
        assert len(part) == 600


def test_a_part_of_a_dataset_is_drawn_from_all_of_it():
    """In its order: each of 40 examples as often as the others, with its own factors."""
    number = np.arange(40)
    data = tf.data.Dataset.from_tensor_slices((number[:, None], {"n": number})).batch(7)
    seen = np.zeros(40, dtype=int)
    for seed in range(60):
        x, factors, _ = encoding.random_part(data, None, 10, seed)
        assert len(set(x[:, 0])) == len(x) == 10
        assert np.array_equal(x[:, 0], factors["n"])
        seen[x[:, 0]] += 1
    # Of 60 draws with probability 1/4: 15 each, with a standard deviation of 3.4, and 300 ± 11 in
    # each half.
    assert seen.min() >= 4
    assert seen.max() <= 26
    assert seen[:20].sum() == pytest.approx(300, abs=40)


@pytest.mark.parametrize(
    ("data", "factors", "message"),
    [
        (np.zeros((20, 4)), None, "`factors` must be given with an array"),
        (np.zeros((0, 4)), np.zeros((0, 2), int), "`data` must hold at least one example"),
        (np.zeros((20, 4)), np.zeros((19, 2), int), "19 values of 'factor 0' and 20 examples"),
        (tf.data.Dataset.from_tensors(np.zeros((20, 4))), None, "a dataset of x alone"),
        (
            tf.data.Dataset.from_tensors(np.zeros((20, 4))),
            np.zeros((20, 2), int),
            "`factors` must be None for a dataset",
        ),
        (
            tf.data.Dataset.from_tensors((np.zeros((20, 4)), np.zeros(20, int))).repeat(),
            None,
            "without end",
        ),
        (
            tf.data.Dataset.from_tensors((np.zeros((20, 4)), {"value": np.zeros(20)})),
            None,
            "float64 of shape .* for 'value'",
        ),
        (np.full((20, 4), np.nan), np.arange(20)[:, None] % 2, "20 of 20 examples"),
    ],
)
def test_bad_data_are_refused(data, factors, message):
    with pytest.raises(ValueError, match=message):
        evaluation.disentanglement(Fake([0, 1], 1.0), data, factors=factors)


def test_num_examples_must_be_a_whole_number():
    x, factors = some_examples(20)
    with pytest.raises(ValueError, match="`num_examples` must be a whole number"):
        evaluation.disentanglement(Fake([0], 1.0), x, factors=factors, num_examples=0)


def test_one_factor_and_one_latent_have_words_in_place_of_some_scores():
    rng = np.random.default_rng(0)
    codes, label = rng.normal(size=(400, 3)), rng.integers(4, size=400)
    report = evaluation.disentanglement_scores(codes, label)
    scores = (report.factor_vae_score, report.beta_vae_score, report.disentanglement)
    assert np.all(np.isnan(scores)) and report.completeness < 0.2 and report.mig < 0.1
    assert str(report).count("nan  means nothing for one factor") == 3
    two = {"label": label, "other": rng.integers(2, size=400)}
    report = evaluation.disentanglement_scores(codes[:, :1], two)
    assert np.isnan(report.completeness) and report.factor_vae_score < 0.6
    assert str(report).count("nan  means nothing for one latent") == 1


def test_a_part_of_an_array_is_taken_without_a_copy_of_all():
    x = np.arange(4_000_000, dtype="uint8").reshape(-1, 1000)
    factors = np.arange(4000)
    tracemalloc.start()
    try:
        part, found, _ = encoding.random_part(x, factors, 50, 3)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    rows = np.argsort(np.random.default_rng(3).random(4000))[:50]
    np.testing.assert_array_equal(part, x[rows])
    np.testing.assert_array_equal(found["label"], rows)
    assert peak < x.nbytes / 4
