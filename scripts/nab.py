"""NAB with the default detector of time series and peers; scripts/nab.sh makes the environment and calls this."""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "anomaly.md"
WINDOW = 32  # of the peers; ours choose theirs by the series
TOLD = 0.01  # the share of timestamps above the threshold, the default as well
METRICS = ["vus_pr", "vus_roc", "average_precision", "auroc", "range_f1"]
NAMES = ["VUS-PR", "VUS-ROC", "AP", "AUROC", "range F1"]


def read(path, windows):
    """Timestamps as text, values, and labels: 1 within the labelled windows, both ends included."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    stamps = [row["timestamp"] for row in rows]
    # NAB writes the windows' ends with microseconds; ISO 8601 texts of one form are in the order of time.
    inside = [any(a[:19] <= stamp <= b[:19] for a, b in windows) for stamp in stamps]
    return stamps, np.array([float(row["value"]) for row in rows]), np.array(inside, dtype=bool)


def runs(labels):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(labels, dtype=np.int8), [0]])))
    return list(zip(edges[::2], edges[1::2]))


def volumes(scores, labels, longest):
    """VUS-PR and VUS-ROC, as contractive_anomaly::series::metrics defines them."""
    n, ranges = len(scores), runs(labels)
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    pr, roc = [], []
    for buffer in range(longest + 1):
        soft = np.zeros(n)
        for a, b in ranges:
            soft[a:b] = 1.0
            for k in range(1, buffer // 2 + 1):
                for i in (a - k, b - 1 + k):
                    if 0 <= i < n:
                        soft[i] += (1 - k / buffer) ** 0.5
        soft = np.minimum(soft, 1.0)
        met = np.zeros(n)
        extended = runs(soft > 0)
        rank = np.empty(n, dtype=np.int64)
        rank[order] = np.arange(n)
        for a, b in extended:
            met[rank[a:b].min()] += 1
        p = (labels.sum() + soft.sum()) / 2
        told = np.arange(1, n + 1)[ends]
        hits = np.cumsum(soft[order])[ends]
        recall = np.minimum(1.0, hits / p) * np.cumsum(met)[ends] / len(extended)
        rate = (told - hits) / (n - p)
        pr.append(float(np.sum(np.diff(recall, prepend=0.0) * hits / told)))
        r, f = np.concatenate([[0], recall, [1]]), np.concatenate([[0], rate, [1]])
        roc.append(float(np.sum(np.diff(f) * (r[1:] + r[:-1]) / 2)))
    return float(np.mean(pr)), float(np.mean(roc))


def range_f1(real, told):
    """Flat bias, cardinality 1/x, no existence reward (Tatbul et al. 2018)."""

    def reward(of, by):
        shares = []
        for a, b in runs(of):
            pieces = len(runs(by[a:b]))
            shares.append(by[a:b].mean() / max(1, pieces))
        return float(np.mean(shares)) if shares else 0.0

    recall, precision = reward(real, told), reward(told, real)
    return 2 * recall * precision / (recall + precision) if recall + precision else 0.0


def judged(scores, labels):
    pr, roc = volumes(scores, labels, WINDOW)
    told = scores > np.quantile(scores, 1 - TOLD)
    return {
        "vus_pr": pr,
        "vus_roc": roc,
        "average_precision": float(average_precision_score(labels, scores)),
        "auroc": float(roc_auc_score(labels, scores)),
        "range_f1": range_f1(labels, told),
    }


def of_windows(values, score, length=WINDOW):
    """Scores of timestamps, of one column or several: the mean over the windows that cover them."""
    columns = values.reshape(len(values), -1)
    deviation = columns.std(axis=0)
    x = (columns - columns.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    windows = np.lib.stride_tricks.sliding_window_view(x, length, axis=0)
    s = score(np.ascontiguousarray(windows.reshape(len(windows), -1)))
    covered = np.ones(length)
    return np.convolve(s, covered) / np.convolve(np.ones(len(s)), covered)


def isolation_forest(windows):
    return -IsolationForest(random_state=0).fit(windows).score_samples(windows)


def principal_components(windows):
    """Distance from the plane that holds 90 % of the variance."""
    if np.ptp(windows) == 0:
        return np.zeros(len(windows))
    pca = PCA(n_components=0.9, svd_solver="full").fit(windows)
    return np.linalg.norm(windows - pca.inverse_transform(pca.transform(windows)), axis=1)


def nearest_neighbours(windows):
    """Distance to the 5th neighbour, PyOD's default; windows that overlap are neighbours too, as they are there."""
    return NearestNeighbors(n_neighbors=6).fit(windows).kneighbors(windows)[0][:, -1]


def moving_median(values):
    """|x - median of the window around it|."""
    padded = np.pad(values, (WINDOW // 2, WINDOW - WINDOW // 2 - 1), mode="edge")
    return np.abs(values - np.median(np.lib.stride_tricks.sliding_window_view(padded, WINDOW), axis=1))


PEERS = {
    "isolation forest": lambda values: of_windows(values, isolation_forest),
    "PCA": lambda values: of_windows(values, principal_components),
    "KNN": lambda values: of_windows(values, nearest_neighbours),
    "KNN, 100 rows": lambda values: of_windows(values, nearest_neighbours, 100),
    "moving median": moving_median,
}


def contractive(cae, path, flags):
    with tempfile.TemporaryDirectory() as folder:
        model, out = os.path.join(folder, "detector"), os.path.join(folder, "scores.csv")
        train = [cae, "train", "--detector", "--data", path, "--time", "timestamp", "--out", model, "--quiet", *flags]
        for words in (train, [cae, "detect", model, "--data", path, "-o", out, "--quiet"]):
            if subprocess.run(words).returncode:
                sys.exit(f"{' '.join(map(str, words))} failed")
        with open(out, newline="") as file:
            return np.array([float(row["score"]) for row in csv.DictReader(file)])


def main():
    parser = argparse.ArgumentParser(prog="scripts/nab.sh")
    parser.add_argument("--cae", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--json", help="write the numbers here, and no page")
    options, flags = parser.parse_known_args()
    folder = Path(os.environ.get("CONTRACTIVE_DATA_DIR") or ROOT.parent / "shared" / "data") / "nab"
    labels_of = json.loads((folder / "labels" / "combined_windows.json").read_text())
    paths = sorted((folder / "data").glob("*/*.csv"))
    if not paths:
        sys.exit(f"there is no series in {folder / 'data'}")
    methods = {"contractive": lambda path, _: contractive(options.cae, path, flags)}
    methods.update({name: lambda _, values, of=of: of(values) for name, of in PEERS.items()})
    results = {}
    for path in paths:
        name = f"{path.parent.name}/{path.name}"
        _, values, labels = read(path, labels_of[name])
        entry = {"timestamps": len(values), "anomalies": int(labels.sum()), "ranges": len(runs(labels)), "methods": {}}
        for method, of in methods.items():
            began = time.perf_counter()
            scores = of(path, values)
            seconds = time.perf_counter() - began
            numbers = judged(scores, labels) if 0 < labels.sum() < len(labels) else {}
            entry["methods"][method] = {**numbers, "seconds": round(seconds, 2)}
        results[name] = entry
        shown = {method: round(r["vus_pr"], 3) for method, r in entry["methods"].items() if "vus_pr" in r}
        print(f"{name:58}", shown, f"{entry['methods']['contractive']['seconds']} s", file=sys.stderr, flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1) + "\n")
        return
    write_page(results, list(methods), flags)


def write_page(results, methods, flags):
    labelled = {name: entry for name, entry in results.items() if entry["ranges"]}
    rows = []
    for method in methods:
        means = [np.mean([e["methods"][method][m] for e in labelled.values()]) for m in METRICS]
        seconds = sum(e["methods"][method]["seconds"] for e in results.values())
        title = "**contractive, default**" if method == "contractive" else method
        rows.append([title, *(f"{m:.3f}" for m in means), f"{seconds:.0f} s"])
    lines = table(["mean over series", *NAMES, "all series took"], rows)
    lines += ["", f"{len(labelled)} of {len(results)} series have an anomaly.", "", "VUS-PR of each series:", ""]
    rows = [[name.split("/")[1].removesuffix(".csv"), str(e["timestamps"]), str(e["ranges"]),
             *(f"{e['methods'][m]['vus_pr']:.3f}" for m in methods)] for name, e in labelled.items()]
    lines += table(["series", "timestamps", "ranges", *methods], rows)
    if flags:
        lines += ["", f"With the flags `{' '.join(flags)}`."]
    text = PAGE.read_text()
    opening, closing = "<!-- series results -->\n", "<!-- series end -->"
    before, after = text.split(opening, 1)
    temporary = PAGE.with_suffix(".writing")
    temporary.write_text(before + opening + "\n".join(lines) + "\n" + after[after.index(closing):])
    os.replace(temporary, PAGE)


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(r) + " |" for r in rows)]


if __name__ == "__main__":
    main()
