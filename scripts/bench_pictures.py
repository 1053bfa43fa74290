"""Runs what scripts/bench-pictures.sh tells, and prints a table: python bench_pictures.py CAE [JSON]."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 256
DISTINCT = 1_000
NAMES = 100


def drawn(seed):
    """A weave of two colours under uneven light, with noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE] + rng.uniform(0, 40, (2, 1, 1))
    turned = rng.normal(0, 0.02)
    u, v = x + turned * y, y - turned * x
    weave = np.sin(0.35 * u + 0.6 * np.sin(0.05 * v)) + np.sin(0.4 * v)
    light = 1 + 0.15 * np.sin((x + 2 * y) / 150 + rng.uniform(0, 6))
    grey = (120 + 35 * weave) * light + rng.normal(0, 6, (SIDE, SIDE))
    picture = np.stack([grey * 1.05, grey * 0.95, grey * 0.8], axis=-1)
    return Image.fromarray(np.uint8(np.clip(picture, 0, 255)))


def measured(words):
    """Seconds, processor seconds, and peak memory in MB of a command."""
    began = time.monotonic()
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(map(str, words))} ended with {os.waitstatus_to_exitcode(status)}")
    seconds = time.monotonic() - began
    return {
        "seconds": round(seconds, 1),
        "processor": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": used.ru_maxrss // 1024,
    }


def link(some, into, names):
    into.mkdir()
    for i in range(names):
        for path in some:
            os.link(path, into / f"{i:03}-{path.name}")


def main():
    cae = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name, first in (("good", 0), ("new", DISTINCT)):
            (folder / name).mkdir()
            for i in range(DISTINCT):
                drawn(first + i).save(folder / name / f"{i:04}.jpg", quality=92)
        link(sorted((folder / "good").iterdir()), folder / "many", NAMES)
        link(sorted((folder / "new").iterdir()), folder / "more", 10)
        train = lambda data, out: [cae, "train", "--detector", "--data", folder / data, "--out", folder / out, "-q"]  # noqa: E731
        detect = lambda data: [cae, "detect", folder / "d", "--data", folder / data, "-o", folder / "s.csv", "-q"]  # noqa: E731
        runs = {
            "train on 1,000": (train("good", "d"), DISTINCT),
            "score 1,000": (detect("new"), DISTINCT),
            "score 10,000": (detect("more"), 10 * DISTINCT),
            "train on 100,000": (train("many", "e"), NAMES * DISTINCT),
        }
        results = {}
        for name, (words, pictures) in runs.items():
            results[name] = {**measured(words), "pictures": pictures}
            print(name, results[name], flush=True)
    print("\n| | seconds | pictures a second | processor seconds | peak memory, MB |\n|---|---|---|---|---|")
    for name, r in results.items():
        rate = f"{r['pictures'] / r['seconds']:.0f}" if name.startswith("score") else "–"
        print(f"| {name} | {r['seconds']} | {rate} | {r['processor']} | {r['peak_mb']} |")
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
