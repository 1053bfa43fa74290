"""Times the commands of docs/first-hour.md, job by job, in a folder that is thrown away:

    cargo build --release && python3 scripts/first-hour.py [CAE]

Prints each command with its seconds, and the sum of each job. Commands that only show what others wrote (`head`) and the
script that makes the tables are run, and not counted.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main():
    cae = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/cae").resolve()
    environment = {**os.environ, "PATH": f"{cae.parent}:{os.environ['PATH']}"}
    job, sums = "", {}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "scripts").symlink_to(ROOT / "scripts")
        for line in (ROOT / "docs/first-hour.md").read_text().splitlines():
            if line.startswith("## "):
                job = line[3:]
            if not line.startswith("    $ "):
                continue
            command = line[6:]
            began = time.monotonic()
            subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, check=True)
            seconds = time.monotonic() - began
            if command.startswith("cae "):
                print(f"{seconds:6.2f} s  {command}")
                n, total = sums.get(job, (0, 0.0))
                sums[job] = (n + 1, total + seconds)
    for job, (n, total) in sums.items():
        print(f"{job}: {n} commands, {total:.1f} s")


main()
