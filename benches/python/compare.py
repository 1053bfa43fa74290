"""Every program of fit.py in turn, each in a process of its own, the medians of several rounds as the table `python` of
docs/performance.md: python compare.py [--rounds N] [--page]."""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))

from fit import PROGRAMS, TASKS  # noqa: E402

LIMITS = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]


def once(task, program, threads):
    env = {**os.environ, **dict.fromkeys(LIMITS, str(threads))}
    words = [sys.executable, str(Path(__file__).parent / "fit.py"), task, program, str(threads)]
    done = subprocess.run(words, capture_output=True, text=True, env=env)
    if done.returncode != 0:
        raise SystemExit(f"{program}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench-python.sh")
    parser.add_argument("--rounds", type=int, default=5, help="5 by default")
    parser.add_argument("--page", action="store_true", help="write the table into docs/performance.md")
    options = parser.parse_args()
    found = {}
    for n in range(options.rounds):
        for task in TASKS:
            for threads in (1, 2):
                for program in PROGRAMS:
                    found.setdefault((program, task, threads), []).append(once(task, program, threads))
        print(f"round {n + 1} of {options.rounds}", file=sys.stderr, flush=True)
    columns = [(task, threads) for task in TASKS for threads in (1, 2)]
    middle = lambda key: statistics.median(r["seconds"] for r in found[key])  # noqa: E731
    heads = [f"{task}, {threads} thread{'s' if threads > 1 else ''}" for task, threads in columns]
    lines = ["| seconds of fit | " + " | ".join(heads) + " |", "|---|" + "---|" * len(columns)]
    for program in PROGRAMS:
        ours = [middle(("contractive, plain", *column)) for column in columns]
        cells = [middle((program, *column)) for column in columns]
        texts = [f"{s:.2f}" + ("" if program.startswith("contractive") else f" ({s / o:.1f} ×)") for s, o in zip(cells, ours, strict=True)]
        lines.append(f"| {program} | " + " | ".join(texts) + " |")
    runs = [run for (program, *_), of in found.items() if program.startswith("contractive") for run in of]
    over = statistics.median(run["seconds"] / run["steps"] for run in runs) - 1
    by_task = {
        task: statistics.median(r["seconds"] / r["steps"] for (p, t, _), of in found.items() if p.startswith("contractive") and t == task for r in of) - 1
        for task in TASKS
    }
    told = ", ".join(f"{task} {share:.1%}" for task, share in by_task.items())
    lines += ["", f"In brackets: times of ours, plain. What `fit` takes beyond its passes, measurements included: {told}; median of all {over:.1%}."]
    text = "\n".join(lines)
    print(text)
    if options.page:
        page = ROOT / "docs" / "performance.md"
        old = page.read_text()
        new = re.sub(r"(<!-- table python -->\n).*?(<!-- end -->)", lambda m: f"{m[1]}{text}\n{m[2]}", old, flags=re.DOTALL)
        page.write_text(new)


if __name__ == "__main__":
    main()
