"""Detectors on tables whose training and test rows are given apart; scripts/oddbench.sh makes the environment and calls this."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benches" / "anomaly"))

import adbench  # noqa: E402
import splits  # noqa: E402

# Ours by protocol: the default, and with what is known of the rows.
OURS = {"clean": [[], ["--clean"]], "contaminated": [[], ["--contaminated"]]}


def nearest(train, test):
    return NearestNeighbors(n_neighbors=5).fit(train).kneighbors(test)[0]


def histograms(train, test):
    """HBOS: the sum over features of -log of the share of training rows in the value's bin, of ten bins a feature."""
    score = np.zeros(len(test))
    for j in range(train.shape[1]):
        counts, edges = np.histogram(train[:, j], bins=10)
        place = np.clip(np.searchsorted(edges, test[:, j], side="right") - 1, 0, 9)
        outside = (test[:, j] < edges[0]) | (test[:, j] > edges[-1])
        score -= np.log(np.where(outside, 0, counts[place] / len(train)) + 0.1)
    return score


PEERS = {
    "mean squared distance to 5 nearest (DTE-NP)": lambda train, test: (nearest(train, test) ** 2).mean(axis=1),
    "KNN (5th)": lambda train, test: nearest(train, test)[:, -1],
    "LOF (20)": lambda train, test: -LocalOutlierFactor(20, novelty=True).fit(train).score_samples(test),
    "isolation forest": lambda train, test: -IsolationForest(random_state=0).fit(train).score_samples(test),
    "HBOS": histograms,
}


def judged(score, parts):
    train, test, y = parts
    scaler = StandardScaler().fit(train)
    began = time.perf_counter()
    s = score(scaler.transform(train), scaler.transform(test))
    return {"auroc": roc_auc_score(y, s), "average_precision": average_precision_score(y, s), "seconds": time.perf_counter() - began}


def networks(protocol):
    """What benches/anomaly/peers.sh --oddbench left of PyOD's networks, by name."""
    path = ROOT / "benches" / "anomaly" / f"peers-oddbench-{protocol}.json"
    by_name = {}
    # One set after the other is written there: a run that was stopped has not all of them.
    for s, peers in (json.loads(path.read_text())["sets"] if path.exists() else {}).items():
        for name, result in peers.items():
            by_name.setdefault(name, {})[s] = result
    return by_name


def page(cae, folder):
    """Both protocols, ours and the peers, as the table `oddbench` of docs/anomaly.md."""
    lines = ["| | clean: AUROC | AP | all sets took | contaminated: AUROC | AP |", "|---|---|---|---|---|---|"]
    rows = {}
    for protocol in splits.PROTOCOLS:
        parts = lambda path, protocol=protocol: splits.given(path, protocol)  # noqa: E731
        for flags in OURS[protocol]:
            name = "**contractive, default**" if not flags else f"contractive, `{flags[0]}`"
            rows.setdefault(name, {})[protocol] = adbench.all_sets(cae, folder, flags, parts)
        for name, score in PEERS.items():
            rows.setdefault(name, {})[protocol] = {s: judged(score, parts(path)) for s, path in splits.sets(folder)}
        for name, results in networks(protocol).items():
            if len(results) < len(splits.sets(folder)):
                print(f"{name}, {protocol}: {len(results)} of the sets alone, left out", file=sys.stderr)
                continue
            rows.setdefault(name, {})[protocol] = results
    shown = lambda results, m: f"{adbench.mean(results.values(), m):.3f}" if results else "–"  # noqa: E731
    for name, by in rows.items():
        clean, dirty = by.get("clean"), by.get("contaminated")
        took = f"{sum(r['seconds'] for r in clean.values()):.0f} s" if clean else "–"
        cells = [shown(clean, "auroc"), shown(clean, "average_precision"), took, shown(dirty, "auroc"), shown(dirty, "average_precision")]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    best = lambda s: max(rows["KNN (5th)"]["clean"][s]["auroc"], rows["isolation forest"]["clean"][s]["auroc"])  # noqa: E731
    ours = rows["contractive, `--clean`"]["clean"]
    behind = [s for s, r in ours.items() if r["auroc"] < best(s) - 0.10]
    lines += ["", f"With `--clean`, clean tables: more than 0.10 of AUROC behind the better of KNN and isolation forest on {len(behind)} of {len(ours)} sets: {', '.join(behind) or 'none'}."]
    adbench.put("oddbench", lines)


def main():
    parser = argparse.ArgumentParser(prog="scripts/oddbench.sh")
    parser.add_argument("--cae", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--data", help="folder of .npz files; by default oddbench in the data folder")
    parser.add_argument("--protocol", choices=splits.PROTOCOLS, default="clean", help="clean by default")
    parser.add_argument("--json", help="write the results here")
    parser.add_argument("--page", action="store_true", help="both protocols, with peers, into docs/anomaly.md")
    options, flags = parser.parse_known_args()
    default = os.path.join(os.environ.get("CONTRACTIVE_DATA_DIR") or ROOT.parent / "shared" / "data", "oddbench")
    if options.page:
        page(options.cae, options.data or default)
        return
    results = adbench.all_sets(options.cae, options.data or default, flags, lambda path: splits.given(path, options.protocol))
    if options.json:
        adbench.write_json(options.json, results, flags)
    else:
        print(json.dumps({m: adbench.mean(results.values(), m) for m in adbench.METRICS}))


if __name__ == "__main__":
    main()
