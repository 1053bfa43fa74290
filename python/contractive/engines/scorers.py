"""What detectors and autoencoders say of the rows of an Arrow table, column by column."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._base import feature_names
from .._detecting import at_fault
from .._frames import core_frame, numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..anomaly import AnomalyDetector
    from ..autoencoder import ContractiveAutoencoder

    Array = NDArray[Any]
    Columns = dict[str, Array]


class Scorer:
    """What an estimator looks at in a table, and the columns that it gives."""

    # Columns looked at, in the order learnt, and how many they are; None where they have no names.
    features: list[str] | None
    n_features: int
    # Those of them that are text.
    texts: frozenset[str] = frozenset()
    # Columns that name rows.
    keys: Sequence[str] = ()
    # Whether rows are held to a threshold.
    has_labels = True

    def kinds(self) -> Sequence[str]:
        """Give the kinds of score that there are beside the estimator's own."""
        return ()

    def n_explained(self, explain: int) -> int:
        """Give how many columns at fault are named where so many are asked for."""
        return 0

    def columns(self, table: Any, kinds: Sequence[str], explain: int, n_threads: int | None) -> Columns:
        """Give ``score`` and all else, of a table with the features alone, in order."""
        raise NotImplementedError


def scorer_of(estimator: Any) -> Scorer:
    """Give what scores an estimator's rows."""
    return OfDetector(estimator) if hasattr(estimator, "detector_") else OfAutoencoder(estimator)


class OfDetector(Scorer):
    """Scores of an :class:`contractive.AnomalyDetector`."""

    def __init__(self, estimator: AnomalyDetector) -> None:
        self._detector: _core.Detector = estimator.detector_
        told = self._detector.encoding()
        self._is_of_tables = told is not None
        if told is None:
            self.features, self.n_features = self._detector.feature_names, self._detector.n_features
        else:
            roles = {column["name"]: column["role"]["kind"] for column in json.loads(told)["columns"]}
            self.keys = [name for name, role in roles.items() if role == "key"]
            self.features = [name for name, role in roles.items() if role not in ("key", "label", "left_out")]
            self.texts = frozenset(name for name, role in roles.items() if role in ("category", "constant_text"))
            self.n_features = len(self.features)

    def kinds(self) -> Sequence[str]:
        """Give the kinds of score that were calibrated in training."""
        return [told["kind"] for told in json.loads(self._detector.to_files()["config.json"])["reference"]]

    def n_explained(self, explain: int) -> int:
        """Give how many columns at fault are named: at most all that are learnt from."""
        columns = self._detector.columns
        return min(explain, self.n_features if columns is None else len(columns))

    def columns(self, table: Any, kinds: Sequence[str], explain: int, n_threads: int | None) -> Columns:
        """Give score, probability and label, kinds of score, and of anomalies the columns at fault."""
        scored = self._scored(table, n_threads)
        ours: Columns = {name: np.asarray(scored[name]) for name in ("score", "probability", "label")}
        ours.update({f"score_{kind}": scored["kinds"][kind] for kind in kinds})
        explain = self.n_explained(explain)
        for place in range(1, explain + 1):
            ours[f"feature_{place}"] = np.full(table.num_rows, None, dtype=object)
            ours[f"share_{place}"] = np.full(table.num_rows, np.nan)
        flagged: Array = np.flatnonzero(ours["label"])
        if explain > 0 and len(flagged) > 0:
            # A second look at the anomalies costs less than explaining every row, and gives the same numbers.
            explained = at_fault(self._scored(taken(table, flagged), n_threads, contributions=True), explain)
            for name, cells in explained.items():
                ours[name][flagged] = cells
        return ours

    def _scored(self, table: Any, n_threads: int | None, *, contributions: bool = False) -> _core._Scored:
        if not self._is_of_tables:
            rows, names = numbers_of(table), self.features
            return self._detector.score_rows(rows, names=names, contributions=contributions, n_threads=n_threads)
        import pyarrow as pa

        # Keys have to be there, and are not looked at.
        for key in self.keys:
            table = table.append_column(key, pa.nulls(table.num_rows, pa.float64()))
        return self._detector.score_table(core_frame(table), contributions=contributions, n_threads=n_threads)


class OfAutoencoder(Scorer):
    """Errors of a :class:`contractive.ContractiveAutoencoder`: minus its ``score_samples``."""

    def __init__(self, estimator: ContractiveAutoencoder) -> None:
        self._model, self._offset = estimator.model_, getattr(estimator, "offset_", None)
        self.features, self.n_features = feature_names(estimator), estimator.n_features_in_
        self.has_labels = self._offset is not None

    def columns(self, table: Any, kinds: Sequence[str], explain: int, n_threads: int | None) -> Columns:
        """Give score, and label where there is a threshold."""
        scores = self._model.row_errors(numbers_of(table), self.features, n_threads)
        return {"score": scores} if self._offset is None else {"score": scores, "label": -scores - self._offset < 0}


def taken(table: Any, rows: Array) -> Any:
    """Give some rows of a table."""
    import pyarrow as pa

    # Views, as polars gives text, cannot be taken from.
    plain = [field.with_type(pa.large_string()) if field.type == "string_view" else field for field in table.schema]
    return table.cast(pa.schema(plain)).take(rows)


def numbers_of(table: Any) -> Array:
    """Give a table's cells as numbers, shape (N, columns), NaN where they are missing."""
    for name, column in zip(table.column_names, table.columns, strict=True):
        if str(column.type) in ("string", "large_string", "string_view"):
            raise ValueError(f"column `{name}` must hold numbers, got text")
    return numbers(table, table.column_names)
