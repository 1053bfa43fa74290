"""Workload h: whole programs, from process start to exit, ours against the tutorial's in TensorFlow."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from worker import processors

EPOCHS = 10
# How often each peer form runs; ours runs three times.
FORMS = {"printed": 1, "printed-function": 1, "exact-function": 1}


def seconds_of(command, threads):
    """From start to exit; ends the program where the command fails."""
    cpus = processors(threads)
    start = time.perf_counter()
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cpus)
    )
    passed = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stderr[-3000:]}")
    return passed


def whole_program(given, threads, say):
    says = f"`cae train fashion-64-32-16 --epochs {EPOCHS}`, process start to exit, beside the article's TensorFlow program"
    record = {"workload": "h", "threads": threads, "says": says, "unit": "seconds"}
    say(f"h, {threads} thread{'s' * (threads > 1)}: {says}")
    data = os.environ.get("CONTRACTIVE_DATA_DIR")
    reason = None
    if not data or not (Path(data) / "fashion-mnist").is_dir():
        reason = "CONTRACTIVE_DATA_DIR names no folder with fashion-mnist/"
    elif "tensorflow" not in given.peers:
        reason = "TensorFlow was not asked for"
    if reason:
        say(f"  skipped: {reason}")
        return record | {"skipped": reason}
    program = Path(__file__).parent / "article_keras.py"
    ours, theirs = [], {form: [] for form in FORMS}
    for i in range(3):
        folder = tempfile.mkdtemp(prefix="contractive-bench-")
        try:
            ours.append(seconds_of(
                [given.cae, "train", "fashion-64-32-16", "--epochs", EPOCHS, "--threads", threads, "--quiet",
                 "--out", Path(folder) / "run"], threads))  # fmt: skip
        finally:
            shutil.rmtree(folder)
        for form, times in FORMS.items():
            if i < times:
                theirs[form].append(seconds_of([sys.executable, program, form, data, threads, EPOCHS], threads))
    peers = {form.replace("-", "_"): statistics.median(v) for form, v in theirs.items()}
    mine = statistics.median(ours)
    say(f"  ours {mine:.2f} s, " + ", ".join(f"{form} {v:.1f} s" for form, v in peers.items()))
    fastest = min(peers, key=peers.get)
    return record | {
        "ours": mine,
        "peers": peers,
        "spread": {"ours": [min(ours), max(ours)]} | {f.replace("-", "_"): [min(v), max(v)] for f, v in theirs.items()},
        "fastest_peer": fastest,
        "ratio_to_fastest": peers[fastest] / mine,
        "ratios": {form: v / mine for form, v in peers.items()},
    }
