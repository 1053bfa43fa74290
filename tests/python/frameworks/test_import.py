"""State dicts of PyTorch and Keras, imported by ``cae import``: the numbers are those of the framework."""

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from test_guides import commands, missing

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
save_file = pytest.importorskip("safetensors.torch", reason="safetensors is not installed").save_file

nn = torch.nn
D, M, K = 7, 5, 3


class Autoencoder(nn.Module):
    """Encoder, code and decoder, named as people name them."""

    def __init__(self, bias=True):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(D, M, bias=bias), nn.ReLU())
        self.code = nn.Linear(M, K, bias=bias)
        self.decoder = nn.Sequential(nn.Linear(K, M, bias=bias), nn.ReLU(), nn.Linear(M, D, bias=bias))

    def encode(self, x):
        return torch.tanh(self.code(self.encoder(x)))

    def forward(self, x):
        return self.decoder(self.encode(x))


class Tied(nn.Module):
    """One layer of weights, used both ways; a bias each."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(D, K)
        self.out_bias = nn.Parameter(torch.randn(D))

    def encode(self, x):
        return torch.sigmoid(self.fc(x))

    def forward(self, x):
        return nn.functional.linear(self.encode(x), self.fc.weight.T, self.out_bias)


RELU_TANH = "--activation relu --code-activation tanh"


@pytest.fixture
def desk(cae, tmp_path):
    """Runs the command in an empty folder with rows in it."""
    rows = np.random.default_rng(1).normal(size=(64, D)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)

    def run(words):
        done = subprocess.run([cae, *words.split()], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.folder, run.rows = tmp_path, torch.tensor(rows)
    return run


def check(desk, module, state, flags):
    """Imports ``state`` and compares code, reconstruction, loss and penalty with the module's own; the report."""
    save_file({name: value.contiguous() for name, value in state.items()}, desk.folder / "w.safetensors")
    report = json.loads(desk(f"import w.safetensors {flags} -o model --json"))
    desk("encode model --data rows.npy -o codes.npy --quiet")
    desk("reconstruct model --data rows.npy -o restored.npy --quiet")
    told = json.loads(desk("evaluate model --data rows.npy --json"))
    with torch.no_grad():
        code, restored = module.encode(desk.rows), module(desk.rows)
    np.testing.assert_allclose(np.load(desk.folder / "codes.npy"), code, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.load(desk.folder / "restored.npy"), restored, rtol=1e-5, atol=1e-5)
    assert told["mse"] == pytest.approx(float(((restored - desk.rows) ** 2).mean()), rel=1e-5)
    wide = module.double()
    jacobians = torch.func.vmap(torch.func.jacrev(wide.encode))(desk.rows.double()).detach()
    assert told["penalty"] == pytest.approx(float((jacobians**2).sum((1, 2)).mean()), rel=1e-5)
    module.float()
    return report


def done(report, name):
    return next(tensor["done"] for tensor in report["tensors"] if tensor["tensor"] == name)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(3)


def test_a_module_whose_layers_are_named(desk):
    module = Autoencoder()
    flags = f"--layers encoder.0,code --decoder-layers decoder.0,decoder.2 {RELU_TANH}"
    report = check(desk, module, module.state_dict(), flags)
    assert [tensor["source"] for tensor in report["tensors"]][2:4] == ["code.weight", "code.bias"]
    assert report["ignored"] == []
    assert report["notes"] == []


def test_layers_are_told_by_names_and_sizes(desk):
    module = Autoencoder()
    report = check(desk, module, module.state_dict(), RELU_TANH)
    assert report["tensors"][2]["source"] == "code.weight"


def test_the_prefixes_of_parallel_and_compiled_modules_are_left_out(desk):
    module = Autoencoder()
    for wrapped, prefix in ((nn.DataParallel(module), "module."), (torch.compile(module), "_orig_mod.")):
        state = wrapped.state_dict()
        assert all(name.startswith(prefix) for name in state)
        report = check(desk, module, state, f"--layers encoder.0,code {RELU_TANH}")
        assert report["tensors"][0]["source"] == f"{prefix}encoder.0.weight"


def test_a_tied_module(desk):
    module = Tied()
    report = check(desk, module, module.state_dict(), "--layers fc --decoder-layers out_bias --code-activation sigmoid")
    assert report["tied"]
    assert done(report, "decoder.0.weight") == ["tied"]
    assert report["tensors"][3]["source"] == "out_bias"
    report = check(desk, module, module.state_dict(), "--code-activation sigmoid")
    assert report["tensors"][3]["source"] == "out_bias", "told by its size"


def test_a_module_without_biases(desk):
    module = Autoencoder(bias=False)
    report = check(desk, module, module.state_dict(), RELU_TANH)
    assert done(report, "encoder.1.bias") == ["zeros"]
    assert done(report, "encoder.1.weight") == []


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_numbers_of_other_types(desk, dtype):
    module = Autoencoder().to(dtype)
    state = {name: value.clone() for name, value in module.state_dict().items()}
    report = check(desk, module.float(), state, RELU_TANH)
    assert done(report, "encoder.0.weight") == ["converted"]


def test_half_precision_that_has_overflowed_is_refused(cae, desk):
    state = Autoencoder().state_dict()
    state["code.weight"] = (state["code.weight"] * 1e6).half()
    save_file(state, desk.folder / "w.safetensors")
    words = f"import w.safetensors {RELU_TANH} -o model"
    refused = subprocess.run([cae, *words.split()], cwd=desk.folder, capture_output=True, text=True)
    assert refused.returncode == 3
    assert "`code.weight` must hold finite numbers" in refused.stderr
    assert not (desk.folder / "model").exists()


def test_a_pickle_is_refused_with_the_way_round(cae, desk):
    torch.save(Autoencoder().state_dict(), desk.folder / "model.pt")
    for name in ("model.pt", "renamed.safetensors"):
        (desk.folder / name).write_bytes((desk.folder / "model.pt").read_bytes())
        words = f"import {name} {RELU_TANH} -o model"
        refused = subprocess.run([cae, *words.split()], cwd=desk.folder, capture_output=True, text=True)
        assert refused.returncode == 3
        assert "torch.load(PATH, weights_only=True)" in refused.stderr


def test_kernels_of_keras(desk):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((D,)),
            layers.Dense(M, activation="relu", name="enc_1"),
            layers.Dense(K, activation="tanh", name="enc_2"),
            layers.Dense(M, activation="relu", name="dec_1"),
            layers.Dense(D, name="dec_2"),
        ]
    )
    state = {weight.path: torch.tensor(keras.ops.convert_to_numpy(weight.value)) for weight in model.weights}
    save_file({name: value.contiguous() for name, value in state.items()}, desk.folder / "w.safetensors")
    report = json.loads(desk(f"import w.safetensors {RELU_TANH} -o model --json"))
    assert report["tensors"][0]["done"] == ["transposed"]
    assert report["tensors"][0]["source"].endswith("enc_1/kernel")
    desk("reconstruct model --data rows.npy -o restored.npy --quiet")
    restored = keras.ops.convert_to_numpy(model(desk.rows.numpy()))
    np.testing.assert_allclose(np.load(desk.folder / "restored.npy"), restored, rtol=1e-5, atol=1e-5)


def test_the_page_prints_what_its_commands_print(cae, tmp_path):
    page = (Path(__file__).parents[3] / "docs" / "import.md").read_text()
    blocks = re.findall(r"^```(python|console).*?\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    here = os.getcwd()
    ran, names = 0, {}
    for language, text in blocks:
        if language == "python":
            os.chdir(tmp_path)
            try:
                exec(text, names)
            finally:
                os.chdir(here)
            continue
        for command, expected in commands(text.splitlines()):
            words = command.split()
            assert words[0] == "cae"
            done = subprocess.run([cae, *words[1:]], cwd=tmp_path, capture_output=True, text=True)
            assert done.returncode == 0, f"{command}: {done.stderr}"
            line = missing(expected, done.stdout.splitlines())
            assert line is None, f"`{command}` does not print `{line}`, but:\n{done.stdout}"
            ran += 1
    assert ran == 5
