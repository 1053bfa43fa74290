"""Writes the tables of docs/images.md from benches/images/{ours,peers}.json; scripts/bench-images.sh calls this."""

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benches" / "images"))

import one_class  # noqa: E402
import textures  # noqa: E402

PAGE = ROOT / "docs" / "images.md"
REPORTED = [t for t in textures.TEXTURES if t not in textures.DEVELOPMENT_TEXTURES]


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(r) + " |" for r in rows)]


def cell(value):
    return "–" if value is None or np.isnan(value) else f"{value:.3f}"


def mean(values):
    values = [v for v in values if v is not None]
    return float(np.nanmean(values)) if values else float("nan")


def of_textures(methods):
    """Means over textures of the parts: what chose, what did not, everything."""
    parts = [
        ("reported half", REPORTED, "reported"),
        ("development half", textures.DEVELOPMENT_TEXTURES, "development"),
        ("all", textures.TEXTURES, "all"),
    ]
    rows = []
    for method, results in methods.items():
        row = [method]
        for _, names, part in parts:
            row += [
                cell(mean([results[n][part][m] for n in names if n in results]))
                for m in ("pixel_auroc", "pro", "image_auroc")
            ]
        rows.append(row)
    head = ["mean over textures"] + [f"{p}: {m}" for p, _, _ in parts for m in ("pixel AUROC", "PRO", "image AUROC")]
    return table(head, rows)


def by_texture(methods):
    return table(
        ["pixel AUROC, all kinds", *methods],
        [
            [n, *(cell(r[n]["all"]["pixel_auroc"]) if n in r else "–" for r in methods.values())]
            for n in textures.TEXTURES
        ],
    )


def by_kind(methods):
    rows = []
    for kind in textures.KINDS:
        rows.append([kind, *(cell(mean([of.get(kind) for of in r.values()])) for r in methods.values())])
    return table(["pixel AUROC, all textures", *methods], rows)


def of_classes(methods):
    parts = [
        ("all classes", one_class.CLASSES),
        ("odd (chose nothing)", one_class.REPORTED),
        ("even", one_class.DEVELOPMENT),
    ]
    rows = []
    for method, results in methods.items():
        row = [method]
        for data in one_class.SETS:
            found = results.get(data, {})
            row += [cell(mean([found[str(c)]["auroc"] for c in classes if str(c) in found])) for _, classes in parts]
        rows.append(row)
    return table(["mean AUROC"] + [f"{data}: {p}" for data in one_class.SETS for p, _ in parts], rows)


def put(name, lines):
    text = PAGE.read_text()
    opening, closing = f"<!-- table {name} -->\n", "<!-- end -->"
    if opening not in text:
        sys.exit(f"{PAGE.name} has no line {opening.strip()}")
    before, after = text.split(opening, 1)
    temporary = PAGE.with_suffix(".writing")
    temporary.write_text(before + opening + "\n".join(lines) + "\n" + after[after.index(closing) :])
    temporary.replace(PAGE)


def main():
    merged = {"textures": {}, "one_class": {}}
    for name in ("ours", "peers"):
        path = ROOT / "benches" / "images" / f"{name}.json"
        if not path.exists():
            sys.exit(f"there is no {path.relative_to(ROOT)}; scripts/bench-images.sh writes it")
        whole = json.loads(path.read_text())
        for part, methods in merged.items():
            for method, results in whole[part].items():
                methods[f"**{method}**" if name == "ours" and not methods else method] = results
    put("textures", of_textures(merged["textures"]))
    put("by-texture", by_texture(merged["textures"]))
    put("by-kind", by_kind(merged["textures"]))
    put("one-class", of_classes(merged["one_class"]))


if __name__ == "__main__":
    main()
