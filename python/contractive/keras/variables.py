"""Values of variables in their own precision, also where a mixed-precision policy casts them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


class _WithoutCasts(keras.Layer):
    """Runs a function outside the casts of the policy in whose scope it was called: what ``autocast=False`` does."""

    def __init__(self) -> None:
        # With a type of its own, for the default one would be fixed by asking for it.
        super().__init__(autocast=False, dtype="float32", name="without_casts")

    def call(self, *, run: Callable[[], Any]) -> Any:
        return run()


_without_casts = _WithoutCasts()


def value_of(variable: Any) -> Any:
    """Give a variable, or a tensor or number, as a tensor of its own type."""
    value = _tensor(variable)
    # In a policy's scope the variable itself says that it is of 16 bits.
    is_of_16_bits = "16" in keras.backend.standardize_dtype(value.dtype)
    return _without_casts(run=lambda: _tensor(variable)) if is_of_16_bits else value


def _tensor(variable: Any) -> Any:
    # On TensorFlow a variable passes for a tensor, and would be cast later.
    return ops.convert_to_tensor(variable.value if isinstance(variable, keras.Variable) else variable)
