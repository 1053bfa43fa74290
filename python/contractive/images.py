"""Anomalies in pictures: a score of each picture, and a heat map of where it is odd."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._base import BaseEstimator, OutlierMixin, fitted, seed_of
from ._detecting import Detecting, detector_settings, parameters_of, threshold_words
from ._learning import learning
from ._progress import MembersBar
from ._settings import sizes_of, speaking_parameters, threads_of, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .pages import Page

    Array = NDArray[Any]


# Where a score becomes an anomaly, unless another rule or a share is given: no picture fitted on need be odd.
ORDINARY = "sigma:3"


class ImageDetector(Detecting, OutlierMixin, BaseEstimator):
    """Find odd pictures, and where they are odd: contractive autoencoders of patches, at several scales.

    Fitted on pictures without defects. A patch of a new one is as odd as its code and its error are far from those of the
    patches fitted on; a pixel as the patches over it; a picture as its highest pixels.

    Parameters
    ----------
    patch : int, default=8
        Pixels of a patch's side, from 2 to 64.
    stride : int, optional
        Pixels from patch to patch; by default half of ``patch``.
    scales : sequence of int, default=(1, 2)
        Factors that pictures are made smaller by before they are cut into patches, ascending.
    colour : {"auto", "grey", "rgb"}, default="auto"
        Grey or colour, of pictures in files. auto: in colour where any of the first pictures has colour.
    image_size : int or (int, int) or None or "auto", default="auto"
        Width and height that pictures in files are brought to; None leaves them as they are. auto: 256 × 256, where they
        are looked at as wholes 32 × 32. Arrays are taken as they are.
    aspect : {"auto", "keep", "pad", "crop", "stretch"}, default="auto"
        What becomes of a picture of another aspect, as ``--fit`` of the command. auto: keep, of wholes stretch.
    position_aware : bool, default=False
        Whether all pictures show the same parts at the same places.
    whole : bool, default=False
        Whether pictures are looked at as wholes, not at their patches: small pictures of one thing each, upright and in the
        middle, all of one size. Odd is another outline; ``patch`` and ``stride`` are of the cells in which edges are
        counted, and ``scales`` and ``position_aware`` count for nothing.
    skip_broken : bool, default=False
        Whether broken files are passed over; ``notes_`` names them.
    ensemble : int, default=1
        Networks a scale, each from its own seed.
    hidden_layer_sizes : sequence of int, optional
        Sizes of the encoder's layers, the last one the code; by default (128, 12), of wholes (256, 64).
    contraction : float, default=0.01
        Weight of the penalty ‖∂h/∂x‖².
    tied : bool, default=True
        Whether the decoder's weights are the encoder's, transposed.
    steps : int, optional
        Most steps a network.
    batch_size : int, default=128
        Patches a step.
    learning_rate : float, default=3e-3
        Highest step size.
    trim : float, default=0.0
        Share of each batch that a step leaves out.
    time_budget : float, optional
        Longest time for training a scale, in seconds.
    contamination : float, optional
        Share of the ordinary pictures that lie above the threshold, above 0 and at most 0.5.
    threshold : str, optional
        Another rule: "sigma:K", "quantile:P", "contamination:SHARE", "pot:RATE" or "value:T", of the scores of ordinary
        pictures; it counts where both are given. Without either: "sigma:3".
    validation_fraction : float, default=0.15
        Share of the pictures held out (of 20 and more, at most 500), whose scores the threshold's rule is applied to.
    random_state : int, numpy.random.Generator, RandomState or None, default=None
        Seed of everything random.
    n_jobs : int, optional
        Threads. None: ``OMP_NUM_THREADS``, else all processors that the process may use.
    verbose : int, default=0
        1 shows a progress bar on standard error.

    Attributes
    ----------
    detector_ : contractive._core.ImageDetector
        What was trained.
    threshold_ : float
        Scores above it are anomalies.
    pixel_level_ : float
        Pixels that score above it are odd: the highest pixel of nine ordinary pictures in ten is not.
    notes_ : list of str
        Broken files that were passed over.

    Examples
    --------
    >>> import numpy as np
    >>> from contractive import ImageDetector
    >>> rng = np.random.default_rng(0)
    >>> wave = 128 + 60 * np.sin(np.arange(48) * 0.8)
    >>> good = [np.uint8(wave + 0 * wave[:, None] + rng.normal(0, 4, (48, 48))) for _ in range(6)]
    >>> detector = ImageDetector(steps=60, scales=(1,), random_state=0).fit(good)
    >>> odd = good[0].copy()
    >>> odd[20:28, 10:18] = 255
    >>> row, column = np.unravel_index(detector.heatmap([odd])[0].argmax(), (48, 48))
    >>> bool(16 <= row < 32 and 6 <= column < 22)
    True
    """

    detector_: _core.ImageDetector
    notes_: list[str]
    threshold_: float
    offset_: float
    pixel_level_: float
    seed_: int
    # What scikit-learn's tags ask detectors for; pictures have no missing values.
    missing = "refuse"
    kind = "combined"

    def __init__(
        self,
        *,
        patch: int = 8,
        stride: int | None = None,
        scales: Sequence[int] = (1, 2),
        colour: str = "auto",
        image_size: int | tuple[int, int] | str | None = "auto",
        aspect: str = "auto",
        position_aware: bool = False,
        whole: bool = False,
        skip_broken: bool = False,
        ensemble: int = 1,
        hidden_layer_sizes: Sequence[int] | None = None,
        contraction: float = 1e-2,
        tied: bool = True,
        steps: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 3e-3,
        trim: float = 0.0,
        time_budget: float | None = None,
        contamination: float | None = None,
        threshold: str | None = None,
        validation_fraction: float = 0.15,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.patch = patch
        self.stride = stride
        self.scales = scales
        self.colour = colour
        self.image_size = image_size
        self.aspect = aspect
        self.position_aware = position_aware
        self.whole = whole
        self.skip_broken = skip_broken
        self.ensemble = ensemble
        self.hidden_layer_sizes = hidden_layer_sizes
        self.contraction = contraction
        self.tied = tied
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.trim = trim
        self.time_budget = time_budget
        self.contamination = contamination
        self.threshold = threshold
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> ImageDetector:
        """Train on pictures without defects.

        Parameters
        ----------
        X : path, array of shape (N, H, W) or (N, H, W, C), or sequence of arrays (H, W) or (H, W, C)
            A folder or archive of pictures, or pictures: uint8, or floats in [0, 1]; C is 1 or 3. Those of a sequence may
            differ in size. No pixel may be missing (NaN, masked).
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a parameter outside its range, a picture that cannot be read or is smaller than a patch.
        TrainingDiverged
            Where a number was no longer finite.
        """
        with learning(self) as learner:
            learner._learn(X)
        return self

    def _learn(self, X: Any) -> None:
        scales = sizes_of(self.scales, "scales")
        networks = whole_number(self.ensemble, "ensemble", 1) * (1 if self.whole else len(scales))
        with speaking_parameters(), MembersBar(self.verbose, networks, type(self).__name__) as bar:
            self.seed_ = seed_of(self.random_state)
            wishes = {
                "patch": whole_number(self.patch, "patch", 2),
                "stride": whole_number(self.stride, "stride", 1) if self.stride is not None else None,
                "scales": scales,
                "colour": self.colour,
                "image_size": _size_of(self.image_size),
                "aspect": None if self.aspect == "auto" else self.aspect,
                "position_aware": bool(self.position_aware),
                "whole": bool(self.whole),
            }
            self.detector_, self.notes_ = _core.ImageDetector.train(
                pictures_of(X),
                json.dumps(wishes),
                bool(self.skip_broken),
                detector_settings(self, self.seed_),
                self._rule(),
                n_threads=threads_of(self.n_jobs),
                listener=bar.listener,
            )
        self._learnt()

    def _rule(self) -> str:
        if self.threshold is None and self.contamination is None:
            return ORDINARY
        return threshold_words(self)

    def _learnt(self) -> None:
        super()._learnt()
        self.pixel_level_ = self.detector_.pixel_level

    def _scored(self, X: Any, *, maps: bool = False) -> _core._ScoredPictures:
        fitted(self, "detector_")
        with speaking_parameters():
            return self.detector_.score(
                pictures_of(X), maps=maps, skip_broken=bool(self.skip_broken), n_threads=threads_of(self.n_jobs)
            )

    def anomaly_scores(self, X: Any) -> Array:
        """Give the score of each picture, shape (N,): higher is more anomalous.

        A pixel scores 0 where the patches over it are the usual ones, and 1 where they are as one in twenty.
        """
        return np.asarray(self._scored(X)["score"])

    def heatmap(self, X: Any) -> Array | list[Array]:
        """Give a score of each pixel, float32.

        Parameters
        ----------
        X : as for :meth:`fit`

        Returns
        -------
        array of shape (N, H, W), or list of arrays (H, W) where pictures differ in size
        """
        maps = self._scored(X, maps=True)["maps"]
        return np.stack(maps) if len({shape.shape for shape in maps}) == 1 else maps

    def detect(self, X: Any) -> dict[str, Array]:
        """Give the name, score, probability and label of every picture, and its folder where there are folders.

        Returns
        -------
        dict of arrays (N,)
            ``name``, ``folder`` perhaps, ``score``, ``probability`` (the share of ordinary pictures that score lower) and
            ``label`` (whether the score is above the threshold).
        """
        scored: Any = self._scored(X)
        names = [name for name in ("name", "folder", "score", "probability", "label") if name in scored]
        return {name: np.asarray(scored[name]) for name in names}

    def report(self, path: str | os.PathLike[str] | None, X: Any) -> Page:
        """Write the page of ``cae detect --report``: the pictures with the highest scores, outlined, and their heat maps."""
        from .pages import page

        fitted(self, "detector_")
        with speaking_parameters():
            skip, n_threads = bool(self.skip_broken), threads_of(self.n_jobs)
            return page(path, self.detector_.page(pictures_of(X), skip_broken=skip, n_threads=n_threads))

    def to_onnx(self, path: str | os.PathLike[str] | None = None, *, opset: int = 17) -> bytes | None:
        """Refuse: a detector of pictures is no graph of its own."""
        raise NotImplementedError("a detector of pictures is not exported to ONNX; its networks are, by `cae export`")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ImageDetector:
        """Read a detector directory."""
        return cls._of(_core.ImageDetector.load(os.fspath(path)))

    @classmethod
    def _of(cls, detector: _core.ImageDetector) -> ImageDetector:
        spec, settings = json.loads(detector.spec()), parameters_of(detector)
        del settings["kind"]
        size = spec["size"]
        estimator = cls(
            patch=spec["patch"],
            stride=spec["stride"],
            scales=tuple(spec["scales"]),
            colour=spec["colour"],
            image_size=(size["width"], size["height"]) if size else None,
            aspect=spec["fit"],
            position_aware=spec["position"] > 0,
            whole=spec["whole"],
            **settings,
        )
        estimator.detector_, estimator.notes_, estimator.seed_ = detector, [], estimator.random_state
        estimator._learnt()
        return estimator

    def __repr__(self, *args: Any, **kwargs: Any) -> str:
        said: str = super().__repr__(*args, **kwargs)
        if not hasattr(self, "detector_"):
            return said
        pictures = self.detector_.n_training_pictures
        return f"{said}\n# fitted on {pictures} pictures, threshold {self.threshold_:.4g}"


def _size_of(size: Any) -> list[int] | None:
    """Give width and height, none of them for the pictures' own, and None for the detector's choice."""
    if isinstance(size, str) and size == "auto":
        return None
    if size is None:
        return []
    both = (size, size) if np.ndim(size) == 0 else tuple(size)
    if len(both) != 2:
        raise ValueError(f"`image_size` must be one number, width and height, None or 'auto', got {size!r}")
    return [whole_number(side, "image_size", 1) for side in both]


def pictures_of(X: Any) -> Any:
    """Give a path as it is, and pictures as arrays (H, W, C) of bytes."""
    if isinstance(X, (str, os.PathLike)):
        return Path(X)
    if isinstance(X, np.ndarray) and X.ndim not in (3, 4):
        raise ValueError(f"X must have the shape (N, H, W) or (N, H, W, C), got {X.shape}")
    pictures = [_picture(_unmasked(picture, i), i) for i, picture in enumerate(X)]
    if not pictures:
        raise ValueError("X must hold at least one picture, got none")
    return pictures


def _unmasked(picture: Any, i: int) -> Array:
    if isinstance(picture, np.ma.MaskedArray) and (n := int(np.ma.getmaskarray(picture).sum())):
        raise ValueError(
            f"picture {i} has {n} masked numbers, and a picture must have all of them: "
            "give those that are to stand in their place, as by picture.filled(0)"
        )
    return np.asarray(picture)


def _picture(picture: Array, i: int) -> Array:
    if picture.ndim == 2:
        picture = picture[:, :, None]
    if picture.ndim != 3 or picture.shape[2] not in (1, 3):
        raise ValueError(f"picture {i} must have the shape (H, W), (H, W, 1) or (H, W, 3), got {picture.shape}")
    if picture.dtype.kind == "f":
        if not (np.isfinite(picture).all() and picture.min(initial=0) >= 0 and picture.max(initial=0) <= 1):
            raise ValueError(f"picture {i} is of floats, and they must lie in [0, 1]")
        picture = np.rint(picture * 255)
    elif picture.dtype == bool:
        picture = picture * 255
    elif picture.dtype != np.uint8:
        raise ValueError(f"picture {i} must be of uint8, bool, or floats in [0, 1], got {picture.dtype}")
    return np.ascontiguousarray(picture, dtype=np.uint8)
