"""Time from a slider to the picture on the explorer's page, in a headless Chromium.

    python -m benchmarks.explorer [--model model.keras --data data.npz] [--presses N] [--json FILE]

Without `--model` a VHP-VAE is trained on the pendulum for a few seconds. The page is served as a
user serves it, by `tfvae explore`. An arrow key moves a slider; the clock
runs, in the browser, from the time stamp of the key to after the frame that shows the new picture.
Chromium and its driver must be installed (Debian: `apt-get install chromium chromium-driver`).
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

import tfvae
from benchmarks import common
from tfvae.datasets import pendulum_images

SIZE, EXAMPLES, EPOCHS = 16, 2000, 6
WANTED = 50.0
PROGRAM = ("tfvae", "explore")
NAMES = ("chromium", "chromium-browser", "google-chrome")
# Keys come one by one: the next once the picture of the last is there.
STOPWATCH = """
const picture = document.querySelector('[data-picture=decoded]');
let start = null;
window.times = [];
document.addEventListener('keydown', (event) => { start = event.timeStamp; }, true);
picture.addEventListener('load', () => {
  if (start === null) return;
  const begun = start;
  start = null;
  requestAnimationFrame(() => setTimeout(() => window.times.push(performance.now() - begun), 0));
});
"""


def missing() -> str:
    """Why no browser can be driven here; "" if one can."""
    if not any(map(shutil.which, NAMES)):
        return "Chromium is not installed"
    if not shutil.which("chromedriver"):
        return "chromedriver is not installed"
    return ""


@contextlib.contextmanager
def browser(width: int = 1280, height: int = 900, *, dark: bool = False) -> Iterator[Any]:
    """A headless Chromium with a window of this size that prefers light or dark pages."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = next(filter(None, map(shutil.which, NAMES)))
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        yield driver
    finally:
        driver.quit()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def served(*arguments: str, patience: float = 180.0) -> Iterator[str]:
    """The address of a page that the program serves in a process of its own.

    Raises:
        RuntimeError: with what the program said, when it ends or takes too long.
    """
    port = free_port()
    command = [sys.executable, "-m", *PROGRAM, *arguments, "--no_browser", f"--port={port}"]
    paths = [str(pathlib.Path(tfvae.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    # With it NiceGUI takes the program for a test of its own, and asks for its port elsewhere.
    environment.pop("PYTEST_CURRENT_TEST", None)
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
        try:
            end = time.monotonic() + patience
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > end:
                    said.seek(0)
                    raise RuntimeError(f"the explorer does not answer: {said.read()}")
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait(30)


def _answers(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def write_pendulum(folder: pathlib.Path, epochs: int = EPOCHS) -> tuple[str, str]:
    """Trains a model of the pendulum; returns the paths of its file and of data with angles."""
    angles = np.random.default_rng(0).uniform(0.0, 2.0 * np.pi, EXAMPLES)
    x = pendulum_images(angles, size=SIZE, seed=1)
    vae = tfvae.VHPVAE(latent_dim=2, seed=0)
    vae.compile(keras.optimizers.Adam(1e-3))
    vae.fit(x, epochs=epochs, verbose=0)
    model, data = folder / "pendulum.keras", folder / "pendulum.npz"
    vae.save(model)
    np.savez(data, x=x, labels=angles)
    return str(model), str(data)


def press(driver: Any, address: str, presses: int) -> np.ndarray:
    """Milliseconds from each key to its picture, (presses,)."""
    from selenium.webdriver import ActionChains, Keys
    from selenium.webdriver.support.ui import WebDriverWait

    wait = WebDriverWait(driver, 30, poll_frequency=0.01)
    driver.get(address)
    source = "return (document.querySelector('[data-picture=decoded]') || {}).src || ''"
    wait.until(lambda one: one.execute_script(source).startswith("data:"))
    time.sleep(3.0)  # The magnification factor is drawn, which nobody waits for.
    driver.execute_script(STOPWATCH)
    driver.execute_script("document.querySelector('[data-axis] [tabindex]').focus()")
    for i in range(presses):
        key = Keys.ARROW_RIGHT if i // 20 % 2 == 0 else Keys.ARROW_LEFT
        ActionChains(driver, duration=0).send_keys(key).perform()
        wait.until(lambda one, i=i: one.execute_script("return times.length") > i)
    return np.array(driver.execute_script("return times"))


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="A .keras file of images; default: a new pendulum model.")
    parser.add_argument("--data", help="DATA of this model.")
    parser.add_argument("--presses", type=int, default=100)
    parser.add_argument("--json")
    options = parser.parse_args()
    if missing():
        parser.error(f"{missing()}: apt-get install chromium chromium-driver")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        given = [options.model, *([options.data] if options.data else [])]
        arguments = given if options.model else list(write_pendulum(pathlib.Path(folder)))
        for width, height in ((1280, 900), (390, 844)):
            with served(*arguments) as address, browser(width, height) as driver:
                times = press(driver, address, options.presses)
            rows.append(
                [f"{width}×{height}", len(times), *np.quantile(times, [0.5, 0.9, 1.0]),
                 float(np.mean(times <= WANTED))]
            )  # fmt: skip
    name = pathlib.Path(arguments[0]).stem
    common.report(
        f"Explorer: from a slider to the picture, {name}",
        ["window", "keys", "median", "90%", "longest", f"within {WANTED:.0f} ms"],
        [[f"{v:.3g}" if isinstance(v, float) else v for v in row] for row in rows],
        ["pixels", "", "ms", "ms", "ms", "share"],
        common.environment(),
        options.json,
    )


if __name__ == "__main__":
    main()
