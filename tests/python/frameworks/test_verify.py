"""``cae inspect --verify`` beside PyTorch: each formula written as the code that has it, differentiated by autograd."""

import json
import subprocess

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
save_file = pytest.importorskip("safetensors.torch", reason="safetensors is not installed").save_file

D, M, K, ROWS = 6, 5, 4, 32
PHI = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "silu": torch.nn.functional.silu}


class Encoder:
    """Two layers in float64, with what the formulas take."""

    def __init__(self, phi, x):
        torch.manual_seed(5)
        shapes = ((M, D), (M,), (K, M), (K,))
        self.parameters = [torch.randn(shape, dtype=torch.float32).double().requires_grad_() for shape in shapes]
        self.phi, self.x = PHI[phi], x

    def __call__(self, x, w=None):
        w1, b1, w2, b2 = w or self.parameters
        return self.phi(self.phi(x @ w1.T + b1) @ w2.T + b2)

    def jacobians(self, w=None):
        one = lambda x: self(x, w)  # noqa: E731
        return torch.func.vmap(torch.func.jacrev(one))(self.x)

    def formulas(self):
        w1, b1, w2, _ = self.parameters
        x = self.x.clone().requires_grad_()
        a, h = self.phi(x @ w1.T + b1), self(x)
        exact = (self.jacobians() ** 2).sum((1, 2))
        (summed,) = torch.autograd.grad(h.sum(), x, create_graph=True)

        def logistic(units, w):
            return ((units * (1 - units)) ** 2 * (w**2).sum(1)).sum(1).mean()

        chain = (h * (1 - h))[:, :, None] * w2 @ ((a * (1 - a))[:, :, None] * w1)
        return {
            "right": exact.mean(),
            "half": exact.mean() / 2,
            "batch_sum": exact.sum(),
            "mean_over_inputs": exact.mean() / D,
            "mean_over_entries": (self.jacobians() ** 2).mean(),
            "unsquared": exact.sqrt().mean(),
            "logistic_last": logistic(h, w2),
            "logistic_last_held": logistic(h, w2.detach()),
            "logistic_first": logistic(a, w1),
            "logistic_chain": (chain**2).sum((1, 2)).mean(),
            "sum_gradient": (summed**2).sum(1).mean(),
            "weight_product": torch.linalg.norm(w2 @ w1),
            "weight_squares": (w1**2).sum() + (w2**2).sum(),
            "sum_then_square": ((h * (1 - h)) ** 2 * w2.sum(1) ** 2).sum(1).mean(),
            "code_squares": (h**2).mean(),
        }


def gradient(value, parameters):
    parts = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
    return torch.cat(
        [torch.zeros(p.numel()) if g is None else g.flatten() for g, p in zip(parts, parameters, strict=True)]
    )


@pytest.mark.parametrize("phi", PHI)
def test_values_ratios_and_cosines_are_those_of_autograd(cae, tmp_path, phi):
    rows = np.random.default_rng(0).normal(size=(ROWS, D)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    encoder = Encoder(phi, torch.tensor(rows).double())
    names = ["enc.0.weight", "enc.0.bias", "enc.1.weight", "enc.1.bias"]
    state = {name: value.detach().float() for name, value in zip(names, encoder.parameters, strict=True)}
    save_file(state, tmp_path / "w.safetensors")
    words = f"import w.safetensors --activation {phi} --code-activation {phi} -o model --quiet"
    subprocess.run([cae, *words.split()], cwd=tmp_path, check=True)
    words = "inspect model --verify --data rows.npy --json"
    said = subprocess.run([cae, *words.split()], cwd=tmp_path, check=True, capture_output=True).stdout
    told = {formula["name"]: formula for formula in json.loads(said)["verification"]["formulas"]}
    formulas = encoder.formulas()
    exact = gradient(formulas["right"], encoder.parameters)
    for name, value in formulas.items():
        own = gradient(value, encoder.parameters)
        cosine = float(own @ exact / own.norm() / exact.norm())
        assert told[name]["value"] == pytest.approx(value.item(), rel=1e-9), name
        assert told[name]["ratio"] == pytest.approx(value.item() / formulas["right"].item(), rel=1e-9), name
        assert told[name]["gradient_ratio"] == pytest.approx(float(own.norm() / exact.norm()), rel=1e-9), name
        assert told[name]["cosine"] == pytest.approx(cosine, abs=1e-9), name


def test_weights_held_constant_is_what_detaching_them_leaves(cae, tmp_path):
    """Of one sigmoid layer: the well-known form with W read as a number."""
    rows = np.random.default_rng(0).normal(size=(ROWS, D)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    torch.manual_seed(1)
    w, b = torch.randn(K, D).double().requires_grad_(), torch.randn(K).double().requires_grad_()
    save_file({"fc.weight": w.detach().float(), "fc.bias": b.detach().float()}, tmp_path / "w.safetensors")
    subprocess.run(
        [cae, "import", "w.safetensors", "--code-activation", "sigmoid", "-o", "model", "--quiet"],
        cwd=tmp_path,
        check=True,
    )
    words = "inspect model --verify --data rows.npy --json"
    said = subprocess.run([cae, *words.split()], cwd=tmp_path, check=True, capture_output=True).stdout
    told = {formula["name"]: formula for formula in json.loads(said)["verification"]["formulas"]}
    h = torch.sigmoid(torch.tensor(rows).double() @ w.T + b)
    slope = (h * (1 - h)) ** 2
    exact = gradient((slope * (w**2).sum(1)).sum(1).mean(), [w, b])
    held = gradient((slope * (w.detach() ** 2).sum(1)).sum(1).mean(), [w, b])
    factors = gradient((slope.detach() * (w**2).sum(1)).sum(1).mean(), [w, b])
    for name, own in (("weights_held", held), ("logistic_last_held", held), ("slopes_held", factors)):
        assert told[name]["cosine"] == pytest.approx(float(own @ exact / own.norm() / exact.norm()), abs=1e-9), name
        assert told[name]["gradient_ratio"] == pytest.approx(float(own.norm() / exact.norm()), rel=1e-9), name
