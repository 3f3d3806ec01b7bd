"""Outliers in tables: the default `OutlierDetector` beside the detectors that people use.

    python -m benchmarks.outliers [--folder DATA/outliers] [--only PART …] [--out FILE.jsonl]
    python -m benchmarks.outliers --speed [--rows N]

FOLDER holds tables as .npz files with X (n, D) and y (1: an outlier); tables of your own serve as
well. Nothing is tuned for any of them: one default of each detector. Two protocols:

- all: trained on all rows without labels, and measured on them;
- clean: trained on half of the usual rows, measured on the other half and all outliers.

ROC AUC and average precision are means over seeds, which decide the rows of tables above --rows,
the halves, and all random numbers. PyOD's detectors get standardised columns. Wanted, and the exit
code is 0 if it holds: in both protocols a mean AUC above those of IsolationForest and PCA, and a
mean rank among the first two. `--speed` scores N rows, 10⁶ by default, of 30 columns beside
IsolationForest, with progress bar and peak memory; 0: as many rows a second, or more. On a machine
that is busy with other work the rows a second of CPU time tell more.
"""

import argparse
import os
import pathlib
import resource
import sys
import time

import numpy as np
import scipy.stats
import sklearn.ensemble
import sklearn.metrics
import sklearn.preprocessing

import tfvae
from benchmarks import common

OWN = "OutlierDetector"
MUST_EXCEED = ("IsolationForest", "PCA")
PROTOCOLS = ("all", "clean")
MEASURES = ("ROC AUC", "average precision")


def pyod(name, **options):
    """A detector of PyOD, on standardised columns."""

    def make(seed):
        import importlib

        module = importlib.import_module(f"pyod.models.{name.lower()}")
        detector = getattr(module, name)(**options)
        scaler = sklearn.preprocessing.StandardScaler()

        def scores(train, test):
            varies = np.ptp(train, axis=0) > 0.0
            detector.fit(scaler.fit_transform(train[:, varies]))
            return detector.decision_function(scaler.transform(test[:, varies]))

        return scores

    return make


def forest(seed):
    """scikit-learn's IsolationForest."""

    def scores(train, test):
        detector = sklearn.ensemble.IsolationForest(random_state=seed).fit(train)
        return -detector.score_samples(test)

    return scores


def own(seed):
    """The library's detector with nothing set."""

    def scores(train, test):
        detector = tfvae.applications.OutlierDetector(random_state=seed, verbose=0)
        return -detector.fit(train).score_samples(test)

    return scores


DETECTORS = {
    OWN: own,
    "IsolationForest": forest,
    # PyOD's divides by the variance of each axis, which is 0 for the last ones of one-hot columns.
    "PCA": pyod("PCA", n_components=0.9999),
    "LOF": pyod("LOF"),
    "KNN": pyod("KNN"),
    "ECOD": pyod("ECOD"),
}


def parts(x, y, protocol, seed, rows):
    """Training rows, test rows, and whether a test row is an outlier."""
    generator = np.random.default_rng(seed)
    if len(x) > rows:
        chosen = generator.permutation(len(x))[:rows]
        x, y = x[chosen], y[chosen]
    if protocol == "all":
        return x, x, y
    usual = generator.permutation(np.flatnonzero(y == 0))
    half = len(usual) // 2
    test = np.concatenate([usual[half:], np.flatnonzero(y == 1)])
    return x[usual[:half]], x[test], y[test]


def measured(name, train, test, y, seed):
    """ROC AUC, average precision and seconds of a detector."""
    start = time.perf_counter()
    # ECOD gives infinite scores where no training row is as extreme.
    scores = np.nan_to_num(DETECTORS[name](seed)(train, test), posinf=np.finfo("float32").max)
    return {
        "ROC AUC": float(sklearn.metrics.roc_auc_score(y, scores)),
        "average precision": float(sklearn.metrics.average_precision_score(y, scores)),
        "seconds": time.perf_counter() - start,
    }


def run(folder, seeds, rows, only, finished):
    """{(protocol, measure): array (tables, detectors)}, the seconds of each, and the tables."""
    files = sorted(pathlib.Path(folder).glob("*.npz"))
    files = [file for file in files if not only or any(part in file.stem for part in only)]
    if not files:
        raise ValueError(f"`--folder` must hold .npz files with X and y, received {folder}.")
    version = common.code()
    found = {key: [] for key in [(p, m) for p in PROTOCOLS for m in (*MEASURES, "seconds")]}
    for file in files:
        with np.load(file) as content:
            x, y = content["X"].astype("float64"), content["y"].astype(int)
        for protocol in PROTOCOLS:
            values = []
            for name in DETECTORS:
                runs = []
                for seed in range(seeds):
                    key = {"table": file.stem, "protocol": protocol, "detector": name,
                           "seed": seed, "rows": rows}  # fmt: skip
                    key |= {"code": version} if name == OWN else {}
                    numbers = finished.get(key)
                    if numbers is None:
                        numbers = measured(name, *parts(x, y, protocol, seed, rows), seed)
                        finished.add(key, numbers)
                    runs.append(numbers)
                values.append({m: np.mean([r[m] for r in runs]) for m in runs[0]})
            for measure in (*MEASURES, "seconds"):
                found[protocol, measure].append([one[measure] for one in values])
            told = ", ".join(
                f"{name} {one['ROC AUC']:.3f}" for name, one in zip(DETECTORS, values, strict=True)
            )
            print(f"{time.strftime('%H:%M')}  {file.stem}, {protocol}: {told}", flush=True)
    return {key: np.array(value) for key, value in found.items()}, [file.stem for file in files]


def ranks(values):
    """Mean rank of each detector over tables, 1 the best, (detectors,)."""
    return scipy.stats.rankdata(-values, axis=1).mean(axis=0)


def verdict(found):
    """Prints what is wanted and whether it holds; returns whether all does."""
    names, good = list(DETECTORS), True
    for protocol in PROTOCOLS:
        auc = found[protocol, "ROC AUC"]
        means = dict(zip(names, auc.mean(axis=0), strict=True))
        for other in MUST_EXCEED:
            holds = means[OWN] > means[other]
            good &= bool(holds)
            print(
                f"{protocol}: mean AUC above {other}'s: {'yes' if holds else 'NO'}, "
                f"{means[OWN]:.3f} and {means[other]:.3f}"
            )
        order = [names[i] for i in np.argsort(ranks(auc))]
        holds = order.index(OWN) < 2
        good &= holds
        print(f"{protocol}: among the first two by mean rank: {'yes' if holds else 'NO'}: {order}")
    return good


def speed(rows, columns):
    """Rows a second on many rows, after a fit to 10,000, and the peak memory."""
    x = np.random.default_rng(0).normal(size=(rows, columns))
    table = []
    for name, detector in (
        ("IsolationForest", sklearn.ensemble.IsolationForest(random_state=0)),
        (OWN, tfvae.applications.OutlierDetector(verbose=1)),
    ):
        detector.fit(x[:10_000])
        detector.score_samples(x[:100])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start, cpu = time.perf_counter(), time.process_time()
        detector.score_samples(x)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        table.append([name, rows / seconds, rows / cpu, seconds, grown])
    common.report(
        f"Scores of {rows:,} rows with {columns} columns",
        ["detector", "rows a second", "rows a CPU second", "time", "growth of the peak memory"],
        table,
        ["", "", "", "s", "MB"],
        common.environment(),
    )
    return 0 if table[1][1] >= table[0][1] else 1


def main(argv=None):
    """Runs the benchmark; returns the exit code: 0 if what is wanted holds, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    data = os.environ.get("TFVAE_DATA_DIR", "data")
    parser.add_argument("--folder", default=os.path.join(data, "outliers"))
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds, from 0")
    parser.add_argument("--rows", type=int, help="of a table, at most (5,000); of --speed (10⁶)")
    parser.add_argument("--only", nargs="*", default=[], help="parts of the names of the tables")
    parser.add_argument("--out", help="file of finished runs, JSON lines; makes a run resumable")
    parser.add_argument("--json", help="file to write the numbers to, with units")
    parser.add_argument("--speed", action="store_true", help="time the scores of many rows")
    arguments = parser.parse_args(argv)
    if arguments.speed:
        return speed(arguments.rows or 1_000_000, 30)
    arguments.rows = arguments.rows or 5_000
    start = time.perf_counter()
    found, tables = run(
        arguments.folder, arguments.seeds, arguments.rows, arguments.only,
        common.Finished(arguments.out),
    )  # fmt: skip
    for measure in MEASURES:
        rows = []
        for protocol in PROTOCOLS:
            values = found[protocol, measure]
            rows += [
                [f"{table}, {protocol}", *(f"{v:.3f}" for v in line)]
                for table, line in zip(tables, values, strict=True)
            ]
            rows.append([f"mean, {protocol}", *(f"{v:.3f}" for v in values.mean(axis=0))])
            rows.append([f"mean rank, {protocol}", *(f"{v:.2f}" for v in ranks(values))])
            seconds = found[protocol, "seconds"].mean(axis=0)
            rows.append([f"mean time [s], {protocol}", *(f"{v:.1f}" for v in seconds)])
        common.report(
            f"Outliers: {measure}", ["table", *DETECTORS], rows, [""] * (1 + len(DETECTORS)),
            {
                "tables": f"at most {arguments.rows} rows of each",
                "seeds": f"0 to {arguments.seeds - 1}",
                "code": common.code(),
                "time": f"{(time.perf_counter() - start) / 60:.1f} minutes in this process",
                **common.environment(),
            },
            arguments.json and f"{arguments.json}.{measure.replace(' ', '_')}.json",
        )  # fmt: skip
    print()
    return 0 if verdict(found) else 1


if __name__ == "__main__":
    sys.exit(main())
