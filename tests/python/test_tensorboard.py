"""A run's event file, read by TensorBoard itself, says what metrics.jsonl says."""

import signal
import subprocess
import time

import numpy
from metrics import history
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

SETTINGS = "train strokes --rows 300 --hidden 16,8 --batch-size 32 --threads 1 --quiet --out".split()


def expected(run):
    """Tag → [(epoch, value)], from metrics.jsonl."""
    scalars = {}
    for record in history(run):
        for part in ("train", "validation", "test"):
            for term in ("total", "reconstruction", "penalty"):
                if record[part] is not None:
                    scalars.setdefault(f"{part}/{term}", []).append((record["epoch"], record[part][term]))
        for name in ("jacobian_norm", "learning_rate"):
            scalars.setdefault(name, []).append((record["epoch"], record[name]))
    return scalars


def recorded(run):
    """Tag → [(epoch, value)], from the event file, which must be the only one and intact."""
    (path,) = run.glob("events.out.tfevents.*")
    # Reads every record and checks its sums; a damaged one would end the file early or raise.
    assert len(list(EventFileLoader(str(path)).Load())) == 1 + len(history(run))
    events = EventAccumulator(str(run), size_guidance={"tensors": 0, "scalars": 0}).Reload()
    # TensorBoard turns simple values into tensors while it reads.
    tags = events.Tags()
    scalars = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags["scalars"]}
    for tag in tags["tensors"]:
        scalars[tag] = [(e.step, e.tensor_proto.float_val[0]) for e in events.Tensors(tag)]
    return scalars


def assert_same(run):
    want, got = expected(run), recorded(run)
    assert got.keys() == want.keys()
    for tag, values in want.items():
        assert [step for step, _ in got[tag]] == [step for step, _ in values], tag
        numpy.testing.assert_array_equal(
            numpy.float32([value for _, value in got[tag]]), numpy.float32([value for _, value in values]), tag
        )


def test_a_runs_events_are_its_metrics(cae, tmp_path):
    subprocess.run([cae, *SETTINGS, "run", "--epochs", "3"], cwd=tmp_path, check=True)
    run = tmp_path / "run"
    assert len(history(run)) == 3
    assert set(expected(run)) >= {"train/total", "validation/reconstruction", "test/penalty", "jacobian_norm"}
    assert_same(run)


def test_a_killed_and_resumed_run_keeps_one_consistent_file(cae, tmp_path):
    run = tmp_path / "run"
    process = subprocess.Popen([cae, *SETTINGS, "run", "--epochs", "100000"], cwd=tmp_path)
    # Until at least a second write: the first comes after the first epoch, the next about a second later.
    while not (run / "metrics.jsonl").exists() or len(history(run)) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    # What a kill in the middle of a write may leave.
    (path,) = run.glob("events.out.tfevents.*")
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size - 5)
    more = len(history(run)) + 20
    subprocess.run([cae, "resume", "run", "--epochs", str(more), "--quiet"], cwd=tmp_path, check=True)
    assert len(history(run)) == more
    assert_same(run)
