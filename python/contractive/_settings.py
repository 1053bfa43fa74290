"""Parameters of estimators as the core's configuration, and the core's messages in the words of the parameters."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ._core import TrainingDiverged

# Keys of the configuration by the parameters of ContractiveAutoencoder.
KEYS = {
    "hidden_layer_sizes": "model.hidden",
    "decoder_layer_sizes": "model.decoder",
    "activation": "model.hidden_activation",
    "code_activation": "model.code_activation",
    "decoder_activation": "model.decoder_activation",
    "output_activation": "model.output_activation",
    "tied": "model.tied",
    "loss": "objective.loss",
    "contraction": "objective.contraction",
    "penalty": "objective.penalty",
    "noise": "objective.noise",
    "sparsity": "objective.sparsity",
    "scale": "data.scale",
    "log1p": "data.log1p",
    "library_size": "data.library_size",
    "max_iter": "training.epochs",
    "batch_size": "training.batch_size",
    "learning_rate": "training.learning_rate",
    "optimiser": "training.optimiser",
    "schedule": "training.schedule",
    "initialisation": "training.initialisation",
    "clip": "training.clip",
    "shuffle": "training.shuffle",
    "validation_fraction": "data.validation",
}
_OTHERS = {
    "training.seed": "random_state",
    "training.threads": "n_jobs",
    "training.early_stopping": "early_stopping",
    "training.early_stopping.patience": "n_iter_no_change",
    "training.early_stopping.min_delta": "tol",
}
_PARAMETERS = {key: parameter for parameter, key in KEYS.items()} | _OTHERS


def toml(settings: Mapping[str, Any]) -> str:
    """TOML of settings by their dotted keys; those that are None are left out."""
    return "".join(f"{key} = {_value(value, key)}\n" for key, value in settings.items() if value is not None)


def _value(value: Any, key: str) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        if not -(2**63) <= value < 2**63:
            raise ValueError(f"`{_PARAMETERS.get(key, key)}` must be an integer of 64 bits, got {value}")
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        given = {str(name): _value(part, key) for name, part in value.items() if part is not None}
        return "{" + ", ".join(f"{_value(name, key)} = {part}" for name, part in given.items()) + "}"
    if isinstance(value, (list, tuple, np.ndarray)):
        return "[" + ", ".join(_value(v, key) for v in value) + "]"
    parameter = _PARAMETERS.get(key, key)
    raise ValueError(f"`{parameter}` must be a number, a name, a list or a dictionary of these, got {value!r}")


# Keys of a detector's settings that the estimators call otherwise.
_OF_DETECTORS = {
    "hidden": "hidden_layer_sizes",
    "validation": "validation_fraction",
    "score": "kind",
    "seed": "random_state",
}

# What to do, by what the core says is wrong.
_REMEDIES = [
    (
        r"the cell is missing, and `missing` = refuse",
        ' (NaN or None); fill it, or give missing="mask", "median" or "mean"',
    ),
    (r"the value is missing$", ' (NaN or None); fill it, or give missing="previous"'),
    (r"must be a finite number, got (NaN|inf|-inf)", "; leave the row out, or fill it with a number"),
]


def in_parameters(message: str) -> str:
    """A message of the core with the estimator's parameters in place of the configuration's keys, and a remedy."""
    if of_rank := re.match(r"rank \d+ failed: ", message):
        return of_rank[0] + in_parameters(message[of_rank.end() :])
    message = re.sub(r"^(?:parameters|the fitted estimator)(?:, line \d+)?: ", "", message)
    # Rows are counted from 0 in Python, of series too.
    message = re.sub(r"^X, row (\d+)(?=[,:])", lambda m: f"X row {int(m[1]) - 1} (from 0)", message)
    message = message.replace("`__time__`", "the index").replace("__time__", "the index")
    # Settings of a kind, such as `objective.penalty.probes`, are keys of the parameter's dictionary.
    for key in sorted(_PARAMETERS, key=len, reverse=True):
        message = re.sub(rf"`{re.escape(key)}(\.\w+)?`", rf"`{_PARAMETERS[key]}\1`", message)
    for key, parameter in _OF_DETECTORS.items():
        message = re.sub(rf"^(the detector's )?`{key}`", rf"\1`{parameter}`", message)
    for fault, remedy in _REMEDIES:
        if re.search(fault, message):
            return message + remedy
    return message


@contextmanager
def speaking_parameters() -> Iterator[None]:
    """Raise the core's errors in the words of the parameters."""
    try:
        yield
    except (ValueError, TrainingDiverged, RuntimeError) as error:
        said = in_parameters(str(error))
        if said == str(error):
            raise
        raise type(error)(said) from None


def threads_of(n_jobs: int | None) -> int | None:
    """Threads for ``n_jobs``: None and -1 are all processors that this process may use, or ``OMP_NUM_THREADS``.

    joblib sets that variable in its workers, so that a grid search does not ask for more threads than there are.
    """
    if n_jobs is not None and (not isinstance(n_jobs, (int, np.integer)) or isinstance(n_jobs, bool) or n_jobs == 0):
        raise ValueError(f"`n_jobs` must be None, -1 or a number of threads, got {n_jobs!r}")
    if n_jobs is None:
        asked = os.environ.get("OMP_NUM_THREADS", "")
        return min(int(asked), os.cpu_count() or 1) if asked.isdecimal() and int(asked) > 0 else None
    if n_jobs < 0:
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, processors + 1 + int(n_jobs))
    return int(n_jobs)


def names_of(value: Any, parameter: str) -> list[str]:
    """Give names of columns, of which one may stand by itself."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    names = list(value) if not isinstance(value, (bytes, Mapping)) and hasattr(value, "__iter__") else None
    if names is None or not all(isinstance(name, str) for name in names):
        raise ValueError(f"`{parameter}` must be names of columns, got {value!r}")
    return names


def sizes_of(value: Any, parameter: str) -> list[int]:
    """Give sizes of layers."""
    try:
        sizes = [int(size) for size in value] if not isinstance(value, (str, bytes)) else None
    except (TypeError, ValueError):
        sizes = None
    if sizes is None or any(size != given for size, given in zip(sizes, value, strict=True)):
        raise ValueError(f"`{parameter}` must be a sequence of sizes such as (64, 16), got {value!r}")
    return sizes


def whole_number(value: Any, parameter: str, least: int) -> int:
    """Give an integer that is at least so large."""
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_whole or value < least:
        raise ValueError(f"`{parameter}` must be a whole number, at least {least}, got {value!r}")
    return int(value)


def share_of(contamination: Any) -> float:
    """Give a share of anomalies, above 0 and at most a half."""
    if not isinstance(contamination, (int, float, np.number)) or not 0 < contamination <= 0.5:
        raise ValueError(f"`contamination` must be above 0 and at most 0.5, got {contamination!r}")
    return float(contamination)
