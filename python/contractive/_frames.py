"""Tables of pandas, polars and Arrow for the core, and what the core says of their rows as tables of the same kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A column as the core takes it: name, kind, cells, which are missing, unit and zone of times.
_Described = tuple[str, str, Any, Any, Any]


def _library(X: Any) -> str:
    return type(X).__module__.partition(".")[0]


def is_frame(X: Any) -> bool:
    """Whether X has columns with names: a frame of pandas, or anything that gives Arrow's C stream."""
    return _is_pandas(X) or hasattr(X, "__arrow_c_stream__")


def _is_pandas(X: Any) -> bool:
    return _library(X) == "pandas" and hasattr(X, "columns")


def columns_of(X: Any) -> list[str]:
    """Names of a frame's columns."""
    names = X.columns if hasattr(X, "columns") else X.schema.names if hasattr(X, "schema") else core_frame(X).names
    return [str(name) for name in names]


def core_frame(X: Any, *, time_index: str | None = None) -> _core.Frame:
    """Give the core's table of a frame, of a dictionary of columns, or of an array's columns ``x0``, ``x1``, ….

    ``time_index`` adds pandas' row index as a column of that name, before all others.
    """
    if _is_pandas(X):
        columns = [_of_pandas(str(name), X.iloc[:, j]) for j, name in enumerate(X.columns)]
        if time_index is not None:
            columns.insert(0, _of_pandas(time_index, X.index.to_series()))
        return _core.Frame.of_columns(columns)
    if hasattr(X, "__arrow_c_stream__"):
        return _core.Frame.of_arrow(X.__arrow_c_stream__())
    if isinstance(X, Mapping):
        return _core.Frame.of_columns([_of_cells(str(name), np.asarray(cells)) for name, cells in X.items()])
    rows = np.asarray(X)
    if rows.ndim != 2:
        raise ValueError(f"X must be a frame, or an array of shape (rows, columns), got the shape {rows.shape}")
    return _core.Frame.of_columns([_of_cells(f"x{j}", rows[:, j]) for j in range(rows.shape[1])])


def _of_pandas(name: str, column: Any) -> _Described:
    dtype = column.dtype
    if str(dtype).startswith("datetime64"):
        zone = getattr(dtype, "tz", None)
        unit = getattr(dtype, "unit", None) or np.datetime_data(dtype)[0]
        stamps = column.dt.tz_convert("UTC").dt.tz_localize(None) if zone is not None else column
        return _of_times(name, stamps.to_numpy(), unit, str(zone) if zone is not None else None)
    if isinstance(dtype, np.dtype):
        return _of_cells(name, column.to_numpy())
    # Extension types: nullable numbers and truth values, categories, strings.
    missing = column.isna().to_numpy()
    kind = getattr(dtype, "kind", "O")
    if hasattr(column, "cat"):
        kind = np.asarray(dtype.categories).dtype.kind
        if kind == "f":
            kind = "O"
    if kind in "iufb" and hasattr(dtype, "numpy_dtype"):
        cells = column.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
        return _of_cells(name, np.asarray(cells), missing)
    return name, "text", _texts(column.to_numpy(dtype=object), missing), None, None


def _of_times(name: str, stamps: NDArray[Any], unit: str, zone: str | None) -> _Described:
    missing = np.isnat(stamps)
    return (
        name,
        "time",
        np.ascontiguousarray(stamps.astype(f"datetime64[{unit}]").view(np.int64)),
        missing,
        (unit, zone),
    )


def _of_cells(name: str, cells: NDArray[Any], missing: NDArray[Any] | None = None) -> _Described:
    kind = cells.dtype.kind
    if kind == "f" and cells.dtype.itemsize == 4:
        return name, "single", np.ascontiguousarray(cells), missing, None
    if kind == "f":
        return name, "number", np.ascontiguousarray(cells, dtype=np.float64), missing, None
    if kind == "i":
        return name, "integer", np.ascontiguousarray(cells, dtype=np.int64), missing, None
    if kind == "u":
        return name, "unsigned", np.ascontiguousarray(cells, dtype=np.uint64), missing, None
    if kind == "b":
        return name, "boolean", np.ascontiguousarray(cells), missing, None
    if kind == "M":
        unit = np.datetime_data(cells.dtype)[0]
        return _of_times(name, cells, unit if unit in ("D", "s", "ms", "us", "ns") else "ns", None)
    if kind in "UO":
        return _of_objects(name, cells)
    raise ValueError(f"column `{name}` must hold numbers, truth values, text or times, got the type {cells.dtype}")


def _is_missing(cell: Any) -> bool:
    return (
        cell is None
        or cell is getattr(cell, "NaT", 0)
        or (isinstance(cell, float) and np.isnan(cell))
        or str(cell) in ("<NA>", "NaT")
    )


def _of_objects(name: str, cells: NDArray[Any]) -> _Described:
    missing = np.asarray([_is_missing(cell) for cell in cells], dtype=bool)
    present = cells[~missing]
    if all(isinstance(cell, (bool, np.bool_)) for cell in present) and len(present):
        return (
            name,
            "boolean",
            np.asarray([bool(c) and not m for c, m in zip(cells, missing, strict=True)]),
            missing,
            None,
        )
    if all(isinstance(cell, (int, float, np.number)) and not isinstance(cell, bool) for cell in present) and len(
        present
    ):
        numbers = np.asarray([np.nan if m else float(c) for c, m in zip(cells, missing, strict=True)])
        return name, "number", numbers, None, None
    return name, "text", _texts(cells, missing), None, None


def _texts(cells: NDArray[Any], missing: NDArray[Any]) -> list[str | None]:
    return [None if m else str(cell) for cell, m in zip(cells, missing, strict=True)]


def like(X: Any, columns: Mapping[str, Any]) -> Any:
    """Give a table of the same kind as X, pandas' index kept; of an array, a dictionary of arrays."""
    library = _library(X)
    if _is_pandas(X):
        import pandas as pd

        return pd.DataFrame(dict(columns), index=X.index)
    if library == "polars":
        import polars as pl

        return pl.DataFrame({name: _listed(cells) for name, cells in columns.items()})
    if library == "pyarrow":
        import pyarrow as pa

        return pa.table({name: pa.array(_listed(cells)) for name, cells in columns.items()})
    return dict(columns)


def _listed(cells: Any) -> Any:
    return cells.tolist() if isinstance(cells, np.ndarray) and cells.dtype == object else cells


def cells_of(X: Any, name: str) -> Any:
    """Give a column's cells, as its library has them."""
    if _is_pandas(X):
        return X[name].to_numpy()
    if _library(X) == "polars":
        return X.get_column(name)
    column = X[name]
    return column.to_numpy(zero_copy_only=False) if hasattr(column, "to_numpy") else np.asarray(column)


def numbers(X: Any, names: Sequence[str]) -> NDArray[Any]:
    """Give columns of numbers as an array of shape (N, columns)."""
    return np.column_stack([np.asarray(cells_of(X, name), dtype=np.float64) for name in names])
