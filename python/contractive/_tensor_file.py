"""Tensors as the bytes of a safetensors file: the header's length, the header in JSON, the numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TYPES = {"<f4": "F32", "<f8": "F64"}


def tensors_as_bytes(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """Give arrays of 32 or 64-bit floats as a file has them, by name."""
    header: dict[str, Any] = {}
    numbers: list[bytes] = []
    at = 0
    for name, values in tensors.items():
        little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        end = at + little.nbytes
        header[name] = {"dtype": _TYPES[little.dtype.str], "shape": list(values.shape), "data_offsets": [at, end]}
        numbers.append(little.tobytes())
        at = end
    told = json.dumps(header).encode()
    return len(told).to_bytes(8, "little") + told + b"".join(numbers)
