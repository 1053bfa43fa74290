"""Writes the tables of docs/performance.md from the records in benches/results; measures nothing.

A record is a file a day, a processor and an instruction set: DATE-PROCESSOR-INSTRUCTIONS.json. The page shows, side by
side, the newest run of each workload for each instruction set.

A table lies between the lines `<!-- table NAME -->` and `<!-- end -->`; all else on the page is written by hand.
"""

import json
import os
import re
import sys
from pathlib import Path

PAGE, RECORDS = Path("docs/performance.md"), Path("benches/results")
EXPECTED = Path("crates/contractive-cli/src/speed/expected.json")
# As records name them, and as the page does.
INSTRUCTIONS = {"avx512": "AVX-512", "avx2": "AVX2"}


def write_text(path, text):
    """The file is replaced in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    os.replace(new, path)


def write_json(path, value):
    write_text(path, json.dumps(rounded(value), indent=1, ensure_ascii=False) + "\n")


def rounded(value):
    """Six digits are more than a measurement has."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


def path_of(machine):
    """The file of this machine's records of the day."""
    processor = re.sub(r"[^a-z0-9]+", "-", machine["processor"].lower()).strip("-")
    return RECORDS / f"{machine['date']}-{processor}-{machine['instructions']}.json"


def update(machine, records):
    """Puts new records in place of those of the same day, machine, workload and threads, then the tables."""
    path = path_of(machine)
    old = json.loads(path.read_text())["runs"] if path.exists() else []
    done = {(r["workload"], r["threads"]) for r in records}
    runs = [r for r in old if (r["workload"], r["threads"]) not in done]
    runs += [r | {"machine": machine} for r in records]
    runs.sort(key=lambda r: (r["workload"], r["threads"]))
    write_json(path, {"runs": runs})
    write_tables()


def newest():
    """{instructions: its Record}: of each workload and number of threads the newest run."""
    found = {}
    for path in sorted(RECORDS.glob("*-*-*-*.json")):
        for run in json.loads(path.read_text())["runs"]:
            machine = run["machine"]
            kind = machine.setdefault("instructions", "avx512" if machine["avx512"] else "avx2")
            # Paths begin with the date: later ones replace earlier ones.
            found.setdefault(kind, {})[run["workload"], run["threads"]] = run
    kinds = [kind for kind in INSTRUCTIONS if kind in found]
    return {kind: Record(sorted(found[kind].values(), key=lambda r: (r["workload"], r["threads"]))) for kind in kinds}


class Record:
    """The runs by workload and threads."""

    def __init__(self, runs):
        self.runs = {(r["workload"], r["threads"]): r for r in runs}

    def get(self, workload, threads, *path):
        """A number of a run, or None where it was not measured."""
        value = self.runs.get((workload, threads))
        for key in path:
            value = value.get(key) if value else None
        return value

    def scaling(self, workload):
        one, two = self.get(workload, 1, "ours"), self.get(workload, 2, "ours")
        return two / one if one and two else None


# To the fastest formulation of any peer, on one thread and two.
WANTED = {
    "avx512": {"a": (2.0, 2.5), "b": (1.05, 1.1), "c": (1.6, 1.6), "d": (5.0, 5.0), "e": (1.5, 1.5), "g": (1.4, 1.5)},
    "avx2": {"a": (2.3, 2.6), "b": (1.15, 1.15), "c": (1.25, 1.25), "d": (2.5, 3.0), "e": (2.0, 2.0), "g": (1.3, 1.4)},
}


def targets(kind, record):
    """(what, wanted, measured, whether more is better)."""
    rows = []
    for workload, wanted in WANTED[kind].items():
        for threads, bound in zip((1, 2), wanted):
            ratio = record.get(workload, threads, "ratio_to_fastest")
            rows.append((f"{workload}, to the fastest formulation, {plural(threads)}", bound, ratio, True))
    for threads in (1, 2):
        over = record.get("a", threads, "ratio_to_per_sample", "torch_jacrev")
        rows.append((f"a, to PyTorch vmap(jacrev), {plural(threads)}", 12.0, over, True))
    printed = lambda threads: record.get("h", threads, "ratios", "printed")
    rows += [("h, to the article's program as printed, 1 thread", 25.0, printed(1), True)]
    rows += [("h, to the article's program as printed, 2 threads", 30.0, printed(2), True)]
    rows += [(f"i, to the fastest of PyTorch, {plural(t)}", 5.0, over_prefix(record, t, "torch"), True) for t in (1, 2)]
    rows += [(f"i without its penalty, to scikit-learn, {plural(t)}", 5.0, over_prefix(record, t, "sklearn"), True) for t in (1, 2)]
    for workload in ("c", "e"):
        for t in (1, 2):
            share = record.get(workload, t, "share_of_gemm_least")
            rows.append((f"{workload}, share of the matrix-product rate, symmetric products counted by half, {plural(t)}", 0.75, share, True))
    for workload, wanted in [("a", 1.0), ("b", 0.3)]:
        for t in (1, 2):
            cost = record.get(workload, t, "penalty_cost")
            rows.append((f"{workload}, what the exact penalty adds to a plain step, {plural(t)}", wanted, cost, False))
    rows += [("a, two threads over one", 1.7, record.scaling("a"), True), ("c, two threads over one", 1.85, record.scaling("c"), True)]
    return rows


def over_prefix(record, threads, prefix):
    """Ours over the fastest of one peer's formulations of workload i."""
    run = record.get("i", threads)
    if not run:
        return None
    ratios = [run["ours"] / rate for name, rate in run["peers"].items() if name.startswith(prefix)]
    plain = [run["plain"]["ours"] / rate for name, rate in run["plain"]["peers"].items() if name.startswith(prefix)]
    return min(ratios or plain, default=None)


def plural(threads):
    return f"{threads} thread{'s' * (threads > 1)}"


def number(value, digits=3):
    if value is None:
        return "–"
    text = f"{value:.{digits}g}"
    return f"{float(text):,.0f}" if "e+" in text or abs(value) >= 1000 else text


def targets_table(kind, record):
    lines = ["| target | wanted | measured | |", "|---|---|---|---|"]
    for what, wanted, value, more in targets(kind, record):
        met = "not measured" if value is None else "met" if (value >= wanted if more else value <= wanted) else "**missed**"
        bound = f"{'at least' if more else 'at most'} {number(wanted)}"
        lines.append(f"| {what} | {bound} | {number(value)} | {met} |")
    return lines


def workload_table(workload):
    def table(record):
        runs = {t: record.get(workload, t) for t in (1, 2)}
        rates = {t: per_form(run) for t, run in runs.items() if run}
        unit = next((run["unit"] for run in runs.values() if run), "steps/s")
        lines = [f"| | 1 thread, {unit} | ours is | 2 threads, {unit} | ours is |", "|---|---|---|---|---|"]
        names = list(dict.fromkeys(name for r in rates.values() for name in r))
        names.sort(key=lambda n: (n != "ours", -next((r[n] for r in rates.values() if n in r), 0)))
        for name in names:
            cells = []
            for t in (1, 2):
                value = rates.get(t, {}).get(name)
                ours = rates.get(t, {}).get("ours")
                spread = (runs[t] or {}).get("spread", {}).get(name)
                shown = f" ({number(spread[0])}–{number(spread[1])})" if spread and value else ""
                cells.append(number(value) + shown)
                cells.append(f"{ours / value:.2f}x" if value and ours and name != "ours" else "" if name == "ours" else "–")
            label = "**ours**" if name == "ours" else f"`{name}`"
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
        for t, run in runs.items():
            if run and run.get("not_limited"):
                lines += ["", f"{plural(t)}: {', '.join(run['not_limited'])} could not be limited to these instructions, and is not compared."]
            if run and "rate_least" in run:
                lines += ["", limits(run)]
        return lines

    return table


def per_form(run):
    return {"ours": run["ours"]} | run["peers"]


def limits(run):
    least, dense = run["operations"]["least"] / 1e9, run["operations"]["dense"] / 1e9
    halved = f", {number(least, 4)} with symmetric products by half" if least < dense else ""
    return (
        f"{plural(run['threads'])}: a step is {number(dense, 4)} GFLOP by counts{halved}; ours does "
        f"{number(run['rate_least'] / 1e9)} GFLOP/s{' of the latter' if halved else ''}, "
        f"{100 * run['share_of_gemm_least']:.0f} % of the best matrix product of that run "
        f"({number(run['gemm_rate'] / 1e9)} GFLOP/s; multiply-adds in registers {number(run['multiply_add_rate'] / 1e9)}). "
        f"Without penalty ours does {number(run['plain']['ours'])} steps/s: the exact penalty adds "
        f"{100 * run['penalty_cost']:.0f} % to a plain step. Losses of {run['losses']['steps']} steps agree to "
        f"{run['losses']['worst_relative_difference']:.0e}."
    )


def plain_table(record):
    lines = ["| net | threads | ours, steps/s | fastest peer | its steps/s | ours is |", "|---|---|---|---|---|---|"]
    for workload in "abcdei":
        for t in (1, 2):
            plain = record.get(workload, t, "plain")
            if plain and plain["fastest_peer"]:
                best = plain["fastest_peer"]
                lines.append(f"| {workload} | {t} | {number(plain['ours'])} | `{best}` | {number(plain['peers'][best])} | {plain['ratio_to_fastest']:.2f}x |")
    return lines


def roofline_table(record):
    """What a step computes and moves at the least, and the seconds that either takes at the rates of the same run."""
    lines = ["| | threads | GFLOP a step | MB a step | FLOP a byte | products alone, ms | memory alone, ms | bound by | measured, ms |",
             "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for workload in "abcdei":
        for t in (1, 2):
            run = record.get(workload, t)
            if not run or "memory_rate" not in run:
                continue
            operations, moved = run["operations"]["least"], run["operations"]["bytes"]
            products, memory = 1e3 * operations / run["gemm_rate"], 1e3 * moved / run["memory_rate"]
            bound = "products" if products >= memory else "memory"
            cells = [operations / 1e9, moved / 1e6, operations / moved, products, memory]
            lines.append(f"| {workload} | {t} | {' | '.join(map(number, cells))} | {bound} | {number(1e3 / run['ours'])} |")
    return lines


def phases_table(record):
    """Where the time of an exact step goes."""
    lines = ["| | threads | weights | rows | sums over lanes | gradient | optimiser |", "|---|---|---|---|---|---|---|"]
    for workload in "abcdei":
        for t in (1, 2):
            phases = record.get(workload, t, "phases")
            if phases:
                shares = [phases[name] for name in ("weights", "rows", "sums", "gradient", "update")]
                lines.append(f"| {workload} | {t} | " + " | ".join(f"{100 * share:.0f} %" for share in shares) + " |")
    return lines


def programs_table(record):
    lines = ["| program | 1 thread, seconds | ours is | 2 threads, seconds | ours is |", "|---|---|---|---|---|"]
    runs = {t: record.get("h", t) or {} for t in (1, 2)}
    for t, run in runs.items():
        if "skipped" in run:
            return [f"Not measured: {run['skipped']}."]
    names = ["ours", *dict.fromkeys(n for r in runs.values() for n in r.get("peers", {}))]
    for name in names:
        cells = []
        for run in runs.values():
            value = run.get("ours") if name == "ours" else run.get("peers", {}).get(name)
            cells += [number(value), f"{value / run['ours']:.1f}x" if value and name != "ours" else ""]
        label = "**ours**" if name == "ours" else f"`{name}`"
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return lines


def machine_table(record):
    lines = []
    for run in record.runs.values():
        m = run["machine"]
        kind = "virtual" if m["virtual"] else "bare"
        limited = ", every side limited to AVX2" if m.get("limited") else ""
        lines.append(f"- {m['processor']}, {m['processors']} processors ({kind}){limited}, {m['system']}; {m['date']}, commit {m['commit']}")
    lines = sorted(set(lines))
    versions = {}
    for run in record.runs.values():
        versions |= run.get("versions", {})
    lines.append("- " + ", ".join(f"{name} {v}" for name, v in sorted(versions.items())))
    for t in (1, 2):
        rates = [run["memory_rate"] for (_, n), run in record.runs.items() if n == t and "memory_rate" in run]
        if rates:
            lines.append(f"- through memory, {plural(t)}: {number(min(rates) / 1e9)} to {number(max(rates) / 1e9)} GB/s")
    for t in (1, 2):
        rates = [(run["multiply_add_rate_by_round"], run["workload"]) for (_, n), run in record.runs.items() if n == t and "multiply_add_rate_by_round" in run]
        if rates:
            every = [r for series, _ in rates for r in series]
            lines.append(f"- multiply-adds in registers, {plural(t)}, measured before every round: {number(min(every) / 1e9)} to {number(max(every) / 1e9)} GFLOP/s")
    return lines


TABLES = {
    "machine": machine_table,
    "targets": targets_table,
    "roofline": roofline_table,
    "phases": phases_table,
    **{w: workload_table(w) for w in "abcdegi"},
    "f": plain_table,
    "h": programs_table,
}


def with_table(text, name, lines):
    """`text` with these lines between the table's markers."""
    opening = f"<!-- table {name} -->\n"
    if opening not in text:
        sys.exit(f"{PAGE} must have the line {opening.strip()}, and has not")
    before, after = text.split(opening, 1)
    return before + opening + "\n".join(lines) + "\n" + after[after.index("<!-- end -->") :]


def write_table(name, lines):
    write_text(PAGE, with_table(PAGE.read_text(), name, lines))


def ratios_table(records):
    """Ours to the fastest peer of the same run, by instruction set and threads."""
    columns = [(kind, t) for kind in records for t in (1, 2)]
    lines = ["| | " + " | ".join(f"{INSTRUCTIONS[kind]}, {plural(t)}" for kind, t in columns) + " |", "|---" * (1 + len(columns)) + "|"]
    for workload in "abcdeghi":
        values = []
        for kind, t in columns:
            ratio = records[kind].get(workload, t, "ratios", "printed") if workload == "h" else records[kind].get(workload, t, "ratio_to_fastest")
            values.append(f"{ratio:.2f}" if ratio else "–")
        lines.append(f"| {workload} | " + " | ".join(values) + " |")
    return lines


def expected(records):
    """What `cae bench` compares with: our share of the multiply-add rate and the ratio to the fastest peer."""
    found = []
    for kind, record in records.items():
        for (workload, threads), run in record.runs.items():
            if run.get("ratio_to_fastest") and "rate_least" in run:
                found.append({
                    "workload": workload,
                    "instructions": kind,
                    "threads": threads,
                    "processor": run["machine"]["processor"],
                    "date": run["machine"]["date"],
                    "share_of_multiply_add_rate": run["rate_least"] / run["multiply_add_rate"],
                    "ratio_to_fastest_peer": run["ratio_to_fastest"],
                    "fastest_peer": run["fastest_peer"],
                })  # fmt: skip
    return found


def write_tables():
    text, records = PAGE.read_text(), newest()
    write_json(EXPECTED, expected(records))
    text = with_table(text, "ratios", ratios_table(records))
    for name, table in TABLES.items():
        lines = []
        for kind, record in records.items():
            # One table under the other, each with its instructions.
            body = table(kind, record) if table is targets_table else table(record)
            lines += [""] * bool(lines) + [f"**{INSTRUCTIONS[kind]}**", "", *body]
        text = with_table(text, name, lines)
    write_text(PAGE, text)


if __name__ == "__main__":
    write_tables()
