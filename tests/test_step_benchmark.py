"""The benchmark of training steps: its processes, its references, and its verdict."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks import start, step, step_models, step_shapes, turns


def test_a_worker_answers_and_other_output_is_let_pass(tmp_path, monkeypatch):
    (tmp_path / "echoing.py").write_text(
        "from benchmarks.turns import serve\n"
        "def answer(request):\n"
        "    print('a word beside it')\n"
        "    return [1.5] * request['count']\n"
        "serve(answer)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    worker = turns.Worker("echoing")
    assert worker.ask(count=2) == [1.5, 1.5]
    assert worker.ask(count=1) == [1.5]
    worker.close()


def test_a_worker_that_ends_is_reported(tmp_path, monkeypatch):
    (tmp_path / "ending.py").write_text("import sys; sys.stdin.readline(); sys.exit(3)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"`ending` ended without an answer.*code 3"):
        turns.Worker("ending").ask(count=1)


def test_parts_are_the_products_of_a_step():
    model = step_models.models("dense")["FactorVAE"]()
    model.build((None, *step_shapes.DATA["dense"]))
    rows = [
        (network.count_params(), rows)
        for network, rows, *_ in step_models.parts("FactorVAE", model, 8)
    ]
    encoder = 784 * 300 + 300 + 300 * 300 + 300
    head = 300 * 64 + 64
    decoder = 32 * 300 + 300 + 300 * 300 + 300 + 300 * 784 + 784
    discriminator = 32 * 1000 + 1000 + 4 * (1000 * 1000 + 1000) + 1000 + 1
    assert rows == [(encoder, 8), (head, 8), (decoder, 8), (discriminator, 16)]


def test_parts_of_a_vhp_step_are_those_of_its_priors_own_steps_too():
    """The networks' gradient goes through the prior to z; the prior's own steps to its weights."""
    model = step_models.models("dense")["VHP-VAE"]()
    model.build((None, *step_shapes.DATA["dense"]))
    assert model.prior.steps == 2
    parts = list(step_models.parts("VHP-VAE", model, 8))
    of_prior = [(rows, *needs) for network, rows, *needs in parts if network is model.prior.decoder]
    rows = 8 * step_shapes.IMPORTANCE_SAMPLES
    assert of_prior == [(rows, True, False), (rows, True, True), (rows, True, True)]
    of_prior = [(rows, *needs) for network, rows, *needs in parts if network is model.prior.encoder]
    assert of_prior == [(8, True, False), (8, False, True), (8, False, True)]


def test_profile_names_the_operations_of_a_step():
    a = tf.ones((512, 512))
    product = tf.function(lambda: tf.reduce_sum(tf.math.erf(a @ a)))
    product()
    top = step_models.profile(lambda steps: [product() for _ in range(steps)], steps=5, top=3)
    assert any("MatMul" in kind for kind, _ in top)
    assert all(np.isfinite(ms) and ms > 0.0 for _, ms in top)


def test_rows_and_goals():
    medians = {
        ("tfvae", "VAE", "step"): 4e-3,
        ("tfvae", "VAE", "products"): 1.5e-3,
        ("tfvae", "VAE", "update"): 0.5e-3,
        ("pythae", "VAE", "step"): 4e-3,
    }
    (row,) = step.rows_of("dense", medians, ["VAE"])
    np.testing.assert_allclose([row[1], row[3], row[4], row[5], row[7]], [4.0, 1.5, 0.5, 2.0, 1.0])
    goals = list(step.goals_of([row]))
    assert [goal.holds for goal in goals] == [True, False]


def test_update_alone_leaves_the_model_as_it_is():
    model = step_models.models("dense")["VAE"]()
    model.compile(keras.optimizers.Adam(1e-3))
    model.build((None, 784))
    before = [weight.numpy() for weight in model.trainable_weights]
    assert step_models.update_alone("VAE", model) > 0.0
    for old, weight in zip(before, model.trainable_weights, strict=True):
        np.testing.assert_array_equal(old, weight.numpy())


def test_the_benchmark_of_the_start_times_the_same_models():
    seconds, of_cpu = start.first_step("VAE", "dense")
    assert min(seconds, of_cpu) > 0.0
