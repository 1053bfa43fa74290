"""The contractive autoencoder as a scikit-learn estimator."""

from __future__ import annotations

import json
import os
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._base import (
    BaseEstimator,
    OutlierMixin,
    TransformerMixin,
    as_rows,
    feature_names,
    fitted,
    seed_of,
)
from ._concerns import in_words
from ._history import flat, learnt_by, prefixed
from ._learning import learning, turn_of, without_turns
from ._progress import StepsBar
from ._ranks import Ranks
from ._settings import KEYS, share_of, sizes_of, speaking_parameters, threads_of, toml
from ._views import Views

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

# Rows that the threshold is learnt from, and that the local dimension is measured on, at most: evenly spaced ones.
_THRESHOLD_ROWS = 2_500
_KEPT_ROWS = 256


class ContractiveAutoencoder(Views, TransformerMixin, OutlierMixin, BaseEstimator):
    """Autoencoder whose code is kept from moving with the input: the exact penalty ‖∂h/∂x‖²_F at any depth.

    Minimises the mean over rows of L(x, g(f(x))) + ``contraction`` · ‖∂f/∂x‖²_F (Rifai et al., ICML 2011). It is a
    transformer (``transform`` gives the code), and an outlier detector (rows that are restored badly).

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(64, 16)
        Sizes of the encoder's layers, the last one the code.
    decoder_layer_sizes : sequence of int, optional
        Sizes of the decoder's layers between code and output; by default the encoder's mirrored.
    activation : str, default="tanh"
        Activation of the layers between: identity, sigmoid, tanh, relu, leaky_relu, softplus, elu, silu or gelu.
    code_activation : str, optional
        Activation of the code; by default ``activation``.
    decoder_activation : str, optional
        Activation of the decoder's layers between; by default ``activation``.
    output_activation : str, optional
        Activation of the output; by default sigmoid with a cross-entropy loss, else identity.
    tied : bool, default=False
        Whether the decoder's weights are the encoder's, transposed.
    loss : str, default="mse"
        mse, sse, bce or cross_entropy; the last two need rows in [0, 1].
    contraction : float, default=1e-3
        Weight of the penalty, at least 0; 0 is a plain autoencoder.
    penalty : str or dict, default="auto"
        jacobian, jacobian_norm, layerwise, projection, finite_difference, hessian, logistic_last, weight_l1, weight_l2,
        reconstruction or decoder; with settings a dictionary such as ``{"kind": "projection", "probes": 4}``. "auto" is
        the exact ``jacobian``, or ``projection`` where that costs many times a plain step.
    noise : dict, optional
        Input noise of a denoising autoencoder, such as ``{"kind": "gaussian", "sigma": 0.1}``.
    sparsity : dict, optional
        ``{"target": …, "weight": …}``: the mean activation of code units.
    scale : str, default="auto"
        How features are scaled: none, standard, minmax, robust, quantile; "auto" is minmax with a cross-entropy loss, else
        standard, and none for images.
    log1p : bool, default=False
        Whether log(1 + x) is taken first, of counts.
    library_size : float or "median", optional
        What the sum of each row becomes before, of counts.
    max_iter : int, optional
        Passes over the rows, at least 1; by default 50, and as many as make 2,000 steps.
    batch_size : int, default=128
        Rows a step, at least 1.
    learning_rate : float, default=1e-3
        Step size, above 0.
    optimiser : str or dict, default="adam"
        sgd, momentum, adam or adamw.
    schedule : str or dict, default="constant"
        constant, step, cosine or plateau.
    initialisation : str, default="kaiming_uniform"
        kaiming_uniform (PyTorch's), glorot_uniform (Keras') or rifai.
    clip : float, optional
        Largest Euclidean norm of the gradient.
    shuffle : bool, default=True
        Whether each pass takes the rows in a new order.
    early_stopping : bool, default=True
        Whether to stop when the held-out objective no longer falls; the best parameters are kept either way.
    validation_fraction : float, default=0.1
        Share of the rows held out, at least 0 and below 1.
    n_iter_no_change : int, optional
        Passes without improvement that are let pass; by default 10, and as many as make 200 steps.
    tol : float, default=0.0
        Least decrease that counts as improvement.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the parameters of the last one.
    contamination : float, default=0.1
        Share of the rows fitted on that ``predict`` calls outliers, above 0 and at most 0.5.
    image_shape : tuple of int, optional
        (height, width) where rows are images.
    random_state : int, numpy.random.Generator, RandomState or None, default=None
        Seed of everything random; the same seed gives the same bits with any number of threads.
    n_jobs : int, optional
        Threads. None: ``OMP_NUM_THREADS``, else all processors that the process may use.
    callbacks : sequence of callables, optional
        Each is called with the record of every pass, a dictionary, on the thread that trains; a true answer stops it.
    verbose : int, default=0
        1 shows a progress bar on standard error.

    Attributes
    ----------
    model_ : contractive._core.Model
        The trained network.
    history_ : list of dict
        A record a pass: losses, penalty, ‖J‖, seconds.
    loss_curve_ : list of float
        The objective of each pass on the training rows, as the steps went.
    validation_curve_ : list of float
        The objective on the held-out rows; empty where none were.
    loss_ : float
        The objective that the kept parameters have: on held-out rows, else in training.
    n_iter_ : int
        Passes made.
    best_iter_ : int
        The pass of the kept parameters, from 1.
    offset_ : float
        ``score_samples`` below it are outliers.
    seed_ : int
        The seed used.
    local_dimension_ : float
        In how many directions the code moves, over up to 256 of the rows fitted on.
    n_features_in_ : int
        Features fitted on.
    feature_names_in_ : ndarray of str
        Their names, where they had some.

    Examples
    --------
    >>> import numpy as np
    >>> from contractive import ContractiveAutoencoder
    >>> X = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    >>> model = ContractiveAutoencoder((8, 2), max_iter=5, random_state=0).fit(X)
    >>> model.reconstruct(X).shape, model.jacobian(X).shape
    ((200, 5), (200, 2, 5))
    """

    model_: _core.Model
    history_: list[dict[str, Any]]
    loss_curve_: list[float]
    validation_curve_: list[float]
    loss_: float
    n_iter_: int
    best_iter_: int
    offset_: float
    seed_: int
    n_features_in_: int
    feature_names_in_: Array
    _incremental: _core.Incremental | None

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (64, 16),
        *,
        decoder_layer_sizes: Sequence[int] | None = None,
        activation: str = "tanh",
        code_activation: str | None = None,
        decoder_activation: str | None = None,
        output_activation: str | None = None,
        tied: bool = False,
        loss: str = "mse",
        contraction: float = 1e-3,
        penalty: str | dict[str, Any] = "auto",
        noise: dict[str, Any] | None = None,
        sparsity: dict[str, Any] | None = None,
        scale: str = "auto",
        log1p: bool = False,
        library_size: float | str | None = None,
        max_iter: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        optimiser: str | dict[str, Any] = "adam",
        schedule: str | dict[str, Any] = "constant",
        initialisation: str = "kaiming_uniform",
        clip: float | None = None,
        shuffle: bool = True,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = None,
        tol: float = 0.0,
        warm_start: bool = False,
        contamination: float = 0.1,
        image_shape: tuple[int, int] | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        callbacks: Sequence[Callable[[dict[str, Any]], Any]] | None = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.decoder_layer_sizes = decoder_layer_sizes
        self.activation = activation
        self.code_activation = code_activation
        self.decoder_activation = decoder_activation
        self.output_activation = output_activation
        self.tied = tied
        self.loss = loss
        self.contraction = contraction
        self.penalty = penalty
        self.noise = noise
        self.sparsity = sparsity
        self.scale = scale
        self.log1p = log1p
        self.library_size = library_size
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimiser = optimiser
        self.schedule = schedule
        self.initialisation = initialisation
        self.clip = clip
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.contamination = contamination
        self.image_shape = image_shape
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.callbacks = callbacks
        self.verbose = verbose

    # Training

    def fit(self, X: Any, y: Any = None, *, comm: Any = None) -> ContractiveAutoencoder:
        """Train on rows, which several processes may hold together.

        Ctrl-C ends the training within a second, a callback once it returns; the best parameters so far are kept, and
        KeyboardInterrupt is raised. Other threads see the estimator as it was until all is learnt; where fitting fails, it
        stays so.

        Parameters
        ----------
        X : array or frame of shape (N, d)
            Rows of finite numbers. float32 and C-contiguous ones are trained on without a copy. With ``comm`` those of this
            process, which may be none: an array of shape (0, d).
        y : None
            Ignored.
        comm : communicator, optional
            What connects the processes that fit one estimator, as :func:`contractive.communicators.communicator` takes it: a
            communicator of mpi4py, torch.distributed or a group of it, xgboost.collective. Every process calls ``fit`` with
            the same parameters, and ends with the same estimator, to the bit: that of one process with all the rows in the
            order of the ranks, but for the rounding of sums. ``random_state`` and ``warm_start``'s model are rank 0's;
            ``verbose`` shows rank 0's progress alone. ``n_jobs``, where it is None and ``OMP_NUM_THREADS`` is not set,
            shares a machine's processors out among its processes.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a parameter outside its range, or a value of X that is not finite, with its row and column.
        TrainingDiverged
            Where a number was no longer finite.
        RuntimeError
            Where another process failed, with its rank and what it says.
        ConnectionError
            Where another process cannot be reached any more.

        Warns
        -----
        UserWarning
            Where the code is dead or constant, its units are dead or saturated, or no more than the mean row is restored.
        """
        ranks = Ranks(comm)
        with learning(self) as learner:
            done = learner._learn(X, ranks)
        with ranks.together():
            if done.raised is not None:
                raise done.raised
        if done.concern is not None and ranks.is_first:
            warnings.warn(in_words(json.loads(done.concern)), stacklevel=2)
        return self

    def _learn(self, X: Any, ranks: Ranks) -> _core.Fitted:
        with speaking_parameters(), StepsBar(self.verbose if ranks.is_first else 0) as progress:
            self.seed_ = ranks.seed(self.random_state)
            with ranks.together():
                share_of(self.contamination)
                rows = as_rows(self, X, reset=True, least=0 if ranks.are_many else 1)
                settings, image_shape = self._settings(), self._image_shape()
            ranks.agree_on(self, len(rows))
            done = _core.fit(
                toml(settings | {"training.seed": self.seed_, "training.threads": ranks.threads(self.n_jobs)}),
                rows,
                names=feature_names(self),
                image_shape=image_shape,
                start=getattr(self, "model_", None) if self.warm_start else None,
                on_start=progress.start,
                on_step=progress.step,
                on_epoch=self._on_epoch(progress),
                group=ranks.group,
            )
        self._keep(done, rows, ranks)
        self._training_rows = None if ranks.are_many else _reference(X)
        return done

    def partial_fit(self, X: Any, y: Any = None) -> ContractiveAutoencoder:
        """Train by one pass over rows, the optimiser's memory kept from call to call.

        The first call learns the scaling from its rows, unless the estimator was fitted before. No rows are held out, and
        ``max_iter``, ``schedule`` and early stopping have no effect. Calls from several threads take turns; one that fails
        or is interrupted leaves the estimator as it was.

        Parameters
        ----------
        X : array or frame of shape (N, d)
            Rows of finite numbers.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        with turn_of(self), learning(self) as learner:
            learner._learn_more(X)
        return self

    def _learn_more(self, X: Any) -> None:
        share_of(self.contamination)
        is_first = not hasattr(self, "model_")
        rows = as_rows(self, X, reset=is_first)
        if not hasattr(self, "seed_"):
            self.seed_ = seed_of(self.random_state)
        with speaking_parameters():
            training = getattr(self, "_incremental", None)
            if training is None:
                training = _core.Incremental(
                    toml(self._settings() | {"training.seed": self.seed_, "training.threads": threads_of(self.n_jobs)}),
                    rows,
                    names=feature_names(self),
                    image_shape=self._image_shape(),
                    start=None if is_first else self.model_,
                )
                self._incremental = training
            terms = json.loads(training.pass_over(rows, names=feature_names(self)))
        self.model_ = training.model()
        if not hasattr(self, "history_"):
            self.history_, self.loss_curve_, self.validation_curve_, self.n_iter_ = [], [], [], 0
        self.n_iter_ += 1
        self.best_iter_ = self.n_iter_
        self.history_ = [*self.history_, {"epoch": self.n_iter_, **prefixed("train", terms)}]
        self.loss_curve_ = [*self.loss_curve_, terms["total"]]
        self.loss_ = terms["total"]
        self._learn_from_rows(rows, Ranks(None))

    def _settings(self) -> dict[str, Any]:
        settings = {key: getattr(self, parameter) for parameter, key in KEYS.items()}
        settings["model.hidden"] = sizes_of(self.hidden_layer_sizes, "hidden_layer_sizes")
        settings["model.code_activation"] = (
            self.code_activation if self.code_activation is not None else self.activation
        )
        settings["training.early_stopping"] = (
            {"patience": self.n_iter_no_change, "min_delta": self.tol} if self.early_stopping else "none"
        )
        return settings

    def _image_shape(self) -> tuple[int, int] | None:
        if self.image_shape is None:
            return None
        height, width = sizes_of(self.image_shape, "image_shape") if np.ndim(self.image_shape) == 1 else (0, 0)
        if height < 1 or width < 1:
            raise ValueError(f"`image_shape` must be (height, width) in pixels, got {self.image_shape!r}")
        return height, width

    def _on_epoch(self, progress: StepsBar) -> Callable[[str], bool] | None:
        callbacks = [self.callbacks] if callable(self.callbacks) else list(self.callbacks or ())
        if not callbacks and not self.verbose:
            return None

        def told(record: str) -> bool:
            told_of = flat(json.loads(record))
            progress.epoch(told_of)
            return any([bool(callback(told_of)) for callback in callbacks])

        return told

    def _keep(self, done: Any, rows: Array, ranks: Ranks) -> None:
        self._incremental = None
        self.model_ = done.model
        # Seconds are each process's own.
        self._history_json, self._config_toml = ranks.of_first([done.history, done.config])
        for name, value in learnt_by(json.loads(self._history_json), done.best_epoch).items():
            setattr(self, name, value)
        self._learn_from_rows(rows, ranks)

    def _learn_from_rows(self, rows: Array, ranks: Ranks) -> None:
        self._kept_rows = np.array(ranks.all(ranks.some(rows, _KEPT_ROWS)))
        some = ranks.some(rows, _THRESHOLD_ROWS)
        scores = self._row_scores(some) if len(some) > 0 else np.empty(0)
        self.offset_ = float(np.quantile(ranks.all(scores), self.contamination))

    # scikit-learn turns what this gives into frames (`set_output`) where the class itself has it.

    def transform(self, X: Any) -> Array:
        """Give the code of each row.

        Parameters
        ----------
        X : array or frame of shape (N, d)
            Rows in the units fitted on.

        Returns
        -------
        H : ndarray of shape (N, k)
            float32 for float32 rows, else float64.
        """
        rows = self._rows(X)
        return self.model_.encode(rows, feature_names(self), threads_of(self.n_jobs)).astype(rows.dtype, copy=False)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Give the names of the code's units."""
        fitted(self)
        name = type(self).__name__.lower()
        return np.asarray([f"{name}{j}" for j in range(self.model_.code_size)], dtype=object)

    # Keeping

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a model directory, which ``cae`` and ``contractive.load`` read; one that is there already is replaced."""
        from .saved import save

        save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ContractiveAutoencoder:
        """Read a model directory, or a run's."""
        from .saved import load_autoencoder

        return load_autoencoder(path)

    # What scikit-learn asks

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.positive_only = bool(self.log1p or self.library_size is not None)
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.model_.code_size

    def __getstate__(self) -> dict[str, Any]:
        above = getattr(super(), "__getstate__", None)
        state: dict[str, Any] = dict(above() if above is not None else self.__dict__)
        # An optimiser under way, and a reference to the rows, do not leave the process.
        state.pop("_incremental", None)
        state.pop("_training_rows", None)
        return without_turns(state)

    def __repr__(self, *args: Any, **kwargs: Any) -> str:
        said: str = super().__repr__(*args, **kwargs)
        if not hasattr(self, "model_"):
            return said
        told = json.loads(self.model_.describe())["architecture"]
        sizes = "-".join(str(n) for n in [*told["encoder_sizes"], *told["decoder_sizes"][1:]])
        told = [f"{self.n_iter_} passes", f"objective {self.loss_:.4g}"] if hasattr(self, "loss_") else []
        return f"{said}\n# fitted: {', '.join([sizes, *told])}"


def _reference(X: Any) -> Any:
    try:
        return weakref.ref(X)
    except TypeError:
        return None
