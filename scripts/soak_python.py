"""The parts of scripts/soak-python.sh."""

import collections
import contextlib
import gc
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "python" / "package"))

import measured
import numpy as np
from contractive import AnomalyDetector, ContractiveAutoencoder, SeriesDetector, load
from test_reliability import INTERRUPTED, child, end, taken

# Of the numbers below, for a shorter look.
SHARE = float(os.environ.get("SHARE", "1"))
ROWS = np.random.default_rng(0).normal(size=(64, 4)).astype("f4")


def tiny(seed=0):
    """Give a network that is fitted in a millisecond."""
    return ContractiveAutoencoder((4, 2), max_iter=1, random_state=seed, n_jobs=2)


def told(part, words, is_right, **figures):
    """Say what a part came to, and append its line to the results; whether it is right."""
    print(f"{part}: {words}", flush=True)
    command = f"SHARE={SHARE:g} bash scripts/soak-python.sh {part}"
    measured.record(f"Python: {part}", command, is_right=is_right, **figures)
    return is_right


def flat(name, n, work, warm_up):
    """Do work ``n`` times and say what it leaves; what is taken after the warm-up may grow by 4 MiB."""
    for i in range(warm_up):
        work(i)
    gc.collect()
    before, began, most = taken(), time.perf_counter(), 0
    for i in range(n):
        work(i)
        if i % 500 == 499:
            gc.collect()
            most = max(most, taken()[0])
    gc.collect()
    after = taken()
    grown = after[0] - before[0]
    most = max(most, after[0])
    words = (
        f"{n} in {time.perf_counter() - began:.0f} s; resident {before[0]} KiB after {warm_up}, {after[0]} KiB at "
        f"the end ({grown:+} KiB, {grown * 1024 / n:+.0f} B each), most {most} KiB; threads {before[1]} and "
        f"{after[1]}, open files {before[2]} and {after[2]}"
    )
    is_flat = grown < 4096 and after[1:] == before[1:]
    return told(name, words, is_flat, n=n, kib_before=before[0], kib_after=after[0], kib_most=most)


def fits():
    """Fit 10,000 times: autoencoders, parts, and every 20th time detectors."""

    def work(i):
        model = tiny(i).fit(ROWS)
        model.partial_fit(ROWS).transform(ROWS)
        if i % 20 == 0:
            AnomalyDetector(ensemble=1, steps=5, random_state=i).fit(ROWS).anomaly_scores(ROWS)
            SeriesDetector(ensemble=1, steps=5, window=8, random_state=i).fit(ROWS).anomaly_scores(ROWS)

    return flat("fits", int(10_000 * SHARE), work, 500)


def loads():
    """Load 1,000 times each of the three kinds, and score."""
    with tempfile.TemporaryDirectory() as folder:
        kinds = {
            "m": tiny(),
            "d": AnomalyDetector(ensemble=1, steps=5, random_state=0),
            "s": SeriesDetector(ensemble=1, steps=5, window=8, random_state=0),
        }
        for name, estimator in kinds.items():
            estimator.fit(ROWS).save(f"{folder}/{name}")

        def work(i):
            for name in kinds:
                load(f"{folder}/{name}").score_samples(ROWS)

        return flat("loads", int(1_000 * SHARE), work, 100)


def interrupts():
    """Send Ctrl-C at 500 random instants of twelve kinds of work."""
    heard = 0
    began = time.perf_counter()
    for seed in range(5):
        with tempfile.TemporaryDirectory() as folder:
            words = [sys.executable, "-W", "ignore", "-c", INTERRUPTED, str(100 + seed), "100", folder]
            done = subprocess.run(words, capture_output=True, text=True)
            if done.returncode != 0:
                print(f"interrupts: seed {100 + seed}: {done.stdout}{done.stderr}")
                return False
            heard += int(done.stdout)
    words = f"{heard} of 500 heard, everything whole after each, in {time.perf_counter() - began:.0f} s"
    return told("interrupts", words, heard == 500, sent=500, heard=heard)


def forks():
    """Fork 60 times while threads fit, learn, train detectors and save; children do the same."""
    X = np.random.default_rng(0).normal(size=(1000, 20)).astype("f4")
    model = ContractiveAutoencoder((32, 8), max_iter=2, random_state=0, n_jobs=2).fit(X)
    learner = ContractiveAutoencoder((32, 8), random_state=0, n_jobs=2).partial_fit(X)
    codes = model.transform(X)
    stop = threading.Event()

    def until_stopped(work):
        while not stop.is_set():
            work()

    def in_child():
        assert np.array_equal(model.transform(X), codes)
        tiny().fit(ROWS)
        AnomalyDetector(ensemble=2, steps=20, random_state=0, n_jobs=2).fit(X)
        with tempfile.TemporaryDirectory() as folder:
            model.save(folder + "/m")
        try:
            learner.partial_fit(X)
        except RuntimeError as error:
            return 3 if "fit anew" in str(error) else 4
        return 7

    def saves():
        with tempfile.TemporaryDirectory() as folder:
            model.save(folder + "/m")

    works = [
        lambda: ContractiveAutoencoder((32, 8), max_iter=2, random_state=0, n_jobs=2).fit(X),
        lambda: AnomalyDetector(ensemble=2, steps=20, random_state=0, n_jobs=2).fit(X),
        lambda: learner.partial_fit(X),
        saves,
    ]
    threads = [threading.Thread(target=until_stopped, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    codes_of = collections.Counter()
    try:
        for _ in range(60):
            time.sleep(random.random() * 0.05)
            codes_of[child(in_child, 120)] += 1
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    failed = 60 - codes_of[7] - codes_of[3]
    words = (
        f"60 children; {codes_of[7]} did all, {codes_of[3]} were told that a pass was under way, {failed} failed "
        f"({dict(codes_of)})"
    )
    return told("forks", words, failed == 0, children=60, failed=failed)


def ends():
    """End 120 programs at random instants while a daemon thread works."""
    expected = {"end": (0, ""), "exit": (5, ""), "raise": (1, "enough\n")}
    wrong = []
    for what in ("fit", "detector", "transform", "passes"):
        for _ in range(10):
            for how, is_right in expected.items():
                got = end(what, how, random.random())
                if got != is_right:
                    wrong.append((what, how, got))
    words = f"120 programs, {len(wrong)} with another exit code or words {wrong[:3]}"
    return told("ends", words, not wrong, programs=120, wrong=len(wrong))


PARTS = {"fits": fits, "loads": loads, "interrupts": interrupts, "forks": forks, "ends": ends}

if __name__ == "__main__":
    random.seed(os.environ.get("SEED", "0"))
    wanted = sys.argv[1:] or list(PARTS)
    with contextlib.suppress(KeyboardInterrupt):
        results = [PARTS[name]() for name in wanted]
        sys.exit(0 if all(results) else 1)
    sys.exit(130)
