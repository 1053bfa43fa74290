"""Measures one step against batch, width and depth with `cae bench`, and an epoch against rows with `cae train`; draws each
and writes the table; called by scripts/step-costs.sh, which says how.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "contractive"
import matplotlib.pyplot as plt

sys.path.insert(0, str(Path(__file__).parent / "peers"))
import page

IMAGES = Path("docs/images")
THREADS = (1, 2)
SECONDS = "1.5"
BASE = [784, 64, 32, 16]
BATCH = 128
# What is varied: (values, their sizes and batch), all else as in the article's net.
SWEEPS = {
    "batch": ([8, 16, 32, 64, 128, 256, 512, 1024], lambda n: (BASE, n), "rows a batch"),
    "width": ([16, 32, 64, 128, 256, 512, 1024], lambda n: ([784, n, n // 2, 16], BATCH), "units of the first layer, n, in 784-n-n/2-16"),
    "depth": ([1, 2, 3, 4, 5, 6], lambda n: ([784, *[64] * (n - 1), 16], BATCH), "layers of the encoder, 64 units each, 16 the last"),
}
ROWS = [1000, 2000, 5000, 10000, 20000, 50000]
STYLE = {("plain", 1): "C0--", ("plain", 2): "C0-", ("exact", 1): "C1--", ("exact", 2): "C1-"}


def bench(cae, sizes, batch, threads):
    words = ["--sizes", ",".join(map(str, sizes)), "--batch", batch, "--threads", threads, "--seconds", SECONDS, "--json"]
    return json.loads(subprocess.check_output([cae, "bench", *map(str, words)]))


def epoch_seconds(cae, rows, threads):
    """The second of two epochs over so many built-in images."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        words = ["--rows", rows, "--epochs", 2, "--threads", threads, "--no-report", "--quiet", "--out", out,
                 "--validation", 0]  # fmt: skip
        subprocess.run([cae, "train", "strokes", *map(str, words)], check=True)
        return json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])["seconds"]


def draw(name, values, series, axis, unit):
    figure, axes = plt.subplots(figsize=(6, 3.6))
    for (kind, threads), numbers in series.items():
        label = f"{'exact penalty' if kind == 'exact' else 'plain step'}, {page.plural(threads)}" if kind else page.plural(threads)
        axes.plot(values, numbers, STYLE.get((kind, threads), "C1--" if threads == 1 else "C1-"), marker=".", label=label)
    axes.set(xlabel=axis, ylabel=unit, yscale="log", ylim=(None, None))
    if name != "depth":
        axes.set_xscale("log")
        axes.set_xticks(values, [str(v) for v in values])
        axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(IMAGES / f"performance-{name}.svg", metadata={"Date": None})
    plt.close(figure)


def main():
    cae = Path(sys.argv[1]).resolve()
    lines = ["| what varies | | plain, 1 thread, µs a row | exact | plain, 2 threads | exact | exact, share of product rate, 2 threads |", "|---|---|---|---|---|---|---|"]
    for name, (values, shape, axis) in SWEEPS.items():
        series = {key: [] for key in STYLE}
        for value in values:
            found = {t: bench(cae, *shape(value), t) for t in THREADS}
            micro = {(kind, t): 1e6 / found[t][kind]["rows_per_second"] for kind, t in STYLE}
            for key, number in micro.items():
                series[key].append(number)
            share = found[2]["exact"]["share_of_product_rate"]
            cells = [page.number(micro[key]) for key in STYLE]
            cells = [cells[0], cells[2], cells[1], cells[3]]
            lines.append(f"| {name} | {value} | {' | '.join(cells)} | {100 * share:.0f} % |")
            print(lines[-1], file=sys.stderr)
        draw(name, values, series, axis, "µs a row")
    series = {(None, t): [epoch_seconds(cae, rows, t) for rows in ROWS] for t in THREADS}
    draw("rows", ROWS, series, "rows of `strokes`", "seconds an epoch")
    lines += ["", "| rows of `strokes` | seconds an epoch, 1 thread | 2 threads |", "|---|---|---|"]
    for i, rows in enumerate(ROWS):
        lines.append(f"| {rows} | {page.number(series[None, 1][i])} | {page.number(series[None, 2][i])} |")
    page.write_table("sweep", lines)


if __name__ == "__main__":
    main()
