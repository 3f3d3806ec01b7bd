"""Training steps of pythae's models: a worker of `benchmarks.step`, with torch and pythae alone.

PYTHON -m benchmarks.peers SHAPE MODEL
"""

import sys
import time

import torch
from pythae.models import (
    IWAE,
    VAE,
    VAMP,
    BetaTCVAE,
    BetaTCVAEConfig,
    FactorVAE,
    FactorVAEConfig,
    IWAEConfig,
    VAEConfig,
    VAMPConfig,
)
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch import nn

from benchmarks import step_shapes as shapes
from benchmarks.turns import serve

# torch has channels first.
INPUTS = {"dense": (1, 28, 28), "conv": (1, 64, 64)}


def _dense_encoder():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 300), nn.ReLU()
    ), 300  # fmt: skip


def _dense_decoder():
    return nn.Sequential(
        nn.Linear(shapes.LATENT_DIM, 300), nn.ReLU(), nn.Linear(300, 300), nn.ReLU(),
        nn.Linear(300, 784), nn.Sigmoid(),
    )  # fmt: skip


def _conv_encoder():
    layers, before = [], 1
    for filters in (32, 32, 64, 64):
        layers += [nn.Conv2d(before, filters, 4, 2, 1), nn.ReLU()]
        before = filters
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, 256), nn.ReLU()), 256


def _conv_decoder():
    layers = [nn.Linear(shapes.LATENT_DIM, 256), nn.ReLU(), nn.Linear(256, 1024), nn.ReLU()]
    layers.append(nn.Unflatten(1, (64, 4, 4)))
    before = 64
    for filters in (64, 32, 32):
        layers += [nn.ConvTranspose2d(before, filters, 4, 2, 1), nn.ReLU()]
        before = filters
    return nn.Sequential(*layers, nn.ConvTranspose2d(before, 1, 4, 2, 1), nn.Sigmoid())


NETWORKS = {"dense": (_dense_encoder, _dense_decoder), "conv": (_conv_encoder, _conv_decoder)}


class Encoder(BaseEncoder):
    """Features, with a head of two dense layers."""

    def __init__(self, shape):
        super().__init__()
        self.layers, features = NETWORKS[shape][0]()
        self.loc = nn.Linear(features, shapes.LATENT_DIM)
        self.log_variance = nn.Linear(features, shapes.LATENT_DIM)

    def forward(self, x):
        """Mean and log-variance of the posterior."""
        features = self.layers(x)
        return ModelOutput(embedding=self.loc(features), log_covariance=self.log_variance(features))


class Decoder(BaseDecoder):
    """Means of a Bernoulli."""

    def __init__(self, shape):
        super().__init__()
        self.layers, self.shape = NETWORKS[shape][1](), INPUTS[shape]

    def forward(self, z):
        """Means of a Bernoulli."""
        return ModelOutput(reconstruction=self.layers(z).reshape(-1, *self.shape))


def model_of(shape, name):
    """pythae's model of a name, with the networks of tfvae's."""
    shared = {
        "input_dim": INPUTS[shape],
        "latent_dim": shapes.LATENT_DIM,
        "reconstruction_loss": "bce",
    }
    networks = Encoder(shape), Decoder(shape)
    match name:
        case "VAE":
            return VAE(VAEConfig(**shared), *networks)
        case "IWAE":
            config = IWAEConfig(number_samples=shapes.IMPORTANCE_SAMPLES, **shared)
            return IWAE(config, *networks)
        case "VampPrior VAE":
            return VAMP(VAMPConfig(number_components=shapes.COMPONENTS, **shared), *networks)
        case "FactorVAE":  # Its discriminator has five hidden layers of 1000.
            return FactorVAE(FactorVAEConfig(gamma=10.0, **shared), *networks)
        case "β-TCVAE":
            return BetaTCVAE(BetaTCVAEConfig(beta=5.0, **shared), *networks)
    raise ValueError(f"no model of pythae is named {name!r}")


def step_of(model, batch):
    """A training step as in pythae's trainers: forward, backward, Adam."""
    if not isinstance(model, FactorVAE):
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

        def step():
            optimizer.zero_grad()
            model(batch, epoch=1).loss.backward()
            optimizer.step()

        return step

    networks = [*model.encoder.parameters(), *model.decoder.parameters()]
    own = torch.optim.Adam(networks, lr=1e-3)
    discriminator = torch.optim.Adam(model.discriminator.parameters(), lr=1e-3)

    def adversarial_step():
        # Both losses are differentiated before either optimizer steps: as torch allows, where
        # pythae's trainer clears the discriminator's gradients in between.
        output = model(batch, epoch=1)
        own.zero_grad()
        output.autoencoder_loss.backward(retain_graph=True)
        discriminator.zero_grad()
        output.discriminator_loss.backward()
        own.step()
        discriminator.step()

    return adversarial_step


def main():
    """Answers `{"count": n}` with the seconds of n steps."""
    shape, name = sys.argv[1:]
    torch.manual_seed(0)
    x = torch.bernoulli(torch.full((shapes.BATCHES[shape], *INPUTS[shape]), 0.6))
    step = step_of(model_of(shape, name).train(), {"data": x})

    def answer(request):
        seconds = []
        for _ in range(request["count"]):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
        return seconds

    serve(answer)


if __name__ == "__main__":
    main()
