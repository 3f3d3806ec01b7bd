"""Training curves: which panels, which values, which bound."""

import keras
import numpy as np
import pytest

from tfvae.plots import training_curves


def panels(figure):
    return {axes.get_title(loc="left"): axes for axes in figure.axes}


def test_panels_of_a_constrained_model(history):
    shown = panels(training_curves(history))
    assert list(shown) == ["distortion", "rate", "ELBO", "constraint", "multiplier λ"]
    for title, term in (("distortion", "distortion"), ("rate", "rate"), ("ELBO", "elbo")):
        train, validation = shown[title].lines
        np.testing.assert_array_equal(train.get_xdata(), range(1, 7))
        np.testing.assert_allclose(train.get_ydata(), history.history[term])
        np.testing.assert_allclose(validation.get_ydata(), history.history["val_" + term])
        assert (shown[title].get_xlabel(), shown[title].get_ylabel()) == ("epoch", "nats")


def test_the_multiplier_has_a_log_axis_and_one_curve(history):
    axes = panels(training_curves(history))["multiplier λ"]
    assert axes.get_yscale() == "log"
    (line,) = axes.lines
    np.testing.assert_allclose(line.get_ydata(), history.history["lambda"])


def test_kappa_of_the_model(history):
    axes = panels(training_curves(history))["constraint"]
    np.testing.assert_allclose(axes.lines[2].get_ydata(), 0.4, rtol=1e-5)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["κ = 0.4"]


def test_kappa_given(history):
    assert len(panels(training_curves(history.history))["constraint"].lines) == 2
    axes = panels(training_curves(history.history, kappa=0.1))["constraint"]
    np.testing.assert_allclose(axes.lines[2].get_ydata(), 0.1)


def test_csv(model, history, tmp_path):
    path = tmp_path / "log.csv"
    logger = keras.callbacks.CSVLogger(path)
    logger.set_model(model)
    logger.on_train_begin()
    for epoch in range(6):
        logger.on_epoch_end(epoch, {name: v[epoch] for name, v in history.history.items()})
    logger.on_train_end()
    for source in (path, str(path)):
        from_file, from_history = panels(training_curves(source)), panels(training_curves(history))
        assert list(from_file) == list(from_history)
        for title, axes in from_file.items():
            for line, other in zip(axes.lines, from_history[title].lines, strict=False):
                np.testing.assert_allclose(line.get_xydata(), other.get_xydata())


def test_gaps_of_a_csv(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("epoch,elbo,val_elbo\n3,-2.0,NA\n4,-1.5,-1.6\n")
    train, validation = training_curves(path).axes[0].lines
    np.testing.assert_array_equal(train.get_xydata(), [[4, -2.0], [5, -1.5]])
    np.testing.assert_array_equal(validation.get_xydata(), [[5, -1.6]])


def test_validation_every_second_epoch():
    figure = training_curves({"rate": [1.0, 2.0, 3.0, 4.0, 5.0], "val_rate": [9.0, 8.0]})
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_xydata(), [[2, 9.0], [4, 8.0]])


def test_only_validation():
    (axes,) = training_curves({"val_elbo": [1.0, 2.0]}).axes
    assert axes.lines[0].get_label() == "validation"


def test_panels_without_data_are_left_out():
    assert list(panels(training_curves({"loss": [1.0], "rate": [1.0], "elbo": [2.0]}))) == [
        "rate",
        "ELBO",
    ]
    assert list(panels(training_curves({"loss": [2.0, 1.0]}))) == ["loss"]
    nothing = {"rate": [np.nan, np.nan], "elbo": [1.0, 2.0]}
    assert list(panels(training_curves(nothing))) == ["ELBO"]


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ({}, "at least one epoch"),
        ({"rate": []}, "at least one epoch"),
        ({"accuracy": [0.5]}, r"`history` must hold.*received \['accuracy'\]"),
        ([1.0, 2.0], "received list"),
    ],
)
def test_errors(history, message):
    with pytest.raises(ValueError, match=message):
        training_curves(history)


def test_an_empty_file(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("epoch,elbo\n")
    with pytest.raises(ValueError, match="at least one epoch"):
        training_curves(path)


def test_epochs_are_whole_numbers_and_ticks_of_one_size():
    figure = training_curves({"elbo": [-3.0], "flatness": [0.3], "val_flatness": [0.15]})
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert all(tick == round(tick) for tick in axes.get_xticks())
        sizes = {t.get_size() for which in (True, False) for t in axes.get_yticklabels(minor=which)}
        assert len(sizes) == 1
