"""Sweeps: configs × values of their keys × seeds, by several workers, with tables over the seeds.

`plan` says what is run, `study` who runs it, in a storage of Optuna, `running` keeps the workers.
`tables` and `latex` write what came out, `drawing` draws it. `files/` has the sweeps of the
package.
"""

from tfvae.experiments.sweeps.plan import (
    METRICS,
    TRADEOFF,
    Sweep,
    Trial,
    files,
    read,
    spelled,
    split,
)
from tfvae.experiments.sweeps.running import sweep
from tfvae.experiments.sweeps.study import Outcome, SweepStudy
from tfvae.experiments.sweeps.tables import Mean, Row, SweepTable, mean

__all__ = [
    "METRICS",
    "TRADEOFF",
    "Mean",
    "Outcome",
    "Row",
    "Sweep",
    "SweepStudy",
    "SweepTable",
    "Trial",
    "files",
    "mean",
    "read",
    "spelled",
    "split",
    "sweep",
]
