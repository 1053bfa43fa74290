"""Contractive autoencoders with the exact Jacobian penalty: train, verify, use, find anomalies.

>>> import numpy as np
>>> from contractive import ContractiveAutoencoder
>>> rng = np.random.default_rng(0)
>>> t = rng.uniform(0, 6, size=(500, 1))
>>> X = np.hstack([np.sin(t), np.cos(t), t / 3, t % 1]).astype(np.float32)
>>> model = ContractiveAutoencoder(hidden_layer_sizes=(16, 2), max_iter=20, random_state=0).fit(X)
>>> model.transform(X).shape
(500, 2)

Everything is computed by the same core as the command ``cae``, which comes with the package: the same data, seed and
settings give the same bits. What is imported here is loaded when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._core import TrainingDiverged, __version__

if TYPE_CHECKING:
    from . import datasets, engines
    from .anomaly import AnomalyDetector
    from .autoencoder import ContractiveAutoencoder
    from .engines.arrow import score_arrow
    from .gradients import jacobian, objective
    from .images import ImageDetector
    from .importing import import_weights
    from .machine import bench, show_versions
    from .runs import Run, train
    from .saved import load, save
    from .series import SeriesDetector
    from .verify import check_penalty

# Where each name is. scikit-learn, which the estimators are built on where it is installed, takes a second to import.
_PLACES = {
    "AnomalyDetector": "anomaly",
    "ContractiveAutoencoder": "autoencoder",
    "ImageDetector": "images",
    "Run": "runs",
    "SeriesDetector": "series",
    "bench": "machine",
    "check_penalty": "verify",
    "import_weights": "importing",
    "jacobian": "gradients",
    "load": "saved",
    "objective": "gradients",
    "save": "saved",
    "score_arrow": "engines.arrow",
    "show_versions": "machine",
    "train": "runs",
}

__all__ = [
    "AnomalyDetector",
    "ContractiveAutoencoder",
    "ImageDetector",
    "Run",
    "SeriesDetector",
    "TrainingDiverged",
    "__version__",
    "bench",
    "check_penalty",
    "datasets",
    "engines",
    "import_weights",
    "jacobian",
    "load",
    "objective",
    "save",
    "score_arrow",
    "show_versions",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in ("communicators", "datasets", "engines", "keras", "pyod", "torch"):
        return importlib.import_module(f".{name}", __name__)
    if name in _PLACES:
        value = getattr(importlib.import_module(f".{_PLACES[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
