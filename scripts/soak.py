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
import json
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
import measured
from soak_scenarios import Lost, check_documents, check_whole, data, files_digest, names_a_place, scenarios, without_stray

# Calls that change the disk. Of openat those that make or empty a file.
CALLS = {
    "rename": "EIO", "renameat": "EIO", "renameat2": "EIO", "mkdir": "ENOSPC", "mkdirat": "ENOSPC", "unlink": "EIO",
    "unlinkat": "EIO", "rmdir": "EIO", "fsync": "EIO", "fdatasync": "EIO", "write": "ENOSPC", "pwrite64": "ENOSPC",
    "openat": "ENOSPC", "link": "EIO", "linkat": "EIO", "ftruncate": "EIO", "chmod": "EIO", "fchmod": "EIO",
}  # fmt: skip
PATIENCE = 120
PAGE = 4096
# Sizes of full disks that are tried, from none to what the command writes, closer at the beginning.
N_SIZES = 17
# So many faults at calls strike once at least, or the harness is at fault.
ENOUGH = 8


class Soak:
    """One scenario under faults."""

    def __init__(self, cae, scenario, desk, seed):
        self.cae, self.scenario, self.desk = str(cae), scenario, desk
        self.random = random.Random(f"{seed} {scenario.name}")
        self.template, self.folder = desk / "template", desk / "now"
        self.template.mkdir()
        data(self.template)
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
        check_documents(self.folder)
        check_whole(scenario, files_digest(self.folder), self.before, self.done_files)
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
        """Calls that change the disk, of every thread: (name, count from 1 within the thread, as strace counts)."""
        self.renew()
        log = self.desk / "calls.log"
        child = self.start(["strace", "-f", "--seccomp-bpf", "-o", str(log), "-e", f"trace={','.join(CALLS)}", "--"])
        child.communicate(timeout=PATIENCE)
        found, counts = {}, collections.Counter()
        for line in log.read_text(errors="replace").splitlines():
            match = re.match(r"(\d+)\s+(\w+)\(", line)
            if not match:
                continue
            counts[match[1], match[2]] += 1
            makes = match[2] != "openat" or "O_CREAT" in line or "O_TRUNC" in line
            # Standard output and error are another matter.
            if makes and not line.split("(", 1)[1].startswith(("1,", "2,")):
                found[match[2], counts[match[1], match[2]]] = None
        return list(found)

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
        if not said.strip() and code == 1 and call[0] == "write":
            return True
        return self.is_told(code, said)

    def is_told(self, code, said):
        """Whether the command failed, with an error that names a file or folder of it."""
        if code not in (0, 1) or "panicked" in said:
            raise Lost(f"ended with {code}: {said.strip()}")
        if code == 1 and not ("error:" in said and names_a_place(said, self.scenario, self.folder)):
            raise Lost(f"an error that names no file: {said.strip()}")
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
        size = (pages_of(self.template) * PAGE >> 10) + kilobytes
        mount = lambda options: subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.folder], check=True)
        mount(f"size={size}k")
        try:
            shutil.copytree(self.template, self.folder, symlinks=True, dirs_exist_ok=True)
            child = self.start()
            said = child.communicate(timeout=PATIENCE)[1]
            failed = self.is_told(child.returncode, said)
            mount("remount,size=100m")
            self.settle()
            return failed
        finally:
            subprocess.run(["umount", "-l", self.folder], check=True)


def pages_of(folder):
    """Pages that the files of a folder take."""
    return sum(-(-path.stat().st_size // PAGE) for path in folder.rglob("*") if path.is_file())


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
    if fault in ("call", "full") and tries >= ENOUGH and struck == 0:
        broken.append({"fault": None, "broken": f"none of {tries} struck"})
    return {"scenario": soak.scenario.name, "fault": fault, "tries": tries, "struck": struck, "broken": broken}


def faults_of(soak, options):
    """The faults of a scenario, in the order in which they are tried."""
    has_strace = shutil.which("strace") is not None
    calls = soak.calls() if has_strace else []
    soak.random.shuffle(calls)
    # Each new file may lie beside the one that it replaces.
    most = pages_of(soak.folder)
    sizes = sorted({most * i**2 // (N_SIZES - 1) ** 2 * PAGE >> 10 for i in range(N_SIZES)})
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
    parser.add_argument("--seed", default=str(time.time_ns()), help="a seed of the faults' order and instants [default: the time]")
    parser.add_argument("--record", type=pathlib.Path, help="a file that the lines are added to")
    options = parser.parse_args()
    chosen = [one for one in scenarios() if not options.only or one.name in options.only]
    deadline = time.monotonic() + 60 * options.minutes
    n_broken = total = struck = 0
    print(f"seed {options.seed}", file=sys.stderr)
    for i, scenario in enumerate(chosen):
        with tempfile.TemporaryDirectory(prefix="soak-") as place:
            soak = Soak(options.cae.resolve(), scenario, pathlib.Path(place), options.seed)
            kinds = [(fault, faults) for fault, faults in faults_of(soak, options) if fault in options.faults]
            for j, (fault, faults) in enumerate(kinds):
                left = (deadline - time.monotonic()) / (len(chosen) - i)
                record = tried(soak, fault, faults, left / (len(kinds) - j), deadline)
                line = json.dumps({**measured.here(), "seed": options.seed, **record})
                print(line, flush=True)
                if options.record:
                    with options.record.open("a") as file:
                        file.write(line + "\n")
                n_broken, total, struck = n_broken + len(record["broken"]), total + record["tries"], struck + record["struck"]
    print(f"{total} faults tried, {struck} struck, {n_broken} promises broken", file=sys.stderr)
    return 1 if n_broken else 0


if __name__ == "__main__":
    sys.exit(main())
