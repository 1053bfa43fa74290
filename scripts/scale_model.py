"""What ranks gain: the tables of docs/scale.md, of the measurements of scripts/bench-scale.sh and a model fitted to them.

    python3 scripts/scale_model.py [FILE]          the tables, of benches/results/scale.jsonl or another file
    python3 scripts/scale_model.py [FILE] --page   puts them into docs/scale.md

A step of n ranks with a batch of B rows takes

    t = c0 + c1 b(n, B) + g S/8 + e(n, S)        b = B/n + sqrt(2 ln n · B/n · (1 - 1/n)),  S = 8 bytes a parameter

b is about the number of rows of the rank that happens to have most; c0 and c1 are those of one rank, measured with two sizes
of batch. An exchange of S bytes takes the cheaper of two ways that MPI libraries have, all at once (recursive doubling) or in
pieces (Rabenseifner), of a latency a and a rate r:

    e = min( k (a + S/r),  2 k a + 2 (n-1)/n · S/r )        k = log2 n, rounded up

g, seconds a parameter, is what a rank of several takes to copy, widen and narrow its gradient: the median of what the steps of
two ranks over shared memory take longer than the rest of the model says. a and r are fitted to the exchanges measured between two ranks, by least squares of the logarithms.
"""

import itertools
import json
import math
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benches/results/scale.jsonl"
PAGE = ROOT / "docs/scale.md"
RANKS = [8, 16, 32, 64, 128, 256]
# Assumed, not measured: seconds to wait for a message, bytes a second.
NETWORKS = {
    "Ethernet of 1 Gb/s (50 µs)": (50e-6, 0.117e9),
    "Ethernet of 25 Gb/s (20 µs)": (20e-6, 2.8e9),
    "InfiniBand of 200 Gb/s (2 µs)": (2e-6, 20e9),
}
ROWS_A_RANK = [128, 1024]


def exchange(n: int, size: float, latency: float, rate: float) -> float:
    """Seconds of a sum of `size` bytes over `n` ranks."""
    if n == 1:
        return 0.0
    k = math.ceil(math.log2(n))
    return min(k * (latency + size / rate), 2 * k * latency + 2 * (n - 1) / n * size / rate)


def most_rows(n: int, batch: float) -> float:
    """About how many of `batch` rows the rank has that has most."""
    if n == 1:
        return batch
    share = batch / n
    return share + math.sqrt(2 * math.log(n) * share * (1 - 1 / n))


def fitted(exchanges: list[dict]) -> tuple[float, float]:
    """Latency and rate of exchanges between two ranks."""

    def error(latency: float, rate: float) -> float:
        logs = (math.log(exchange(2, e["bytes"], latency, rate) / e["seconds"]) for e in exchanges)
        return sum(log**2 for log in logs)

    grid = itertools.product([10 ** (-7 + i / 40) for i in range(161)], [10 ** (7 + i / 40) for i in range(161)])
    return min(grid, key=lambda pair: error(*pair))


def step_costs(trainings: list[dict], network: str) -> tuple[float, float]:
    """c0 and c1 of one rank."""
    alone = {t["batch"]: t["step_seconds"] for t in trainings if t["ranks"] == 1 and t["network"] == network}
    (small, t_small), (large, t_large) = sorted(alone.items())
    slope = (t_large - t_small) / (large - small)
    start = t_small - small * slope
    # Measurements may say that half of the rows take less than half of the time: then a row costs what it does on average.
    return (start, slope) if start >= 0.0 else (0.0, (t_small / small + t_large / large) / 2)


def of_gradient(trainings: list[dict], model: tuple[float, float]) -> float:
    """g, of the steps of two ranks over the link of `model`, the first that was measured."""
    link = next(t["over"] for t in trainings)
    pairs = [t for t in trainings if t["ranks"] == 2 and t["over"] == link]
    return statistics.median((t["step_seconds"] - step(trainings, t, model, 0.0)) / t["parameters"] for t in pairs)


def step(trainings: list[dict], t: dict, model: tuple[float, float], gradient: float) -> float:
    """Seconds of a step by the model."""
    c0, c1 = step_costs(trainings, t["network"])
    of_rows = c0 + c1 * most_rows(t["ranks"], t["batch"])
    own = gradient * t["parameters"] if t["ranks"] > 1 else 0.0
    return of_rows + own + exchange(t["ranks"], 8 * t["parameters"], *model)


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def milliseconds(seconds: float) -> str:
    value = 1e3 * seconds
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def tables(lines: list[dict]) -> str:
    """All of them, in Markdown."""
    machine = next(line for line in lines if line["what"] == "machine")
    exchanges = [line for line in lines if line["what"] == "exchange"]
    trainings = [line for line in lines if line["what"] == "train"]
    links = list(dict.fromkeys(line["over"] for line in exchanges))
    models = {link: fitted([e for e in exchanges if e["over"] == link and e["ranks"] == 2]) for link in links}
    parts = [
        f"{machine['cores']} virtual cores of an {machine['processor']}, "
        f"{machine['mpi'].replace('mpirun.openmpi (OpenRTE) ', 'OpenMPI ')}, one thread a rank, release build.",
        exchange_table(exchanges, links, models),
        step_table(trainings, links, models),
        prediction_table(trainings, of_gradient(trainings, models[links[0]])),
    ]
    return "\n\n".join(parts)


def exchange_table(exchanges: list[dict], links: list[str], models: dict) -> str:
    sizes = sorted({e["bytes"] for e in exchanges})
    head = ["bytes"] + [f"{n} ranks, {link}" for link in links for n in sorted({e["ranks"] for e in exchanges})]
    seconds = {(e["over"], e["ranks"], e["bytes"]): e["seconds"] for e in exchanges}
    counts = sorted({e["ranks"] for e in exchanges})
    rows = []
    for size in sizes:
        found = [seconds.get((link, n, size)) for link in links for n in counts]
        rows.append([f"{size:,}"] + ["" if s is None else f"{1e6 * s:,.0f}" for s in found])
    told = "; ".join(f"{link}: {1e6 * a:.1f} µs and {r / 1e9:.2f} GB/s" for link, (a, r) in models.items())
    return (
        f"**A sum over all ranks**, median, µs:\n\n{table(head, rows)}\n\nLatency and rate fitted to two ranks: {told}."
    )


def step_table(trainings: list[dict], links: list[str], models: dict) -> str:
    alone = {(t["network"], t["scaling"]): t for t in trainings if t["ranks"] == 1}
    gradient = of_gradient(trainings, models[links[0]])
    head = [
        "network, batch",
        "ranks, over",
        "a step, ms",
        "of it exchange, ms",
        "by the model, ms",
        "rows a second, times one rank",
    ]
    rows = []
    for t in sorted(trainings, key=lambda t: (t["parameters"], t["scaling"], t["ranks"], links.index(t["over"]))):
        one = alone[t["network"], t["scaling"]]
        gain = (t["batch"] / t["step_seconds"]) / (one["batch"] / one["step_seconds"])
        by_model = step(trainings, t, models[t["over"]], gradient)
        where = "1" if t["ranks"] == 1 else f"{t['ranks']}, {t['over']}" + (" *" if t["oversubscribed"] else "")
        model = "" if t["oversubscribed"] else milliseconds(by_model)
        of_exchange = "" if t["ranks"] == 1 else milliseconds(t["exchange_seconds"])
        what = f"{t['network']} ({t['scaling']}), {t['batch']}"
        rows.append([what, where, milliseconds(t["step_seconds"]), of_exchange, model, f"{gain:.2f}"])
    return (
        "**A step**: strong scaling keeps the batch of all ranks, weak scaling the rows a rank. The exchange has the wait for "
        f"the rank with most rows in it. A rank's own passes over its gradient, fitted: {1e9 * gradient:.1f} ns a parameter. "
        f"* more ranks than cores: no gain can be.\n\n{table(head, rows)}"
    )


def prediction_table(trainings: list[dict], gradient: float) -> str:
    networks = sorted({(t["parameters"], t["network"]) for t in trainings})
    rows = []
    for parameters, network in (networks[0], networks[-1]):
        for rows_a_rank in ROWS_A_RANK:
            one = {"network": network, "parameters": parameters, "ranks": 1, "batch": rows_a_rank}
            for name, model in NETWORKS.items():
                gains = []
                for n in RANKS:
                    many = {**one, "ranks": n, "batch": n * rows_a_rank}
                    gain = n * step(trainings, one, model, gradient) / step(trainings, many, model, gradient)
                    gains.append(f"{gain:.1f}")
                rows.append([f"{network} ({parameters:,} parameters), {rows_a_rank} rows a rank, {name}", *gains])
    head = ["prediction: rows a second, times one rank", *(f"{n} ranks" for n in RANKS)]
    return f"**Predicted, not measured**, each rank a core as here:\n\n{table(head, rows)}"


def main(words: list[str]) -> None:
    paths = [word for word in words if not word.startswith("--")]
    path = Path(paths[0]) if paths else RESULTS
    text = tables([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    if "--page" not in words:
        print(text)
        return
    begin, end = "<!-- tables of scripts/scale_model.py -->", "<!-- end of tables -->"
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(begin)
    PAGE.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
