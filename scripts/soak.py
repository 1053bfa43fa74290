"""Kill `cae` anywhere, let every call that changes the disk fail once, go on, and compare with a run never disturbed.

scripts/soak.sh says how to call it. Each scenario is a command in a folder that is the same every time. Faults:

    kill    SIGKILL at a random instant
    call    SIGKILL at a call that changes the disk, each in its turn (strace)
    error   such a call fails once: no space on the device, or an input/output error (strace)
    full    the disk is full from some size on (a small tmpfs; root alone), and has room again afterwards
    power   none, but a loss of power would lose nothing: what gets a name was flushed before it, its folder after (strace)

After the fault nothing that was there may be lost or half; then the work goes on, and must end on the bits of the one that was
never disturbed, with no stray file. A line of JSON a scenario and fault goes to standard output, or is added to --record.
"""

import argparse
import collections
import dataclasses
import hashlib
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import flush_order

# Calls that change the disk. Of openat those that make or empty a file.
CALLS = {
    "rename": "EIO", "renameat": "EIO", "renameat2": "EIO", "mkdir": "ENOSPC", "mkdirat": "ENOSPC", "unlink": "EIO",
    "unlinkat": "EIO", "rmdir": "EIO", "fsync": "EIO", "fdatasync": "EIO", "write": "ENOSPC", "pwrite64": "ENOSPC",
    "openat": "ENOSPC", "link": "EIO", "linkat": "EIO", "ftruncate": "EIO", "chmod": "EIO", "fchmod": "EIO",
}  # fmt: skip
UNFINISHED = (".writing-", ".new-", ".tmp")
TIMES = ("seconds", "rows_per_second")
PATIENCE = 120


class Lost(Exception):
    """A promise that was broken."""


@dataclasses.dataclass
class Scenario:
    """A command that is disturbed."""

    name: str
    # Commands that make the folder it begins in.
    before: list[str]
    # The command under test.
    command: str
    # Commands that go on after the fault, of the folder as it is then.
    go_on: object
    # What must be the same in the end: parts of the folder by name.
    digest: object
    # What must hold right after the fault, of (folder, as it was before, as it is in the end).
    after: object = None


def csv(rows, columns):
    """A table of smooth numbers."""
    number = lambda i, j: 0.5 + 0.5 * math.sin(0.37 * i + (1.1 + 0.2 * (i % 7)) * j)
    lines = [",".join("abcdefgh"[:columns])]
    lines += [",".join(f"{number(i, j):.5f}" for j in range(columns)) for i in range(rows)]
    return "\n".join(lines) + "\n"


def series(rows):
    """A table of a time and a wave."""
    lines = ["time,load"]
    lines += [f"2024-01-{1 + i // 96:02}T{i % 96 // 4:02}:{i % 4 * 15:02}:00,{10 + 4 * math.sin(i / 12):.3f}" for i in range(rows)]
    return "\n".join(lines) + "\n"


def sha(path):
    """The sum of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def untimed(value):
    """A record without times, which differ from run to run."""
    if isinstance(value, dict):
        return {key: untimed(part) for key, part in value.items() if key not in TIMES}
    return [untimed(part) for part in value] if isinstance(value, list) else value


def tree(folder):
    """The names of all files below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def run_digest(folder):
    """What must repeat of a run directory."""
    names = [re.sub(r"tfevents\.\d+", "tfevents", name) for name in tree(folder)]
    metrics = [untimed(json.loads(line)) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    if [record["epoch"] for record in metrics] != list(range(1, len(metrics) + 1)):
        raise Lost(f"epochs with gaps or repeats: {[record['epoch'] for record in metrics]}")
    files = [path for place in ("model", "images") for path in sorted((folder / place).iterdir())]
    return {
        "names": names,
        "metrics": metrics,
        "events": sum(path.stat().st_size for path in folder.glob("events.*")),
        "config": (folder / "config.toml").read_text(),
        "files": {str(path.relative_to(folder)): sha(path) for path in files},
    }


def files_digest(folder):
    """Every file below a folder."""
    return {name: sha(folder / name) for name in tree(folder) if (folder / name).is_file()}


def without_stray(folder):
    """Refuse files that a fault left."""
    stray = [name for name in tree(folder) if any(part.startswith(UNFINISHED) for part in pathlib.Path(name).parts)]
    if stray:
        raise Lost(f"stray files: {stray}")


def whole_or_none(name):
    """A folder is whole, or there is nothing in it that would be taken for one."""

    def check(folder, before, done):
        now = files_digest(folder / name) if (folder / name / "config.json").exists() else None
        if now not in (None, done):
            raise Lost(f"{name} is neither whole nor nothing")

    return check


def old_or_new(name):
    """A folder is the one of before or the new one, and what lay beside it is there."""

    def check(folder, before, done):
        kept = lambda files: {n: s for n, s in files.items() if n.split("/")[0] == name and ".writing-" not in n}
        now = kept({n: sha(folder / n) for n in tree(folder) if (folder / n).is_file()})
        if now not in (kept(before), kept(done)):
            raise Lost(f"{name} is neither the old one nor the new one: {sorted(now)}")

    return check


def scenarios():
    """All commands that are disturbed."""
    train = "train --data t.csv --hidden 8,3 --epochs 4 --threads 1 -q --out m"
    resume = lambda folder: ["resume m -q" if (folder / "m/config.toml").exists() else train]
    detector = "train --detector --data t.csv --ensemble 2 --steps 20 --threads 1 -q --out d"
    of_series = "train --detector --data s.csv --time time --window 12 --ensemble 2 --steps 20 --threads 1 -q --out d"
    again = lambda words: lambda folder: [] if (folder / "d/config.json").exists() else [words]
    rerun = lambda words: lambda folder: [words]
    streamed = train.replace("--out", "--stream --out")
    longer = "resume m --epochs 5 -q"
    sweep = "train --data t.csv --hidden 3 --contraction 0,0.1 --epochs 2 --threads 1 -q --out w"
    sweep_digest = lambda folder: {
        "names": [re.sub(r"tfevents\.\d+", "tfevents", name) for name in tree(folder / "w")],
        "runs": [run_digest(run) for run in sorted((folder / "w").glob("*=*"))],
    }
    of_run = lambda folder: run_digest(folder / "m")
    of_all = lambda folder: files_digest(folder)
    mine = "detect d --data t.csv -o d/mine.csv"
    threshold, copy = "threshold d contamination:0.05 -q", "threshold d contamination:0.2 -q -o copy"
    detect, encode = "detect d --data t.csv -o scores.parquet", "encode m --data t.csv -o codes.csv"
    return [
        Scenario("train", [], train, resume, of_run),
        Scenario("stream", [], streamed, lambda f: [streamed if words == train else words for words in resume(f)], of_run),
        Scenario("resume", [train], longer, rerun(longer), of_run),
        Scenario("detector", [], detector, again(detector), of_all, whole_or_none("d")),
        Scenario("series", [], of_series, again(of_series), of_all, whole_or_none("d")),
        Scenario("threshold", [detector, mine], threshold, rerun(threshold), of_all, old_or_new("d")),
        Scenario("replace", [detector, copy.replace("0.2", "0.1"), mine.replace("d/", "copy/")], copy, rerun(copy), of_all,
                 old_or_new("copy")),
        Scenario("sweep", [], sweep, rerun(sweep), sweep_digest),
        Scenario("detect", [detector, detect.replace("t.csv", "u.csv")], detect, rerun(detect), of_all, old_or_new("scores.parquet")),
        Scenario("encode", [train], encode, rerun(encode), lambda folder: {"codes": sha(folder / "codes.csv")}),
    ]  # fmt: skip


class Soak:
    """One scenario under faults."""

    def __init__(self, cae, scenario, desk, seed):
        self.cae, self.scenario, self.desk = str(cae), scenario, desk
        self.random = random.Random(f"{seed} {scenario.name}")
        self.template, self.folder = desk / "template", desk / "now"
        self.template.mkdir()
        (self.template / "t.csv").write_text(csv(300, 3))
        (self.template / "u.csv").write_text(csv(200, 3))
        (self.template / "s.csv").write_text(series(400))
        for words in scenario.before:
            self.run(words, self.template)
        self.before = files_digest(self.template)
        self.renew()
        began = time.monotonic()
        self.run(scenario.command, self.folder)
        self.seconds = time.monotonic() - began
        self.done = scenario.digest(self.folder)
        self.done_files = files_digest(self.folder)

    def renew(self):
        """Begin anew in the same state."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.template, self.folder, symlinks=True)

    def run(self, words, folder):
        """A command that must succeed."""
        done = subprocess.run([self.cae, *words.split()], cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode != 0:
            raise Lost(f"`cae {words}` ended with {done.returncode}: {done.stderr.strip()}")
        return done

    def start(self, prefix=()):
        """The command under test, begun."""
        words = [*prefix, self.cae, *self.scenario.command.split()]
        return subprocess.Popen(words, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def settle(self):
        """Check what the fault left, go on, and compare."""
        scenario = self.scenario
        if scenario.after:
            name_done = self.done if scenario.name in ("detector", "series") else self.done_files
            if scenario.name in ("detector", "series"):
                name_done = {n.removeprefix("d/"): s for n, s in self.done.items() if n.startswith("d/")}
            scenario.after(self.folder, self.before, name_done)
        # A writer of single files clears up what is surely nobody's: older than five seconds.
        for path in self.folder.rglob(".writing-*"):
            os.utime(path, (time.time() - 60, time.time() - 60))
        for words in scenario.go_on(self.folder):
            self.run(words, self.folder)
        without_stray(self.folder)
        now = scenario.digest(self.folder)
        if now != self.done:
            different = [key for key in now if now.get(key) != self.done.get(key)] or sorted(set(self.done) - set(now))
            raise Lost(f"it ended otherwise: {different}")

    def random_kill(self):
        """SIGKILL at a random instant; whether it came before the end."""
        child = self.start()
        time.sleep(self.random.uniform(0, 1.05 * self.seconds))
        child.kill()
        child.communicate(timeout=PATIENCE)
        return child.returncode == -signal.SIGKILL

    def calls(self):
        """Calls of the main thread that change the disk: (name, count from 1)."""
        self.renew()
        log = self.desk / "calls.log"
        child = self.start(["strace", "-f", "--seccomp-bpf", "-o", str(log), "-e", f"trace={','.join(CALLS)}", "--"])
        child.communicate(timeout=PATIENCE)
        found, counts, main = [], collections.Counter(), None
        for line in log.read_text(errors="replace").splitlines():
            match = re.match(r"(\d+)\s+(\w+)\(", line)
            if not match:
                continue
            main = main or match[1]
            if match[1] != main:
                continue
            counts[match[2]] += 1
            makes = match[2] != "openat" or "O_CREAT" in line or "O_TRUNC" in line
            # Standard output and error are another matter.
            if makes and not line.split("(", 1)[1].startswith(("1,", "2,")):
                found.append((match[2], counts[match[2]]))
        return found

    def injected(self, call, what):
        """The command with a fault at one call; its exit code and what it said."""
        name, count = call
        # With a filter in the kernel strace is faster, and does not kill.
        faster = [] if "SIGKILL" in what else ["--seccomp-bpf"]
        prefix = ["strace", "-f", *faster, "-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:{what}:when={count}", "--"]
        child = self.start(prefix)
        said = child.communicate(timeout=PATIENCE)[1]
        return child.returncode, said

    def killed_at(self, call):
        """SIGKILL at a call; whether it came."""
        code, _ = self.injected(call, "signal=SIGKILL")
        return code in (-signal.SIGKILL, 128 + signal.SIGKILL)

    def failed_at(self, call):
        """One failing call: an error is said, or the work is done all the same; whether the command failed."""
        code, said = self.injected(call, f"error={CALLS[call[0]]}")
        # strace counts the calls of each thread: where a thread's write fails, the main thread's may too, and be the message.
        is_told = "error:" in said or call[0] == "write"
        if code not in (0, 1) or "panicked" in said or (code == 1 and not is_told):
            raise Lost(f"ended with {code}: {said.strip()}")
        return code == 1

    def unflushed(self):
        """What a loss of power could lose of the files that the command wrote, from the order of its calls."""
        log = self.desk / "order.log"
        child = self.start(["strace", "-f", "-y", "-s", "0", "-o", str(log), "-e", f"trace={flush_order.CALLS}", "--"])
        child.communicate(timeout=PATIENCE)
        found = flush_order.unflushed(log, self.folder)
        if found is None:
            raise Lost("no file got a name")
        return found

    def keeps_power(self):
        """Whether nothing could be lost; raises otherwise."""
        if found := self.unflushed():
            raise Lost("; ".join(found))
        return True

    def on_full_disk(self, kilobytes):
        """The disk is full from some size on; whether the command failed."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        pages = sum(-(-path.stat().st_size // 4096) for path in self.template.rglob("*") if path.is_file())
        size = 4 * pages + kilobytes
        mount = lambda options: subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.folder], check=True)
        mount(f"size={size}k")
        try:
            shutil.copytree(self.template, self.folder, symlinks=True, dirs_exist_ok=True)
            child = self.start()
            said = child.communicate(timeout=PATIENCE)[1]
            if child.returncode not in (0, 1) or "panicked" in said:
                raise Lost(f"ended with {child.returncode}: {said.strip()}")
            mount("remount,size=100m")
            self.settle()
            return child.returncode == 1
        finally:
            subprocess.run(["umount", "-l", self.folder], check=True)


def tried(soak, fault, faults, budget, deadline):
    """Try faults until the time is over; a record, and what was broken."""
    struck, tries, broken = 0, 0, []
    until = min(deadline, time.monotonic() + budget)
    for one in faults:
        if time.monotonic() >= until:
            break
        soak.renew()
        tries += 1
        try:
            if fault == "full":
                struck += soak.on_full_disk(one)
                continue
            if fault == "power":
                struck += soak.keeps_power()
                continue
            struck += {"kill": lambda _: soak.random_kill(), "call": soak.killed_at, "error": soak.failed_at}[fault](one)
            soak.settle()
        except (Lost, subprocess.TimeoutExpired, OSError, KeyError, ValueError) as e:
            broken.append({"fault": one, "broken": f"{type(e).__name__}: {e}"})
    return {"scenario": soak.scenario.name, "fault": fault, "tries": tries, "struck": struck, "broken": broken}


def faults_of(soak, options):
    """The faults of a scenario, in the order in which they are tried."""
    has_strace = shutil.which("strace") is not None
    calls = soak.calls() if has_strace else []
    soak.random.shuffle(calls)
    sizes = [0, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256]
    soak.random.shuffle(sizes)
    yield "kill", [None] * (options.each or 10**6)
    if has_strace:
        yield "call", calls[: options.each]
        yield "error", calls[::-1][: options.each]
        yield "power", [None]
    if os.geteuid() == 0:
        yield "full", sizes[: options.each]


def main():
    """Disturb every scenario for its share of the time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cae", type=pathlib.Path, help="the program")
    parser.add_argument("--minutes", type=float, default=30, help="time in all")
    parser.add_argument("--each", type=int, help="most faults of a kind and scenario [default: as many as there is time for]")
    parser.add_argument("--only", nargs="*", help="scenarios")
    parser.add_argument("--faults", nargs="*", default=["kill", "call", "error", "full", "power"])
    parser.add_argument("--seed", default="1")
    parser.add_argument("--record", type=pathlib.Path, help="a file that the lines are added to")
    options = parser.parse_args()
    chosen = [one for one in scenarios() if not options.only or one.name in options.only]
    deadline = time.monotonic() + 60 * options.minutes
    n_broken = total = struck = 0
    for i, scenario in enumerate(chosen):
        with tempfile.TemporaryDirectory(prefix="soak-") as place:
            soak = Soak(options.cae.resolve(), scenario, pathlib.Path(place), options.seed)
            kinds = [(fault, faults) for fault, faults in faults_of(soak, options) if fault in options.faults]
            for j, (fault, faults) in enumerate(kinds):
                left = (deadline - time.monotonic()) / (len(chosen) - i)
                record = tried(soak, fault, faults, left / (len(kinds) - j), deadline)
                line = json.dumps({"date": time.strftime("%Y-%m-%d"), **record})
                print(line, flush=True)
                if options.record:
                    with options.record.open("a") as file:
                        file.write(line + "\n")
                n_broken, total, struck = n_broken + len(record["broken"]), total + record["tries"], struck + record["struck"]
    print(f"{total} faults tried, {struck} struck, {n_broken} promises broken", file=sys.stderr)
    return 1 if n_broken else 0


if __name__ == "__main__":
    sys.exit(main())
