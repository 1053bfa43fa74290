"""Which encoders contractive.torch takes, how, and which it refuses: against brute force in float64."""

import copy
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from brute_force import assert_same, dense, gradients, jacobians, squared_norms
from contractive.torch import (
    PenaltyError,
    hessian,
    jacobian,
    jacobian_penalty,
    layerwise,
)
from contractive.torch.encoders import Encoder
from modules import Attention, Joined, Written, rows
from torch import nn


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


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


@pytest.mark.parametrize("name", ["slopes alone", "slopes first", "normalised everywhere"])
def test_other_penalties_of_chains_that_begin_with_slopes(name):
    encoder, x = settled(nn.Sequential(*CHAINS[name]())), rows(5, 6)
    J, bent = jacobians(encoder, x), jacobians(encoder, x + 0.1)
    expected = J.square().sum((1, 2)) + (J - bent).square().sum((1, 2))
    found = hessian(encoder, x, draws=torch.full((1, 5, 6), 0.1, dtype=torch.float64), reduction="none")
    assert torch.allclose(found, expected, rtol=1e-9)


def test_layers_are_counted_with_what_precedes_the_first():
    x = rows(5, 6)
    tanh = nn.Sequential(nn.Tanh())
    assert torch.allclose(layerwise(tanh, x, reduction="none"), squared_norms(tanh, x))
    pictures = rows(4, 2, 7, 6)
    encoder = settled(nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3), nn.SiLU(), nn.Conv2d(2, 2, 2), nn.Tanh()))
    first = encoder[:3](pictures).detach()
    expected = squared_norms(encoder[:3], pictures) + squared_norms(encoder[3:], first)
    assert torch.allclose(layerwise(encoder, pictures, reduction="none"), expected, rtol=1e-9)
