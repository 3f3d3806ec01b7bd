"""The prior of a finished run is taken, and one without weights is left alone."""

import numpy as np
import pytest
from ml_collections import config_dict

import tfvae
from tfvae.experiments.finished import MODEL, fit_prior

X = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
CONFIG = config_dict.create(fit_prior={"steps": 3, "batch_size": 16, "learning_rate": 1e-2}, seed=0)


class Data:
    def batches(self, first, last):
        return X


def made(prior):
    networks = {"encoder": tfvae.networks.mlp([4]), "decoder": tfvae.networks.mlp([4], (3,))}
    model = tfvae.VAE(2, prior=prior, seed=0, **networks)
    model.compile("adam")
    model.fit(X, verbose=0)
    return model


@pytest.fixture(scope="module")
def model():
    return made(tfvae.priors.HierarchicalPrior(2, hidden=(4,)))


def weights(model):
    return [weight.numpy() for weight in model.weights]


def test_a_prior_without_weights_is_left_alone(tmp_path, capsys):
    model = made("standard_normal")
    assert fit_prior(model, Data(), CONFIG, tmp_path) is model
    assert "StandardNormal has nothing to learn" in capsys.readouterr().out


def test_the_finished_model_is_taken_only_if_it_is_this_one(model, tmp_path, capsys):
    before = weights(model)

    def again():
        for weight, value in zip(model.weights, before, strict=True):
            weight.assign(value)
        return fit_prior(model, Data(), CONFIG, tmp_path)

    first = again()
    assert first is model and first.prior_was_fitted
    fitted = weights(first)
    first.save(tmp_path / MODEL)
    taken = again()
    assert taken is not model
    for one, other in zip(weights(taken), fitted, strict=True):
        np.testing.assert_array_equal(one, other)
    before[0] = before[0] + 1.0  # Trained on since.
    assert again() is model
    (tmp_path / MODEL).write_bytes(b"damaged")
    assert again() is model
    assert capsys.readouterr().out.count("by fit_prior: 3 steps") == 3
