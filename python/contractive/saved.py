"""Models and detectors on the disk: the directories that ``cae`` writes and reads."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._history import learnt_by
from ._settings import KEYS

if TYPE_CHECKING:
    from .anomaly import AnomalyDetector
    from .autoencoder import ContractiveAutoencoder
    from .images import ImageDetector
    from .series import SeriesDetector

# Beside config.json and the tensors, what the estimator alone knows; `cae` passes it over.
_ESTIMATOR = "estimator.json"
_LEARNT = ("offset_", "n_iter_", "best_iter_", "loss_", "history_", "loss_curve_", "validation_curve_", "seed_")


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator's directory, which ``cae`` and :func:`load` read.

    Parameters
    ----------
    estimator : ContractiveAutoencoder, AnomalyDetector, SeriesDetector or ImageDetector
        A fitted one.
    path : path
        The directory; one of the same kind that is there already is replaced.

    Raises
    ------
    OSError
        Where it cannot be written.
    ValueError
        Where something else is there.
    """
    from ._base import fitted
    from .autoencoder import ContractiveAutoencoder

    if not isinstance(estimator, ContractiveAutoencoder):
        fitted(estimator, "detector_")
        estimator.detector_.save(os.fspath(path))
        return
    fitted(estimator)
    told = {name: getattr(estimator, name) for name in _LEARNT if hasattr(estimator, name)}
    parameters = {name: _plain(value) for name, value in estimator.get_params().items()}
    parameters = {name: value for name, value in parameters.items() if value is not _NOT_PLAIN}
    estimator.model_.save(os.fspath(path), json.dumps({"parameters": parameters, "learnt": told}, indent=1) + "\n")


_NOT_PLAIN = object()


def _plain(value: Any) -> Any:
    """Give a parameter as JSON holds it; callbacks and generators are not kept."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (tuple, list, np.ndarray)):
        parts = [_plain(part) for part in value]
        return _NOT_PLAIN if any(part is _NOT_PLAIN for part in parts) else parts
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    return value if isinstance(value, (str, int, float, bool, type(None))) else _NOT_PLAIN


def load(path: str | os.PathLike[str]) -> ContractiveAutoencoder | AnomalyDetector | SeriesDetector | ImageDetector:
    """Read a directory that ``cae`` or :func:`save` wrote: a model, a run, a detector of any kind.

    Parameters
    ----------
    path : path
        The directory.

    Returns
    -------
    estimator
        A fitted estimator of the kind found there.

    Raises
    ------
    OSError
        Where nothing can be read there.
    ValueError
        Where the files contradict each other, or are of another version.
    """
    folder = Path(path)
    kind = _kind(folder)
    if kind == "series_detector":
        from .series import SeriesDetector

        return SeriesDetector._of(_core.SeriesDetector.load(os.fspath(path)))
    if kind == "image_detector":
        from .images import ImageDetector

        return ImageDetector._of(_core.ImageDetector.load(os.fspath(path)))
    if kind == "detector":
        from .anomaly import AnomalyDetector

        return AnomalyDetector._of(_core.Detector.load(os.fspath(path)))
    return load_autoencoder(path)


def _kind(folder: Path) -> str | None:
    try:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return told.get("kind") if isinstance(told, dict) else None


def load_autoencoder(path: str | os.PathLike[str]) -> ContractiveAutoencoder:
    """Read a model directory, or that of a run, as a fitted estimator."""
    folder = Path(path)
    if (folder / "model" / "config.json").is_file() and not (folder / "config.json").is_file():
        folder = folder / "model"
    model = _core.Model.load(os.fspath(folder))
    parameters, learnt = _note(folder / _ESTIMATOR)
    estimator = estimator_of(model, parameters)
    for name, value in (learnt or _of_run(folder.parent / "metrics.jsonl", model)).items():
        setattr(estimator, name, value)
    return estimator


def estimator_of(model: _core.Model, parameters: dict[str, Any] | None = None) -> ContractiveAutoencoder:
    """Give a fitted estimator of a model, with the parameters that it was made with, or else those that it tells."""
    from .autoencoder import ContractiveAutoencoder

    estimator = ContractiveAutoencoder(**(parameters or parameters_of(model)))
    estimator.model_ = model
    estimator.n_features_in_ = model.n_features
    if model.feature_names is not None:
        estimator.feature_names_in_ = np.asarray(model.feature_names, dtype=object)
    return estimator


def _note(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the parameters and what was learnt of an estimator that was saved, or nothing."""
    from .autoencoder import ContractiveAutoencoder

    if not path.is_file():
        return {}, {}
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        parameters, learnt = dict(told["parameters"]), dict(told["learnt"])
        unknown = [name for name in parameters if name not in ContractiveAutoencoder().get_params()]
        unknown += [name for name in learnt if name not in _LEARNT]
        numbers = [learnt[name] for name in ("offset_", "n_iter_", "best_iter_", "loss_", "seed_") if name in learnt]
        is_right = not unknown and all(isinstance(number, (int, float)) for number in numbers)
    except (ValueError, TypeError, KeyError, RecursionError):
        is_right = False
    if not is_right:
        raise ValueError(f"{path} must hold an estimator's parameters and what it learnt, as save() writes them")
    for name in ("hidden_layer_sizes", "decoder_layer_sizes", "image_shape"):
        if parameters.get(name) is not None:
            parameters[name] = tuple(parameters[name])
    return parameters, learnt


def _of_run(metrics: Path, model: _core.Model) -> dict[str, Any]:
    """Give what a run's own records tell of its training."""
    provenance = json.loads(model.describe())["provenance"]
    seed, kept = {"seed_": provenance["seed"]}, provenance["epoch"]
    if not metrics.is_file():
        return {**seed, "best_iter_": kept}
    records = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    return {**seed, **learnt_by(records, kept)}


def parameters_of(model: _core.Model) -> dict[str, Any]:
    """Give the parameters that a model's own description tells."""
    told = json.loads(model.describe())
    architecture, objective = told["architecture"], told["objective"]
    encoder, decoder = architecture["encoder_activations"], architecture["decoder_activations"]
    parameters: dict[str, Any] = {
        "hidden_layer_sizes": tuple(architecture["encoder_sizes"][1:]),
        "decoder_layer_sizes": tuple(architecture["decoder_sizes"][1:-1]),
        "activation": encoder[0] if len(encoder) > 1 else encoder[-1],
        "code_activation": encoder[-1],
        "output_activation": decoder[-1],
        "tied": architecture["tied"],
        "loss": objective["loss"],
        "contraction": objective["contraction"],
        "penalty": objective["penalty"],
        "noise": told["noise"],
        "scale": told["scale"],
        "image_shape": tuple(told["image_shape"]) if told["image_shape"] else None,
        "random_state": told["provenance"]["seed"],
    }
    if len(decoder) > 1:
        parameters["decoder_activation"] = decoder[0]
    if objective.get("sparsity"):
        parameters["sparsity"] = objective["sparsity"]
    assert set(parameters) - {"image_shape", "random_state"} <= set(KEYS)
    return parameters
