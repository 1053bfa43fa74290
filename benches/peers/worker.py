"""Processes that are measured: ours and the peers', each stopped (SIGSTOP) while another one works."""

import json
import os
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

CLOCK_TICK = os.sysconf("SC_CLK_TCK")


def processors(n):
    """The numbers of `n` processors to run on: one a core first, the last ones before the first, which serves the system."""
    by_rank = {}
    for cpu in sorted(os.sched_getaffinity(0), reverse=True):
        path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        core = path.read_text().strip() if path.exists() else str(cpu)
        by_rank.setdefault(core, []).append(cpu)
    cores = list(by_rank.values())
    ordered = [cpus[rank] for rank in range(max(map(len, cores))) for cpus in cores if rank < len(cpus)]
    return set(ordered[:n])


def busy_seconds():
    """Processor time that the machine has spent on anything, time stolen by the host included."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / CLOCK_TICK


@dataclass
class Worker:
    """A process that answers one JSON object for each request line."""

    command: list
    threads: int
    greets: bool
    hello: dict = field(default_factory=dict)

    def __post_init__(self):
        self.start()

    def start(self):
        """Starts the process, also anew after one that a form made crash."""
        cpus = processors(self.threads)
        self.process = subprocess.Popen(
            [*map(str, self.command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if self.greets else None,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        )
        if self.greets:
            # What frameworks say about missing GPUs is kept for the case that one fails.
            self.log = self._drain()
            self.hello = self._read()
        self.process.send_signal(signal.SIGSTOP)

    def _drain(self):
        lines = []
        threading.Thread(target=lambda: lines.extend(self.process.stderr), daemon=True).start()
        return lines

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            said = "".join(getattr(self, "log", []))[-3000:]
            # Records go into the repository, which names no path of a machine.
            words = [Path(word).name if os.path.isabs(word) else word for word in map(str, self.command)]
            raise RuntimeError(f"{' '.join(words)} ended with {self.process.wait()}\n{said}")
        return json.loads(line)

    def ask(self, *words):
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
            answer = self._read()
        except BrokenPipeError as e:
            raise RuntimeError(f"{' '.join(map(str, self.command))} has ended") from e
        finally:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGSTOP)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def ask_timed(self, *words):
        """The answer, with `foreign`: processors kept busy by others meanwhile."""
        busy, own = busy_seconds(), self._own_seconds()
        answer = self.ask(*words)
        others = (busy_seconds() - busy) - (self._own_seconds() - own)
        answer["foreign"] = max(0.0, others) / max(answer.get("seconds", 1.0), 1e-3)
        return answer

    def _own_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICK

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.stdin.close()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
