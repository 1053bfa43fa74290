"""How near exported files come to the toolkit in ONNX Runtime, and how long they take: the tables of docs/onnx.md.

    python scripts/onnx-exactness.py

Needs `contractive`, onnx, onnxruntime and pytest; the tables are those of the tests in tests/python/frameworks.
"""

import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from contractive import AnomalyDetector, ContractiveAutoencoder, SeriesDetector, load
from contractive._frames import core_frame

sys.path.insert(0, str(Path(__file__).parent.parent / "tests/python/frameworks"))
import exported_files
import test_onnx_autoencoders
import test_onnx_detectors
import test_onnx_pictures

warnings.simplefilter("ignore")


def off(got, expected, size=None):
    """The largest difference, as a share of the number itself or of the size."""
    got, expected = np.asarray(got, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    share = np.abs(got - expected) / (np.abs(expected) if size is None else np.maximum(np.abs(expected), size))
    return float(np.nanmax(share))


def autoencoders():
    made = test_onnx_autoencoders.rows
    rows = made.__wrapped__() if hasattr(made, "__wrapped__") else made._get_wrapped_function()()
    found = {"code": 0.0, "reconstruction": 0.0, "score": 0.0}
    for activation in test_onnx_autoencoders.ACTIVATIONS:
        for scale in test_onnx_autoencoders.SCALES:
            X = rows if scale != "none" else np.delete(rows, [3, 4], axis=1).astype(np.float32)
            words = {"activation": activation, "code_activation": activation, "scale": scale}
            estimator = ContractiveAutoencoder((6, 3), max_iter=2, random_state=0, **words).fit(X)
            got = exported_files.run(exported_files.session(estimator.to_onnx()), {"x": X})
            code, restored = estimator.transform(X), estimator.reconstruct(X)
            found["code"] = max(found["code"], off(got["code"], code, exported_files.largest(code)))
            sizes = np.abs(X).max(axis=0)
            found["reconstruction"] = max(found["reconstruction"], off(got["reconstruction"], restored, sizes))
            found["score"] = max(found["score"], off(got["score"], -estimator.score_samples(X)))
    print("autoencoders, 9 activations x 5 scalings")
    for name, share in found.items():
        print(f"  {name:15} {share:.1e}")


def pictures():
    made = test_onnx_pictures
    found = {"code": 0.0, "reconstruction": 0.0}
    for channels in (1, 3):
        whole = made.bytes_of(made.gratings(6, 12, 16, channels)), made.scanned(channels)
        kinds = [(whole[0], 255.0, []), (whole[0], 255.0, ["--tied", "--loss", "bce"])]
        kinds += [(whole[1], 1.0, ["--scale", scale]) for scale in ("standard", "minmax")]
        for stride in (made.PATCH, 2, 1):
            for pixels, unit, words in kinds:
                with tempfile.TemporaryDirectory() as folder:
                    run = made.trained(Path(folder), pixels, stride, *words)
                    ready = exported_files.session(load(run).to_onnx())
                    _, beside = made.given(Path(folder), ready, pixels, stride, unit)
                    for name, (got, expected, size) in beside.items():
                        found[name] = max(found[name], off(got, expected, size))
    print("models of patches, 2 numbers of channels x 3 strides x 4 kinds")
    for name, share in found.items():
        print(f"  {name:15} {share:.1e}")


def detectors():
    print("detectors of tables: score, contributions, probability; labels that differ")
    for make, settings in test_onnx_detectors.TABLES:
        found, labels = np.zeros(3), 0
        for purity in ("mixed", "clean", "contaminated"):
            train, new = make(np.random.default_rng(3))
            words = {"purity": purity, "steps": 40, "ensemble": 2, "random_state": 0, **settings}
            detector = AnomalyDetector(**words).fit(core_frame(train))
            ready = exported_files.session(detector.to_onnx())
            for table in (train, new):
                got = exported_files.run(ready, exported_files.cells(ready, table))
                ours = detector._scored(core_frame(table), contributions=True)
                size = float(np.nanmedian(np.abs(ours["score"])))
                shares = [off(got[name], ours[name], size) for name in ("score", "contributions")]
                found = np.maximum(found, [*shares, off(got["probability"], ours["probability"], 1)])
                labels += int((got["label"] != np.asarray(ours["label"])).sum())
        name = " ".join([make.__name__, *settings.values()])
        print(f"  {name:15}", *(f"{share:.1e}" for share in found), labels)


def series():
    draw, n, window = np.random.default_rng(8), 900, 24
    values = np.stack([np.sin(np.arange(n) / 9 + j) * (1 + j) for j in range(3)], axis=1)
    values += 0.1 * draw.normal(size=values.shape)
    frame = core_frame({f"v{j}": values[:, j].copy() for j in range(3)})
    found = np.zeros(2)
    for normalise in ("none", "mean", "standard"):
        for credit in ("both", "part", "window"):
            words = {"normalise": normalise, "credit": credit, "steps": 40, "ensemble": 2, "random_state": 0}
            detector = SeriesDetector(window=window, time=None, **words).fit(frame)
            ours = detector._scored(frame, explains=True)
            windows = np.lib.stride_tricks.sliding_window_view(values, window, axis=0).transpose(0, 2, 1)
            got = exported_files.run(
                exported_files.session(detector.to_onnx()), {"windows": np.ascontiguousarray(windows)}
            )
            size = float(np.median(np.abs(ours["score"])))
            scores = test_onnx_detectors.over_rows(got["row_score"], n, window)
            parts = test_onnx_detectors.over_rows(got["contributions"], n, window)
            found = np.maximum(found, [off(scores, ours["score"], size), off(parts, ours["contributions"], size)])
    print("detectors of time series, 3 normalisations x 3 credits: score, contributions")
    print("  3 columns      ", *(f"{share:.1e}" for share in found))


def speed():
    draw = np.random.default_rng(0)
    X = draw.normal(size=(10_000, 30)) @ draw.normal(size=(30, 30))
    detector = AnomalyDetector(random_state=0).fit(X)
    file = detector.to_onnx()
    ready = exported_files.session(file)
    feed = {f"x{j}": X[:1000, [j]] for j in range(30)}
    exported_files.run(ready, feed)
    began = time.perf_counter()
    exported_files.run(ready, feed)
    took = time.perf_counter() - began
    print(f"1,000 rows of 30 columns, 8 networks, 10,000 rows trained on: a file of {len(file):,} bytes,")
    print(f"  {took:.1f} s in ONNX Runtime, scores with contributions")


if __name__ == "__main__":
    autoencoders()
    pictures()
    detectors()
    series()
    speed()
