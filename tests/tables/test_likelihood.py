"""Table.likelihood: a model of a raw table in one line, gaps included."""

import warnings

import numpy as np
import pandas as pd
import pytest

import tfvae
from tfvae.tables import Table


@pytest.fixture(scope="module")
def frame():
    rng, n = np.random.default_rng(0), 90
    frame = pd.DataFrame(
        {
            "weight": rng.normal(70.0, 12.0, n),
            "visits": rng.poisson(3.0, n),
            "size": rng.choice(["S", "M", "L"], n),
            "member": rng.random(n) < 0.3,
            "colour": rng.choice(["red", "blue"], n),
        }
    )
    frame.loc[::7, "weight"] = np.nan
    frame.loc[1::9, "colour"] = None
    return frame


@pytest.mark.parametrize(
    ("encoding", "wanted"),
    [
        ("codes", [("StudentT", 1), ("NegativeBinomial", 1), ("Categorical", 1), ("Bernoulli", 1),
                   ("Categorical", 1)]),
        ("one_hot", [("StudentT", 1), ("Bernoulli", 1), ("StudentT", 2), ("Bernoulli", 5)]),
    ],
)  # fmt: skip
def test_a_model_of_a_raw_table(frame, encoding, wanted):
    table = Table({"size": ["S", "M", "L"]}, encoding=encoding)
    x = table.fit_transform(frame)
    likelihood = table.likelihood()
    assert [(type(one).__name__, number) for one, number in likelihood.parts] == wanted
    assert likelihood.missing == (encoding == "codes")
    if encoding == "codes":  # colour: red, blue, other
        assert likelihood.parts[-1][0].num_categories == 3
    vae = tfvae.VHPVAE(2, likelihood=likelihood, seed=0)
    vae.compile("adam")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # One epoch does not reach the bound.
        vae.fit(x, epochs=1, verbose=0)
    assert np.isfinite(vae.log_likelihood(x[:8], num_samples=3)).all()
    made = table.inverse_transform(vae.generate(6, seed=0, mean=False))
    assert list(made.columns) == list(frame.columns) and (made["visits"] >= 0).all()


def test_an_array_with_gaps_names_the_remedy(frame):
    x = Table(encoding="codes").fit_transform(frame[["weight"]])
    vae = tfvae.VHPVAE(2, seed=0)
    vae.compile("adam")
    with pytest.raises(ValueError, match="give the likelihood `missing=True`"):
        vae.fit(np.concatenate([x, x], axis=1), epochs=1, verbose=0)
