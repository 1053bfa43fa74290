"""The measurements of scripts/bench-scale.sh, which builds the program first."""

import atexit
import itertools
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

COLUMNS = 784
ROWS = 8192  # of four files, so that 1, 2 and 4 ranks have whole files
NETWORKS = {"784-64-32-16": "64,32,16", "784-256-64": "256,64", "784-1000": "1000", "784-600-64": "600,64"}
STRONG_BATCH = 256
WEAK_BATCH = 128  # a rank
SECONDS = float(os.environ.get("SECONDS_EACH", "4"))
NET = "10.199.77"
CORES = len(os.sched_getaffinity(0))


def parameters(hidden: str) -> int:
    """Numbers of an untied network and its mirrored decoder."""
    sizes = [COLUMNS, *map(int, hidden.split(","))]
    encoder = sum(a * b + b for a, b in itertools.pairwise(sizes))
    back = sizes[::-1]
    return encoder + sum(a * b + b for a, b in itertools.pairwise(back))


def write_rows(folder: Path) -> None:
    """Four arrays of numbers in [0, 1), the same each time."""
    state = 1
    for file in range(4):
        rows = ROWS // 4
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {COLUMNS}), }}"
        header += " " * (-(len(header) + 11) % 64) + "\n"
        values = bytearray()
        for _ in range(rows * COLUMNS):
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
            values += struct.pack("<f", state / 2**32)
        (folder / f"part-{file}.npy").write_bytes(
            b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(values)
        )


class SharedMemory:
    """Ranks of one machine."""

    name = "shared memory"

    def command(self, ranks: int) -> list[str]:
        if ranks == 1:
            return []
        bind = ["--bind-to", "core"] if ranks <= CORES else ["--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]
        return ["mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", *bind, "-n", str(ranks)]


class Namespaces:
    """Ranks that reach each other over TCP between network namespaces, each with a name of its own as a machine has."""

    name = "TCP between network namespaces"

    def __init__(self, folder: Path, most: int) -> None:
        self.agent = folder / "agent"
        self.most = most
        atexit.register(self.remove)
        self.remove()
        run = lambda line: subprocess.run(line.split(), check=True, capture_output=True)  # noqa: E731
        run("ip netns add caebridge")
        run("ip -n caebridge link add bridge type bridge")
        run("ip -n caebridge link set bridge up")
        for i in range(most):
            run(f"ip netns add caenode{i}")
            run(f"ip link add caeveth{i} netns caenode{i} type veth peer name port{i} netns caebridge")
            run(f"ip -n caebridge link set port{i} master bridge up")
            run(f"ip -n caenode{i} addr add {NET}.{i + 1}/24 dev caeveth{i}")
            run(f"ip -n caenode{i} link set caeveth{i} up")
            run(f"ip -n caenode{i} link set lo up")
        # What `ssh` is to mpirun: HOST COMMAND…, here in the namespace of the address.
        self.agent.write_text(
            "#!/bin/sh\n"
            'while case "$1" in -*) true ;; *) false ;; esac; do shift; done\n'
            "node=$(( ${1##*.} - 1 )); shift\n"
            'exec ip netns exec "caenode$node" unshare -u sh -c "hostname caenode$node; $*"\n'
        )
        self.agent.chmod(0o755)

    def remove(self) -> None:
        for name in ["caebridge", *(f"caenode{i}" for i in range(self.most))]:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)

    def command(self, ranks: int) -> list[str]:
        hosts = ",".join(f"{NET}.{i + 1}:1" for i in range(ranks))
        start = ["ip", "netns", "exec", "caenode0", "unshare", "-u", "sh", "-c", 'hostname caenode0; exec "$@"', "sh"]
        tcp = ["--mca", "pml", "ob1", "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", f"{NET}.0/24"]
        reach = ["--mca", "oob_tcp_if_include", f"{NET}.0/24", "--mca", "plm_rsh_agent", str(self.agent)]
        order = ["--mca", "plm_rsh_no_tree_spawn", "1", "--bind-to", "none", "--mca", "mpi_yield_when_idle"]
        idle = "1" if ranks > CORES else "0"
        mpirun = ["mpirun.openmpi", "--allow-run-as-root", "--host", hosts, *tcp, *reach, *order, idle]
        return [*start, *mpirun, "-n", str(ranks)]


def events(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def train(how, program: str, rows: Path, folder: Path, ranks: int, hidden: str, batch: int, epochs: int) -> dict:
    """A training's seconds a step, of the fastest epoch but the first, and of them those of its exchange."""
    out = folder / "run"
    shutil.rmtree(out, ignore_errors=True)
    flags = ["--data", str(rows), "--hidden", hidden, "--contraction", "0.1", "--scale", "none", "--loss", "mse"]
    flags += ["--batch-size", str(batch), "--validation", "0", "--epochs", str(epochs), "--threads", "1"]
    words = [program, "--timings", "train", *flags, "--no-report", "--json", "--out", str(out)]
    done = subprocess.run([*how.command(ranks), *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    rates = [event["rows_per_second"] for event in events(done.stdout) if event["event"] == "epoch"]
    step = batch / max(rates[1:] or rates)
    # The gradient is what is exchanged most often but for small things: the largest sums of all steps.
    told = next(event for event in events(done.stderr) if event["event"] == "exchanges")["exchanges"]
    steps = epochs * (ROWS // batch)
    sums = [one for one in told if one["exchange"] == "sum" and one["times"] >= steps]
    gradient = max(sums, key=lambda one: one["bytes"], default=None)
    each = gradient["seconds"] / gradient["times"] if gradient else 0.0
    sent = gradient["bytes"] if gradient else 0
    return {"step_seconds": step, "exchange_seconds": each, "exchange_bytes": sent, "steps": steps}


def main(program: str, out: str) -> None:
    program = str(Path(program).resolve())
    # What was made goes again where this is ended from without.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="bench-scale-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    rows = folder / "rows"
    rows.mkdir()
    write_rows(rows)
    if out != "/dev/stdout":
        Path(out).write_text("", encoding="utf-8")

    def say(**what) -> None:
        with open(out, "a", encoding="utf-8") as stream:
            print(json.dumps(what), file=stream)

    described = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":")[1].strip() for line in described if line.startswith("model name")), "?")
    version = subprocess.run(["mpirun.openmpi", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    say(what="machine", cores=CORES, processor=model, mpi=version, rows=ROWS, columns=COLUMNS)
    ways = [(SharedMemory(), [1, 2, 4])]
    if os.geteuid() == 0 and shutil.which("ip") and shutil.which("unshare"):
        ways.append((Namespaces(folder, 4), [2, 4]))
    else:
        print("network namespaces need root, `ip` and `unshare`: left out", file=sys.stderr)
    for how, counts in ways:
        for ranks in counts:
            oversubscribed = ranks > CORES
            about = {"over": how.name, "ranks": ranks, "oversubscribed": oversubscribed}
            if ranks > 1:
                numbers = "1,100,1000,10000,100000,300000,1000000,3000000"
                words = [program, "bench", "--json", "--seconds", "1", "--numbers", numbers]
                done = subprocess.run([*how.command(ranks), *words], capture_output=True, text=True)
                if done.returncode != 0:
                    raise SystemExit(f"{' '.join(words)}: {done.stderr}")
                for measured in events(done.stdout):
                    say(what="exchange", **about, **{k: v for k, v in measured.items() if k != "ranks"})
            for network, hidden in NETWORKS.items():
                for scaling, batch in [("strong", STRONG_BATCH), ("weak", WEAK_BATCH * ranks)]:
                    first = train(how, program, rows, folder, ranks, hidden, batch, 2)
                    epoch = first["step_seconds"] * (ROWS // batch)
                    epochs = max(3, min(40, round(SECONDS / epoch)))
                    measured = train(how, program, rows, folder, ranks, hidden, batch, epochs)
                    of = {"network": network, "parameters": parameters(hidden), "scaling": scaling, "batch": batch}
                    say(what="train", **about, **of, **measured)


if __name__ == "__main__":
    main(*sys.argv[1:3])
