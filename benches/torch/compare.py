"""Every way of penalty.py in turn, the medians of several rounds as the table `torch` of docs/performance.md."""

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

from penalty import NETS, WAYS  # noqa: E402


def once(way, net, threads):
    words = [sys.executable, str(Path(__file__).parent / "penalty.py"), way, net, str(threads)]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    if done.returncode != 0:
        raise SystemExit(f"{way}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench-torch.sh")
    parser.add_argument("--rounds", type=int, default=3, help="3 by default")
    parser.add_argument("--page", action="store_true", help="write the table into docs/performance.md")
    options = parser.parse_args()
    found = {}
    for n in range(options.rounds):
        for net in NETS:
            for threads in (1, 2):
                for way in WAYS:
                    found.setdefault((way, net, threads), []).append(once(way, net, threads))
        print(f"round {n + 1} of {options.rounds}", file=sys.stderr, flush=True)
    middle = lambda key, what: statistics.median(run[what] for run in found[key])  # noqa: E731
    lines = ["| encoder | way | ms, 1 thread | ms, 2 threads | peak memory, MB |", "|---|---|---|---|---|"]
    for net in NETS:
        ours = {threads: middle(("contractive.torch", net, threads), "seconds") for threads in (1, 2)}
        memory = middle(("contractive.torch", net, 1), "megabytes")
        for way in WAYS:
            times = [middle((way, net, threads), "seconds") for threads in (1, 2)]
            held = middle((way, net, 1), "megabytes")
            is_peer = way in ("torch.func.jacrev", "a loop of autograd.grad")
            of = lambda value, own: f" ({value / own:.1f} ×)" if is_peer and own > 0 else ""  # noqa: E731
            cells = [f"{1e3 * s:.2f}{of(s, ours[t])}" for s, t in zip(times, (1, 2), strict=True)]
            lines.append(f"| {net} | {way} | {cells[0]} | {cells[1]} | {held:.0f}{of(held, memory)} |")
        values = {f"{run['value']:.4g}" for way in WAYS if way != "the encoder alone" for run in found[way, net, 1]}
        assert len(values) == 1, f"{net}: the ways must give one value, got {values}"
    text = "\n".join(lines)
    print(text)
    if options.page:
        page = ROOT / "docs" / "performance.md"
        whole = page.read_text()
        table = re.compile(r"(<!-- table torch -->\n).*?(\n<!-- end -->)", re.S)
        assert table.search(whole), "docs/performance.md has no table torch"
        page.write_text(table.sub(lambda m: m[1] + text + m[2], whole))


if __name__ == "__main__":
    main()
