"""PSNR and SSIM against scikit-image's and plain NumPy."""

import numpy as np
import pytest

from tfvae.evaluation import image_quality, psnr, ssim

RNG = np.random.default_rng(0)
CLEAN = RNG.uniform(size=(300, 14, 16, 3)).astype("float32")
NOISY = CLEAN + RNG.normal(size=CLEAN.shape, scale=0.2).astype("float32")


def test_psnr_against_numpy():
    expected = 10.0 * np.log10(1.0 / np.mean((CLEAN - NOISY) ** 2, axis=(1, 2, 3)))
    np.testing.assert_allclose(psnr(CLEAN, NOISY), expected, rtol=1e-4)
    np.testing.assert_allclose(psnr(CLEAN * 255, NOISY * 255, max_value=255), expected, rtol=1e-4)
    grey = psnr(CLEAN[..., 0], NOISY[..., 0])
    np.testing.assert_allclose(grey, psnr(CLEAN[..., :1], NOISY[..., :1]))
    assert np.all(np.isinf(psnr(CLEAN, CLEAN)))


@pytest.mark.parametrize("max_value", [1.0, 255.0])
def test_ssim_against_scikit_image(max_value):
    metrics = pytest.importorskip("skimage.metrics")
    found = ssim(max_value * CLEAN[:4], max_value * NOISY[:4], max_value=max_value)
    for clean, noisy, one in zip(CLEAN, NOISY, found, strict=False):
        # The windows that lie inside of the image, as TensorFlow takes them.
        _, full = metrics.structural_similarity(
            max_value * clean.astype("float64"),
            max_value * noisy.astype("float64"),
            data_range=max_value,
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            full=True,
        )
        np.testing.assert_allclose(one, np.mean(full[5:-5, 5:-5]), rtol=1e-3)


def test_report():
    quality = image_quality(CLEAN, {"noisy": NOISY, "clean": CLEAN[:]})
    values = psnr(CLEAN, NOISY)
    rows = {name: numbers for name, *numbers in quality.rows()}
    error = np.std(values, ddof=1) / np.sqrt(300)
    np.testing.assert_allclose(rows["noisy"][:2], [values.mean(), error], rtol=1e-5)
    assert rows["clean"][2] == pytest.approx(1.0)
    assert quality.to_dict()["SSIM of noisy"] == pytest.approx(rows["noisy"][2])
    assert str(quality).splitlines()[0] == "Image quality" and "| noisy" in str(quality)
    one = image_quality(CLEAN[:1], {"noisy": NOISY[:1]})
    assert np.isnan(one.rows()[0][2])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: psnr(CLEAN, NOISY[:2]), "`images` must have the shape of `reference`"),
        (lambda: psnr(CLEAN[0, 0], NOISY[0, 0]), "`reference` must hold images"),
        (lambda: psnr(CLEAN[:0], NOISY[:0]), "with n ≥ 1"),
        (lambda: psnr(CLEAN, np.full_like(CLEAN, np.nan)), "`images` must be finite"),
        (lambda: psnr(CLEAN, NOISY, max_value=0.0), "`max_value` must lie in"),
        (lambda: ssim(CLEAN[:, :8], NOISY[:, :8]), "at least 11×11 pixels for SSIM, received 8×16"),
        (lambda: image_quality(CLEAN, {}), "`versions` must be a dict .*an empty one"),
        (lambda: image_quality(CLEAN, NOISY), "`versions` must be a dict .*ndarray"),
    ],
)
def test_bad_arguments(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()
