"""Steps of pythae's models on the same data, where pythae is installed."""

import time


def pythae_steps(x, latent_dim, components):
    """Functions count -> seconds of each of `count` training steps, by name; {} without pythae.

    Forward, backward and Adam step are those of pythae's own training loop.
    """
    try:
        import torch
        from pythae.models import VAE, VAMP, VAEConfig, VAMPConfig
        from pythae.models.base.base_utils import ModelOutput
        from pythae.models.nn import BaseDecoder, BaseEncoder
    except ImportError:
        return {}

    class Encoder(BaseEncoder):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(
                torch.nn.Linear(784, 300), torch.nn.ReLU(),
                torch.nn.Linear(300, 300), torch.nn.ReLU(),
            )  # fmt: skip
            self.loc = torch.nn.Linear(300, latent_dim)
            self.log_variance = torch.nn.Linear(300, latent_dim)

        def forward(self, x):
            features = self.layers(x.reshape(-1, 784))
            return ModelOutput(
                embedding=self.loc(features), log_covariance=self.log_variance(features)
            )

    class Decoder(BaseDecoder):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(
                torch.nn.Linear(latent_dim, 300), torch.nn.ReLU(),
                torch.nn.Linear(300, 300), torch.nn.ReLU(),
                torch.nn.Linear(300, 784), torch.nn.Sigmoid(),
            )  # fmt: skip

        def forward(self, z):
            return ModelOutput(reconstruction=self.layers(z).reshape(-1, 1, 28, 28))

    torch.manual_seed(0)
    batch = {"data": torch.tensor(x).reshape(-1, 1, 28, 28)}
    shared = {"input_dim": (1, 28, 28), "latent_dim": latent_dim, "reconstruction_loss": "bce"}
    models = {
        "pythae VAE": VAE(VAEConfig(**shared), Encoder(), Decoder()),
        "pythae VAMP": VAMP(
            VAMPConfig(number_components=components, **shared), Encoder(), Decoder()
        ),
    }

    def steps(model):
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

        def run(count):
            seconds = []
            for _ in range(count):
                start = time.perf_counter()
                optimizer.zero_grad()
                model(batch, epoch=1).loss.backward()
                optimizer.step()
                seconds.append(time.perf_counter() - start)
            return seconds

        return run

    return {name: steps(model.train()) for name, model in models.items()}
