"""What is computed of a table's rows and what of them is kept: settled where work begins, carried to where it is done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._frames import beside
from .._settings import names_of, speaking_parameters, threads_of, whole_number
from .loading import Carried
from .packages import needed
from .scorers import Scorer, scorer_of

if TYPE_CHECKING:
    import pyarrow as pa

_ROW = re.compile(r"X row (\d+) \(from 0\)")


class Scoring:
    """Scores of tables with certain columns; it is pickled with a detector's path, or with the detector itself.

    Parameters
    ----------
    detector : path, AnomalyDetector or ContractiveAutoencoder
        What scores.
    columns : sequence of str
        Names of the table's columns.
    keep, kinds, explain, n_jobs
        As :func:`contractive.score_arrow` has them.

    Attributes
    ----------
    kept : list of str
        Columns that are kept.
    features : list of str
        Columns that are looked at, in the order learnt.
    fields : dict of str to {"number", "truth", "text"}
        The columns that come after those kept, and what they hold.

    Raises
    ------
    ValueError
        Where a column, a kind of score or a number of threads cannot be had.
    """

    def __init__(
        self,
        detector: Any,
        columns: Iterable[str],
        *,
        keep: Sequence[str] | None = None,
        kinds: Sequence[str] = (),
        explain: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self._carried = Carried(detector)
        self._scorer: Scorer | None = None
        scorer, columns = self._known(), list(columns)
        self.n_jobs, self._kinds, self._explain = n_jobs, names_of(kinds, "kinds"), whole_number(explain, "explain", 0)
        threads_of(n_jobs)
        for kind in self._kinds:
            if kind not in (known := scorer.kinds()):
                of = (
                    f"be of {', '.join(known)}" if known else "be empty for an autoencoder, which has one kind of score"
                )
                raise ValueError(f"`kinds` must {of}, got {kind!r}")
        if self._explain > 0 and scorer.n_explained(1) == 0:
            raise ValueError(f"`explain` must be 0 for an autoencoder, which names no columns, got {explain}")
        self.kept = names_of(keep, "keep") if keep is not None else [key for key in scorer.keys if key in columns]
        self.features = _features(scorer, columns, self.kept)
        _check_columns(columns, self.features, self.kept)
        named = beside(dict.fromkeys(self.kept), self._own(scorer))
        self.fields: dict[str, str] = {name: kind for name, kind in named.items() if kind is not None}

    def make_ready(self) -> None:
        """Read the detector, where that was not done yet."""
        self._known()

    def _known(self) -> Scorer:
        if self._scorer is None:
            self._scorer = scorer_of(self._carried.estimator)
        return self._scorer

    def _own(self, scorer: Scorer) -> dict[str, str]:
        fields = {"score": "number"}
        if scorer.has_labels:
            fields |= {"probability": "number", "label": "truth"} if scorer.n_explained(1) else {"label": "truth"}
        fields |= {f"score_{kind}": "number" for kind in self._kinds}
        for place in range(1, scorer.n_explained(self._explain) + 1):
            fields |= {f"feature_{place}": "text", f"share_{place}": "number"}
        return fields

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_scorer": None}

    @property
    def wanted(self) -> list[str]:
        """Columns that a table must have: those kept, then the features that are not among them."""
        return [*self.kept, *(name for name in self.features if name not in self.kept)]

    def types(self, number: Any, truth: Any, text: Any) -> dict[str, Any]:
        """Give the types of our columns by name, in the types of an engine."""
        of = {"number": number, "truth": truth, "text": text}
        return {name: of[kind] for name, kind in self.fields.items()}

    def scores(self, table: pa.Table) -> pa.Table:
        """Give our columns of a table's rows, without those kept."""
        pa = arrow()
        types = self.types(pa.float64(), pa.bool_(), pa.string())
        if table.num_rows == 0:
            return pa.schema(types).empty_table()
        features = table.select(self.features).replace_schema_metadata(None)
        try:
            with speaking_parameters():
                ours = self._known().columns(features, self._kinds, self._explain, threads_of(self.n_jobs))
        except ValueError as error:
            raise ValueError(self._in_row(str(error), table)) from None
        unscored = np.isnan(ours["score"])
        cells = [
            pa.array(cells, type, mask=unscored) if kind == "truth" else pa.array(cells, type, from_pandas=True)
            for cells, type, kind in zip(ours.values(), types.values(), self.fields.values(), strict=True)
        ]
        return pa.table(cells, names=list(self.fields))

    def _in_row(self, message: str, table: pa.Table) -> str:
        """Say which row is at fault by what is kept of it: a batch's rows are counted from anywhere."""
        at = _ROW.search(message)
        if at is None or not self.kept:
            return message
        kept = ", ".join(f"{name} = {table.column(name)[int(at[1])]}" for name in self.kept)
        return f"{message}; the row is that of {kept}"

    def table(self, table: pa.Table) -> pa.Table:
        """Give the columns kept of a table, then ours."""
        kept, ours, pa = table.select(self.kept), self.scores(table), arrow()
        return pa.table([*kept.columns, *ours.columns], schema=pa.schema([*kept.schema, *ours.schema]))


def arrow() -> Any:
    """Give pyarrow."""
    return needed("pyarrow", "scoring of Arrow's batches", "arrow")


def _features(scorer: Scorer, columns: Sequence[str], kept: Sequence[str]) -> list[str]:
    if scorer.features is not None:
        return scorer.features
    others = [name for name in columns if name not in kept]
    if len(others) != scorer.n_features:
        raise ValueError(
            f"the detector was trained on {scorer.n_features} columns without names, and the table has {len(others)} beside "
            f"those kept: {', '.join(others)}; choose the columns, in their order"
        )
    return others


def _check_columns(columns: Sequence[str], features: Sequence[str], kept: Sequence[str]) -> None:
    for names, what in ((features, "the detector looks at"), (kept, "`keep` names")):
        missing = [name for name in names if name not in columns]
        if missing:
            raise ValueError(
                f"the table must have the columns that {what}: it lacks {', '.join(missing)} and has {', '.join(columns)}"
            )
        twice = [name for name in names if columns.count(name) > 1]
        if twice:
            raise ValueError(f"the table must have one column of a name, got two called `{twice[0]}`")
    if len(set(kept)) < len(kept):
        raise ValueError(f"`keep` must name each column once, got {', '.join(kept)}")
