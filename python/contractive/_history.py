"""What is known of a training afterwards: the core's records of its passes, as attributes."""

from __future__ import annotations

from typing import Any


def prefixed(part: str, terms: dict[str, float]) -> dict[str, float]:
    """Give terms with the part's name before theirs."""
    return {f"{part}_{name}": value for name, value in terms.items()}


def learnt_by(records: list[dict[str, Any]], kept: int) -> dict[str, Any]:
    """Give the attributes that tell of a training: from its records, of which that of pass ``kept`` is the model's."""
    history = [flat(record) for record in records]
    training = [record["train_total"] for record in history]
    validation = [record["validation_total"] for record in history if "validation_total" in record]
    return {
        "history_": history,
        "loss_curve_": training,
        "validation_curve_": validation,
        "n_iter_": len(history),
        "best_iter_": kept,
        "loss_": (validation or training)[kept - 1] if 0 < kept <= len(history) else float("nan"),
    }


def flat(record: dict[str, Any]) -> dict[str, Any]:
    """Give a record with the terms of each part beside the rest."""
    flat = {name: value for name, value in record.items() if not isinstance(value, dict) and value is not None}
    for part in ("train", "validation"):
        if record.get(part):
            flat.update(prefixed(part, record[part]))
    return flat
