"""The objective with every gradient, and the Jacobian, for anyone to check against their own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._settings import speaking_parameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_SETTINGS = {"activations", "decoder_activations", "tied", "loss", "penalty", "contraction", "sparsity"}


def _architecture(parameters: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(config) - _SETTINGS)
    if unknown:
        raise ValueError(f"`config` has no setting {unknown[0]!r}; the settings are {', '.join(sorted(_SETTINGS))}")

    def shapes(stack: str, part: str) -> list[tuple[int, ...]]:
        found: list[tuple[int, ...]] = []
        while f"{stack}.{len(found)}.{part}" in parameters:
            found.append(np.shape(parameters[f"{stack}.{len(found)}.{part}"]))
        return found

    weights, biases = shapes("encoder", "weight"), shapes("decoder", "bias")
    if not weights or not biases or any(len(shape) != 2 for shape in weights):
        raise ValueError("`parameters` must hold encoder.0.weight of shape (out, in), …, and decoder.0.bias, …")
    encoder = [weights[0][1], *(shape[0] for shape in weights)]
    decoder = [encoder[-1], *(shape[0] for shape in biases)]
    tied = bool(config.get("tied", "decoder.0.weight" not in parameters))
    return {
        "encoder_sizes": encoder,
        "decoder_sizes": decoder,
        "encoder_activations": _names(config.get("activations", "tanh"), len(weights)),
        "decoder_activations": _names(config.get("decoder_activations", "identity"), len(biases)),
        "tied": tied,
    }


def _names(given: str | Sequence[str], n: int) -> list[str]:
    return [given] * n if isinstance(given, str) else list(given)


def _objective(config: Mapping[str, Any]) -> dict[str, Any]:
    penalty = config.get("penalty", "jacobian")
    return {
        "loss": config.get("loss", "mse"),
        "penalty": {"kind": penalty} if isinstance(penalty, str) else dict(penalty),
        "contraction": float(config.get("contraction", 0.0)),
        "sparsity": config.get("sparsity"),
    }


def objective(
    parameters: Mapping[str, Any],
    X: Any,
    config: Mapping[str, Any] | None = None,
    *,
    corrupted: Any = None,
    draws: Any = None,
    dtype: Any = np.float64,
    n_jobs: int | None = None,
) -> dict[str, Any]:
    """Give the objective at these parameters, its parts and all gradients.

    Parameters
    ----------
    parameters : dict of str to array
        ``encoder.0.weight`` of shape (out, in), ``encoder.0.bias``, …, ``decoder.0.weight``, …; without decoder weights they
        are the encoder's, transposed.
    X : array of shape (N, d)
        Rows as the network sees them: the targets, and where the penalty is taken.
    config : dict, optional
        ``activations`` and ``decoder_activations`` (a name, or one a layer; default tanh and identity), ``tied``, ``loss``
        (default mse), ``penalty`` (default jacobian; a name, or a dictionary with its settings), ``contraction`` (default
        0), ``sparsity``.
    corrupted : array of shape (N, d), optional
        What is encoded in place of X: the rows with input noise.
    draws : array, optional
        The random numbers of a penalty that needs some: for ``projection`` the probes, shape (N, probes, k); for ``hessian``
        the corruptions, shape (corruptions, N, d); for ``finite_difference`` along directions (N, directions, d); for
        ``reconstruction`` and ``decoder`` by probes (N, probes, d).
    dtype : {numpy.float64, numpy.float32}, default=numpy.float64
        float64 is the plain reference with explicit Jacobians, float32 the engine that trains.
    n_jobs : int, optional
        Threads of the engine.

    Returns
    -------
    dict
        ``total``, ``reconstruction``, ``penalty``, ``sparsity``: means over rows, of which total =
        reconstruction + contraction · penalty + sparsity; ``row_losses`` and ``row_penalties`` of shape (N,); ``gradient``,
        a dictionary as ``parameters``. Here alone a number that overflows is given as ``inf`` or ``nan``, as arithmetic has
        it: to be compared with other programs' numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from contractive import objective
    >>> W = np.array([[3.0, 4.0]])
    >>> at = objective(
    ...     {"encoder.0.weight": W, "encoder.0.bias": np.zeros(1), "decoder.0.bias": np.zeros(2)},
    ...     np.zeros((1, 2)),
    ...     {"activations": "sigmoid", "contraction": 0.1},
    ... )
    >>> at["penalty"]  # (1/4 · 3)² + (1/4 · 4)²
    1.5625
    """
    config = config or {}
    architecture = _architecture(parameters, config)
    told, rows = json.dumps(architecture), _matrix("X", X)
    noisy = None if corrupted is None else _matrix("corrupted", corrupted)
    if noisy is not None and noisy.shape != rows.shape:
        raise ValueError(f"`corrupted` must have the shape of X, {rows.shape}, got {noisy.shape}")
    wide = _is_wide(dtype)
    with speaking_parameters():
        places = _core.tensors(told)
        found = _core.objective(
            told,
            json.dumps(_objective(config), default=_number),
            _flat(parameters, places),
            rows,
            noisy,
            None if draws is None else _numbers("draws", draws).ravel(),
            wide,
            n_jobs,
        )
    gradient, start = {}, 0
    for name, shape in places:
        size = int(np.prod(shape))
        gradient[name] = found["gradient"][start : start + size].reshape(shape).astype(dtype, copy=False)
        start += size
    found["gradient"] = gradient
    return found


def _numbers(name: str, values: Any) -> Array:
    """Give finite numbers of 64 bits, one after the other."""
    given = np.asarray(values)
    if given.dtype.kind not in "fiub":
        raise ValueError(f"`{name}` must be numbers, got the type {given.dtype}")
    array = np.require(given, dtype=np.float64, requirements=["C", "A"])
    if not np.isfinite(array).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"`{name}` must be finite numbers, got {array[place]} at {place}")
    return array


def _matrix(name: str, values: Any) -> Array:
    rows = _numbers(name, values)
    if rows.ndim != 2:
        raise ValueError(f"`{name}` must have the shape (rows, features), got {rows.shape}")
    return rows


def _number(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise ValueError(f"`config` must hold numbers and names, got {value!r}")


def _flat(parameters: Mapping[str, Any], places: Sequence[tuple[str, Sequence[int]]]) -> Array:
    parts = []
    for name, shape in places:
        if name not in parameters:
            raise ValueError(f"`parameters` must hold {name} of shape {tuple(shape)}")
        tensor = _numbers(name, parameters[name])
        if tensor.shape != tuple(shape):
            raise ValueError(f"`parameters`: {name} must have the shape {tuple(shape)}, got {tensor.shape}")
        parts.append(tensor.ravel())
    unknown = sorted(set(parameters) - {name for name, _ in places})
    if unknown:
        raise ValueError(f"`parameters` must hold the tensors of the network alone, got {unknown[0]} too")
    return np.concatenate(parts)


def jacobian(
    parameters: Mapping[str, Any],
    X: Any,
    config: Mapping[str, Any] | None = None,
    *,
    dtype: Any = np.float64,
) -> Array:
    """Give ∂h/∂x of each row, from the parameters alone.

    Parameters
    ----------
    parameters : dict of str to array
        The network's tensors, as :func:`objective` takes them.
    X : array of shape (N, d)
        Rows as the network sees them.
    config : dict, optional
        ``activations`` and the rest, as there.
    dtype : {numpy.float64, numpy.float32}, default=numpy.float64
        float64 multiplies the layers' Jacobians out in the reference, float32 in the engine.

    Returns
    -------
    J : ndarray of shape (N, k, d)
    """
    architecture = json.dumps(_architecture(parameters, config or {}))
    rows = _matrix("X", X)
    wide = _is_wide(dtype)
    with speaking_parameters():
        flat = _flat(parameters, _core.tensors(architecture))
        return _core.jacobian(architecture, flat, rows, wide).astype(dtype, copy=False)


def _is_wide(dtype: Any) -> bool:
    dtype = np.dtype(dtype)
    if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"`dtype` must be float32 or float64, got {dtype}")
    return bool(dtype == np.dtype(np.float64))
