"""What benchmarks/denoising.py and benchmarks/beta.py say, on small data."""

import numpy as np
import pytest

from benchmarks import beta, denoising
from tfvae.evaluation import BetaScan


@pytest.fixture
def images():
    """Bright squares on black, 28×28."""
    rng = np.random.default_rng(0)
    x = np.zeros((60, 28, 28, 1), "float32")
    for image, (row, column) in zip(x, rng.integers(4, 14, size=(60, 2)), strict=True):
        image[row : row + 10, column : column + 10] = 1.0
    return x[:40], x[40:]


def test_scikit_image_is_tuned_and_removes_noise(images):
    pytest.importorskip("skimage")
    train, _ = images
    noisy = denoising.noisy(train, 0.5, 0)
    assert np.std(noisy - train) == pytest.approx(0.5, rel=0.02)
    methods = denoising.classical(0.5, train[:4], noisy[:4])
    names = [name.split(",")[0] for name in methods]
    assert names == ["total variation", "wavelet", "non-local means"]
    error = np.mean((np.clip(noisy[4:8], 0, 1) - train[4:8]) ** 2)
    for method in methods.values():
        found = denoising.applied(method, noisy[4:8])
        assert found.shape == (4, 28, 28, 1) and np.mean((found - train[4:8]) ** 2) < error / 2


def test_denoising_prints_a_row_for_each_method_and_the_answers(images, monkeypatch, capsys):
    pytest.importorskip("skimage")
    monkeypatch.setattr(denoising, "digits", lambda folder: images)
    monkeypatch.setattr(denoising, "SIGMAS", (0.5,))
    monkeypatch.setattr(denoising, "NUM_TUNE", 2)
    goals = denoising.main(["--data=nowhere", "--epochs", "1"])
    text = capsys.readouterr().out
    assert text.count("| σ = 0.5,") == 6
    assert [goal.name.split(" of ")[0] for goal in goals] == ["σ = 0.5: PSNR", "σ = 0.5: SSIM"] * 2
    for goal in goals:
        wanted, reached = (
            float(text.split()[-1])
            for text in (goal.wanted.split(" dB")[0].split(" (")[0], goal.reached.split(" dB")[0])
        )
        assert goal.holds == (reached > wanted)


def test_beta_answers(monkeypatch, capsys, tmp_path):
    def scan(factory, x, betas, **options):
        betas = np.array(betas, "float64")
        down, up = np.linspace(9.0, 0.0, len(betas)), np.linspace(0.0, 1.0, len(betas))
        return BetaScan(betas, 0 * up, 1 - up, up, up, down, 1 - up, "RMSE per feature")

    monkeypatch.setattr(beta.tfvae.evaluation, "beta_scan", scan)
    goals = beta.main(["--data=nowhere", "--only=digits", f"--figures={tmp_path}"])
    holds = {goal.name.removeprefix("digits, "): goal.holds for goal in goals}
    for form in ("D + β·R", "(1 − β)·MSE + β·R"):
        assert holds[f"{form}: rate"] and holds[f"{form}: distortion"]
        assert not holds[f"{form}: error"]
    assert holds["(1 − β)·MSE + β·R: average variance at β = 1"]
    assert len(goals) == 10 and capsys.readouterr().out.count("| NO ") == 2
    assert {path.name for path in tmp_path.iterdir()} == {
        "digits_weighted.png",
        "digits_convex.png",
    }


def test_monotone_within_the_slack():
    assert beta.is_monotone([0.0, 1.0, 0.995, 2.0], rising=True)
    assert not beta.is_monotone([0.0, 1.0, 0.9, 2.0], rising=True)
    assert beta.is_monotone([2.0, 1.0, 1.005, 0.0], rising=False)
