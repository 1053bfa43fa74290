"""The oracle's cases: brute-force values and gradients in float64, from fixtures/oracle or $CONTRACTIVE_ORACLE_DIR."""

import json
import os
from pathlib import Path

import numpy as np

FOLDERS = [os.environ.get("CONTRACTIVE_ORACLE_DIR"), Path(__file__).parents[2] / "fixtures" / "oracle"]
CASES = sorted(next(Path(f) for f in FOLDERS if f and Path(f).exists()).rglob("*.safetensors"))


def read(path):
    """The tensors of a safetensors file and its case: a header in JSON, then the numbers."""
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    case = json.loads(header.pop("__metadata__")["case"])
    tensors = {}
    for name, told in header.items():
        first, end = told["data_offsets"]
        tensors[name] = np.frombuffer(raw[8 + size + first : 8 + size + end], dtype="<f8").reshape(told["shape"])
    return case, tensors
