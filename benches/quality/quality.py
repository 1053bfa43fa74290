"""Time to quality: the exact penalty beside probes, ours and PyTorch's, to the same objective on held-out rows, whose penalty
is exact for all; called by scripts/quality.sh, which says how.

Seconds are those of the training steps alone: no measuring of held-out rows, no reading of files.
"""

import argparse
import datetime
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "contractive"
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "peers"))
import page

# Encoder behind 784 pixels, rows of MNIST, batch, epochs.
NETS = {
    "512-256-64": ((512, 256, 64), 12800, 128, 10),
    "1024-512-128": ((1024, 512, 128), 5120, 256, 10),
}
CONTRACTION = 3.0
DISTRIBUTIONS = ("rademacher", "spherical", "orthogonal")
PROBES = (1, 2, 4)
# Times as many epochs as the exact run has: a probe's epoch costs a fraction of an exact one.
PROBE_EPOCHS = 2
# Epochs and seeds of PyTorch's exact penalty, whose steps take seconds: its curve is shown as far as it goes.
SLOW_EPOCHS, SLOW_SEEDS = 3, 1
# The nearness to the exact run's last objective that counts as having reached it.
NEAR = 1.01
RECORD = Path("benches/results/quality.json")


def ours(given, net, seed, penalty, distribution):
    """[(seconds, objective)] after each epoch."""
    sizes, rows, batch, epochs = NETS[net]
    epochs *= PROBE_EPOCHS if penalty else 1
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        words = ["train", "--data", "mnist:train", "--data-dir", given.data, "--rows", rows, "--hidden", ",".join(map(str, sizes)),
                 "--activation", "tanh", "--code-activation", "tanh", "--loss", "sse", "--contraction", CONTRACTION,
                 "--batch-size", batch, "--epochs", epochs, "--validation", 0.1, "--seed", seed, "--threads", given.threads,
                 "--no-report", "--quiet", "--out", out]  # fmt: skip
        words += ["--penalty", "jacobian"] if penalty == 0 else ["--penalty", "projection", "--probes", penalty, "--distribution", distribution]
        subprocess.run([given.cae, *map(str, words)], check=True)
        curve, seconds = [], 0.0
        trained = rows - round(0.1 * rows)
        for line in (out / "metrics.jsonl").read_text().splitlines():
            record = json.loads(line)
            seconds += trained / record["rows_per_second"]
            terms = record["validation"]
            objective = terms["reconstruction"] + CONTRACTION * record["jacobian_square"]
            curve.append((seconds, objective))
        return curve


def pytorch(given, net, seed, probes):
    sizes, rows, batch, epochs = NETS[net]
    epochs = PROBE_EPOCHS * epochs if probes else SLOW_EPOCHS
    words = [given.data, rows, ",".join(map(str, sizes)), CONTRACTION, batch, epochs, seed, probes, given.threads]
    text = subprocess.check_output([sys.executable, HERE / "pytorch_run.py", *map(str, words)], text=True)
    return [(r["seconds"], r["objective"]) for r in map(json.loads, text.splitlines())]


def measure(given, net):
    """Every formulation in turn, seed by seed: {name: [curve a seed]}."""
    forms = {"exact": lambda seed: ours(given, net, seed, 0, None)}
    for distribution in given.distributions:
        for probes in given.probes:
            name = f"{probes} {distribution}"
            forms[name] = lambda seed, probes=probes, distribution=distribution: ours(given, net, seed, probes, distribution)
    if not given.no_pytorch:
        forms["PyTorch exact"] = lambda seed: pytorch(given, net, seed, 0)
        forms["PyTorch 1 probe"] = lambda seed: pytorch(given, net, seed, 1)
    curves = {}
    for seed in range(given.seeds):
        for name, run in forms.items():
            if name == "PyTorch exact" and seed >= SLOW_SEEDS:
                continue
            curves.setdefault(name, []).append(run(seed))
            print(f"{net}, seed {seed}, {name}: {curves[name][-1][-1]}", file=sys.stderr, flush=True)
    return curves


def reached(curve, objective):
    """Seconds until the objective, by the epoch that first has it; None where none does."""
    return next((seconds for seconds, value in curve if value <= objective), None)


def table(record):
    lines = ["| encoder | penalty in training | last objective, by seed | its share of the exact run's | seconds of steps | seconds to within 1 % of the exact run | of the exact run's |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for net, curves in record["nets"].items():
        goals = [curve[-1][1] * NEAR for curve in curves["exact"]]
        whole = statistics.median(curve[-1][0] for curve in curves["exact"])
        for name, of_seeds in curves.items():
            last = [curve[-1][1] for curve in of_seeds]
            share = statistics.median(value * NEAR / goal for value, goal in zip(last, goals))
            shown_name = f"{name}, first {SLOW_EPOCHS} epochs" if name == "PyTorch exact" else name
            times = [reached(curve, goal) for curve, goal in zip(of_seeds, goals)]
            seconds = statistics.median(times) if None not in times else None
            shown = [page.number(seconds), f"{seconds / whole:.3f}"] if seconds else ["not reached", "–"]
            total = page.number(statistics.median(curve[-1][0] for curve in of_seeds))
            lines.append(f"| {net} | {shown_name} | {', '.join(f'{v:.2f}' for v in last)} | {share:.3f} | {total} | {shown[0]} | {shown[1]} |")
    return lines


def draw(record):
    for net, curves in record["nets"].items():
        figure, axes = plt.subplots(figsize=(6, 3.6))
        for name, of_seeds in curves.items():
            if name in ("exact", "1 rademacher", "4 orthogonal", "PyTorch exact", "PyTorch 1 probe"):
                seconds, values = zip(*of_seeds[0])
                axes.plot(seconds, values, "--" if "PyTorch" in name else "-", marker=".", label=name)
        axes.set(xscale="log", xlabel="seconds of training steps", ylabel="objective of held-out rows, exact penalty")
        axes.grid(alpha=0.3)
        axes.legend()
        figure.tight_layout()
        figure.savefig(f"docs/images/quality-{net}.svg", metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(prog="scripts/quality.sh", description=__doc__.split("\n\n")[0])
    parser.add_argument("--net", default=",".join(NETS), help="encoders, separated by commas; all by default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--probes", type=lambda text: [int(n) for n in text.split(",")], default=PROBES)
    parser.add_argument("--distributions", type=lambda text: text.split(","), default=DISTRIBUTIONS)
    parser.add_argument("--no-pytorch", action="store_true", help="ours alone")
    parser.add_argument("--json", type=Path, help="write the record here, and leave docs/performance.md alone")
    parser.add_argument("--cae", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--data", required=True, help=argparse.SUPPRESS)
    given = parser.parse_args()
    record = {"date": datetime.date.today().isoformat(), "threads": given.threads, "contraction": CONTRACTION, "nets": {}}
    for net in given.net.split(","):
        record["nets"][net] = measure(given, net)
    if given.json:
        page.write_json(given.json, record)
        print("\n".join(table(record)))
        return
    if RECORD.exists():
        # Other nets keep what was measured of them before.
        record["nets"] = json.loads(RECORD.read_text())["nets"] | record["nets"]
    page.write_json(RECORD, record)
    draw(record)
    page.write_table("quality", table(record))


if __name__ == "__main__":
    main()
