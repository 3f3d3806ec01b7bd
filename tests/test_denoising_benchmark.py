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
    denoising.main(["--epochs", "1"])
    text = capsys.readouterr().out
    assert text.count("| σ = 0.5") == 6
    assert text.count("above all three in PSNR") == 2 == text.count("above all three in SSIM")


def test_beta_answers(monkeypatch, capsys, tmp_path):
    def scan(factory, x, betas, **options):
        betas = np.array(betas, "float64")
        down, up = np.linspace(9.0, 0.0, len(betas)), np.linspace(0.0, 1.0, len(betas))
        return BetaScan(betas, 0 * up, 1 - up, up, up, down, 1 - up, "RMSE per feature")

    monkeypatch.setattr(beta.tfvae.evaluation, "beta_scan", scan)
    beta.main(["--figures", str(tmp_path)])
    text = capsys.readouterr().out
    assert text.count("rate falls: yes") == 2 == text.count("distortion rises: yes")
    assert text.count("error rises: NO") == 2 and "average variance 1 at β = 1: yes" in text
    assert {path.name for path in tmp_path.iterdir()} == {"weighted.png", "convex.png"}


def test_monotone_within_the_slack():
    assert beta.is_monotone([0.0, 1.0, 0.995, 2.0], rising=True)
    assert not beta.is_monotone([0.0, 1.0, 0.9, 2.0], rising=True)
    assert beta.is_monotone([2.0, 1.0, 1.005, 0.0], rising=False)
