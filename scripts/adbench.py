"""The anomaly benchmark; scripts/adbench.sh makes the environment and calls this."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benches" / "anomaly"))

import splits  # noqa: E402

PAGE = ROOT / "docs" / "anomaly.md"
PEERS = ROOT / "benches" / "anomaly" / "peers.json"
METRICS = ["auroc", "average_precision"]


def judged(cae, parts, flags):
    """Trains on the training rows without labels, and judges on the test rows."""
    train, test, y = parts
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: os.path.join(folder, name)  # noqa: E731
        np.savez(at("train.npz"), X=train)
        np.savez(at("test.npz"), X=test, y=y)
        began = time.perf_counter()
        run(cae, "train", "--detector", "--data", at("train.npz"), "--out", at("detector"), "--quiet", *flags)
        seconds = time.perf_counter() - began
        text = run(cae, "evaluate", at("detector"), "--data", at("test.npz"), "--json")
    result = json.loads(text)
    kinds = {k["score"]: {m: k[m] for m in METRICS} for k in result["kinds"]}
    return {
        **{m: result[m]["value"] for m in METRICS},
        "interval": {m: [result[m]["lower"], result[m]["upper"]] for m in METRICS},
        "f1": result["f1"]["value"] if result["f1"] else None,
        "rows": len(train),
        "features": train.shape[1],
        "anomalies": int(y.sum()),
        "seconds": round(seconds, 2),
        "kinds": kinds,
    }


def run(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))} ended with {done.returncode}")
    return done.stdout


def mean(results, metric):
    return float(np.mean([r[metric] for r in results]))


def drawn(path):
    train, _, test, y = splits.split(path)
    return train, test, y


def all_sets(cae, folder, flags, parts=drawn):
    found = splits.sets(folder)
    if not found:
        sys.exit(f"there is no .npz file in {folder}; give a folder of them with --data")
    results = {}
    for name, path in found:
        results[name] = judged(cae, parts(path), flags)
        print(f"{name:24} auroc {results[name]['auroc']:.3f}  ap {results[name]['average_precision']:.3f}  "
              f"{results[name]['seconds']} s", file=sys.stderr, flush=True)
    print("mean" + " " * 20, *(f"{m} {mean(results.values(), m):.4f}" for m in METRICS), file=sys.stderr)
    return results


def write_json(path, results, flags):
    whole = {
        "flags": flags,
        "sets": results,
        "mean": {m: mean(results.values(), m) for m in METRICS},
    }
    temporary = f"{path}.writing"
    with open(temporary, "w") as file:
        json.dump(whole, file, indent=1)
        file.write("\n")
    os.replace(temporary, path)


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(r) + " |" for r in rows)]


def cell(value):
    return f"{value:.3f}"


def halves(names):
    return [
        ("all", list(names)),
        ("even numbers (chose nothing)", [n for n in names if not splits.is_development(n)]),
        ("odd numbers (development)", [n for n in names if splits.is_development(n)]),
    ]


def means_table(columns, names):
    """columns: (title, {set: result})."""
    rows = []
    for title, results in columns:
        row = [title]
        for _, half in halves(names):
            row += [cell(mean([results[n] for n in half], m)) for m in METRICS]
        rows.append(row)
    head = ["mean over"] + [f"{half}: {m}" for half, _ in halves(names) for m in ("AUROC", "AP")]
    return table(head, rows)


def write_page(ours, plain, many):
    peers = json.loads(PEERS.read_text()) if PEERS.exists() else None
    names = list(ours)
    columns = [("**contractive, default**", ours), ("the same, contraction 0", plain), ("`--contaminated`", many)]
    by_set = [("contractive", ours), ("contraction 0", plain)]
    if peers and all(n in peers["sets"] for n in names):
        for peer in next(iter(peers["sets"].values())):
            columns.append((peer, {n: peers["sets"][n][peer] for n in names}))
        by_set += columns[3:]
    put("means", means_table(columns, names))
    kinds = list(next(iter(ours.values()))["kinds"])
    rows = []
    for kind in kinds:
        row = [f"`{kind}`"]
        for results in (ours, plain):
            row += [cell(mean([r["kinds"][kind] for r in results.values()], m)) for m in METRICS]
        rows.append(row)
    put("kinds", table(["score", "AUROC", "AP", "AUROC, contraction 0", "AP, contraction 0"], rows))
    for metric in METRICS:
        rows = [[n, f"{ours[n]['rows']} × {ours[n]['features']}", str(ours[n]["anomalies"]),
                 *(cell(results[n][metric]) for _, results in by_set)] for n in names]
        put(metric, table(["set", "trained on", "test anomalies", *(t for t, _ in by_set)], rows))


def put(name, lines):
    text = PAGE.read_text()
    opening, closing = f"<!-- table {name} -->\n", "<!-- end -->"
    if opening not in text:
        sys.exit(f"{PAGE.name} has no line {opening.strip()}")
    before, after = text.split(opening, 1)
    after = after[after.index(closing):]
    temporary = PAGE.with_suffix(".writing")
    temporary.write_text(before + opening + "\n".join(lines) + "\n" + after)
    os.replace(temporary, PAGE)


def main():
    parser = argparse.ArgumentParser(prog="scripts/adbench.sh")
    parser.add_argument("--cae", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--data", help="folder of .npz files; by default ADBench in the data folder")
    parser.add_argument("--json", help="write the results here")
    options, flags = parser.parse_known_args()
    default = os.path.join(os.environ.get("CONTRACTIVE_DATA_DIR") or ROOT.parent / "shared" / "data", "adbench")
    ours = all_sets(options.cae, options.data or default, flags)
    if options.json:
        write_json(options.json, ours, flags)
    if options.data or options.json:
        if not options.json:
            print(json.dumps({m: mean(ours.values(), m) for m in METRICS}))
        return
    plain = all_sets(options.cae, default, [*flags, "--contraction", "0"])
    many = all_sets(options.cae, default, [*flags, "--contaminated"])
    write_page(ours, plain, many)


if __name__ == "__main__":
    main()
