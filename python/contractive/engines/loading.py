"""A detector as work carries it to other processes, each of which reads it once."""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import socket
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

from .._base import fitted
from ..anomaly import AnomalyDetector
from ..autoencoder import ContractiveAutoencoder
from ..saved import load
from ..series import SeriesDetector

_log = logging.getLogger("contractive.engines")
# Detectors that a process keeps: those used last.
_MOST_HELD = 4


class Held(NamedTuple):
    """A detector in memory."""

    stamp: Any
    digest: str
    estimator: Any


_held: OrderedDict[str, Held] = OrderedDict()
_lock = threading.Lock()


def held_at(path: str) -> Held:
    """Give the detector or model of a directory, read again only where it was written anew."""
    with _lock:
        folder = _folder(path)
        stamp, held = _stamp(folder), _held.get(path)
        if held is None or held.stamp != stamp:
            held = Held(stamp, _digest(folder), refuse_what_has_no_rows(load(folder)))
            _keep(path, held)
            _log.info("read %s", path)
        _held.move_to_end(path)
        return held


def _keep(name: str, held: Held) -> None:
    _held[name] = held
    while len(_held) > _MOST_HELD:
        _held.popitem(last=False)


def _folder(path: str) -> Path:
    """Give the directory with the files that are read: that of a run holds its model's."""
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"there is no detector at {path} on {socket.gethostname()}: write it where every worker reads it, or give the "
            "detector itself, contractive.load(path), which then goes along with the work"
        )
    is_run = (folder / "model" / "config.json").is_file() and not (folder / "config.json").is_file()
    return folder / "model" if is_run else folder


def _stamp(folder: Path) -> Any:
    """Tell one writing of a directory, which is replaced whole, from the next."""
    try:
        told = (folder / "config.json").stat()
    except FileNotFoundError:
        return None
    return told.st_mtime_ns, told.st_ino, told.st_size


def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        part = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()} {part}\n".encode())
    return whole.hexdigest()


def refuse_what_has_no_rows(estimator: Any) -> Any:
    """Give a fitted estimator that scores a row by that row alone, and refuse all else."""
    if isinstance(estimator, AnomalyDetector):
        fitted(estimator, "detector_")
    elif isinstance(estimator, ContractiveAutoencoder):
        fitted(estimator)
    elif isinstance(estimator, SeriesDetector):
        raise ValueError(
            "a detector of time series scores windows, which need their rows in order, and an engine's batches have none: "
            "give a detector of tables, or score each series whole with SeriesDetector.detect"
        )
    else:
        kind = type(estimator).__name__
        raise ValueError(f"`detector` must be a path, an AnomalyDetector or a ContractiveAutoencoder, got {kind}")
    return estimator


class Carried:
    """A detector that goes along with work: its path where a path was given, else the detector itself.

    Where a path holds another detector when the work is done than when it was begun, the work is refused: rows would be
    scored by either, as it happens.
    """

    def __init__(self, detector: Any) -> None:
        self._path: str | None = None
        self._pickled: bytes | None = None
        self._digest = ""
        if isinstance(detector, (str, os.PathLike)):
            self._path = os.path.realpath(os.fspath(detector))
            held = held_at(self._path)
            self._digest, self._estimator = held.digest, held.estimator
        else:
            self._estimator = refuse_what_has_no_rows(detector)

    @property
    def estimator(self) -> Any:
        """The detector, read on first use in a process."""
        if self._estimator is None:
            self._estimator = self._of_path(self._path) if self._path is not None else self._of_bytes()
        return self._estimator

    def _of_path(self, path: str) -> Any:
        held = held_at(path)
        if held.digest != self._digest:
            raise ValueError(
                f"the detector at {path} was written anew after this work began: begin again, or give the detector itself, "
                "contractive.load(path), which then goes along with the work"
            )
        return held.estimator

    def _of_bytes(self) -> Any:
        with _lock:
            if self._digest not in _held:
                assert self._pickled is not None
                _keep(self._digest, Held(None, self._digest, pickle.loads(self._pickled)))
                _log.info("read a detector that came along")
            _held.move_to_end(self._digest)
            return _held[self._digest].estimator

    def __getstate__(self) -> dict[str, Any]:
        if self._path is None and self._pickled is None:
            self._pickled = pickle.dumps(self._estimator)
            self._digest = hashlib.sha256(self._pickled).hexdigest()
        return {"_path": self._path, "_pickled": self._pickled, "_digest": self._digest, "_estimator": None}
