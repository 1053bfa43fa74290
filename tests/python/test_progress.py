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


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        (["--hidden", "4", "--epochs", "60"], "model/model.safetensors"),
        (["--detector", "--ensemble", "3", "--steps", "1500"], "config.json"),
    ],
)
def test_a_terminal_that_goes_away_takes_no_training_along(cae, folder, tmp_path, words, whole):
    ours, theirs = pty.openpty()
    command = [cae, "train", "--data", folder / "small.csv", *words, "--out", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    os.read(ours, 4096)
    os.close(ours)
    assert process.wait() == 0
    assert (tmp_path / "out" / whole).exists()


def test_rows_and_errors_on_a_terminal_give_it_no_orders(cae, tmp_path):
    name = "x\x1b[2J\x9b2J\u202e"
    (tmp_path / "t.csv").write_text(f"{name},b,kind\n" + "".join(f"{i % 7},{i % 11},{name}\n" for i in range(60)))
    words = [
        "train",
        "--detector",
        "--data",
        "t.csv",
        "--key",
        "kind",
        "--ensemble",
        "2",
        "--steps",
        "20",
        "--out",
        "d",
    ]
    text, code = shown(cae, tmp_path, *words, "-q")
    assert (text, code) == ("", 0)
    text, code = shown(cae, tmp_path, "detect", "d", "--data", f"{name}.csv", "-o", "scores.csv")
    assert code == 1 and "x\\u{1b}[2J" in text and "\x1b[2J" not in text and "\u202e" not in text
    ours, theirs = pty.openpty()
    words = ["detect", "d", "--data", "t.csv", "-o", "-", "-q"]
    process = subprocess.Popen([cae, *words], cwd=tmp_path, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    text = b""
    while piece := read(ours):
        text += piece
    os.close(ours)
    assert process.wait() == 0
    assert text.count(b"x\\u{1b}[2J") >= 60 and b"\x1b" not in text


def read(terminal):
    """What is there to read, nothing when the other end is closed."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
