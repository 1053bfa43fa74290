"""docs/guide-single-cell.md: its commands run, and print what it says, on a small matrix of counts in four formats."""

import csv
import gzip
import math
import os
import random
import struct
import subprocess
import zipfile
from pathlib import Path

import h5py
import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "guide-single-cell.md"
GENES, CELLS = 60, 300


def poisson(source, mean):
    count, product = 0, source.random()
    while product > math.exp(-mean):
        count, product = count + 1, product * source.random()
    return count


def counts():
    """Genes as rows; cells are of three kinds and of different depth."""
    source = random.Random(1)
    depths = [source.uniform(0.5, 2) for _ in range(CELLS)]
    mean = lambda gene, cell: depths[cell] * (4 if gene % 3 == cell % 3 else 0.3)
    return [[poisson(source, mean(gene, cell)) for cell in range(CELLS)] for gene in range(GENES)]


def npy(descr, shape, data):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * ((-len(text) - 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


def by_cells(table):
    """Of the transposed table, CSR: indices, data, indptr."""
    places, values, starts = [], [], [0]
    for cell in range(CELLS):
        for gene in range(GENES):
            if table[gene][cell]:
                places.append(gene)
                values.append(table[gene][cell])
        starts.append(len(places))
    return places, values, starts


def write_csr(path, table):
    """As scipy.sparse.save_npz writes the transposed table."""
    places, values, starts = by_cells(table)
    vector = lambda of: npy("<i4", f"({len(of)},)", struct.pack(f"<{len(of)}i", *of))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("indices.npy", vector(places))
        archive.writestr("indptr.npy", vector(starts))
        archive.writestr("format.npy", npy("|S3", "()", b"csr"))
        archive.writestr("shape.npy", npy("<i8", "(2,)", struct.pack("<2q", CELLS, GENES)))
        archive.writestr("data.npy", vector(values))


def write_h5ad(path, table):
    """What AnnData writes of it, the counts as a layer."""
    indices, data, indptr = by_cells(table)
    with h5py.File(path, "w") as file:
        for name, factor in (("X", 0.5), ("layers/counts", 1)):
            group = file.create_group(name)
            group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": (CELLS, GENES)})
            parts = {"data": [factor * count for count in data], "indices": indices, "indptr": indptr}
            for part, numbers in parts.items():
                kind = "f4" if part == "data" else "i4"
                group.create_dataset(part, data=numbers, dtype=kind, chunks=True, compression="gzip")
        for name, names in (("obs", [f"cell{c}" for c in range(CELLS)]), ("var", [f"g{g}" for g in range(GENES)])):
            group = file.create_group(name)
            group.attrs.update({"_index": "_index", "encoding-type": "dataframe", "encoding-version": "0.2.0"})
            group.create_dataset("_index", data=names, dtype=h5py.string_dtype())


@pytest.fixture
def folder(tmp_path):
    table = counts()
    entries = [f"{g + 1} {c + 1} {n}" for g, row in enumerate(table) for c, n in enumerate(row) if n]
    head = f"%%MatrixMarket matrix coordinate integer general\n%\n{GENES} {CELLS} {len(entries)}\n"
    with gzip.open(tmp_path / "matrix.mtx.gz", "wt") as file:
        file.write(head + "\n".join(entries) + "\n")
    with open(tmp_path / "genes.csv", "w") as file:
        file.write("gene," + ",".join(f"cell{c}" for c in range(CELLS)) + "\n")
        file.writelines(f"g{g}," + ",".join(map(str, row)) + "\n" for g, row in enumerate(table))
    write_csr(tmp_path / "counts.npz", table)
    write_h5ad(tmp_path / "cells.h5ad", table)
    return tmp_path


def run(cae, folder, command):
    environment = {**os.environ, "PATH": f"{cae.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_every_command_of_the_guide_prints_what_it_says(cae, folder):
    printed, n_commands = "", 0
    for line in GUIDE.read_text().splitlines():
        if line.startswith("    $ "):
            printed = run(cae, folder, line[6:])
            n_commands += 1
        elif line.startswith("    ") and not line.startswith("    python"):
            assert line.strip() in printed, f"{line.strip()}\nis not in\n{printed}"
    assert n_commands == 10


def test_four_formats_of_the_same_counts_give_the_same_codes_to_the_bit(cae, folder):
    codes = []
    for name, turn in (
        ("genes.csv", "--transpose"),
        ("matrix.mtx.gz", "--transpose"),
        ("counts.npz", ""),
        ("cells.h5ad", "--array layers/counts"),
    ):
        flags = "--library-size --log1p --epochs 3 --hidden 8,2 --no-report --quiet"
        run(cae, folder, f"cae train --data {name} {turn} {flags} --out of-{name}")
        run(cae, folder, f"cae encode of-{name} -o codes.csv")
        with open(folder / "codes.csv") as file:
            codes.append([(row["code_0"], row["code_1"]) for row in csv.DictReader(file)])
    assert len(codes[0]) == CELLS and codes[0] == codes[1] == codes[2] == codes[3]


def test_restored_counts_are_in_the_units_of_the_counts(cae, folder):
    run(
        cae,
        folder,
        "cae train --data genes.csv --transpose --library-size --log1p --hidden 32,16 --no-report -q --out r",
    )
    run(cae, folder, "cae reconstruct r -o back.csv")
    table = counts()
    with open(folder / "back.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows] == [f"cell{c}" for c in range(CELLS)]
    truth = [table[g][c] for c in range(CELLS) for g in range(GENES)]
    back = [float(row[f"g{g}"]) for row in rows for g in range(GENES)]
    mean = sum(truth) / len(truth)
    error = sum((a - b) ** 2 for a, b in zip(truth, back)) / sum((a - mean) ** 2 for a in truth)
    assert error < 0.6, error
