"""What data lack: columns with NaN are named before the training, and few rows are warned of."""

import warnings

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import tfvae
from tfvae import _checks
from tfvae.models import gaps

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")


def compiled(**options):
    networks = {"encoder": tfvae.networks.mlp([4]), "decoder": tfvae.networks.mlp([4], (3,))}
    model = tfvae.VAE(2, **networks, seed=0, **options)
    model.compile("adam")
    return model


def with_gaps(value=np.nan):
    x = X.copy()
    x[[3, 7], 1] = x[5, 2] = value
    return x


@pytest.mark.parametrize("call", ["fit", "evaluate"])
@pytest.mark.parametrize("make", [np.asarray, tf.constant, pd.DataFrame])
def test_columns_of_an_array_are_named_by_number(call, make):
    columns = r"NaN in the columns 1 \(2 of 40 rows, first in row 3\), 2 \(1 of 40 rows, first in "
    with pytest.raises(ValueError, match=f"`x` must have finite numbers everywhere, .*{columns}"):
        getattr(compiled(), call)(make(with_gaps()), verbose=0)
    with pytest.raises(ValueError, match=r"infinity in the columns 1 \(2 of 40"):
        getattr(compiled(), call)(make(with_gaps(-np.inf)), verbose=0)


def test_columns_of_a_frame_have_their_names():
    frame = pd.DataFrame(with_gaps(), columns=["age", "height", "weight"])
    message = r"'height' \(2 of 40 rows, first in row 3\), 'weight' \(1 of 40 .* `missing=True`"
    with pytest.raises(ValueError, match=message):
        compiled().fit(frame, verbose=0)


@pytest.mark.parametrize("is_tuple", [True, False])
def test_validation_data_are_looked_at_before_the_training(is_tuple):
    """Keras would come to them after a whole epoch, and the message would say `x`."""
    model, frame = compiled(), pd.DataFrame(with_gaps(), columns=["age", "height", "weight"])
    message = (
        r"^`x` of `validation_data` must have finite .*'height' \(2 of 40 rows, first in row 3"
    )
    with pytest.raises(ValueError, match=message):
        model.fit(X, validation_data=(frame,) if is_tuple else frame, verbose=0)
    assert model.optimizer.iterations == 0


def test_columns_of_a_target_are_named_as_its_own():
    with pytest.raises(ValueError, match=r"`target` must have finite numbers .* columns 1 \(2 of"):
        compiled(target="y").fit(X, with_gaps(), verbose=0)


def test_five_columns_are_named_and_the_others_counted():
    text = _checks.columns_with(np.ones((2, 7), bool))
    assert text.startswith("the columns 0 (2 of 2 rows, first in row 0), 1 (")
    assert text.endswith("4 (2 of 2 rows, first in row 0) and 2 more columns")
    assert _checks.columns_with(np.eye(3, dtype=bool)[1:2]) == (
        "the column 1 (1 of 1 rows, first in row 0)"
    )


def test_large_finite_numbers_are_no_gaps():
    gaps.check_finite(compiled(), gaps.Look(x := np.full((9, 3), 3e38, "float32"), values=x))


def test_few_rows_are_warned_of_before_the_first_training():
    model = compiled()
    message = "`x` should have at least 20 rows, ten for each latent, received 19 rows. Networks"
    with pytest.warns(UserWarning, match=message) as told:
        model.fit(X[:19], verbose=0)
    assert [one.filename for one in told if "ten for each" in str(one.message)] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.fit(X[:19], verbose=0)  # The warning was given.
        compiled().evaluate(X[:3], verbose=0)
    assert "received 1 row." in gaps.few_rows(1, 1)
    assert gaps.few_rows(19, 2) and gaps.few_rows(20, 2) is None
