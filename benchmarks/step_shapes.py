"""Sizes that tfvae's models and their peers share in `benchmarks.step`; it imports nothing."""

LATENT_DIM = 32
# 784-300-300-32, and the convolutions of [JS19] for 64×64.
DATA = {"dense": (784,), "conv": (64, 64, 1)}
BATCHES = {"dense": 128, "conv": 64}
IMPORTANCE_SAMPLES = 16
COMPONENTS = 500
# Hidden layers of FactorVAE's discriminator, as pythae has it.
DISCRIMINATOR = (1000,) * 5
