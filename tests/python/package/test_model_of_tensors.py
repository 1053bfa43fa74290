"""A model made of tensors that a program holds: ``_core.model_of_tensors``."""

import json
import pickle

import numpy as np
import pytest
from contractive._core import Model, model_of_tensors

ARCHITECTURE = {
    "encoder_sizes": [6, 4, 2],
    "decoder_sizes": [2, 4, 6],
    "encoder_activations": ["relu", "tanh"],
    "decoder_activations": ["relu", "identity"],
    "tied": False,
}
SHAPES = {
    "encoder.0.weight": (4, 6),
    "encoder.0.bias": (4,),
    "encoder.1.weight": (2, 4),
    "encoder.1.bias": (2,),
    "decoder.0.weight": (4, 2),
    "decoder.0.bias": (4,),
    "decoder.1.weight": (6, 4),
    "decoder.1.bias": (6,),
}


def drawn():
    rng = np.random.default_rng(11)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}


def made(tensors, **described):
    return model_of_tensors(json.dumps({"architecture": ARCHITECTURE, **described}), tensors)


def by_hand(t, x):
    relu = lambda z: np.maximum(z, 0)  # noqa: E731
    code = np.tanh(
        relu(x @ t["encoder.0.weight"].T + t["encoder.0.bias"]) @ t["encoder.1.weight"].T + t["encoder.1.bias"]
    )
    restored = relu(code @ t["decoder.0.weight"].T + t["decoder.0.bias"]) @ t["decoder.1.weight"].T
    return code, restored + t["decoder.1.bias"]


def test_it_encodes_and_restores_as_its_tensors_do_and_comes_back_from_its_files(tmp_path):
    tensors, rows = drawn(), np.random.default_rng(2).normal(size=(50, 6)).astype(np.float32)
    model = made(tensors, image_shape=[2, 3], source="a PyTorch module")
    code, restored = by_hand(tensors, rows.astype(float))
    np.testing.assert_allclose(model.encode(rows), code, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.reconstruct(rows), restored, rtol=1e-5, atol=1e-5)
    model.save(tmp_path / "model")
    for again in (Model.load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(again.reconstruct(rows), model.reconstruct(rows))
        assert all(np.array_equal(value, tensors[name]) for name, value in again.parameters().items())
        assert again.image_shape == (2, 3)
        assert again.scale == "none"
        told = json.loads(again.describe())
        assert told["provenance"]["imported"] == {"source": "a PyTorch module"}
        assert told["objective"]["loss"] == "mse"


def test_views_of_other_orders_are_read_as_they_are_indexed():
    tensors = drawn()
    turned = {name: np.asfortranarray(value) for name, value in tensors.items()}
    turned["encoder.0.weight"] = np.repeat(tensors["encoder.0.weight"], 2, axis=1)[:, ::2]
    rows = np.ones((3, 6), np.float32)
    assert np.array_equal(made(turned).encode(rows), made(tensors).encode(rows))


def test_a_tied_decoder_has_biases_alone():
    tensors = {name: value for name, value in drawn().items() if "decoder" not in name or "bias" in name}
    model = model_of_tensors(json.dumps({"architecture": {**ARCHITECTURE, "tied": True}}), tensors)
    code = model.encode(np.ones((1, 6), np.float32)).astype(float)
    hidden = np.maximum(code @ tensors["encoder.1.weight"] + tensors["decoder.0.bias"], 0)
    restored = hidden @ tensors["encoder.0.weight"] + tensors["decoder.1.bias"]
    np.testing.assert_allclose(model.reconstruct(np.ones((1, 6), np.float32)), restored, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("decoder.1.bias"), "`decoder.1.bias` is missing"),
        (lambda t: t.update({"head.weight": np.zeros(1, np.float32)}), "no tensor `head.weight`"),
        (lambda t: t.update({"encoder.0.weight": t["encoder.0.weight"].T}), r"must have shape \[4, 6\], got \[6, 4\]"),
        (lambda t: t["encoder.1.bias"].__setitem__(1, np.nan), "encoder.1.bias must hold finite numbers, but entry 1"),
    ],
)
def test_tensors_that_are_not_the_networks_are_refused_by_name(change, message):
    tensors = drawn()
    change(tensors)
    with pytest.raises(ValueError, match=message):
        made(tensors)


def test_descriptions_that_contradict_themselves_are_refused():
    with pytest.raises(ValueError, match="`image_shape` must have 6 pixels"):
        made(drawn(), image_shape=[2, 2])
    with pytest.raises(ValueError, match="tide"):
        made(drawn(), tide=True)
    bce = {"loss": "bce", "penalty": {"kind": "none"}, "contraction": 0.0, "sparsity": None}
    with pytest.raises(ValueError, match="needs a sigmoid output"):
        made(drawn(), objective=bce)
    with pytest.raises(TypeError):
        made({name: value.astype(float) for name, value in drawn().items()})
