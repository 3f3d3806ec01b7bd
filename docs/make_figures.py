"""Draws the figures of the documentation into docs/images.

    python docs/make_figures.py [NAME …]

Networks are small, data are rendered or come with scikit-learn, and seeds are fixed. Without names
all figures are drawn.
"""

import argparse
import functools
import io
import pathlib
import time
from collections.abc import Callable

import keras
import numpy as np
import PIL.Image
from matplotlib.figure import Figure

import tfvae
from tfvae import plots
from tfvae.datasets import as_arrays, load, pendulum_images, sequences, sprite_grid

IMAGES = pathlib.Path(__file__).resolve().parent / "images"
# Bytes of a file; a repository is no place for more.
GREATEST = 80_000
ANGLE = {"coloring": "cyclic", "label_name": "angle (rad)"}
DRAWN: dict[str, Callable[[], Figure]] = {}
mlp = tfvae.networks.mlp


def drawn(function: Callable[[], Figure]) -> Callable[[], Figure]:
    """Registers the function that draws the figure of its name."""
    DRAWN[function.__name__] = function
    return function


@functools.cache
def pendulum() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """3,000 images to train on, 500 to test, and the angles of these."""
    random = np.random.default_rng(0)
    angles, test_angles = (random.uniform(0, 2 * np.pi, n) for n in (3000, 500))
    train = pendulum_images(angles, noise=0.05, seed=1)
    return train, pendulum_images(test_angles, noise=0.05, seed=2), test_angles


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """The 1,797 digits of scikit-learn, 8 × 8, and their labels."""
    parts = [as_arrays(load("digits", split, shuffle=False)) for split in ("train", "test")]
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def fitted(model: keras.Model, x: np.ndarray, epochs: int, batch_size: int = 128) -> keras.Model:
    """The model after some epochs, with a learning rate that falls."""
    steps = epochs * -(-len(x) // batch_size)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps, 0.1)))
    model.fit(x, batch_size=batch_size, epochs=epochs, verbose=0)
    return model


@functools.cache
def pendulum_model(name: str, epochs: int = 60) -> keras.Model:
    """A trained model of the pendulum: "VAE", "VHPVAE" or "FlatManifoldVAE"."""
    keras.utils.set_random_seed(0)
    settings = {"likelihood": tfvae.likelihoods.Gaussian(scale=0.6)}
    settings["objective"] = tfvae.objectives.Constrained(
        kappa=0.07, multiplier=tfvae.objectives.REWO(nu=0.1, initial=0.15)
    )
    settings["prior"] = tfvae.priors.HierarchicalPrior(8, hidden=(64, 64))
    model = getattr(tfvae, name)(
        latent_dim=2,
        encoder=mlp([256, 256], activation="elu"),
        decoder=mlp([256, 256], (16, 16, 1), activation="gelu"),
        seed=0,
        **({} if name == "VAE" else settings),
    )
    return fitted(model, pendulum()[0], epochs)


@functools.cache
def pendulum_ring() -> keras.Model:
    """The VHP-VAE of the pendulum, after steps on its prior alone."""
    model = pendulum_model("VHPVAE")
    model.fit_prior(pendulum()[0], steps=3000, batch_size=512, learning_rate=2e-2, verbose=0)
    return model


@drawn
def standard_prior() -> Figure:
    """Encodings of the pendulum under N(0, I), whose samples lie where no data are."""
    _, test, angles = pendulum()
    return plots.latent_scatter(pendulum_model("VAE"), test, angles, num_prior=800, **ANGLE)


@drawn
def vhp_vae() -> Figure:
    """The learned prior on the ring, and a path through it beside the straight line."""
    _, test, angles = pendulum()
    model = pendulum_ring()
    z = model.encode(test).mean().numpy()
    start, end = z[[np.argmin(abs(angles - at)) for at in (0.3, 3.2)]]
    graph = tfvae.geometry.LatentGraph(model, num_nodes=1500, num_neighbors=14, keep=0.8, seed=0)
    paths = {
        "through the prior": graph.interpolate(start, end),
        "straight line": np.linspace(start, end, 50),
    }
    return plots.latent_scatter(model, test, angles, num_prior=800, paths=paths, **ANGLE)


@drawn
def flat_manifold() -> Figure:
    """Curves of equal distance from points of a flat latent space: circles."""
    return plots.equidistance(pendulum_model("FlatManifoldVAE"), pendulum()[1])


@drawn
def flatness() -> Figure:
    """Condition number and magnification of the metric, with the penalty and without."""
    names = {"VHP-VAE": "VHPVAE", "VHP-FMVAE": "FlatManifoldVAE"}
    test = pendulum()[1]
    return plots.violins(
        {name: tfvae.evaluation.flatness(pendulum_model(cls), test) for name, cls in names.items()}
    )


@drawn
def topographic() -> Figure:
    """A digit that turns, continued by rolling its capsules."""
    images, _ = digits()
    frames, size = 12, 96
    train = sequences(images[:500], None, "rotation", num_frames=frames, batch_size=8)
    test = sequences(
        images[-20:], None, "rotation", num_frames=frames, batch_size=20, training=False
    )
    keras.utils.set_random_seed(0)
    norm = keras.layers.LayerNormalization()
    model = tfvae.TopographicVAE(
        latent_dim=size,
        encoder=mlp([192, 128]),
        encoder_u=mlp([192, 128]),
        decoder=keras.Sequential([norm, mlp([128, 192], output_shape=(8, 8, 1))]),
        likelihood="bernoulli",
        seed=0,
    )
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(train, epochs=25, verbose=0)
    x, _ = next(iter(test))
    return plots.capsule_traversals(model, x[:4])


@functools.cache
def sprites() -> tuple[keras.Model, np.ndarray, dict[str, np.ndarray]]:
    """A CascadeVAE of small sprites, the images and their factors."""
    x, states = sprite_grid(size=16, scales=3, orientations=1, positions_x=12, positions_y=12)
    x = x.astype("float32")
    factors = dict(zip(tfvae.datasets.SPRITE_FACTORS, states.T, strict=True))
    keras.utils.set_random_seed(1)
    l2 = keras.regularizers.L2(4e-5)
    epochs, batch_size = 150, 64
    steps = epochs * -(-len(x) // batch_size)
    model = tfvae.CascadeVAE(
        latent_dim=3,
        discrete=tfvae.discrete.Assigned(3, tfvae.assignment.MinCostFlow(penalty=1.0)),
        objective=tfvae.objectives.InformationCascade(
            2.0, 20.0, period=steps // 8, discrete_start=3
        ),
        encoder=mlp([256, 128], activation="elu", kernel_regularizer=l2),
        decoder=mlp([128, 256], x.shape[1:], activation="elu", kernel_regularizer=l2),
        likelihood="bernoulli",
        seed=1,
    )
    return fitted(model, x, epochs, batch_size), x, factors


@drawn
def cascade() -> Figure:
    """Traversals of each latent in each category: position, size and shape of sprites."""
    return plots.category_traversals(sprites()[0])


@drawn
def factors() -> Figure:
    """Which latent tells which factor."""
    model, x, known = sprites()
    report = tfvae.evaluation.disentanglement(model, x, factors=known, verbose=0)
    return plots.latents_against_factors(report.matrix, report.latents, report.factors)


@functools.cache
def digit_model() -> keras.Model:
    """A VHP-VAE of digits with eight latents."""
    keras.utils.set_random_seed(0)
    return fitted(tfvae.VHPVAE(latent_dim=8, seed=0), digits()[0][:1400], 40)


@drawn
def reconstructions() -> Figure:
    """Digits that were not trained on, and what the model makes of them."""
    return plots.reconstructions(digit_model(), digits()[0][1400:])


@drawn
def prior_fit() -> Figure:
    """The aggregated posterior beside the prior, and how far both are apart."""
    return plots.prior_fit(pendulum_ring(), pendulum()[1])


@drawn
def traversals() -> Figure:
    """Steps along the principal axes of the latent space."""
    x = digits()[0]
    axes = tfvae.evaluation.principal_axes(digit_model(), x[:1400])
    return plots.traversals(digit_model(), x[1405], axes=axes, dims=range(4))


@drawn
def groups() -> Figure:
    """Groups in the latent space of digits, found without labels."""
    x, labels = digits()
    found = tfvae.evaluation.clusters(
        digit_model(), x[:1400], 10, labels=labels[:1400], method="gaussian_mixture", seed=0
    )
    return plots.clusters(digit_model(), x[:1400], found)


@drawn
def outliers() -> Figure:
    """Why two rows of a table are odd: nats by column, which add up to the score."""
    random = np.random.default_rng(0)
    load_of = random.uniform(0.2, 1.0, (600, 1))
    x = load_of ** [1, 1, 2, 2, 1] * [3000, 80, 6, 18, 40]
    x *= random.normal(1.0, 0.03, x.shape)
    x[:2] = [[2400, 25, 0.9, 2.5, 32], [1500, 41, 1.6, 4.6, 38]]
    detector = tfvae.applications.OutlierDetector(contamination=0.01, steps=500, verbose=0).fit(x)
    return plots.outlier_reasons(detector, x[:2], titles=["blocked pump", "worn bearing"])


@drawn
def denoising() -> Figure:
    """Noisy digits, what an autoencoder makes of them, and the clean ones."""
    x, _ = digits()
    keras.utils.set_random_seed(0)
    corruption = keras.layers.GaussianNoise(0.3, seed=0)
    model = fitted(tfvae.Autoencoder(32, corruption=corruption, seed=0), x[:1400], 60)
    clean = x[1400:1410]
    noisy = clean + np.random.default_rng(1).normal(0.0, 0.3, clean.shape).astype("float32")
    found = tfvae.applications.denoise(model, noisy)
    versions = {"noisy": noisy, "denoised": found, "clean": clean}
    return plots.image_versions({name: np.clip(one, 0, 1) for name, one in versions.items()})


@drawn
def events() -> Figure:
    """Generated decays of a Z boson, from N(0, I) and a density buffer, beside simulated ones."""
    muon, names = 0.10566, ("µ−", "µ+")
    simulated = tfvae.datasets.two_body_decays(
        6000, width=2.4952, daughter_masses=(muon, muon), seed=0
    )
    train, test = simulated[:4000], simulated[4000:]
    coordinates = tfvae.datasets.EventCoordinates.fit(train, circles=True)
    scale = np.where(np.array(coordinates.names) == "log mass", 3.0, 1.0).astype("float32")
    x = coordinates.apply(train) * scale
    keras.utils.set_random_seed(0)
    model = tfvae.BetaVAE(
        latent_dim=6,
        objective=tfvae.objectives.ConvexBeta(1e-5),
        encoder=mlp([64, 64]),
        decoder=mlp([64, 64], x.shape[1:]),
        seed=0,
    )
    fitted(model, x, 60)
    buffer = tfvae.applications.DensityBuffer(model, x, seed=0)
    generated = {
        "N(0, I)": model.generate(4000, seed=0, mean=False),
        "density buffer": buffer.sample(4000, seed=0),
    }
    shown = ("mass", "pT of the sum")

    def observables(vectors):
        found = tfvae.datasets.event_observables(vectors, names)
        return {name: found[name] for name in shown}

    return plots.event_histograms(
        {k: observables(coordinates.invert(v / scale)) for k, v in generated.items()},
        observables(test),
        units=dict.fromkeys(shown, "GeV"),
    )


@drawn
def training_curves() -> Figure:
    """Terms of the loss over the epochs, with the multiplier of the constraint."""
    keras.utils.set_random_seed(0)
    model = tfvae.VHPVAE(latent_dim=4, seed=0)
    model.compile(keras.optimizers.Adam(2e-3))
    return plots.training_curves(model.fit(digits()[0], batch_size=128, epochs=40, verbose=0))


@drawn
def beta() -> Figure:
    """What β does to rate and distortion, on digits."""

    def model(value):
        return tfvae.BetaVAE(8, value, encoder=mlp([64]), decoder=mlp([64], (8, 8, 1)), seed=0)

    return plots.beta_scan(
        tfvae.evaluation.beta_scan(model, digits()[0][:1000], [0.1, 0.5, 1, 4, 16], verbose=0)
    )


def png(figure: Figure) -> bytes:
    """The picture, with as many colours as fit into `GREATEST` bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, facecolor="white")
    for colors in (256, 128, 64, 32):
        image = PIL.Image.open(buffer).convert("RGB")
        image = image.quantize(colors, method=PIL.Image.Quantize.MEDIANCUT, dither=0)
        made = io.BytesIO()
        image.save(made, format="png", optimize=True)
        if len(made.getvalue()) < GREATEST:
            return made.getvalue()
    raise ValueError(f"A figure must take less than {GREATEST} bytes; draw it smaller.")


def main() -> None:
    """Draws what is named, and says how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(DRAWN))
    names = parser.parse_args().names or list(DRAWN)
    unknown = set(names) - set(DRAWN)
    if unknown:
        parser.error(f"`NAME` must be one of {', '.join(DRAWN)}, received {', '.join(unknown)}.")
    for name in names:
        start = time.perf_counter()
        data = png(DRAWN[name]())
        IMAGES.mkdir(exist_ok=True)
        (IMAGES / f"{name}.png").write_bytes(data)
        print(f"{name}: {len(data) / 1000:.0f} kB, {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
