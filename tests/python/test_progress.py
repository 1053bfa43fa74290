"""Progress on a terminal: the time left of detectors that are trained, of tables and time series that are scored, and of
models that are judged.

A pseudo-terminal takes the place of the terminal; elsewhere, and with --quiet or --json, there is no bar.
"""

import os
import random
import subprocess

import pytest

pty = pytest.importorskip("pty")


def shown(cae, folder, *words):
    """(what a terminal shows, exit code) of a command whose standard error is one."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([cae, *words], cwd=folder, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # what Linux says when the other end is closed
            break
        if not piece:
            break
        text += piece
    os.close(ours)
    process.stdout.read()
    return text.decode(), process.wait()


@pytest.fixture(scope="module")
def folder(cae, tmp_path_factory):
    folder = tmp_path_factory.mktemp("progress")
    chance = random.Random(3)
    lines = ["a,b,odd"] + [f"{chance.random()},{chance.random()},{int(i % 50 == 0)}" for i in range(20_000)]
    (folder / "large.csv").write_text("\n".join(lines))
    (folder / "small.csv").write_text("\n".join(lines[:400]))
    return folder


def test_a_detector_in_training_and_tables_under_way_tell_the_time_left(cae, folder):
    words = ["train", "--detector", "--data", "small.csv", "--label-column", "odd", "--ensemble", "3", "--steps", "80"]
    text, code = shown(cae, folder, *words, "--threads", "1", "--out", "d")
    assert code == 0 and "0 of 3 networks" in text and "2 of 3 networks, " in text and " left" in text
    text, code = shown(cae, folder, "detect", "d", "--data", "large.csv", "--key", "odd", "-o", "scores.csv")
    assert code == 0 and " of about " in text and " rows, " in text and " left" in text
    text, code = shown(cae, folder, "evaluate", "d", "--data", "large.csv", "--labels", "odd")
    assert code == 0 and " of about " in text and " left" in text


def test_series_and_models_under_way_tell_the_time_left(cae, folder):
    chance = random.Random(4)
    rows = [f"{i},{chance.random()},0" for i in range(40_000)]
    (folder / "long.csv").write_text("\n".join(["t,load,odd", *rows]))
    (folder / "short.csv").write_text("\n".join(["t,load,odd", *rows[:600]]))
    words = ["--time", "t", "--label-column", "odd", "--window", "16", "--ensemble", "1", "--steps", "40"]
    text, code = shown(cae, folder, "train", "--detector", "--data", "short.csv", *words, "--out", "s", "--quiet")
    assert code == 0, text
    text, code = shown(cae, folder, "detect", "s", "--data", "long.csv", "-o", "series.csv")
    assert code == 0 and " of 40,000 timestamps, " in text and " left" in text
    text, code = shown(cae, folder, "train", "--data", "small.csv", "--epochs", "1", "--no-report", "-q", "--out", "m")
    assert code == 0, text
    text, code = shown(cae, folder, "evaluate", "m", "--data", "large.csv")
    assert code == 0 and " of 20,000 rows, " in text and " left" in text
    text, code = shown(cae, folder, "evaluate", "m", "--data", "large.csv", "--json")
    assert (text, code) == ("", 0)


@pytest.mark.parametrize("flag", ["--quiet", "--json"])
def test_nothing_is_shown_where_nothing_is_wanted(cae, folder, flag):
    words = ["train", "--detector", "--data", "small.csv", "--label-column", "odd", "--ensemble", "2", "--steps", "40"]
    text, code = shown(cae, folder, *words, flag, "--out", f"d{flag}")
    assert (text, code) == ("", 0)
    text, code = shown(cae, folder, "detect", f"d{flag}", "--data", "small.csv", "-o", f"s{flag}.csv", flag)
    assert code == 0 and " left" not in text
