"""Guides say what their commands print."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A guide, with the least number of its commands.
GUIDES = {"guide-anomaly.md": 18, "first-hour.md": 14, "guide-images.md": 13}
# Of guides whose data no command of theirs makes: the script that does.
MADE_BY = {"guide-images.md": "guide-pictures.py"}
NUMBER = re.compile(r"\d[\d,]*\.?\d*(?:e-?\d+)?")
# How far a number may be from the printed one: networks trained with other vector instructions differ a little.
TOLERANCE = 0.02


def blocks(guide):
    """A guide's indented blocks, as lists of lines."""
    block = []
    for line in [*(ROOT / "docs" / guide).read_text().splitlines(), ""]:
        if line.startswith("    "):
            block.append(line[4:])
        elif block:
            yield block
            block = []


def commands(block):
    """(command, lines that it prints) of a block that begins with `$ `."""
    found = []
    for line in block:
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def same(expected, got):
    """Whether two lines say the same, numbers nearly. Times are those of a machine."""
    if NUMBER.sub("#", expected) != NUMBER.sub("#", got):
        return False
    if " trained " in f" {expected}":
        return True
    pairs = zip(NUMBER.findall(expected), NUMBER.findall(got))
    values = ((float(a.replace(",", "")), float(b.replace(",", ""))) for a, b in pairs)
    return all(abs(a - b) <= TOLERANCE * max(1.0, abs(a)) for a, b in values)


def missing(expected, got):
    """The first expected line that `got` does not hold after those before it; `…` stands for any lines."""
    rest = iter(got)
    for line in expected:
        if line.strip() != "…" and not any(same(line.strip(), other.strip()) for other in rest):
            return line
    return None


@pytest.mark.parametrize("guide", GUIDES)
def test_every_command_of_a_guide_prints_what_it_says(cae, tmp_path, guide):
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    if guide in MADE_BY:
        subprocess.run([sys.executable, ROOT / "scripts" / MADE_BY[guide]], cwd=tmp_path, check=True)
    environment = {**os.environ, "PATH": f"{cae.parent}:{os.environ['PATH']}"}
    n_commands = 0
    for block in blocks(guide):
        if not block[0].startswith("$ "):
            name = "scores.csv" if block[0].startswith("order,when,row") else "orders.csv"
            got = (tmp_path / name).read_text().splitlines()
            assert missing(block, got) is None, f"{name}: {missing(block, got)}"
            continue
        for command, expected in commands(block):
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=tmp_path,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=600,
            )
            got = done.stdout.splitlines()
            assert missing(expected, got) is None, f"$ {command}\n{missing(expected, got)}\nis not in\n{done.stdout}"
            n_commands += 1
    assert n_commands >= GUIDES[guide]
