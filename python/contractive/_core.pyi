"""The compiled part of the package. Arrays are C-contiguous; JSON and TOML stand for nested settings."""

import os
from collections.abc import Callable, Sequence
from typing import Any, TypedDict, final, type_check_only

import numpy as np
from numpy.typing import NDArray

_Rows = NDArray[np.float32] | NDArray[np.float64]
_Path = str | os.PathLike[str]
_Listener = Callable[[str], Any] | None

__all__ = [
    "Detector",
    "Fitted",
    "Frame",
    "Group",
    "ImageDetector",
    "Incremental",
    "Model",
    "SeriesDetector",
    "TrainingDiverged",
    "__version__",
    "fit",
    "import_weights",
    "jacobian",
    "load",
    "model_of_tensors",
    "objective",
    "report",
    "run",
    "tensors",
    "versions",
]
__version__: str

class TrainingDiverged(ArithmeticError):
    """Training met a number that was not finite; the message says in which epoch, step and term."""

@final
class Model:
    """A trained autoencoder: parameters, scaling, objective, where it came from."""

    @staticmethod
    def load(path: _Path) -> Model:
        """Read a model directory."""
    def save(self, path: _Path, note: str | None = None) -> None:
        """Write a model directory whole, replacing a model that is there; the note goes into estimator.json."""
    def to_onnx(self, path: _Path | None, *, opset: int, rows: bool = False) -> bytes | None:
        """Write an ONNX file whole, or give its bytes where there is no path."""
    def to_files(self) -> dict[str, bytes]:
        """Give the directory's files."""
    @staticmethod
    def from_files(files: dict[str, bytes]) -> Model:
        """Read what :meth:`to_files` gave."""
    @property
    def n_features(self) -> int:
        """Number of features d."""
    @property
    def code_size(self) -> int:
        """Units of the code k."""
    @property
    def feature_names(self) -> list[str] | None:
        """Names of the features, where they had some."""
    @property
    def image_shape(self) -> tuple[int, int] | None:
        """(height, width) where rows are images."""
    @property
    def scale(self) -> str:
        """How features are scaled."""
    def describe(self) -> str:
        """Give architecture, objective, scaling and provenance, as JSON."""
    def parameters(self) -> dict[str, NDArray[np.float32]]:
        """Give the tensors by name, copied; weights have the shape (out, in)."""
    def encode(self, rows: _Rows, names: list[str] | None = None, n_threads: int | None = None) -> NDArray[np.float32]:
        """Give codes, (N, k)."""
    def outputs(self, rows: _Rows, names: list[str] | None = None, n_threads: int | None = None) -> NDArray[np.float32]:
        """Give what the network restores in its own units, (N, d)."""
    def scaled(self, rows: _Rows, names: list[str] | None = None) -> NDArray[np.float32]:
        """Give rows in the network's units, (N, d)."""
    def row_errors(
        self, rows: _Rows, names: list[str] | None = None, n_threads: int | None = None
    ) -> NDArray[np.float64]:
        """Give the mean squared error of each row in the network's units, (N,)."""
    def reconstruct(
        self, rows: _Rows, names: list[str] | None = None, n_threads: int | None = None
    ) -> NDArray[np.float64]:
        """Give what the network restores in the rows' units, (N, d)."""
    def decode(self, codes: NDArray[np.float32], n_threads: int | None = None) -> NDArray[np.float64]:
        """Give what the decoder makes of codes, in the rows' units, (N, d)."""
    def jacobian(self, rows: _Rows, names: list[str] | None = None) -> NDArray[np.float32]:
        """Give ∂h/∂x, (N, k, d), x in the network's units."""
    def slopes(self, rows: _Rows, names: list[str] | None = None) -> NDArray[np.float64]:
        """Give dx/dx′, (N, d), x′ being x in the network's units."""
    def jacobian_norms(
        self, rows: _Rows, names: list[str] | None = None, n_threads: int | None = None
    ) -> NDArray[np.float64]:
        """Give ‖J‖_F, (N,)."""
    def singular_values(
        self, rows: _Rows, names: list[str] | None = None, n_threads: int | None = None
    ) -> NDArray[np.float64]:
        """Give the singular values of J, (N, min(k, d)), largest first."""
    def tangents(self, rows: _Rows, most: int, names: list[str] | None = None) -> NDArray[np.float64]:
        """Give the directions in which the code moves most, (N, most, d)."""
    def evaluate(self, rows: _Rows, names: list[str] | None = None, n_threads: int | None = None) -> str:
        """Give the numbers of ``cae evaluate``, as JSON."""

def model_of_tensors(description: str, tensors: dict[str, NDArray[np.float32]]) -> Model:
    """Make a model of exactly the tensors of an architecture, named and shaped as :meth:`Model.parameters` gives them.

    The description is JSON: ``architecture`` and, where known, ``objective``, ``feature_names``, ``image_shape`` and
    ``source``, what the tensors were taken from. Rows come to the network unscaled.
    """

def import_weights(path: _Path, wishes: str) -> tuple[Model, str]:
    """Read the Linear layers of a safetensors file as ``wishes``, in JSON, say; and a report of its tensors, as JSON."""

@final
class Group:
    """Processes that work together, connected by an object with rank, size, allreduce(array) and broadcast(array, root)."""

    def __new__(cls, communicator: Any) -> Group: ...
    @property
    def rank(self) -> int:
        """The number of this process among the others, from 0."""
    @property
    def size(self) -> int:
        """Processes in all."""
    def tell(self, fault: str | None) -> None:
        """Raise the fault of the first process that has one, on those that have none."""
    def of_first(self, given: bytes) -> bytes:
        """Give the bytes of rank 0."""
    def gather_bytes(self, given: bytes) -> tuple[bytes, ...]:
        """Give the bytes of every process."""
    def gather(self, given: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the numbers of all processes, one after the other, shape (n,)."""

@final
class Fitted:
    """What a training gave."""

    @property
    def model(self) -> Model:
        """The best parameters."""
    @property
    def history(self) -> str:
        """A record an epoch, as JSON."""
    @property
    def config(self) -> str:
        """The configuration with everything filled in, as TOML."""
    @property
    def best_epoch(self) -> int:
        """The epoch of the model, from 1; 0 where none was completed."""
    @property
    def concern(self) -> str | None:
        """What is wrong with a model that was trained to its end, as JSON."""
    @property
    def raised(self) -> BaseException | None:
        """What interrupted the training, to be raised."""

def fit(
    config: str,
    rows: _Rows,
    *,
    names: list[str] | None = None,
    image_shape: tuple[int, int] | None = None,
    start: Model | None = None,
    on_start: _Listener = None,
    on_step: _Listener = None,
    on_epoch: _Listener = None,
    group: Group | None = None,
) -> Fitted:
    """Train on rows as the TOML of ``config`` says; those of all processes of the group, each of which gives its own."""

@final
class Incremental:
    """A network that learns from pieces of data, the optimiser's memory kept between them."""

    def __new__(
        cls,
        config: str,
        rows: _Rows,
        *,
        names: list[str] | None = None,
        image_shape: tuple[int, int] | None = None,
        start: Model | None = None,
    ) -> Incremental: ...
    def pass_over(self, rows: _Rows, names: list[str] | None = None) -> str:
        """Train by one pass; the terms' means, as JSON."""
    def model(self) -> Model:
        """Give the network as it is now."""

@final
class Frame:
    """A table of columns of any kind."""

    @staticmethod
    def of_columns(columns: Sequence[tuple[str, str, Any, Any, Any]]) -> Frame:
        """From columns: name, kind, cells, which are missing or None, unit and zone of times or None."""
    @staticmethod
    def of_arrow(stream: Any) -> Frame:
        """From a capsule of Arrow's C stream."""
    def texts(self, name: str) -> list[str | None]:
        """Give the cells of a column as text."""
    @property
    def n_rows(self) -> int:
        """Number of rows."""
    @property
    def names(self) -> list[str]:
        """Names of the columns."""

@type_check_only
class _Scored(TypedDict, total=False):
    score: NDArray[np.float64]
    probability: NDArray[np.float64]
    label: NDArray[np.bool_]
    kinds: dict[str, NDArray[np.float64]]
    contributions: NDArray[np.float64]
    feature_names: list[str]
    cells: list[int]
    value_names: list[str]
    ranges: str
    notes: list[str]

@final
class Detector:
    """A trained detector of anomalies among the rows of a table."""

    @staticmethod
    def train_table(
        frame: Frame,
        settings: str,
        threshold: str,
        *,
        columns: list[str] | None = None,
        keys: list[str] = ...,
        categories: list[str] = ...,
        missing: str = "refuse",
        scale: str | None = None,
        n_threads: int | None = None,
        listener: _Listener = None,
        group: Group | None = None,
    ) -> tuple[Detector, list[str]]:
        """Train on a table; the detector, and notes on how the table was understood.

        The processes of the group train one detector, each on its rows.
        """
    @staticmethod
    def load(path: _Path) -> Detector:
        """Read a detector directory."""
    def save(self, path: _Path) -> None:
        """Write a detector directory whole, replacing a detector that is there."""
    def to_onnx(self, path: _Path | None, *, opset: int) -> bytes | None:
        """Write an ONNX file whole, or give its bytes where there is no path."""
    def to_files(self) -> dict[str, bytes]:
        """Give the directory's files."""
    @staticmethod
    def from_files(files: dict[str, bytes]) -> Detector:
        """Read what :meth:`to_files` gave."""
    def with_threshold(self, threshold: str) -> Detector:
        """Give another detector with this rule."""
    @property
    def threshold(self) -> float:
        """Scores above it are anomalies."""
    @property
    def threshold_rule(self) -> str:
        """The rule that gave it."""
    @property
    def n_features(self) -> int:
        """Features of the networks."""
    @property
    def n_training_rows(self) -> int:
        """Rows trained on."""
    @property
    def feature_names(self) -> list[str] | None:
        """Names of the features."""
    @property
    def columns(self) -> list[str] | None:
        """Columns of the table trained on; None where it was numbers alone."""
    def encoding(self) -> str | None:
        """Give how that table was understood, as JSON."""
    @property
    def keys(self) -> list[str]:
        """Keys of that table."""
    def settings(self) -> str:
        """Give the settings, as JSON."""
    def score_rows(
        self, rows: _Rows, *, names: list[str] | None = None, contributions: bool = False, n_threads: int | None = None
    ) -> _Scored:
        """Score rows of numbers, for a detector trained on numbers alone."""
    def score_table(self, frame: Frame, *, contributions: bool = False, n_threads: int | None = None) -> _Scored:
        """Score the rows of a table."""
    def page(self, frame: Frame, name: str, *, n_threads: int | None = None) -> str:
        """Give the page of ``cae detect --report``, as HTML."""

@final
class SeriesDetector:
    """A trained detector of anomalies in time series."""

    @staticmethod
    def train(
        frame: Frame,
        wishes: str,
        settings: str,
        threshold: str,
        *,
        n_threads: int | None = None,
        listener: _Listener = None,
    ) -> tuple[SeriesDetector, list[str]]:
        """Train on the series of a frame; the detector, and notes on how it was understood."""
    @staticmethod
    def load(path: _Path) -> SeriesDetector:
        """Read a detector directory."""
    def save(self, path: _Path) -> None:
        """Write a detector directory whole, replacing a detector that is there."""
    def to_onnx(self, path: _Path | None, *, opset: int) -> bytes | None:
        """Write an ONNX file whole, or give its bytes where there is no path."""
    def to_files(self) -> dict[str, bytes]:
        """Give the directory's files."""
    @staticmethod
    def from_files(files: dict[str, bytes]) -> SeriesDetector:
        """Read what :meth:`to_files` gave."""
    def with_threshold(self, threshold: str) -> SeriesDetector:
        """Give another detector with this rule."""
    @property
    def threshold(self) -> float:
        """Scores above it are anomalies."""
    @property
    def threshold_rule(self) -> str:
        """The rule that gave it."""
    @property
    def n_training_rows(self) -> int:
        """Timestamps trained on."""
    def spec(self) -> str:
        """Give columns and windows, as JSON."""
    def settings(self) -> str:
        """Give the settings, as JSON."""
    def score(self, frame: Frame, *, explains: bool = False, n_threads: int | None = None) -> _Scored:
        """Score every timestamp."""
    def page(self, frame: Frame, *, n_threads: int | None = None) -> str:
        """Give the page of ``cae detect --report``, as HTML."""

@type_check_only
class _ScoredPictures(TypedDict):
    name: list[str]
    score: NDArray[np.float64]
    probability: NDArray[np.float64]
    label: NDArray[np.bool_]
    maps: list[NDArray[np.float32]]
    notes: list[str]

@final
class ImageDetector:
    """A trained detector of anomalies in pictures."""

    @staticmethod
    def train(
        pictures: Any,
        wishes: str,
        skip_broken: bool,
        settings: str,
        threshold: str,
        *,
        n_threads: int | None = None,
        listener: _Listener = None,
    ) -> tuple[ImageDetector, list[str]]:
        """Train on a path or on arrays (H, W, C) of bytes; the detector, and notes on what was passed over."""
    @staticmethod
    def load(path: _Path) -> ImageDetector:
        """Read a detector directory."""
    def save(self, path: _Path) -> None:
        """Write a detector directory whole, replacing a detector that is there."""
    def to_files(self) -> dict[str, bytes]:
        """Give the directory's files."""
    @staticmethod
    def from_files(files: dict[str, bytes]) -> ImageDetector:
        """Read what :meth:`to_files` gave."""
    def with_threshold(self, threshold: str) -> ImageDetector:
        """Give another detector with this rule."""
    @property
    def threshold(self) -> float:
        """Scores above it are anomalies."""
    @property
    def threshold_rule(self) -> str:
        """The rule that gave it."""
    @property
    def pixel_level(self) -> float:
        """Pixels that score above it are odd."""
    @property
    def channels(self) -> int:
        """Channels of a picture, 1 or 3."""
    @property
    def n_training_pictures(self) -> int:
        """Pictures trained on, those held out among them."""
    def spec(self) -> str:
        """Give what of pictures is looked at, as JSON."""
    def settings(self) -> str:
        """Give the settings, as JSON."""
    def score(
        self, pictures: Any, *, maps: bool = False, skip_broken: bool = False, n_threads: int | None = None
    ) -> _ScoredPictures:
        """Score every picture; ``folder`` is there where there are folders."""
    def page(self, pictures: Any, *, skip_broken: bool = False, n_threads: int | None = None) -> str:
        """Give the page of ``cae detect --report``, as HTML."""
    def drawn(self, pictures: Any, *, n_threads: int | None = None) -> list[tuple[bytes, bytes]]:
        """Give the heat map and the outlined picture of each, as PNG files."""

def objective(
    architecture: str,
    objective: str,
    parameters: NDArray[np.float64],
    rows: NDArray[np.float64],
    corrupted: NDArray[np.float64] | None = None,
    draws: NDArray[np.float64] | None = None,
    wide: bool = True,
    n_threads: int | None = None,
) -> dict[str, Any]:
    """Give terms, row losses and penalties, and the flat gradient."""

def jacobian(
    architecture: str, parameters: NDArray[np.float64], rows: NDArray[np.float64], wide: bool
) -> NDArray[np.float64]:
    """Give ∂h/∂x of each row, (N, k, d)."""

def tensors(architecture: str) -> list[tuple[str, list[int]]]:
    """Give names and shapes of an architecture's tensors, in the order of the flat vector."""

def load(
    spec: str, part: str, rows: int | None = None, data_dir: _Path | None = None, offline: bool = False
) -> dict[str, Any]:
    """Read a registered data set, or a file."""

def report(
    name: str,
    config: str,
    rows: _Rows,
    model: Model,
    history: str,
    *,
    names: list[str] | None = None,
    image_shape: tuple[int, int] | None = None,
) -> str:
    """Give the page of a training, as HTML."""

def run(words: Sequence[str]) -> int:
    """Run ``cae`` with these words, the program's name first, and give its exit code."""

def versions() -> dict[str, Any]:
    """Give version, instruction set in use, threads, architecture and system."""
