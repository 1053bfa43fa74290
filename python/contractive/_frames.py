"""Tables of pandas, polars and Arrow for the core, and what the core says of their rows as tables of the same kind."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A column as the core takes it: name, kind, cells, which are missing, unit and zone of times.
_Described = tuple[str, str, Any, Any, Any]


# Units of time of NumPy, and those of the core that hold the same times; finer ones than ns become ns.
_UNITS = {"Y": "D", "M": "D", "W": "D", "D": "D", "h": "s", "m": "s", "s": "s", "ms": "ms", "us": "us", "ns": "ns"}


def _library(X: Any) -> str:
    """The library whose frame X is, or is derived from."""
    for cls in type(X).__mro__:
        library = cls.__module__.partition(".")[0]
        if library in ("pandas", "polars", "pyarrow"):
            return library
    return ""


def is_frame(X: Any) -> bool:
    """Whether X has columns with names: a frame of pandas, or anything that gives Arrow's C stream."""
    return _is_pandas(X) or isinstance(X, _core.Frame) or (hasattr(X, "__arrow_c_stream__") and not is_series(X))


def is_series(X: Any) -> bool:
    """Whether X is one column of pandas or polars."""
    return _library(X) in ("pandas", "polars") and type(X).__name__ == "Series"


def _is_pandas(X: Any) -> bool:
    return _library(X) == "pandas" and getattr(X, "ndim", 0) == 2


def refuse_what_is_no_table(X: Any) -> None:
    """Say what to do with what looks like a table and is none."""
    if is_series(X):
        raise ValueError("X must be a table, got one column: give X.to_frame()")
    if type(X).__name__ == "LazyFrame":
        raise ValueError("X must hold its rows, got a LazyFrame: give X.collect()")


def read_once(X: Any) -> Any:
    """Give the rows of what only streams them, such as a query, as a table that can be looked at again."""
    return core_frame(X) if hasattr(X, "__arrow_c_stream__") and not _library(X) else X


def columns_of(X: Any) -> list[str]:
    """Names of a frame's columns."""
    if _library(X) == "pyarrow":
        return [str(name) for name in X.schema.names]
    return X.names if isinstance(X, _core.Frame) else [str(name) for name in X.columns]


def core_frame(X: Any, *, time_index: str | None = None) -> _core.Frame:
    """Give the core's table of a frame, of a dictionary of columns, or of an array's columns ``x0``, ``x1``, ….

    ``time_index`` adds pandas' row index as a column of that name, before all others.
    """
    if isinstance(X, _core.Frame):
        return X
    if _is_pandas(X):
        columns = [_of_pandas(str(name), X.iloc[:, j]) for j, name in enumerate(X.columns)]
        if time_index is not None:
            columns.insert(0, _of_pandas(time_index, X.index.to_series()))
        return _core.Frame.of_columns(columns)
    if _library(X) == "polars":
        import polars as pl

        # A column without any cell has no type of its own, and none that Arrow's interface is read with.
        X = X.with_columns(pl.col(pl.Null).cast(pl.Float64))
    if hasattr(X, "__arrow_c_stream__"):
        return _core.Frame.of_arrow(X.__arrow_c_stream__())
    if isinstance(X, Mapping):
        return _core.Frame.of_columns([_of_cells(str(name), np.asarray(cells)) for name, cells in X.items()])
    rows = np.asarray(X)
    return _core.Frame.of_columns([_of_cells(f"x{j}", rows[:, j]) for j in range(rows.shape[1])])


def _of_pandas(name: str, column: Any) -> _Described:
    if type(column.dtype).__name__ == "ArrowDtype":
        return _of_arrow_backed(name, column)
    dtype = column.dtype
    if str(dtype).startswith("datetime64"):
        zone = getattr(dtype, "tz", None)
        unit = getattr(dtype, "unit", None) or np.datetime_data(dtype)[0]
        stamps = column.dt.tz_convert("UTC").dt.tz_localize(None) if zone is not None else column
        return _of_times(name, stamps.to_numpy(), unit, str(zone) if zone is not None else None)
    if isinstance(dtype, np.dtype):
        return _of_cells(name, column.to_numpy())
    if type(dtype).__name__ in ("PeriodDtype", "IntervalDtype"):
        raise ValueError(f"column `{name}` must hold numbers, truth values, text or times, got the type {dtype}")
    if hasattr(column, "cat"):
        return name, "text", _of_categories(column), None, None
    # Extension types: nullable numbers and truth values, strings.
    missing = column.isna().to_numpy()
    kind = getattr(dtype, "kind", "O")
    if kind in "iufb" and hasattr(dtype, "numpy_dtype"):
        cells = column.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
        return _of_cells(name, np.asarray(cells), missing)
    cells = column.to_numpy(dtype=object)
    if kind == "O" and not str(dtype).startswith(("string", "str")):
        return _of_objects(name, cells)
    return name, "text", _texts(cells, missing), None, None


def _of_categories(column: Any) -> list[str | None]:
    """The categories themselves as words: cells, asked for with missing ones among them, turn whole numbers into floats."""
    words = [str(category) for category in column.dtype.categories.to_numpy(dtype=object)]
    return [None if code < 0 else words[code] for code in column.cat.codes.tolist()]


def _of_arrow_backed(name: str, column: Any) -> _Described:
    """A column of pandas that Arrow holds, as the kind of column that NumPy would hold."""
    missing, kind, dtype = column.isna().to_numpy(), column.dtype.kind, column.dtype
    if kind in "iu":
        cells = column.to_numpy(dtype=np.int64 if kind == "i" else np.uint64, na_value=0)
        return _of_cells(name, cells, missing)
    if kind == "f":
        return _of_cells(name, column.to_numpy(dtype=np.float64, na_value=np.nan))
    if kind == "b":
        return _of_cells(name, column.to_numpy(dtype=bool, na_value=False), missing)
    if kind == "M":
        import pyarrow as pa

        # In their own unit, in UTC: nanoseconds would hold the years from 1678 to 2261 alone. Dates are of this kind too.
        stamps = np.asarray(pa.array(column.array))
        return _of_times(name, stamps, np.datetime_data(stamps.dtype)[0], getattr(dtype.pyarrow_dtype, "tz", None))
    return _of_objects(name, column.to_numpy(dtype=object))


def _of_times(name: str, stamps: NDArray[Any], unit: str, zone: str | None) -> _Described:
    missing = np.isnat(stamps)
    cells = _plain(stamps.astype(f"datetime64[{unit}]")).view(np.int64)
    return name, "time", cells, missing, (unit, zone)


def _plain(cells: NDArray[Any], dtype: Any = None) -> NDArray[Any]:
    """The cells one after the other, aligned, in the machine's order of bytes."""
    native = cells.dtype.newbyteorder("=") if dtype is None else dtype
    return np.require(cells, dtype=native, requirements=["C", "A"])


def _of_cells(name: str, cells: NDArray[Any], missing: NDArray[Any] | None = None) -> _Described:
    if isinstance(cells, np.ma.MaskedArray):
        missing, cells = np.ma.getmaskarray(cells), cells.data
    kind = cells.dtype.kind
    if kind == "f" and cells.dtype.itemsize == 4:
        return name, "single", _plain(cells), missing, None
    if kind == "f":
        return name, "number", _plain(cells, np.float64), missing, None
    if kind == "i":
        return name, "integer", _plain(cells, np.int64), missing, None
    if kind == "u":
        return name, "unsigned", _plain(cells, np.uint64), missing, None
    if kind == "b":
        return name, "boolean", _plain(cells), missing, None
    if kind == "M":
        unit = np.datetime_data(cells.dtype)[0]
        return _of_times(name, cells, _UNITS.get(unit, "ns"), None)
    if kind in "UO":
        return _of_objects(name, cells)
    raise ValueError(f"column `{name}` must hold numbers, truth values, text or times, got the type {cells.dtype}")


def _is_missing(cell: Any) -> bool:
    is_nan = isinstance(cell, (float, np.floating)) and bool(np.isnan(cell))
    return cell is None or is_nan or type(cell).__name__ in ("NAType", "NaTType")


def _of_objects(name: str, cells: NDArray[Any]) -> _Described:
    missing = np.asarray([_is_missing(cell) for cell in cells], dtype=bool)
    present = cells[~missing]

    def are(*kinds: type) -> bool:
        return len(present) > 0 and all(isinstance(cell, kinds) for cell in present)

    if are(bool, np.bool_):
        return (
            name,
            "boolean",
            np.asarray([bool(c) and not m for c, m in zip(cells, missing, strict=True)]),
            missing,
            None,
        )
    if are(int, float, np.number, decimal.Decimal):
        numbers = np.asarray([np.nan if m else float(c) for c, m in zip(cells, missing, strict=True)])
        return name, "number", numbers, None, None
    if are(datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64):
        kind = type(present[0]).__name__
        raise ValueError(
            f"column `{name}` holds times as objects ({kind}): give them as datetime64 "
            "(pandas.to_datetime), or leave it out"
        )
    return name, "text", _texts(cells, missing), None, None


def _texts(cells: NDArray[Any], missing: NDArray[Any]) -> list[str | None]:
    return [None if m else str(cell) for cell, m in zip(cells, missing, strict=True)]


def like(X: Any, columns: Mapping[str, Any]) -> Any:
    """Give a table of the same kind as X, pandas' index kept; of anything else, a dictionary of arrays."""
    library = _library(X)
    if library == "pandas":
        import pandas as pd

        return pd.DataFrame(dict(columns), index=X.index)
    if library == "polars":
        import polars as pl

        return pl.DataFrame({name: _listed(cells) for name, cells in columns.items()})
    if library == "pyarrow":
        import pyarrow as pa

        return pa.table(
            {name: cells if _library(cells) else pa.array(_listed(cells)) for name, cells in columns.items()}
        )
    return dict(columns)


def _listed(cells: Any) -> Any:
    return cells.tolist() if isinstance(cells, np.ndarray) and cells.dtype == object else cells


def cells_of(X: Any, name: str) -> Any:
    """Give a column's cells, as its library has them."""
    library = _library(X)
    if library == "pandas":
        return X.iloc[:, columns_of(X).index(name)].array
    if library == "polars":
        return X.get_column(name)
    if library == "pyarrow":
        return X.column(name)
    return np.asarray(X.texts(name), dtype=object)


def numbers(X: Any, names: Sequence[str]) -> NDArray[Any]:
    """Give columns of numbers as an array of shape (N, columns)."""
    return np.column_stack([np.asarray(cells_of(X, name), dtype=np.float64) for name in names])


def beside(kept: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Give our columns after those kept; ``cae_`` before ours where one of those has the name, as in the command's."""
    table = dict(kept)
    for name, cells in ours.items():
        free = name
        while free in table:
            free = f"cae_{free}"
        table[free] = cells
    return table
