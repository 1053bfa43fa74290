"""What the estimators are built on: scikit-learn where it is installed, else the little that they need of it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from ._frames import refuse_what_is_no_table

if TYPE_CHECKING:

    class BaseEstimator:
        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Any: ...

    class OutlierMixin:
        def fit_predict(self, X: Any, y: Any = None, **kwargs: Any) -> Any: ...

    class TransformerMixin:
        def fit_transform(self, X: Any, y: Any = None, **kwargs: Any) -> Any: ...
        def set_output(self, *, transform: str | None = None) -> Any: ...

    class NotFittedError(ValueError, AttributeError): ...

    HAS_SKLEARN = True
else:
    try:
        from sklearn.base import BaseEstimator, OutlierMixin, TransformerMixin
        from sklearn.exceptions import NotFittedError

        HAS_SKLEARN = True
    except ImportError:
        HAS_SKLEARN = False

        class NotFittedError(ValueError, AttributeError):
            """The estimator was not fitted yet."""

        class BaseEstimator:
            """Parameters by name, as scikit-learn has them."""

            @classmethod
            def _names(cls):
                taken = inspect.signature(cls.__init__).parameters.values()
                return sorted(p.name for p in taken if p.name != "self" and p.kind != p.VAR_KEYWORD)

            def get_params(self, deep=True):
                """Give every parameter by its name."""
                return {name: getattr(self, name) for name in self._names()}

            def set_params(self, **params):
                """Set parameters by name."""
                for name, value in params.items():
                    if name not in self._names():
                        raise ValueError(
                            f"Invalid parameter {name!r} for estimator {self}; the parameters are {self._names()}"
                        )
                    setattr(self, name, value)
                return self

            def __repr__(self):
                defaults = inspect.signature(type(self).__init__).parameters
                changed = {k: v for k, v in self.get_params().items() if v is not defaults[k].default}
                return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in changed.items())})"

        class OutlierMixin:
            """Fit and predict at once."""

            def fit_predict(self, X, y=None, **kwargs):
                """Fit, and label the rows fitted on."""
                return self.fit(X, **kwargs).predict(X)

        class TransformerMixin:
            """Fit and transform at once."""

            def fit_transform(self, X, y=None, **kwargs):
                """Fit, and transform the rows fitted on."""
                return self.fit(X, **kwargs).transform(X)


def fitted(estimator: Any, attribute: str = "model_") -> None:
    """Refuse an estimator that has not been fitted."""
    if not hasattr(estimator, attribute):
        name = type(estimator).__name__
        raise NotFittedError(
            f"This {name} instance is not fitted yet. Call 'fit' with appropriate arguments before using this estimator."
        )


def as_rows(estimator: Any, X: Any, *, reset: bool, least: int = 1) -> np.ndarray[Any, np.dtype[Any]]:
    """Numbers of shape (N, d), float32 where they came so and else float64, C-contiguous; nothing is copied that is so.

    Columns and their names are checked against those fitted on, unless ``reset``. What is not finite is left to the core,
    which names its row and column. There must be at least ``least`` rows.
    """
    refuse_what_is_no_table(X)
    if isinstance(X, np.ma.MaskedArray):
        X = np.ma.filled(X.astype(np.float64), np.nan)
    if HAS_SKLEARN:
        from sklearn.utils.validation import validate_data

        rows: np.ndarray[Any, np.dtype[Any]] = validate_data(
            estimator,
            X,
            reset=reset,
            dtype=[np.float64, np.float32],
            order="C",
            ensure_all_finite=False,
            ensure_min_samples=least,
        )
        return np.require(rows, requirements=["C", "A"])
    return _plain_rows(estimator, X, reset=reset, least=least)


def _plain_rows(estimator: Any, X: Any, *, reset: bool, least: int) -> np.ndarray[Any, np.dtype[Any]]:
    names = getattr(X, "columns", None)
    rows = np.asarray(X)
    if rows.dtype.kind not in "fiub":
        raise ValueError(f"X must be an array of numbers, got the type {rows.dtype}")
    if rows.ndim != 2:
        raise ValueError(f"X must have the shape (rows, features), got {rows.shape}: reshape it")
    if rows.shape[0] < least or rows.shape[1] == 0:
        raise ValueError(f"X must have at least one row and one feature, got the shape {rows.shape}")
    named = list(names) if names is not None and all(isinstance(name, str) for name in names) else None
    if reset:
        estimator.n_features_in_ = rows.shape[1]
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
        if named is not None:
            estimator.feature_names_in_ = np.asarray(named, dtype=object)
    elif rows.shape[1] != estimator.n_features_in_:
        raise ValueError(
            f"X has {rows.shape[1]} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input"
        )
    fitted_on = feature_names(estimator)
    if named is not None and fitted_on is not None and named != fitted_on:
        raise ValueError(f"the feature names should match those that were passed during fit: {fitted_on}, got {named}")
    return np.require(rows, dtype=np.float32 if rows.dtype == np.float32 else np.float64, requirements=["C", "A"])


def feature_names(estimator: Any) -> list[str] | None:
    """The names fitted on, where the rows had some."""
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def seed_of(random_state: Any) -> int:
    """Give a seed of 63 bits: an integer as it is, else one drawn from the generator, or from the system's entropy."""
    if random_state is None:
        return int(np.random.default_rng().integers(2**63))
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool):
        if not 0 <= random_state < 2**63:
            raise ValueError(f"`random_state` must be at least 0 and below 2**63, got {random_state}")
        return int(random_state)
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    raise ValueError(f"`random_state` must be None, an integer or a generator of NumPy, got {random_state!r}")
