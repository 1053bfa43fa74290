"""Where and of what a figure was measured, and a line of it in benches/results/reliability.jsonl.

    python3 -B scripts/measured.py CHECK COMMAND KEY=VALUE...

CHECK says what was tried, COMMAND repeats it; values are JSON where they can be, and texts otherwise.
"""

import contextlib
import json
import subprocess
import sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benches" / "results" / "reliability.jsonl"


def said(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def commit():
    """The commit, and whether anything but results like these differs from it."""
    changed = said("git", "status", "--porcelain", "--untracked-files=no", "--", ":!benches/results")
    return (said("git", "rev-parse", "--short", "HEAD") or "unknown") + ("-dirty" if changed else "")


def processor():
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(": ")[2]
    return "unknown"


def here():
    """Date, commit and processor."""
    return {"date": date.today().isoformat(), "commit": commit(), "processor": processor()}


def record(check, command, **figures):
    """Append a line."""
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**here(), "check": check, "command": command, **figures}) + "\n")


def value(text):
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


if __name__ == "__main__":
    check, command, *figures = sys.argv[1:]
    record(check, command, **{key: value(text) for key, _, text in (figure.partition("=") for figure in figures)})
