"""Runs what docs/reproduction.md claims and writes its tables; called by reproduce.sh, which says how.

A table lies between the lines `<!-- table NAME -->` and `<!-- end -->`; all else on the page is written by hand.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PAGE = Path("docs/reproduction.md")
RUNS = Path("runs/reproduction")
# The article's figure for its epochs 0 to 9.
PUBLISHED = [3717, 3014, 2702, 2597, 2490, 2351, 2095, 1997, 1931, 1882]


@dataclass
class Trained:
    """A finished run: its epochs, and its evaluation on the test rows."""

    history: list
    evaluation: dict


@dataclass
class Variant:
    """A recipe with flags, for several seeds."""

    recipe: str
    flags: str = ""
    seeds: int = 3

    @property
    def command(self):
        words = f"cae train {self.recipe} {self.flags}".strip()
        return f"`{words}`, {'seed 0' if self.seeds == 1 else f'seeds 0–{self.seeds - 1}'}"

    def train(self, cae):
        return [self.train_one(cae, seed) for seed in range(self.seeds)]

    def train_one(self, cae, seed):
        words = "-".join(word.strip("-").replace("=", "-") for word in self.flags.split())
        out = RUNS / "-".join(part for part in (self.recipe, words, f"seed-{seed}") if part)
        numbers = out / "evaluation.json"
        if not (out / "model" / "config.json").exists():
            resumable = (out / "checkpoints" / "last.safetensors").exists()
            begin = ["train", self.recipe, *self.flags.split(), "--seed", str(seed), "--out", out]
            print(f"{self.recipe} {self.flags} seed {seed}", file=sys.stderr)
            subprocess.run([cae, *(["resume", out] if resumable else begin), "--quiet"], check=True)
        if not numbers.exists():
            subprocess.run([cae, "evaluate", out, "-o", numbers], check=True)
        history = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        return Trained(history, json.loads(numbers.read_text()))


@dataclass
class Row:
    """A line of a table: what is claimed, whose runs answer it, and with which number."""

    claim: str
    variant: Variant
    number: object
    digits: int = 3
    published: str = "–"

    def cells(self, trained):
        numbers = [self.number(run) for run in trained]
        shown = [significant(v, self.digits) for v in (statistics.median(numbers), min(numbers), max(numbers))]
        spread = f"{shown[1]} – {shown[2]}" if len(numbers) > 1 else "one seed"
        return [self.claim, self.published, f"**{shown[0]}**", spread, self.variant.command]


def significant(value, digits):
    """`value` with so many significant digits, without an exponent where it is short enough."""
    if value == 0:
        return "0"
    text = f"{value:.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text else text


def test(name):
    return lambda run: run.evaluation[name]


def percent(name):
    return lambda run: 100 * run.evaluation[name]


def rows_of(recipe, flags="", seeds=3):
    """A shorthand: rows that share a variant."""
    variant = Variant(recipe, flags, seeds)
    return lambda claim, number, **more: Row(claim, variant, number, **more)


def published():
    as_printed = rows_of("fashion-64-32-16-published", "--epochs 10", 10)
    rows = [
        as_printed("as printed, test squared error an image, 10 epochs", test("sse"), published="26.3 (another run)"),
        as_printed("as printed, % of the code's numbers that are 0", percent("zero_code_activations"),
                   published="86 (another run)"),
        as_printed("as printed, code units of 16 that never move", lambda r: 16 * r.evaluation["dead_code_units"]),
        as_printed("as printed, true mean ‖J‖²_F", test("penalty")),
    ]
    for contraction, claim, said in EXACT:
        exact = rows_of("fashion-64-32-16-published", f"--penalty jacobian --contraction {contraction} --epochs 10", 3)
        rows += [
            exact(f"{claim}: test squared error", test("sse"), published=said),
            exact(f"{claim}: % of the code's numbers that are 0", percent("zero_code_activations")),
            exact(f"{claim}: code units that never move", lambda r: 16 * r.evaluation["dead_code_units"]),
            exact(f"{claim}: mean ‖J‖²_F", test("penalty")),
        ]
    whole = rows_of("fashion-64-32-16-published", "", 3)
    rows += [
        whole("as printed, all 200 epochs: sum over the last batch", lambda r: r.history[-1]["last_batch_sum"], digits=4),
        whole("as printed, all 200 epochs: test squared error", test("sse")),
        whole("as printed, all 200 epochs: code units that never move", lambda r: 16 * r.evaluation["dead_code_units"]),
    ]
    return rows


# Contraction of the exact penalty, what it shows, what is published. The second was chosen on training error.
EXACT = [
    ("0.3", "exact penalty, 0.3", "14.6 (another run)"),
    ("3000", "exact penalty, 3000, at the printed form's reconstruction", "–"),
]


def losses(recipe, flags="", seeds=3, limits=("–", "–")):
    row = rows_of(recipe, flags, seeds)
    return [
        row("training loss of the last epoch, with the penalty", lambda r: r.history[-1]["train"]["total"], digits=4, published=limits[0]),
        row("test loss: cross-entropy a pixel", test("bce"), digits=4, published=limits[1]),
        row("the same with the penalty", test("total"), digits=4, published=limits[1]),
        row("mean ‖J‖²_F", test("penalty")),
    ]


def squares(claim, recipe, flags="", seeds=3):
    row = rows_of(recipe, flags, seeds)
    return [
        row(f"{claim}: test squared error a pixel", test("mse"), digits=3),
        row(f"{claim}: mean ‖J‖²_F", test("penalty")),
    ]


def how_to():
    rows = []
    for claim, recipe, flags in [
        ("exact", "mnist-256-64-exact", ""),
        ("exact, unsquared norm", "mnist-256-64-exact", "--penalty jacobian_norm --contraction 1e-4"),
        ("finite differences", "mnist-256-64-fd", ""),
        ("weight L1", "mnist-256-64-l1", ""),
        ("no penalty", "mnist-256-64-exact", "--contraction 0"),
    ]:
        rows += squares(claim, recipe, flags)
    return rows


def paper():
    rows = []
    for claim, flags, said in [("CAE", "", ("0.73e-4", "86.36")), ("AE", "--contraction 0", ("17.5e-4", "49.90"))]:
        row = rows_of("mnist-rifai", flags)
        rows += [
            row(f"{claim}: mean square of J's entries, as the paper's ‖J‖ reads best", test("jacobian_mean_square"),
                published=said[0]),
            row(f"{claim}: saturated units, %", percent("saturation"), published=said[1]),
            row(f"{claim}: mean ‖J‖_F", test("jacobian_norm")),
            row(f"{claim}: test cross-entropy an image", test("cross_entropy"), digits=4),
        ]
    return rows


TABLES = {
    "fashion-64-32-16-published": published,
    "mnist-note": lambda: squares("the note's loss", "mnist-note") + squares("no penalty", "mnist-note", "--contraction 0"),
    "mnist-bce": lambda: losses("mnist-bce", limits=("≤ 0.1126", "≤ 0.0662")),
    "mnist-256-64": how_to,
    "mnist-rifai": paper,
}


def table(name, cae):
    """The lines of a table, from runs made now or before."""
    rows = TABLES[name]()
    results = {}
    for row in rows:
        key = (row.variant.recipe, row.variant.flags)
        if key not in results:
            results[key] = row.variant.train(cae)
    lines = ["| claim | published | ours, median | least – most | command |", "|---|---|---|---|---|"]
    for row in rows:
        lines.append(f"| {' | '.join(row.cells(results[row.variant.recipe, row.variant.flags]))} |")
    if name == "fashion-64-32-16-published":
        lines += [""] + figure(results[rows[0].variant.recipe, rows[0].variant.flags])
    return lines


def figure(runs):
    """The article's own figure, epoch by epoch."""
    lines = ["| epoch | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 |", "|---|" + "---|" * 10]
    sums = [[run.history[epoch]["last_batch_sum"] for run in runs] for epoch in range(10)]
    lines.append("| published | " + " | ".join(str(value) for value in PUBLISHED) + " |")
    for word, of in [("ours, median", statistics.median), ("least", min), ("most", max)]:
        lines.append(f"| {word} | " + " | ".join(f"{of(values):.0f}" for values in sums) + " |")
    return lines


def write(name, lines):
    """Puts the lines between the table's markers; the page is replaced in one step."""
    text = PAGE.read_text()
    opening = f"<!-- table {name} -->\n"
    if opening not in text:
        sys.exit(f"{PAGE} must have the line {opening.strip()}, and has not")
    before, after = text.split(opening, 1)
    after = after[after.index("<!-- end -->") :]
    new = PAGE.with_suffix(".new")
    new.write_text(before + opening + "\n".join(lines) + "\n" + after)
    os.replace(new, PAGE)


def main():
    parser = argparse.ArgumentParser(description="Write the tables of docs/reproduction.md from real runs.")
    parser.add_argument("--cae", type=Path, help="the command")
    parser.add_argument("--list", action="store_true", help="list the tables and end")
    parser.add_argument("names", nargs="*", metavar="NAME", help="tables, or `all`")
    given = parser.parse_args()
    if given.list:
        print("tables: " + ", ".join(TABLES) + ", or all")
        return
    names = list(TABLES) if given.names == ["all"] else given.names
    for name in names:
        if name not in TABLES:
            sys.exit(f"no table is called {name}; the tables are {', '.join(TABLES)}, or all")
    for name in names:
        write(name, table(name, given.cae.resolve()))


if __name__ == "__main__":
    main()
