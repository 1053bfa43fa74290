"""Exported files in ONNX Runtime: checked, run, and what they give compared."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
onnxruntime.set_default_logger_severity(2)

OLDEST, NEWEST = 17, 28


def session(file, opset=OLDEST):
    """The file, checked, ready to be run."""
    model = onnx.load_from_string(file)
    onnx.checker.check_model(model, full_check=True)
    assert [o.version for o in model.opset_import if o.domain == ""] == [opset]
    assert model.ir_version == onnx.helper.find_min_ir_version_for(model.opset_import[:1])
    return onnxruntime.InferenceSession(file)


def run(ready, feed):
    names = [output.name for output in ready.get_outputs()]
    return dict(zip(names, ready.run(None, feed), strict=True))


def cells(ready, table, rows=slice(None)):
    """The columns of a table as the file takes them: (N, 1), empty text and NaN where a cell is missing."""
    feed = {}
    for port in ready.get_inputs():
        column = table[port.name][rows]
        if port.type == "tensor(string)":
            column = np.array(["" if cell is None else cell for cell in column], dtype=object)
        feed[port.name] = np.asarray(column, dtype=object if column.dtype == object else np.float64).reshape(-1, 1)
    return feed


def assert_near(got, expected, share, scale=None):
    """No number is off by more than that share of itself or, where one is given, of the scale."""
    got, expected = np.asarray(got, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    assert got.shape == expected.shape
    assert (np.isnan(got) == np.isnan(expected)).all()
    size = np.abs(expected) if scale is None else np.maximum(np.abs(expected), scale)
    off = np.abs(got - expected) - share * size
    assert np.nanmax(off, initial=0) <= 0, f"off by {np.nanmax(np.abs(got - expected))}"


def largest(values):
    return float(np.max(np.abs(values)))
