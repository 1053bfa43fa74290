"""The penalties of contractive.torch: against brute force and the oracle in float64, and what is refused."""

import copy
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from brute_force import assert_same, dense, gradients, jacobians, squared_norms
from contractive._closed_form import Order, choose
from contractive.torch import (
    ContractiveAutoencoder,
    ContractiveLoss,
    PenaltyError,
    hessian,
    jacobian,
    jacobian_norm,
    jacobian_penalty,
    layerwise,
    reconstruction,
)
from contractive.torch.encoders import Encoder
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


def rows(*shape):
    generator = torch.Generator("cpu").manual_seed(1)
    return torch.randn(*shape, generator=generator, dtype=torch.float64, device="cpu").to(torch.get_default_device())


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


def settled(module):
    """In eval mode, with statistics and weights of batch normalisation that differ from 0 and 1."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 2.0)
            nn.init.uniform_(part.bias)
            part.running_var.uniform_(0.5, 2.0)
            part.running_mean.uniform_(-1.0, 1.0)
    return module.double().eval()


CHAINS = {
    "normalised everywhere": lambda: [
        nn.BatchNorm1d(6),
        nn.Linear(6, 5),
        nn.BatchNorm1d(5),
        nn.ELU(),
        nn.Linear(5, 3),
        nn.Sigmoid(),
        nn.BatchNorm1d(3),
    ],
    "slopes first": lambda: [nn.Sigmoid(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)],
    "slopes first, one layer": lambda: [nn.Tanh(), nn.Linear(6, 4), nn.Sigmoid()],
    "slopes alone": lambda: [nn.Tanh()],
    "linear layers in a row": lambda: [nn.Linear(6, 5), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 8), nn.Linear(8, 2)],
    "two slopes in a row": lambda: [nn.Linear(6, 5), nn.Tanh(), nn.Sigmoid(), nn.Linear(5, 3)],
    "nested": lambda: [nn.Sequential(nn.Linear(6, 5), nn.Tanh()), nn.Sequential(nn.Linear(5, 3)), nn.Dropout(0.5)],
    "without biases": lambda: [nn.Linear(6, 5, bias=False), nn.SiLU(), nn.Linear(5, 3, bias=False)],
    "in place": lambda: [nn.Linear(6, 5), nn.SiLU(inplace=True), nn.Linear(5, 3), nn.ELU(inplace=True)],
    "parametrised": lambda: [nn.utils.parametrizations.weight_norm(nn.Linear(6, 5)), nn.Tanh(), nn.Linear(5, 3)],
}
PICTURES = {
    "one convolution": lambda: [nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.Tanh()],
    "one, normalised, flattened": lambda: [
        nn.Conv2d(2, 4, 3, groups=2, dilation=2),
        nn.BatchNorm2d(4),
        nn.SiLU(),
        nn.Flatten(),
    ],
    "one without slopes": lambda: [nn.Conv2d(2, 3, (2, 3), padding=(0, 1))],
    "padded to the same size": lambda: [nn.Conv2d(2, 3, 3, padding="same"), nn.Sigmoid()],
    "deep": lambda: [
        nn.Conv2d(2, 3, 3, stride=2, padding=1),
        nn.SiLU(),
        nn.Conv2d(3, 4, 2, dilation=2),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(8, 3),
        nn.Sigmoid(),
    ],
    "normalised first": lambda: [nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3), nn.ReLU()],
    "circular padding": lambda: [nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"), nn.Tanh()],
    "pooled": lambda: [nn.Conv2d(2, 2, 3), nn.Tanh(), nn.AvgPool2d(2)],
}


@pytest.mark.parametrize("name", CHAINS)
def test_chains_of_modules(name):
    encoder, x = settled(nn.Sequential(*CHAINS[name]())), rows(5, 6)
    plain = copy.deepcopy(encoder)
    for module in plain.modules():  # brute force needs what was there before
        if hasattr(module, "inplace"):
            module.inplace = False
    before, at = x.clone(), Encoder(encoder, x, None)
    assert at.is_closed_form
    found = jacobian_penalty(encoder, x, reduction="none")
    assert torch.equal(x, before)
    expected = squared_norms(plain, x)
    assert torch.allclose(found, expected, rtol=1e-9)
    if list(plain.parameters()):
        for a, b in zip(gradients(found.mean(), encoder), gradients(expected.mean(), plain), strict=True):
            assert torch.allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", PICTURES)
def test_convolutions(name):
    encoder, x = settled(nn.Sequential(*PICTURES[name]())), rows(5, 2, 7, 6)
    assert Encoder(encoder, x, None).is_closed_form == (name not in ("circular padding", "pooled"))
    assert_same(encoder, x, jacobian_penalty(encoder, x, reduction="none"))
    J = jacobians(encoder, x)
    assert torch.allclose(jacobian(encoder, x), J, atol=1e-12)
    assert torch.allclose(
        jacobian_penalty(encoder, x, reduction="none", spectral_norm=True), torch.linalg.matrix_norm(J, 2)
    )


def test_a_convolution_of_a_signal():
    encoder = nn.Sequential(nn.Conv1d(2, 4, 3, stride=2, padding=1, groups=2), nn.Softplus()).double()
    assert_same(encoder, rows(5, 2, 9), jacobian_penalty(encoder, rows(5, 2, 9), reduction="none"))
    deep = nn.Sequential(encoder, nn.Conv1d(4, 2, 2), nn.Tanh()).double()
    assert_same(deep, rows(5, 2, 9), jacobian_penalty(deep, rows(5, 2, 9), reduction="none"))


class Attention(nn.Module):
    """An encoder that no closed form takes: rows attend within themselves."""

    def __init__(self):
        super().__init__()
        self.inner = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True, dtype=torch.float64)
        self.code = nn.Linear(12, 3, dtype=torch.float64)

    def forward(self, x):
        return torch.tanh(self.code(self.inner(x.unflatten(1, (3, 4))).flatten(1)))


class Written(nn.Module):
    """An encoder as most people write it."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(12, 7, dtype=torch.float64), nn.Linear(7, 4, dtype=torch.float64)

    def forward(self, x):
        return torch.sigmoid(self.fc2(torch.relu(self.fc1(x))))


class Joined(Written):
    """One whose paths join: no chain."""

    def forward(self, x):
        a = torch.relu(self.fc1(x))
        return torch.sigmoid(self.fc2(a) + self.fc2(a.square()))


CLASSES = {
    "functions": lambda self, x: torch.sigmoid(self.fc2(torch.relu(self.fc1(x)))),
    "nn.functional": lambda self, x: F.gelu(self.fc2(F.leaky_relu(self.fc1(x), 0.3)), approximate="tanh"),
    "methods": lambda self, x: self.fc2(self.fc1(x.flatten(1)).tanh()).sigmoid(),
    "view": lambda self, x: self.fc2(F.elu(self.fc1(x.view(-1, 12)), alpha=0.5)),
    "view of the size": lambda self, x: self.fc2(F.softplus(self.fc1(x.view(x.size(0), -1)))),
    "in place": lambda self, x: self.fc2(F.relu(self.fc1(x), inplace=True)),
    "a module within": lambda self, x: self.inner(self.fc1(x)),
    "not a chain: skips": lambda self, x: self.fc2(torch.relu(self.fc1(x)) + x[:, :7]),
    "not a chain: branches": lambda self, x: self.fc2(self.fc1(x).tanh() if x.sum() > 0 else self.fc1(x)),
    "not a chain: scales": lambda self, x: 2 * self.fc2(torch.tanh(self.fc1(x))),
    "not a chain: twice": lambda self, x: self.fc2(F.normalize(self.fc1(x))),
}


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_that_calls_layers_one_after_the_other_has_the_closed_form(name):
    class Own(Written):
        forward = CLASSES[name]

        def __init__(self):
            super().__init__()
            self.inner = Inner()

    class Inner(Written):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(7, 3, dtype=torch.float64)

        def forward(self, x):
            return self.last(torch.tanh(x))

    encoder, x = Own(), rows(5, 12)
    assert Encoder(encoder, x, None).is_closed_form != name.startswith("not a chain")
    assert_same(encoder, x, jacobian_penalty(encoder, x, reduction="none"))
    encoder.forward = lambda x: torch.tanh(encoder.fc1(x))  # what it is now is what counts
    assert_same(encoder, x, jacobian_penalty(encoder, x, reduction="none"))
    handle = encoder.register_forward_hook(lambda _module, _inputs, output: 3 * output)
    assert_same(encoder, x, jacobian_penalty(encoder, x, reduction="none"))
    handle.remove()


@pytest.mark.parametrize("encoder", [Attention, Joined], ids=lambda kind: kind.__name__)
def test_any_other_module(encoder, monkeypatch):
    encoder, x = encoder(), rows(5, 12)
    assert not Encoder(encoder, x, None).is_closed_form
    found = jacobian_penalty(encoder, x, reduction="none")
    assert_same(encoder, x, found)
    assert_same(encoder, x, jacobian_penalty(encoder, x, reduction="none", chunk_rows=2))
    monkeypatch.setattr("contractive.torch.encoders._KEPT", 100)  # a code unit at a time
    assert_same(encoder, x, jacobian_penalty(encoder, x, reduction="none", chunk_rows=5))
    function = lambda rows: encoder(rows)  # noqa: E731
    assert torch.equal(jacobian_penalty(function, x, reduction="none"), found)
    with torch.no_grad():
        assert not jacobian_penalty(encoder, x).requires_grad


def test_randomness_within_a_chunk_is_drawn_again():
    encoder = nn.Sequential(Joined(), nn.Dropout(0.5))
    encoder.register_forward_hook(lambda *_: None)  # is no reason to refuse
    x = rows(6, 12)

    def value(chunk_rows):
        torch.manual_seed(3)
        rows_of = jacobian_penalty(lambda a: encoder(a), x, reduction="none") if chunk_rows is None else None
        return rows_of if rows_of is not None else jacobian_penalty(encoder, x, reduction="none", chunk_rows=chunk_rows)

    a, b = value(6), value(6)
    assert torch.equal(a, b)
    torch.manual_seed(3)
    c = jacobian_penalty(encoder, x, reduction="none", chunk_rows=3)
    for first, second in zip(gradients(c.sum(), encoder), gradients(c.sum(), encoder), strict=True):
        assert torch.equal(first, second)


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


def test_a_wide_code_without_closed_form_is_estimated_and_says_so():
    class Wide(Joined):
        def forward(self, x):
            return super().forward(x).repeat(1, 300)

    encoder, x = Wide(), rows(2, 12)
    with pytest.warns(UserWarning, match="1200 code units"):
        jacobian_penalty(encoder, x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exact = jacobian_penalty(encoder, x, method="exact")
        jacobian_penalty(dense((4, 1200), nn.Tanh), rows(2, 4))
    assert torch.allclose(exact, 300 * jacobian_penalty(Joined.forward.__get__(encoder), x))


class Swish(nn.Module):
    def forward(self, z):
        return z * torch.sigmoid(1.5 * z)


def slope_of_swish(_module, z):
    s = torch.sigmoid(1.5 * z)
    return s + 1.5 * z * s * (1 - s)


def test_an_activation_of_ones_own_with_its_derivative():
    encoder, x = dense((6, 5, 3), Swish), rows(4, 6)
    assert not Encoder(encoder, x, None).is_closed_form
    assert Encoder(encoder, x, {Swish: slope_of_swish}).is_closed_form
    assert_same(encoder, x, jacobian_penalty(encoder, x, reduction="none", derivatives={Swish: slope_of_swish}))


def test_one_activation_module_in_several_places():
    encoder, x = dense((9, 7, 5, 3), nn.Sigmoid()), rows(4, 9)
    assert len(list(encoder.named_children())) < len(encoder)
    assert_same(encoder, x, jacobian_penalty(encoder, x, reduction="none"))


def test_dropout_in_training_is_of_the_mask_drawn():
    encoder, x = (
        nn.Sequential(nn.Dropout(0.5), nn.Linear(6, 5), nn.Tanh(), nn.Dropout(0.3), nn.Linear(5, 3)).double(),
        rows(4, 6),
    )
    torch.manual_seed(2)
    value, code = jacobian_penalty(encoder, x, return_code=True, reduction="none")
    torch.manual_seed(2)
    at = x.clone().requires_grad_()
    h = encoder(at)
    assert torch.allclose(h, code)
    J = torch.stack([torch.autograd.grad(h[:, j].sum(), at, retain_graph=True)[0] for j in range(3)], 1)
    assert torch.allclose(value, J.square().sum((1, 2)))


def refused(said, encoder, x=None, **settings):
    with pytest.raises(PenaltyError, match=said) as error:
        jacobian_penalty(encoder, rows(4, 6) if x is None else x, **settings)
    return error.value


def test_what_has_no_jacobian_of_its_own_is_refused_with_the_remedy():
    normalised = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Tanh()).double()
    assert refused("eval mode", normalised).module == "1"
    refused("eval mode", nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5, track_running_stats=False)).double().eval())
    assert jacobian_penalty(normalised.eval(), rows(4, 6)) > 0

    changed = dense((6, 5, 3), nn.Tanh)
    handle = changed[0].register_forward_hook(lambda _module, _inputs, output: 2 * output)
    refused("no hook that changes", changed)
    handle.remove()
    handle = changed[0].register_full_backward_hook(lambda *_: None)
    refused("backward hooks", changed)
    handle.remove()
    seen = []
    changed[0].register_forward_hook(lambda *_: seen.append(1))
    assert jacobian_penalty(changed, rows(4, 6)) > 0
    assert seen

    class Spoiling(nn.Module):
        def forward(self, x):
            return x.mul_(2)

    x = rows(4, 6)
    before = x.clone()
    jacobian_penalty(nn.Sequential(Spoiling(), nn.Linear(6, 3).double()), x)
    assert torch.equal(x, before), "an encoder that works in place is given a copy"
    spoils = nn.Sequential(Spoiling(), nn.Linear(6, 3).double())
    refused("in place", spoils, derivatives={Spoiling: lambda _module, z: torch.full_like(z, 2.0)})

    refused("one tensor", lambda a: (a, a))
    refused("a row for each", lambda a: a.sum(0))
    refused("differentiable", lambda a: a.detach())
    refused("floating-point rows", changed, torch.arange(6).reshape(1, 6))
    refused("floating-point rows", changed, torch.rand(6))
    refused("floating-point rows", changed, np.zeros((2, 6)))
    with pytest.raises(PenaltyError, match=r"nn\.Sequential"):
        layerwise(Joined(), rows(4, 12))


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
