"""The penalties of contractive.torch: against brute force and the oracle in float64."""

import copy

import pytest
import torch
from brute_force import assert_same, dense, gradients, jacobians, squared_norms
from contractive._closed_form import Order, choose
from contractive.torch import (
    ContractiveAutoencoder,
    ContractiveLoss,
    hessian,
    jacobian,
    jacobian_norm,
    jacobian_penalty,
    layerwise,
    reconstruction,
)
from modules import Joined, rows
from oracle import CASES, read
from torch import nn

ACTIVATIONS = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "softplus": nn.Softplus,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "elu of another size": lambda: nn.ELU(0.4),
    "softplus of another scale": lambda: nn.Softplus(beta=3.0),
    "gelu by tanh": lambda: nn.GELU("tanh"),
    "mish": nn.Mish,
    "learnt slope": lambda: nn.PReLU(dtype=torch.float64),
    "hard tanh": nn.Hardtanh,
}


# Each order of multiplication is the cheapest of some shape.
SHAPES = [(6, 4), (4, 9), (20, 5, 3), (9, 7, 5, 3), (3, 8, 7), (3, 8, 8, 5), (30, 6, 5, 4, 2), (5, 12, 3)]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_gradients_are_those_of_brute_force(name):
    for sizes in SHAPES:
        encoder, x = dense(sizes, ACTIVATIONS[name]()), rows(5, sizes[0])
        assert_same(encoder, x, jacobian_penalty(encoder, x, reduction="none"))
        assert_same(encoder, x, jacobian_penalty(encoder, x, reduction="none", chunk_rows=2))


def test_the_shapes_take_every_order():
    orders = {choose(sizes, 5) for sizes in SHAPES if len(sizes) > 2}
    assert orders == {Order(False, True), Order(False, False), Order(True, False)}


def test_values_are_those_of_torchs_own_jacrev():
    encoder, x = dense((9, 7, 5, 3), nn.Tanh), rows(4, 9)
    J = torch.func.vmap(torch.func.jacrev(lambda row: encoder(row[None])[0]))(x)
    assert torch.allclose(jacobian_penalty(encoder, x), J.square().sum((1, 2)).mean(), rtol=1e-12)
    assert torch.allclose(jacobian(encoder, x), J, rtol=1e-12)


def test_single_precision_is_as_close_as_it_can_be():
    encoder, x = dense((784, 64, 32, 16), nn.ReLU), rows(32, 784)
    single = copy.deepcopy(encoder).float()
    value, exact = jacobian_penalty(single, x.float()), jacobian_penalty(encoder, x)
    assert torch.allclose(value.double(), exact, rtol=1e-5)
    for a, b in zip(gradients(value, single), gradients(exact, encoder), strict=True):
        assert (a - b).abs().max() <= 1e-4 * b.abs().max()


@pytest.mark.parametrize("encoder", [dense((6, 5, 3), nn.SiLU), dense((4, 3), nn.Sigmoid), dense((3, 6, 6), nn.Tanh)])
@pytest.mark.parametrize("chunk_rows", [None, 2])
def test_first_and_second_derivatives_by_finite_differences(encoder, chunk_rows):
    encoder = encoder.to(torch.get_default_device())
    names = [name for name, _ in encoder.named_parameters()]

    class Penalty(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = encoder

        def forward(self, x):
            return jacobian_penalty(self.encoder, x, chunk_rows=chunk_rows)

    whole = Penalty()

    def value(x, *parameters):
        given = {f"encoder.{name}": p for name, p in zip(names, parameters, strict=True)}
        return torch.func.functional_call(whole, given, (x,))

    at = (rows(3, encoder[0].in_features).requires_grad_(), *encoder.parameters())
    assert torch.autograd.gradcheck(value, at)
    for a, b in zip(
        torch.autograd.grad(value(*at), at), torch.autograd.grad(value(*at), at, create_graph=True), strict=True
    ):
        assert torch.allclose(a, b), "the gradient is the same where it will be differentiated again"
    assert torch.autograd.gradgradcheck(value, at)


def test_functional_gradients():
    encoder, x = dense((6, 5, 3), nn.Tanh), rows(4, 6)
    parameters = dict(encoder.named_parameters())

    def value(given):
        return torch.func.functional_call(Held(encoder), {f"encoder.{n}": p for n, p in given.items()}, (x,))

    found = torch.func.grad(value)(parameters)
    for name, expected in zip(parameters, gradients(squared_norms(encoder, x).mean(), encoder), strict=True):
        assert torch.allclose(found[name], expected)


class Held(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, x):
        return jacobian_penalty(self.encoder, x)


def autoencoder_of(case, t):
    module = ContractiveAutoencoder(
        case["encoder_sizes"][0],
        case["encoder_sizes"][1:],
        decoder_layer_sizes=case["decoder_sizes"][1:-1],
        encoder_activations=case["encoder_activations"],
        decoder_activations=case["decoder_activations"],
        tied=case["tied"],
    ).double()
    for stack in ("encoder", "decoder"):
        layers = [layer for layer in getattr(module, stack) if hasattr(layer, "bias")]
        for number, layer in enumerate(layers):
            name = f"{stack}.{number}"
            with torch.no_grad():
                layer.bias.copy_(torch.tensor(t[f"{name}.bias"]))
                if f"{name}.weight" in t:
                    layer.weight.copy_(torch.tensor(t[f"{name}.weight"]))
            yield name, layer
    yield "module", module


TRAINED = ("jacobian", "jacobian_norm", "layerwise", "hessian", "projection", "denoising", "none")


@pytest.mark.parametrize("path", [p for p in CASES if read(p)[0]["penalty"] in TRAINED], ids=lambda path: path.stem)
def test_values_and_gradients_are_the_oracles(path):
    case, t = read(path)
    layers = dict(autoencoder_of(case, t))
    module, x = layers.pop("module"), torch.tensor(t["input"])
    options = {}
    if case["penalty"] == "hessian":
        options = {"draws": torch.tensor(t["corruptions"]), "ratio": case["ratio"], "sigma": case["sigma"]}
    elif case["penalty"] == "projection":
        options = {"method": "probes", "draws": torch.tensor(t["probes"])}
    is_plain = case["penalty"] in ("projection", "denoising", "none")
    weight = 0.0 if case["penalty"] in ("denoising", "none") else case["weight"]
    loss = ContractiveLoss(case["loss"], weight, "jacobian" if is_plain else case["penalty"], **options)
    noisy = x + torch.tensor(t["noise"]) if "noise" in t else x
    total, _, penalty = loss.terms(module, noisy, x)
    assert torch.allclose(total, torch.tensor(t["total"][0]), rtol=1e-9)
    if weight > 0:
        assert torch.allclose(penalty, torch.tensor(t["penalty"]).mean(), rtol=1e-9)
    total.backward()
    for name, layer in layers.items():
        for part in ("weight", "bias"):
            if f"grad.{name}.{part}" in t:
                found, expected = getattr(layer, part).grad, torch.tensor(t[f"grad.{name}.{part}"])
                assert (found - expected).abs().max() <= 1e-9 * max(expected.abs().max(), 1e-12), (name, part)


def test_the_other_penalties_are_what_they_are_called():
    encoder, decoder, x = dense((6, 5, 3), nn.Tanh), dense((3, 5, 6), nn.Sigmoid), rows(4, 6)
    J = jacobians(encoder, x)
    assert_same(encoder, x, jacobian_norm(encoder, x, reduction="none"), expected=J.square().sum((1, 2)).sqrt())
    singular = torch.linalg.matrix_norm(J, 2)
    assert_same(
        encoder, x, jacobian_penalty(encoder, x, reduction="none", spectral_norm=True), expected=singular, relative=1e-8
    )
    wide = dense((3, 5, 6), nn.Tanh)
    largest = torch.linalg.matrix_norm(jacobians(wide, x[:, :3]), 2)
    assert torch.allclose(jacobian_penalty(wide, x[:, :3], reduction="none", spectral_norm=True), largest)
    both = nn.Sequential(encoder, decoder)
    assert_same(both, x, reconstruction(encoder, decoder, x, reduction="none"))
    layers = sum(squared_norms(encoder[i : i + 2], a) for i, a in ((0, x), (2, encoder[:2](x).detach())))
    assert torch.allclose(layerwise(encoder, x, reduction="none"), layers)
    draws = 0.1 * rows(2, 4, 6)
    bends = [(J - jacobians(encoder, x + e)).square().sum((1, 2)) for e in draws]
    expected = squared_norms(encoder, x) + 0.5 * torch.stack(bends).mean(0)
    assert_same(encoder, x, hessian(encoder, x, draws=draws, ratio=0.5, reduction="none"), expected=expected)
    written, y = Joined(), rows(4, 12)
    bend = (jacobians(written, y) - jacobians(written, y + 0.1)).square().sum((1, 2))
    found = hessian(written, y, draws=torch.full((1, 4, 12), 0.1), reduction="none")
    assert_same(written, y, found, expected=squared_norms(written, y) + bend)


def test_a_row_without_slope_has_no_gradient_and_no_nan():
    encoder = nn.Sequential(nn.Linear(3, 2), nn.ReLU()).double()
    with torch.no_grad():
        encoder[0].bias.fill_(-1e3)
    value = jacobian_norm(encoder, rows(4, 3))
    assert value == 0
    assert all((g == 0).all() for g in gradients(value, encoder))


def test_reductions_add_up():
    encoder, x = dense((6, 5, 3), nn.Tanh), rows(4, 6)
    each = jacobian_penalty(encoder, x, reduction="none")
    assert each.shape == (4,)
    assert torch.allclose(jacobian_penalty(encoder, x, reduction="sum"), each.sum())
    assert torch.allclose(jacobian_penalty(encoder, x), each.mean())
    linear = nn.Sequential(nn.Linear(6, 3)).double()
    assert jacobian_penalty(linear, x, reduction="none").shape == (4,)
    value, code = jacobian_penalty(encoder, x, return_code=True)
    assert torch.equal(code, encoder(x))
    assert torch.allclose(value, each.mean())


@pytest.mark.parametrize("encoder", [dense((8, 6, 5), nn.Tanh), Joined()], ids=["closed form", "any module"])
def test_probes_are_right_in_the_mean(encoder):
    encoder = encoder.to(torch.get_default_device())
    x = rows(3, 8 if isinstance(encoder, nn.Sequential) else 12)
    generator = torch.Generator(x.device).manual_seed(5)
    estimate = jacobian_penalty(encoder, x, method="probes", probes=4000, generator=generator, reduction="none")
    exact = squared_norms(encoder, x)
    assert (estimate / exact - 1).abs().max() < 0.05
    again = torch.Generator(x.device).manual_seed(5)
    assert torch.equal(
        estimate, jacobian_penalty(encoder, x, method="probes", probes=4000, generator=again, reduction="none")
    )
    k = encoder(x).shape[1]
    units = torch.eye(k, dtype=torch.float64).expand(3, k, k)
    one_each = jacobian_penalty(encoder, x, method="probes", draws=units, reduction="none")
    assert_same(encoder, x, one_each * k)


def test_settings_out_of_range_are_named():
    encoder, x = dense((6, 3), nn.Tanh), rows(4, 6)
    for settings, said in [
        ({"method": "fast"}, "`method` must be one of"),
        ({"reduction": "max"}, "`reduction` must be one of"),
        ({"method": "probes", "spectral_norm": True}, "`spectral_norm`"),
        ({"method": "probes", "probes": 0}, "`probes`"),
        ({"method": "probes", "draws": rows(2, 2, 2)}, "`draws` must have the shape"),
        ({"chunk_rows": 0}, "`chunk_rows`"),
    ]:
        with pytest.raises(ValueError, match=said):
            jacobian_penalty(encoder, x, **settings)
    for settings, said in [
        ({"sigma": 0.0}, "`sigma`"),
        ({"sigma": float("nan")}, "`sigma`"),
        ({"ratio": -1.0}, "`ratio`"),
        ({"draws": rows(2, 2, 2)}, "`draws`"),
    ]:
        with pytest.raises(ValueError, match=said):
            hessian(encoder, x, **settings)
