"""The two sentences: facts as the reports and the warnings have them, and the advice that fits."""

import warnings

import keras
import numpy as np
import pytest

import tfvae
from tfvae.evaluation import Explanation, Line, PosteriorReport, PriorFit, explain, table
from tfvae.evaluation.tables import apart, escaped_text
from tfvae.objectives import Constrained

LAST = "The error of the last training steps"
X = np.random.default_rng(0).normal(size=(120, 5)).astype("float32")


def vae(objective="elbo", latent_dim=3, **options):
    networks = tfvae.networks.mlp([8]), tfvae.networks.mlp([8], output_shape=(5,))
    model = tfvae.VAE(latent_dim, *networks, objective=objective, seed=0, **options)
    model.build((None, 5))
    return model


def posterior(used, unused=0):
    """A report with latents whose means have half, or nothing, of their variance."""
    variances = np.r_[np.ones(used), np.zeros(unused)]
    ones = np.ones(used + unused)
    return PosteriorReport(variances, ones, ones)


def fit(share=0.97, divergence=0.4, is_of_noise=False):
    return PriorFit(divergence, 0.01, share, 1000, is_of_noise)


def with_error(kappa, error, objective=None):
    """A model whose training ended with an error, RMSE per feature."""
    model = vae(objective or Constrained(kappa=kappa, multiplier="geco"))
    model.objective.multiplier.average.assign(model.likelihood.bound(error))
    return model


def test_facts_are_those_of_the_reports():
    model = vae()
    found = Explanation.of(model, posterior(2, 1), fit())
    assert found.what_happened == (
        "The objective sets no bound on the error, 2 of 3 latents are active units, and 97% of the "
        "prior's samples lie where data are (best: 99%; KL(q(z) ‖ p(z)) = 0.4 nats)."
    )
    assert found.what_to_try == "Nothing needs to change: `latent_dim=2` would do as well."
    assert str(found) == f"{found.what_happened} {found.what_to_try}"
    assert Explanation.of(model, None, None).what_happened == (
        "The objective sets no bound on the error."
    )
    noise = Explanation.of(model, None, fit(is_of_noise=True)).what_happened
    assert "KL(q(noise) ‖ p(noise))" in noise


def test_a_share_above_one_percent_is_active():
    report = posterior(2)
    report.variance_of_means[:] = 0.99e-2, 1.02e-2
    text = Explanation.of(vae(), report, None).what_happened
    assert "1 of 2 latents are active units" in text


def test_a_bound_that_was_missed():
    found = Explanation.of(with_error(0.2, 0.25), posterior(3), fit())
    assert f"{LAST}, 0.25, misses κ = 0.2 by 25% (RMSE per feature)," in str(found)
    assert found.what_to_try.endswith("or ask for a larger `kappa`, such as 0.28.")


@pytest.mark.parametrize("error", [0.1, 0.2, 0.204])
def test_a_bound_that_was_reached(error):
    found = Explanation.of(with_error(0.2, error), posterior(3), fit())
    assert f"{LAST}, {error:.4g}, reaches κ = 0.2 (RMSE per feature)" in str(found)
    assert found.what_to_try == (
        "Nothing needs to change; a smaller `kappa` asks for finer reconstructions."
    )


@pytest.mark.parametrize("error", [0.1, 0.204, 0.206, 0.3])
def test_state_and_warning_agree(error):
    model = with_error(0.2, error)
    state = model.objective.bound_state(model.likelihood)
    warning = model.objective.convergence_warning(model.likelihood)
    # 5% of κ² are 2.5% of κ.
    assert state.reached == (warning is None) == (error < 0.205)
    np.testing.assert_allclose([state.error, state.kappa], [error, 0.2], rtol=1e-5)
    assert state.unit == "RMSE per feature" and not state.is_automatic
    if warning:
        assert state.advice in warning and f"{state.error:.4g}" in warning


def test_no_state_before_the_first_step():
    model = vae(Constrained(kappa=0.2))
    assert model.objective.bound_state(model.likelihood) is None
    assert "No step was trained" in str(Explanation.of(model, None, None))
    assert vae().objective.bound_state(model.likelihood) is None


def test_a_prior_that_was_held_all_the_time():
    model = with_error(0.2, 0.4, Constrained(kappa=0.2))  # REWO holds it until κ is reached.
    found = Explanation.of(model, posterior(3), fit())
    assert "by 100% (RMSE per feature), the initial phase of REWO has not ended and " in str(found)


def automatic(error, reached, held):
    """A model whose automatic bound knows data with the root-mean-square 1 around their mean."""
    model = with_error(None, error, Constrained())
    bound, likelihood = model.objective.automatic, model.likelihood
    bound.constant.assign(likelihood.bound(1.0))
    bound.reached.assign(float(reached))
    bound.followed.assign(likelihood.bound(error))
    model.objective.multiplier.initial_phase.assign(float(held))
    return model


def test_an_automatic_bound_that_was_loosened():
    model = automatic(0.6, reached=False, held=False)
    state = model.objective.bound_state(model.likelihood)
    # The initial phase waits for 80% of the squared error: κ² = 0.2 of it.
    expected = [0.6, np.sqrt(0.2), 1.0 - 0.6**2]
    np.testing.assert_allclose([state.error, state.kappa, state.explained], expected, rtol=1e-5)
    assert state.is_automatic and not state.reached and not state.prior_is_untrained
    assert state.advice.endswith("all is well, and `kappa=0.66` asks for about this error.")
    warning = model.objective.convergence_warning(model.likelihood)
    assert "was loosened from 0.4472 to 0.6 " in warning and "explains 64% of" in warning
    assert warning.endswith(state.advice)
    found = Explanation.of(model, None, None)
    assert found.what_happened == (
        f"{LAST}, 0.6, misses the automatic κ = 0.4472 by 34% (RMSE per feature)."
    )
    assert found.what_to_try == state.advice


def test_an_automatic_bound_that_held():
    model = automatic(0.3, reached=True, held=False)
    assert model.objective.convergence_warning(model.likelihood) is None
    found = Explanation.of(model, posterior(3), fit())
    assert f"{LAST}, 0.3, reaches the automatic κ = 0.3 (RMSE" in found.what_happened
    assert found.what_to_try == "Nothing needs to change; more latents may explain more."


def test_an_automatic_bound_whose_initial_phase_lasts():
    model = automatic(0.6, reached=False, held=True)
    warning = model.objective.convergence_warning(model.likelihood)
    assert "was not reached" in warning and "not been trained at all" in warning
    assert "or ask for a larger `kappa`, such as 0.66." in str(Explanation.of(model, None, None))


def test_schedules_that_have_not_ended():
    model = tfvae.CascadeVAE(3, seed=0)
    model.build((None, 5))
    found = Explanation.of(model, posterior(1, 2), fit())
    assert found.what_happened.startswith("After 0 steps 1 of 3 latents have been opened: ")
    assert found.what_to_try == "Train longer, or choose a smaller `period`."


class Grumbles(tfvae.objectives.ELBO):
    """An objective of one's own with one sentence."""

    def convergence_warning(self, likelihood):
        return "All went wrong."


def test_warnings_of_own_objectives():
    found = Explanation.of(vae(Grumbles()), None, None)
    assert str(found) == "All went wrong. Train longer."


@pytest.mark.parametrize(
    ("model", "reports", "rate", "expected"),
    [
        (lambda: vae(), (posterior(3), fit()), None, "more latents may explain more."),
        (lambda: vae(), (posterior(3), fit(share=0.899)), None, 'prior="hierarchical"'),
        (lambda: vae(), (posterior(3), fit(share=0.901)), None, "more latents may explain more."),
        (lambda: vae(prior="vamp"), (posterior(3), fit(share=0.5)), None, "`model.fit_prior(x)`"),
        (lambda: vae(), (posterior(0, 3), fit(share=0.5)), None, "rate a smaller weight"),
        (lambda: with_error(2.0, 1.9), (posterior(0, 3), fit()), None, "a smaller `kappa`, and"),
        (lambda: with_error(0.2, 0.3), (posterior(0, 3), fit()), None, "a larger `kappa`"),
        (lambda: with_error(0.2, 0.3), (posterior(3), fit()), 301.0, "about unit size"),
        (lambda: with_error(0.2, 0.3), (posterior(3), fit()), 299.0, "a larger `kappa`"),
    ],
)
def test_advice_in_the_order_of_the_docstring(model, reports, rate, expected):
    assert expected in Explanation.of(model(), *reports, rate).what_to_try


def test_explain_makes_the_reports_itself():
    model = vae()
    report = tfvae.evaluation.posterior_report(model, X)
    prior = tfvae.evaluation.prior_fit(model, X, num_samples=200, seed=3)
    assert explain(model, X, num_samples=200, seed=3) == Explanation.of(model, report, prior)


def test_rate_of_raw_data_is_measured():
    model = vae()
    model.compile("adam")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = explain(model, 3000.0 * X)
    assert "data were in raw units" in found.what_to_try


def test_models_without_a_proper_prior_or_a_spread():
    model = tfvae.Autoencoder(2, encoder=tfvae.networks.mlp([8]), seed=0)
    model.build((None, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        found = explain(model, X)
    assert found.what_happened == (
        "The objective sets no bound on the error and 2 of 2 latents are active units."
    )


@pytest.mark.parametrize(
    ("options", "y"),
    [
        ({"condition": 2}, X[:, :2]),
        ({"discrete": tfvae.discrete.Labels(3)}, np.arange(120) % 3),
        (
            {"discrete": tfvae.discrete.Labels(3), "condition": 2},
            {"labels": np.arange(120) % 3, "condition": X[:, :2]},
        ),
    ],
    ids=["condition", "labels", "both"],
)
def test_models_that_need_something_beside_x(options, y):
    networks = tfvae.networks.mlp([8]), tfvae.networks.mlp([8], output_shape=(5,))
    model = tfvae.VAE(2, *networks, seed=0, **options)
    model.compile("adam")
    assert "of 2 latents are active units" in str(explain(model, X, y=y, num_samples=50))


def test_noise_has_no_active_units():
    prior = tfvae.priors.TopographicPrior(tfvae.distributions.Torus(1), grid=(2, 2))
    model = vae(latent_dim=4, prior=prior)
    found = explain(model, X, num_samples=50)
    assert "active units" not in str(found) and "KL(q(noise)" in str(found)


def test_other_models_are_refused():
    with pytest.raises(ValueError, match="`model` must be an instance of"):
        explain("vae", X)


def test_sentences_stand_below_a_table():
    found = Explanation.of(vae(), posterior(3), fit())
    text = table("Test", [Line("ELBO", -1.5, "nats"), *found.lines(), Line("ok", "yes")])
    above, below = text.split("\n\n")
    assert above.splitlines() == ["Test", "----------------", "ELBO  -1.5  nats", "ok     yes"]
    assert " ".join(below.split()) == str(found)
    assert max(map(len, below.splitlines())) <= 72
    numbers, sentences = apart([Line("a", np.zeros(2)), Line("b", "yes."), *found.lines()])
    assert [one.name for one in numbers] == ["a", "b"] and sentences == str(found)
    assert table("Only", found.lines()).startswith("Only\n----\n\nThe objective")


def test_a_prior_that_fit_prior_alone_has_learned(tmp_path):
    model = tfvae.VAE(2, prior="gaussian_mixture", objective=Constrained(kappa=0.2), seed=0)
    model.build((None, 5))
    model.objective.multiplier.average.assign(model.likelihood.bound(0.4))
    assert "the prior has not been trained" in str(Explanation.of(model, None, None))
    model.fit_prior(X, steps=50, batch_size=32)
    told = "REWO has not ended and `fit_prior` alone has learned the prior"
    assert told in str(Explanation.of(model, None, None))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert told in str(Explanation.of(again, None, None))
    assert told in str(Explanation.of(model.with_prior(model.prior), None, None))


@pytest.mark.parametrize(("gap", "told"), [(4.9, False), (5.1, True), (-50.0, False)])
def test_overfitting(gap, told):
    """Of five features the least gap decides."""
    found = Explanation.of(vae(), posterior(3), fit(), elbo=-10.0, training_elbo=gap - 10.0)
    assert ("learned its examples by heart" in found.what_happened) == told
    assert found.what_to_try.startswith("More data, smaller networks") == told
    if told:
        assert "-10 nats on data that were not trained on, and -4.9 on the" in found.what_happened


def test_overfitting_of_a_training():
    noise = np.random.default_rng(1).normal(size=(2, 10, 5)).astype("float32")
    model = tfvae.VAE(4, likelihood=tfvae.likelihoods.Gaussian(0.05), seed=0)
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(noise[0], epochs=60, batch_size=5, verbose=0)
    assert "by heart" in str(explain(model, noise[1], num_samples=50))
    assert "by heart" not in str(explain(model, noise[0], num_samples=50))


def test_code_in_sentences_stays_code_in_markdown():
    text = "a `kappa` of 2*3 and `x_train`, one < two"
    assert escaped_text(text) == "a `kappa` of 2\\*3 and `x_train`, one \\< two"
