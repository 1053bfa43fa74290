"""What scripts/soak-follow.sh does."""

import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import measured

HEADER = "time,load,flow\n"
WINDOW = 60


def row(i):
    """Give the row of second ``i``: a wave of a minute in two columns, with a spike an hour."""
    noise = random.Random(i).gauss(0, 0.05)
    spike = 4 if i % 3600 == 1800 else 0
    t = 2 * math.pi * i / 60
    return (
        f"2024-05-01T{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02},{math.sin(t) + noise + spike:.4f},{math.cos(t):.4f}\n"
    )


class Followed:
    """A follower under way, and the lines that it gave so far."""

    def __init__(self, cae, folder):
        """Start it."""
        words = [cae, "detect", "d", "--data", "growing.csv", "--follow", "--poll", "0.01"]
        self.process = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines, self.said = [], []
        self.readers = [
            threading.Thread(target=lambda: self.lines.extend(self.process.stdout)),
            threading.Thread(target=lambda: self.said.extend(self.process.stderr)),
        ]
        for reader in self.readers:
            reader.start()

    def wait_for(self, rows):
        """Wait until all but the last windows' rows have scores: then what was written has been read."""
        end = time.monotonic() + 600
        while len(self.lines) < 1 + rows - WINDOW:
            if self.process.poll() is not None or time.monotonic() > end:
                sys.exit(f"the follower ended or stood still at {len(self.lines)} lines: {''.join(self.said)}")
            time.sleep(0.005)

    def resident(self):
        """Resident memory in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])


def main(cae, n):
    """Follow a day, and compare."""
    rng = random.Random(7)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "train.csv").write_text(HEADER + "".join(map(row, range(1800))))
        (folder / "day.csv").write_text(HEADER + "".join(map(row, range(n))))
        words = "train --detector --data train.csv --time time --window 60 --ensemble 1 --steps 100 --seed 0 --out d -q"
        subprocess.run([cae, *words.split()], cwd=folder, check=True)
        growing = folder / "growing.csv"
        file = growing.open("a")
        file.write(HEADER)
        file.flush()
        followed = Followed(cae, folder)
        written, turns, memory = 0, {"renamed": 0, "truncated": 0, "removed": 0}, []
        while written < n:
            some = min(rng.randint(1, 400), n - written)
            text = "".join(map(row, range(written, written + some)))
            written += some
            while text:
                piece = rng.randint(1, max(2, len(text)))
                file.write(text[:piece])
                file.flush()
                text = text[piece:]
            if rng.random() < 0.3:
                # What rotates must leave a file its name over two looks, and what truncates loses what was not read yet.
                followed.wait_for(written)
                memory.append(followed.resident())
                how = rng.choice(list(turns))
                turns[how] += 1
                if how == "truncated":
                    os.truncate(growing, 0)
                    continue
                if how == "renamed":
                    growing.rename(folder / "growing.csv.1")
                else:
                    growing.unlink()
                # A writer that has not noticed yet.
                late = min(rng.randint(0, 30), n - written)
                file.write("".join(map(row, range(written, written + late))))
                written += late
                file.close()
                if rng.random() < 0.5:
                    time.sleep(0.05)
                file = growing.open("a")
                if rng.random() < 0.5:
                    file.write(HEADER)
                    file.flush()
        followed.wait_for(n)
        followed.process.send_signal(signal.SIGINT)
        for reader in followed.readers:
            reader.join()
        code = followed.process.wait()
        at_once = subprocess.run(
            [cae, "detect", "d", "--data", "day.csv", "-q"], cwd=folder, check=True, capture_output=True, text=True
        ).stdout.splitlines()
        names = at_once[0].split(",")
        kept = [names.index(name) for name in ("time", "score", "probability", "label")]
        expected = [",".join(line.split(",")[i] for i in kept) for line in at_once]
        got = [line.rstrip("\n") for line in followed.lines]
        first, last = memory[len(memory) // 10], memory[-1]
        print(
            f"follow: {n} rows over {turns}, exit {code}; {len(got) - 1} scores, "
            f"{'the same' if got == expected else 'NOT THE SAME'} as of the whole at once; resident {first} KiB after a "
            f"tenth, {last} KiB at the end, most {max(memory)} KiB"
        )
        is_right = got == expected and code == 0 and last - first < 4096
        command = f"bash scripts/soak-follow.sh target/release/cae {n}"
        measured.record("a day, followed", command, is_right=is_right, rows=n, **turns, kib_first=first, kib_most=max(memory))
        return is_right


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1], int(sys.argv[2])) else 1)
