"""Measures ours beside the peers and writes the record; called by scripts/bench.sh, which says how.

A repeat is one round: each form of each process in turn, a fraction of a second each, all others stopped. Losses of 20
steps must agree before anything is timed. Numbers are medians over rounds.
"""

import argparse
import atexit
import datetime
import json
import math
import os
import platform
import signal
import statistics
import subprocess
import sys
from pathlib import Path

import article
import page
import workloads
from worker import Worker, processors

HERE = Path(__file__).parent
PEERS = ("pytorch", "jax", "tensorflow", "sklearn")
# Peers that take part in some workloads alone, and forms that do not start from our weights: timed, not compared.
ONLY_IN = {"sklearn": ("i",)}
OWN_START = ("sklearn_plain",)
# What limits each side to AVX2.
AVX2 = {
    "CONTRACTIVE_INSTRUCTIONS": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}
# XLA takes its own product library, which minds the processor alone: with both variables set its product of 2,048 does 97
# GFLOP/s where multiply-adds of AVX2 in registers reach 82.
NEVER_LIMITED = ("tf_xla", "tf_xla_plain")
TRAINING = ("a", "b", "c", "d", "e", "i")
LOSS_STEPS, LOSS_TOLERANCE = 20, 1e-4
# What a user would write without knowing the closed form.
PER_SAMPLE = ("torch_jacrev", "jax_jacrev", "tf_batch_jacobian")
# Forms that are not run: Jacobians of these sizes take gigabytes and seconds, and neither a scan nor a
# compiler that fuses loops saves much on steps of seconds.
LEFT_OUT = {
    "b": PER_SAMPLE,
    "c": (*PER_SAMPLE, "jax_scan", "jax_scan_plain", "torch_compile", "torch_compile_plain"),
    "e": (*PER_SAMPLE, "jax_scan", "jax_scan_plain"),
}
PRODUCT_SIZE = 2048
INFERENCE_ROWS, INFERENCE_PASSES, INFERENCE_CHUNKS = 62500, 16, (512, 4096, 62500)


def say(*words):
    print(*words, file=sys.stderr, flush=True)


class Field:
    """All processes of one workload with one number of threads."""

    def __init__(self, given, name, threads):
        self.given, self.name, self.threads = given, name, threads
        self.workers, self.versions, self.failed = {}, {}, {}
        self.ours = Worker([given.ours, name, threads], threads, greets=False)
        atexit.register(self.end)
        for peer in given.peers:
            if name not in ONLY_IN.get(peer, name):
                continue
            try:
                worker = Worker([sys.executable, HERE / f"peer_{peer}.py", name, threads], threads, greets=True)
            except RuntimeError as e:
                self.failed[peer] = str(e)[-600:]
                say(f"  {peer} does not run: {e}")
                continue
            self.workers[peer] = worker
            self.versions |= worker.hello["versions"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        atexit.unregister(self.end)
        self.end()

    def end(self):
        for worker in [self.ours, *self.workers.values()]:
            worker.end()

    def forms(self, plain_only):
        """(name, process, form as that process calls it) of ours and of every peer form for this workload."""
        found = [("ours", self.ours, "exact"), ("ours_plain", self.ours, "plain")]
        for worker in self.workers.values():
            found += [(form, worker, form) for form in worker.hello["forms"]]
        found = [f for f in found if f[0] not in LEFT_OUT.get(self.name, ())]
        return [f for f in found if f[0].endswith("_plain") or not plain_only]

    def machine_rates(self, before=None):
        """Multiply-adds in registers on one thread and on all, and everybody's matrix product; operations a second. And
        bytes a second through memory. The better of two looks, where there was one `before`: whatever disturbs makes a rate
        less."""
        now = {
            "multiply_add_rate_one_thread": self.ours.ask("peak", 1, 0.2)["rate"],
            "multiply_add_rate": self.ours.ask("peak", self.threads, 0.2)["rate"],
            "memory_rate": self.ours.ask("memory", self.threads, 0.3)["rate"],
            "product_rates": {"ours": self.ours.ask("product", PRODUCT_SIZE, 0.4)["rate"]},
        }
        for peer, worker in self.workers.items():
            now["product_rates"][peer] = worker.ask("product", PRODUCT_SIZE, 0.4)["rate"]
        better = lambda a, b: {k: better(v, b[k]) if isinstance(v, dict) else max(v, b[k]) for k, v in a.items()}
        best = better(now, before) if before else now
        return best | {"gemm_rate": max(best["product_rates"].values())}


    def not_limited(self, given, machine):
        """The peers that still use better instructions than asked for: their products pass what multiply-adds of those can."""
        if not given.instructions:
            return []
        bound = 1.05 * machine["multiply_add_rate"]
        return [peer for peer in self.workers if machine["product_rates"][peer] > bound]


def check_losses(forms, steps):
    """Losses by form, the largest relative difference from ours of those that agree, and the forms that fail with their
    reasons; ends the program where no form of a peer agrees."""
    losses, failed = {}, {}
    for name, worker, form in forms:
        try:
            losses[name] = worker.ask("losses", form, steps)["losses"]
        except RuntimeError as e:
            failed[name] = str(e)[-600:]
            say(f"  {name} fails: {e}")
            if worker.process.poll() is not None:
                worker.start()
    worst, agree = 0.0, set()
    for name, worker, _ in forms:
        if name not in losses or name in OWN_START:
            continue
        ours = losses["ours_plain" if name.endswith("_plain") else "ours"]
        difference = max((abs(a - b) / abs(b) if math.isfinite(a) else math.inf) for a, b in zip(losses[name], ours))
        if difference <= LOSS_TOLERANCE:
            worst = max(worst, difference)
            agree.add(id(worker))
        else:
            failed[name] = f"its losses differ from ours by {difference:.1e} relative: {losses[name][:3]} beside {ours[:3]}"
    for name, worker, _ in forms:
        # A compiler may break one formulation of a framework; where all of them disagree, the work is not the same.
        if name in failed and name in losses:
            if id(worker) not in agree:
                sys.exit(f"{name} is not the same work: {failed[name]}")
            say(f"  {name} fails: {failed[name]}")
    return losses, worst, failed


def rounds(field, forms, repeats, seconds):
    """Steps a second by form, a number a round, with what disturbed each; and the multiply-add rate before each round."""
    steps = {}
    for name, worker, form in forms:
        first = worker.ask("time", form, 1)
        again = worker.ask("time", form, max(1, min(50, int(0.2 / max(first["seconds"], 1e-6)))))
        steps[name] = max(1, round(seconds * again["steps"] / again["seconds"]))
    if max(1 / (n / seconds) for n in steps.values()) > 0.7:
        repeats = max(3, (repeats + 1) // 2)  # long steps vary less and cost more
    results, peaks = {name: [] for name, _, _ in forms}, []
    for _ in range(repeats):
        peaks.append(field.ours.ask("peak", field.threads, 0.03)["rate"])
        for name, worker, form in forms:
            answer = worker.ask_timed("time", form, steps[name])
            results[name].append((answer["steps"] / answer["seconds"], answer["foreign"]))
    return results, peaks


def summary(results, peaks):
    """Medians, spreads, and how many rounds counted: those in which the processor was as fast as in the best (a virtual
    machine's threads may come to share a core) and others took little of it; all of them where that leaves under 3."""
    usable = [i for i, peak in enumerate(peaks) if peak >= 0.85 * max(peaks)]
    quiet = {name: [v[i][0] for i in usable if v[i][1] < 0.15] for name, v in results.items()}
    chosen = {name: quiet[name] if len(quiet[name]) >= 3 else [rate for rate, _ in v] for name, v in results.items()}
    return {
        "steps_per_second": {name: statistics.median(v) for name, v in chosen.items()},
        "spread": {name: [min(v), max(v)] for name, v in chosen.items()},
        "rounds": len(peaks),
        "quiet_rounds": {name: len(v) for name, v in quiet.items()},
        "multiply_add_rate_by_round": peaks,
    }


def fastest(rates):
    return max(rates, key=rates.get) if rates else None


def training(given, name, threads, loss_steps=LOSS_STEPS, plain_only=False):
    say(f"{name}, {threads} thread{'s' * (threads > 1)}: {workloads.ALL[name]['says']}")
    with Field(given, name, threads) as field:
        forms = field.forms(plain_only)
        machine = field.machine_rates()
        losses, worst, failed = check_losses(forms, loss_steps)
        forms = [f for f in forms if f[0] not in failed]
        say(f"  losses of {loss_steps} steps agree to {worst:.1e}")
        results, peaks = rounds(field, forms, given.repeats, given.seconds)
        machine = field.machine_rates(before=machine)
        outside = field.not_limited(given, machine)
        forms_outside = {form for peer in outside for form in field.workers[peer].hello["forms"]}
        if given.instructions:
            outside += [form for form in NEVER_LIMITED if not form.endswith("_plain") and any(form == f[0] for f in forms)]
            forms_outside |= set(NEVER_LIMITED)
        operations = field.ours.ask("operations")
        phases = {} if plain_only else field.ours.ask("phases", "exact")
    numbers = summary(results, peaks)
    rates = numbers["steps_per_second"]
    plain = {n.removesuffix("_plain"): r for n, r in rates.items() if n.endswith("_plain") and n != "ours_plain"}
    peers = {n: r for n, r in rates.items() if not n.endswith("_plain") and n != "ours"}
    limited = lambda rates, suffix="": {n: r for n, r in rates.items() if n + suffix not in forms_outside}
    best = {"": fastest(limited(peers)), "plain": fastest(limited(plain, "_plain"))}
    record = {
        "workload": name,
        "threads": threads,
        "says": workloads.ALL[name]["says"],
        "unit": "steps/s",
        "ours": rates.get("ours"),
        "peers": peers,
        "fastest_peer": best[""],
        "ratio_to_fastest": rates["ours"] / peers[best[""]] if best[""] else None,
        "not_limited": outside,
        "ratio_to_per_sample": {n: rates["ours"] / peers[n] for n in PER_SAMPLE if n in peers},
        "plain": {
            "ours": rates["ours_plain"],
            "peers": plain,
            "fastest_peer": best["plain"],
            "ratio_to_fastest": rates["ours_plain"] / plain[best["plain"]] if best["plain"] else None,
        },
        "operations": operations,
        "phases": {name: seconds / sum(phases.values()) for name, seconds in phases.items()},
        "losses": {"steps": loss_steps, "worst_relative_difference": worst, "ours": losses.get("ours"),
                   "ours_plain": losses["ours_plain"]},
        "failed": field.failed | failed,
        "versions": field.versions,
        **machine,
        **numbers,
    }  # fmt: skip
    if "ours" in rates:
        record["penalty_cost"] = rates["ours_plain"] / rates["ours"] - 1
        record["rate_least"] = rates["ours"] * operations["least"]
        record["rate_dense"] = rates["ours"] * operations["dense"]
        record["share_of_gemm_least"] = record["rate_least"] / machine["gemm_rate"]
        record["share_of_gemm_dense"] = record["rate_dense"] / machine["gemm_rate"]
        say(f"  ours {rates['ours']:.4g}/s, {best['']} {peers.get(best[''], float('nan')):.4g}/s")
    say(f"  without penalty: ours {rates['ours_plain']:.4g}/s, {best['plain']} {plain.get(best['plain'], float('nan')):.4g}/s")
    return record


def inference(given, threads):
    say(f"g, {threads} thread{'s' * (threads > 1)}: encode and reconstruct a million rows")
    with Field(given, "a", threads) as field:
        asks = [("ours", field.ours, ("infer", INFERENCE_ROWS, INFERENCE_PASSES))]
        for worker in field.workers.values():
            prefix = worker.hello["forms"][0].split("_")[0]
            asks += [(f"{prefix}_{chunk}", worker, ("infer", chunk, INFERENCE_ROWS)) for chunk in INFERENCE_CHUNKS]
        sums = {name: worker.ask(*words, *(() if name == "ours" else (1,)))["sum"] for name, worker, words in asks}
        for name, value in sums.items():
            if not abs(value - sums["ours"]) <= LOSS_TOLERANCE * abs(sums["ours"]):
                sys.exit(f"{name} is not the same work: its first outputs sum to {value}, ours to {sums['ours']}")
        outside = field.not_limited(given, field.machine_rates()) if given.instructions else []
        prefixes = tuple(field.workers[peer].hello["forms"][0].split("_")[0] for peer in outside)
        results, peaks = {name: [] for name in sums}, []
        for _ in range(max(3, (given.repeats + 1) // 2)):
            peaks.append(field.ours.ask("peak", threads, 0.03)["rate"])
            for name, worker, words in asks:
                # A million rows for us; a quarter for each chunk size of the peers.
                passes = () if name == "ours" else (INFERENCE_PASSES // 4,)
                answer = worker.ask_timed(*words, *passes)
                results[name].append((answer["rows"] / answer["seconds"], answer["foreign"]))
        versions = field.versions
    numbers = summary(results, peaks)
    rates = numbers.pop("steps_per_second")
    peers = {n: r for n, r in rates.items() if n != "ours"}
    best = fastest({n: r for n, r in peers.items() if n.split("_")[0] not in prefixes})
    say(f"  ours {rates['ours']:.4g} rows/s, {best} {peers.get(best, float('nan')):.4g} rows/s")
    if outside:
        say(f"  not limited to {given.instructions}, and left out: {', '.join(outside)}")
    return {
        "workload": "g",
        "threads": threads,
        "says": "encode and reconstruct a million rows through 784-64-32-16-32-64-784 (peers: name_CHUNK rows at a time)",
        "unit": "rows/s",
        "ours": rates["ours"],
        "peers": peers,
        "fastest_peer": best,
        "ratio_to_fastest": rates["ours"] / peers[best] if best else None,
        "not_limited": outside,
        "versions": versions,
        **numbers,
    }


def without_penalty(records, threads):
    """Workload f: what the records of the trained workloads say about the nets without their penalty."""
    nets = {r["workload"]: r["plain"] for r in records if r["threads"] == threads and r["workload"] in TRAINING}
    ratios = {name: net["ratio_to_fastest"] for name, net in nets.items() if net["ratio_to_fastest"]}
    return {
        "workload": "f",
        "threads": threads,
        "says": "the nets of the other workloads without their penalty",
        "unit": "steps/s",
        "ours": {name: net["ours"] for name, net in nets.items()},
        "peers": {name: net["peers"] for name, net in nets.items()},
        "fastest_peer": {name: net["fastest_peer"] for name, net in nets.items()},
        "ratios": ratios,
        "ratio_to_fastest": min(ratios.values(), default=None),
    }


def machine(instructions):
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    flags = next((line for line in info.read_text().splitlines() if line.startswith("flags")), "")
    return {
        "processor": names[0] if names else platform.processor(),
        "processors": len(os.sched_getaffinity(0)),
        "virtual": "hypervisor" in flags,
        "avx512": "avx512f" in flags,
        "instructions": instructions or ("avx512" if "avx512f" in flags else "avx2" if "avx2" in flags else "other"),
        "limited": instructions is not None and "avx512f" in flags,
        "system": platform.platform(terse=True),
        "date": datetime.date.today().isoformat(),
        "commit": subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip(),
    }


def measure(given):
    records = []
    for name in given.workload:
        # Most threads first: where steps take seconds, losses are compared at length once, then briefly.
        for i, threads in enumerate(sorted(given.threads, reverse=True)):
            if name in TRAINING:
                brief = name == "c" and i > 0
                records.append(training(given, name, threads, 3 if brief else LOSS_STEPS))
            elif name == "f":
                have = {r["workload"] for r in records if r["threads"] == threads}
                also = [training(given, n, threads, plain_only=True) for n in TRAINING if n not in have]
                records.append(without_penalty(records + also, threads))
            elif name == "g":
                records.append(inference(given, threads))
            elif name == "h":
                records.append(article.whole_program(given, threads, say))
    return records


def main():
    # A peer that waits is stopped: it must be woken to end, also when this program is told to.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(prog="scripts/bench.sh", description=__doc__.split("\n\n")[0])
    parser.add_argument("--workload", default="all", help="letters separated by commas, or all (a to i)")
    parser.add_argument("--threads", default="1,2", help="numbers separated by commas; 1,2 by default")
    parser.add_argument("--repeats", type=int, default=5, help="rounds; half as many, 3 at least, where steps are long; 5 by default")
    parser.add_argument("--seconds", type=float, default=0.3, help="of each form in a round; 0.3 by default")
    parser.add_argument("--peers", default=",".join(PEERS), help="pytorch, jax, tensorflow, sklearn, separated by commas")
    parser.add_argument("--instructions", choices=["avx2"], help="limit every side to these, where the processor has better ones")
    parser.add_argument("--json", type=Path, help="write the record here, and leave docs/performance.md alone")
    parser.add_argument("--ours", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--cae", type=Path, required=True, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.workload = list("abcdefghi") if given.workload == "all" else given.workload.split(",")
    given.threads = [int(t) for t in given.threads.split(",")]
    given.peers = [p for p in given.peers.split(",") if p]
    given.ours, given.cae = given.ours.resolve(), given.cae.resolve()
    for name in given.workload:
        if name not in "abcdefghi":
            parser.error(f"no workload is called {name}; they are a to i, or all")
    for threads in given.threads:
        if len(processors(threads)) < threads:
            parser.error(f"{threads} threads need as many processors; this machine has {len(processors(threads))}")
    if given.instructions == "avx2":
        os.environ.update(AVX2)
    records = measure(given)
    here = machine(given.instructions)
    if given.json:
        whole = records[0] | {"machine": here} if len(records) == 1 else {"machine": here, "runs": records}
        page.write_json(given.json, whole)
    else:
        page.update(here, records)


if __name__ == "__main__":
    main()
