"""The oracle's brute-force numbers, through ``contractive.objective``."""

import numpy as np
import pytest
from contractive import jacobian, objective
from oracle import CASES, read


def penalty(case):
    # A denoising autoencoder has noise, and no penalty.
    kind = "none" if case["penalty"] == "denoising" else case["penalty"]
    settings = {"kind": kind}
    if kind == "projection":
        settings["probes"] = case["probes"]
    elif kind == "hessian":
        settings |= {"corruptions": case["corruptions"], "sigma": case["sigma"], "ratio": case["ratio"]}
    elif kind == "finite_difference":
        settings["epsilon"] = case["eps"]
    elif kind == "logistic_last":
        settings["hold_weights"] = case["detach"]
    return settings


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_values_and_gradients_are_the_oracles(path):
    case, t = read(path)
    parameters = {name: t[name] for name in t if name.startswith(("encoder.", "decoder."))}
    config = {
        "activations": case["encoder_activations"],
        "decoder_activations": case["decoder_activations"],
        "tied": case["tied"],
        "loss": case["loss"],
        "contraction": case["weight"],
        "penalty": penalty(case),
    }
    corrupted = t["input"] + t["noise"] if "noise" in t else None
    draws = t.get("probes", t.get("corruptions"))
    for dtype, relative in ((np.float64, 1e-9), (np.float32, 1e-4)):
        at = objective(parameters, t["input"], config, corrupted=corrupted, draws=draws, dtype=dtype)
        assert np.isclose(at["total"], t["total"][0], rtol=relative)
        assert np.allclose(at["row_losses"], t["reconstruction_loss"], rtol=relative, atol=relative)
        assert np.allclose(at["row_penalties"], t["penalty"], rtol=relative * 10, atol=relative)
        for name in parameters:
            expected = t[f"grad.{name}"]
            most = np.abs(expected).max()
            assert np.abs(at["gradient"][name] - expected).max() <= relative * max(most, 1e-12), (name, dtype)
        J = jacobian(parameters, t["input"], config, dtype=dtype)
        assert J.dtype == dtype
        assert np.abs(J - t["jacobian"]).max() <= relative * np.abs(t["jacobian"]).max()


def test_what_does_not_fit_is_named():
    W = np.ones((2, 3))
    parameters = {"encoder.0.weight": W, "encoder.0.bias": np.zeros(2), "decoder.0.bias": np.zeros(3)}
    X = np.ones((4, 3))
    assert objective(parameters, X)["gradient"]["encoder.0.weight"].shape == (2, 3)
    for wrong, said in [
        (({**parameters, "encoder.0.bias": np.zeros(3)}, X), "encoder.0.bias must have the shape"),
        (({**parameters, "other": W}, X), "other"),
        (({"encoder.0.weight": W}, X), "decoder.0.bias"),
        ((parameters, X[:, :2]), "the values of the rows"),
        ((parameters, X[0]), "shape"),
        ((parameters, X, {"activation": "tanh"}), "'activation'"),
        ((parameters, X, {"penalty": "nothing"}), "nothing"),
        ((parameters, X, {"penalty": {"kind": "projection", "probes": 2}}), "draws"),
        ((parameters, X, {"loss": "bce"}), "sigmoid"),
    ]:
        with pytest.raises(ValueError, match=said):
            objective(*wrong)
    with pytest.raises(ValueError, match="float32 or float64"):
        objective(parameters, X, dtype=np.float16)
