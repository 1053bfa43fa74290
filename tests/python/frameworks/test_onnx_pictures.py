"""Exported models of patches in ONNX Runtime give of whole pictures what `cae encode`, `reconstruct` and `evaluate` do."""

from __future__ import annotations

import contractive
import numpy as np
import pytest
from contractive import _core
from exported_files import NEWEST, assert_near, largest, run, session

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

PATCH = 4


def command(*words):
    assert _core.run(["cae", *map(str, words)]) == 0, words


def trained(folder, pixels, stride, *words):
    """Train on pictures (N, H, W, C) in a folder, and give the run and the pictures' file."""
    np.save(folder / "p.npy", pixels if pixels.shape[3] > 1 else pixels[..., 0])
    told = ["--patch", PATCH, "--stride", stride, "--hidden", "6,3", "--epochs", "2", "--no-report", "-q"]
    command("train", "--data", folder / "p.npy", *told, *words, "--out", folder / "run")
    return folder / "run"


def gratings(n, height, width, channels):
    """Pictures from 0 to 1 whose waves differ."""
    y, x, c = np.ogrid[:height, :width, :channels]
    waves = [np.sin(x * (0.5 + 0.1 * i) + y * 0.3 + c) for i in range(n)]
    noise = np.random.default_rng(height).uniform(-0.1, 0.1, (n, height, width, channels))
    return np.clip((np.array(waves) + 1) / 2 + noise, 0, 1)


def bytes_of(pictures):
    return np.round(255 * pictures).astype(np.uint8)


def channels_first(pictures):
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))


def given(folder, ready, pixels, stride, unit=1.0):
    """Of pictures (N, H, W, C): all that the graph gives, and its code map and reconstruction beside ours and their size."""
    n, height, width, channels = pixels.shape
    data = folder / f"{height}.npy"
    np.save(data, pixels if channels > 1 else pixels[..., 0])
    command("encode", folder / "run", "--data", data, "-o", folder / "codes.npy", "-q")
    command("reconstruct", folder / "run", "--data", data, "-o", folder / "restored.npy", "-q")
    element = np.float32 if ready.get_inputs()[0].type == "tensor(float)" else np.float64
    got = run(ready, {"pictures": channels_first(pixels / unit).astype(element)})
    down, across = (height - PATCH) // stride + 1, (width - PATCH) // stride + 1
    codes = np.load(folder / "codes.npy").reshape(n, down, across, -1)
    restored = np.load(folder / "restored.npy").reshape(pixels.shape)
    # Of the pictures' range, wherever it lies.
    middle = pixels.mean()
    return got, {
        "code": (got["code"], channels_first(codes), largest(codes)),
        "reconstruction": (got["reconstruction"] * unit - middle, channels_first(restored) - middle, np.ptp(pixels)),
    }


def check(folder, ready, pixels, stride, unit=1.0):
    """Compare all that is given of pictures (N, H, W, C)."""
    got, beside = given(folder, ready, pixels, stride, unit)
    for of_graph, ours, size in beside.values():
        assert_near(of_graph, ours, 1e-5, size)
    data, each = folder / f"{pixels.shape[1]}.npy", folder / "each.csv"
    command("evaluate", folder / "run", "--data", data, "--per-picture", each)
    assert_near(got["score"], np.atleast_1d(np.genfromtxt(each, delimiter=",", names=True)["mse"]), 1e-5)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("stride", [PATCH, 2, 1])
@pytest.mark.parametrize("words", [(), ("--tied",), ("--loss", "bce"), ("--tied", "--loss", "bce")], ids=" ".join)
def test_whole_pictures_of_two_sizes(channels, stride, words, tmp_path):
    run_folder = trained(tmp_path, bytes_of(gratings(6, 12, 16, channels)), stride, *words)
    command("export", run_folder, "-o", tmp_path / "model.onnx", "-q")
    ready = session((tmp_path / "model.onnx").read_bytes())
    check(tmp_path, ready, bytes_of(gratings(3, 12, 16, channels)), stride, 255.0)
    check(tmp_path, ready, bytes_of(gratings(1, 28, 20, channels)), stride, 255.0)


def scanned(channels):
    """Numbers of a scanner, far from 0, whose every second line is brighter: pixels of a patch differ in their scaling."""
    pixels = 30000 + 800 * gratings(6, 12, 16, channels) + 50 * np.arange(channels)
    return pixels * (1 + 0.005 * (np.arange(12) % 2))[:, None, None]


@pytest.mark.parametrize("scale", ["standard", "minmax"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("decoder", ["identity", "tanh"])
def test_scaled_pixels_are_folded_into_the_weights(scale, channels, decoder, tmp_path):
    pixels = scanned(channels)
    run_folder = trained(tmp_path, pixels, 2, "--scale", scale, "--output-activation", decoder)
    estimator = contractive.load(run_folder)
    ready = session(estimator.to_onnx())
    assert ready.get_inputs()[0].type == "tensor(double)"
    check(tmp_path, ready, pixels, 2)
    newest = session(estimator.to_onnx(opset=NEWEST), NEWEST)
    check(tmp_path, newest, np.ascontiguousarray(pixels[:2, :8, :10]), 2)


@pytest.mark.parametrize("scale", ["none", "standard"])
def test_pixels_beyond_the_last_patch_are_0_and_in_no_score(scale, tmp_path):
    pixels = gratings(5, 13, 16, 3)
    ready = session(contractive.load(trained(tmp_path, pixels, 3, "--scale", scale)).to_onnx())
    element = np.float32 if scale == "none" else np.float64
    pictures = channels_first(gratings(2, 15, 18, 3)).astype(element)
    # 15 = 4 + 3 · 3 + 2, 18 = 4 + 4 · 3 + 2.
    whole, inner = run(ready, {"pictures": pictures}), run(ready, {"pictures": pictures[:, :, :13, :16].copy()})
    np.testing.assert_array_equal(whole["code"], inner["code"])
    np.testing.assert_array_equal(whole["reconstruction"][:, :, :13, :16], inner["reconstruction"])
    assert not whole["reconstruction"][:, :, 13:].any()
    assert not whole["reconstruction"][..., 16:].any()
    assert_near(whole["score"], inner["score"], 1e-12)
    pictures[:, :, 13:] = np.nan
    assert_near(run(ready, {"pictures": pictures})["score"], inner["score"], 1e-12)


def test_pictures_without_a_patch_are_refused_and_rows_are_there_on_demand(tmp_path):
    pixels = gratings(5, 12, 12, 3).astype(np.float32)
    run_folder = trained(tmp_path, pixels, 2, "--scale", "none")
    estimator = contractive.load(run_folder)
    with pytest.raises(Exception, match="Conv"):
        run(session(estimator.to_onnx()), {"pictures": np.zeros((1, 3, 3, 12), np.float32)})
    with pytest.raises(Exception, match="3"):
        run(session(estimator.to_onnx()), {"pictures": np.zeros((1, 1, 12, 12), np.float32)})
    rows = pixels[:, 2:6, 4:8].reshape(5, -1)
    got = run(session(estimator.to_onnx(rows=True)), {"x": rows})
    assert_near(got["code"], estimator.transform(rows), 1e-5, 1)
    robust = tmp_path / "robust"
    robust.mkdir()
    scaled = contractive.load(trained(robust, pixels, 2, "--scale", "robust"))
    with pytest.raises(ValueError, match="`robust`, which is no line"):
        scaled.to_onnx(tmp_path / "r.onnx")
    assert not (tmp_path / "r.onnx").exists()
    assert_near(
        run(session(scaled.to_onnx(rows=True)), {"x": rows.astype(float)})["code"], scaled.transform(rows), 1e-5, 1
    )
