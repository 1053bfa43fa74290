"""What the tests of the engines hold tables, processes and sockets to."""

import os
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa


def by_key(table):
    """The rows of an Arrow table by their key, without NaN; a row without a score has no label."""
    rows = {}
    for row in table.to_pylist():
        key = row.pop("id")
        assert key not in rows, f"{key} came twice"
        cells = [None if isinstance(cell, float) and np.isnan(cell) else cell for cell in row.values()]
        rows[key] = (None,) * len(cells) if cells[0] is None else tuple(cells)
    return rows


def with_infinity(orders, row):
    """The table with an amount that cannot be taken."""
    amount = orders["amount"].to_pylist()
    amount[row] = float("inf")
    return orders.set_column(2, "amount", pa.array(amount))


def reads_of(path):
    """The processes that read a detector, this one left out, each as often as it did."""
    lines = Path(os.environ["CONTRACTIVE_READS"]).read_text().splitlines()
    readers = [int(line.split()[0]) for line in lines if line.endswith(f"read {Path(path).resolve()}")]
    return [reader for reader in readers if reader != os.getpid()]


def heard_from_outside():
    """The sockets of this process and all below it that others than this machine can reach, or that reach others."""
    found, ours = [], ("127.0.0.1", "::1", "::ffff:127.0.0.1")
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            name, sockets = process.name(), process.net_connections("inet")
        except psutil.Error:
            continue
        for one in sockets:
            if one.laddr and one.laddr.ip not in ours:
                found.append((name, one))
    return found
