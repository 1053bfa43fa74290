"""contractive.check_penalty: every entry of the audit is recognised by name, and no right implementation is accused."""

import copy
import os
import subprocess
import sys
import textwrap
from itertools import pairwise
from pathlib import Path

import contractive
import numpy as np
import pytest
import torch
from contractive import check_penalty
from contractive.torch import jacobian_penalty
from contractive.torch import layerwise as layerwise_penalty
from contractive.verify import KINDS, chains, tape
from contractive.verify.candidates import FORMULAS
from contractive.verify.wording import SAYS
from torch import nn
from torch.nn import functional as F

D, K = 6, 5


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Work this small is done sooner by one."""
    n = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n)


def encoder(*activations, sizes=(D, 4, K), seed=0):
    """A float32 encoder as a user has it."""
    torch.manual_seed(seed)
    modules = []
    for n, m, activation in zip(sizes[:-1], sizes[1:], activations, strict=True):
        modules += [nn.Linear(n, m), activation()]
    return nn.Sequential(*modules)


def one_layer(activation=nn.Sigmoid):
    return encoder(activation, sizes=(D, K))


def normal(*shape, seed=1):
    """The same numbers on every device."""
    return torch.tensor(np.random.default_rng(seed).normal(size=shape), dtype=torch.float32)


def rows(n=12):
    return normal(n, D)


def arrays_of(x):
    return x.double().cpu().numpy()


def wrt_input(e, x):
    x = x.detach().clone().requires_grad_()
    return x, e(x)


def jacobians(e, x):
    return torch.func.vmap(torch.func.jacrev(lambda row: e(row[None])[0]))(x)


# The audit (docs/check-penalty.md), PyTorch: a formula, an encoder for it, the kinds, and words of `known_as`.


def lisa_floor(e, x):
    return torch.floor((jacobians(e, x) ** 2).sum() / len(x)).detach()


def mean_of_jacobian(e, x):
    return jacobians(e, x).mean()


def summed_then_squared(e, x):
    return (jacobians(e, x).sum((1, 2)) ** 2).mean()


class Hipsternet:
    """The weight is copied when the loss is made."""

    def __init__(self, e):
        self.W = e[-2].weight.detach().clone()

    def __call__(self, e, x):
        h = e(x)
        return ((h * (1 - h)) ** 2 * (self.W.to(h) ** 2).sum(1)).sum(1).mean()


def avijit(e, x):
    h = e(x)
    W = e.state_dict()["0.weight"]
    return ((h * (1 - h)) ** 2 @ (W**2).sum(1)).sum()


def avijit_attached(e, x):
    h = e(x)
    return ((h * (1 - h)) ** 2 @ (e[0].weight ** 2).sum(1)).mean()


def ruta(e, x):
    x, h = wrt_input(e, x)
    (g,) = torch.autograd.grad(h, x, torch.ones_like(h), create_graph=True)
    return (g**2).sum(1).mean()


def forum(e, x):
    x, h = wrt_input(e, x)
    h.backward(torch.ones_like(h), create_graph=True)
    return (x.grad**2).sum()


def forum_without_graph(e, x):
    x, h = wrt_input(e, x)
    h.backward(torch.ones_like(h))
    return (x.grad**2).sum()


def product_of_weights(e, x):
    return torch.linalg.norm(e[2].weight @ e[0].weight)


def mean_square_of_code(e, x):
    return (e(x) ** 2).mean()


def caglar(e, x):
    h = e(x)
    return ((h * (1 - h)) ** 2 @ e[0].weight.sum(1) ** 2).mean()


def zscore_mean(e, x):
    h = e(x)
    return torch.nanmean((h - h.mean()) / h.std())


def khdave(e, x):
    W = e.state_dict()["0.weight"]
    h = F.relu(W)
    return ((h * (1 - h)) ** 2 * (W**2).sum(1, keepdim=True)).sum()


def unsquared(e, x):
    return jacobians(e, x).square().sum((1, 2)).sqrt().mean()


def unsquared_of_batch(e, x):
    return torch.linalg.norm(jacobians(e, x).flatten())


def last_of_several(e, x):
    h = e(x)
    return ((h * (1 - h)) ** 2 @ (e[-2].weight ** 2).sum(1)).mean()


WRONG = {
    "2 lisa-lab, integer division": (
        lisa_floor,
        lambda: encoder(nn.Tanh, sizes=(D, K)),
        ("inert",),
        "lisa-lab/DeepLearningTutorials",
    ),
    "4 pylearn2 PR 90, mean of the Jacobian": (mean_of_jacobian, one_layer, ("not squared",), "pull request 90"),
    "4 pylearn2 PR 142, summed then squared": (
        summed_then_squared,
        one_layer,
        ("summed before squaring",),
        "pull request 142",
    ),
    "6 hipsternet, KATE: copy of the first weights": (None, one_layer, ("stale copy of W",), "hipsternet"),
    "7 avijit9: h(1-h) on ReLU and W out of state_dict": (
        avijit,
        lambda: one_layer(nn.ReLU),
        ("h(1-h) with another activation", "W held constant"),
        "avijit9",
    ),
    "7 with W attached, on tanh": (
        avijit_attached,
        lambda: one_layer(nn.Tanh),
        ("h(1-h) with another activation",),
        "hipsternet's dh",
    ),
    "7 the same W, on sigmoid": (avijit, one_layer, ("W held constant", "constant factor"), "state_dict()"),
    "8 ruta, k_gradients": (ruta, lambda: encoder(nn.Tanh, nn.Sigmoid), ("sum gradient",), "ruta"),
    "9 forum 12124, y.backward(ones)": (forum, lambda: encoder(nn.ReLU, nn.ReLU), ("sum gradient",), "forum 12124"),
    "9 the same without a graph": (
        forum_without_graph,
        lambda: encoder(nn.Sigmoid, nn.Sigmoid),
        ("inert", "sum gradient"),
        "forum 12124",
    ),
    "11 AlexPasqua, chain_matmul": (
        product_of_weights,
        lambda: encoder(nn.ReLU, nn.ReLU),
        ("wrong tensor", "not squared"),
        "AlexPasqua",
    ),
    "14 ransomware detection, mean of h²": (
        mean_square_of_code,
        lambda: encoder(nn.ReLU, nn.Sigmoid),
        ("wrong tensor",),
        "DeepContractiveAEforRansomwareDetection",
    ),
    "15 caglar, sum then square": (caglar, one_layer, ("summed before squaring",), "caglar"),
    "17 pydbm, mean of a z-score": (zscore_mean, one_layer, ("inert",), "pydbm"),
    "18 Khdave02, relu of detached weights": (
        khdave,
        lambda: one_layer(nn.ReLU),
        ("inert", "wrong tensor"),
        "Khdave02",
    ),
    "19 tf.gradients(codings, X)": (ruta, one_layer, ("sum gradient",), "manupillai308"),
    "19 the norm, not squared": (
        unsquared,
        lambda: encoder(nn.Tanh, nn.Tanh),
        ("not squared",),
        "sqrt(sum(square(J)))",
    ),
    "19 the batch's norm, not squared": (
        unsquared_of_batch,
        lambda: encoder(nn.Tanh, nn.Tanh),
        ("not squared",),
        "sqrt(sum(square(J)))",
    ),
    "19 the last layer alone": (
        last_of_several,
        lambda: encoder(nn.ReLU, nn.Sigmoid),
        ("last layer only",),
        "last Dense",
    ),
    "19 the last layer alone, h(1-h) on ReLU": (
        last_of_several,
        lambda: encoder(nn.ReLU, nn.ReLU),
        ("last layer only", "h(1-h) with another activation"),
        "hipsternet's dh",
    ),
}


@pytest.mark.parametrize("entry", WRONG)
def test_an_entry_of_the_audit_is_recognised_by_name(entry):
    function, make, kinds, known_as = WRONG[entry]
    e = make()
    verdict = check_penalty(function or Hipsternet(e), e, rows())
    assert verdict.kinds == kinds, str(verdict)
    assert verdict.kind == kinds[0]
    assert known_as in verdict.known_as, str(verdict)
    assert not verdict.is_right
    assert "jacobian_penalty(encoder, x)" in verdict.remedy


# Those with a decoder.


def decoder(activation=nn.Identity):
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(K, D), activation())


def rae_gp(e, d, x):
    x, h = wrt_input(e, x)
    r = d(h)
    (g,) = torch.autograd.grad(r, x, torch.ones_like(r), create_graph=True)
    return (g**2).sum(1).mean()


def official_rae(e, d, x):
    h = e(x)
    (g,) = torch.autograd.grad((d(h) ** 2).sum(), h, create_graph=True)
    return (g**2).sum(1).mean()


def accel_brain(e, d, x):
    h = e(x)
    return d(h * (1 - h)).mean()


def lisa_printed(e, d, x):
    loss = -(x * torch.log(d(e(x))) + (1 - x) * torch.log(1 - d(e(x)))).sum(1).mean()
    return (loss + jacobian_penalty(e, x)) / 2


WITH_DECODER = {
    "3 lisa-lab, both losses in what is printed": (lisa_printed, nn.Sigmoid, ("wrong tensor",), "lisa-lab"),
    "12 pythae, sum-gradient of the reconstruction": (rae_gp, nn.Sigmoid, ("wrong tensor", "sum gradient"), "pythae"),
    "13 official RAE, gradient of squares": (
        official_rae,
        nn.Sigmoid,
        ("wrong tensor", "sum gradient"),
        "official RAE",
    ),
    "16 accel-brain, decoder of h(1-h)": (accel_brain, nn.Identity, ("wrong tensor",), "accel-brain"),
}


@pytest.mark.parametrize("entry", WITH_DECODER)
def test_an_entry_of_the_audit_with_a_decoder_is_recognised_by_name(entry):
    function, activation, kinds, known_as = WITH_DECODER[entry]
    d = decoder(activation)
    before = copy.deepcopy(d.state_dict())
    x = normal(12, D, seed=2).sigmoid()
    verdict = check_penalty(lambda e, x: function(e, d, x), encoder(nn.Tanh, nn.Sigmoid), x, decoder=d)
    assert verdict.kinds == kinds, str(verdict)
    assert known_as in verdict.known_as, str(verdict)
    assert all(torch.equal(before[name], tensor) for name, tensor in d.state_dict().items())


def test_the_mean_of_a_second_order_term_is_recognised():
    # 5 of the audit: pylearn2's HCAE takes the mean over all entries where the first-order term is a sum over them
    def hcae(e, x):
        return ((jacobians(e, x) - jacobians(e, x + 0.3 * torch.randn_like(x))) ** 2).mean()

    verdict = check_penalty(hcae, one_layer(), rows(), sigma=0.3, calls=100)
    assert verdict.kinds == ("second term of CAE+H", "mean over units"), str(verdict)
    assert verdict.factor_name == f"1/(k·d) = 1/{D * K}"
    assert "HCAE" in verdict.known_as


# Those whose gradient is written by hand: (value, gradients) of arrays.


def logistic(parameters, x):
    return 1 / (1 + np.exp(-(x @ parameters["encoder.0.weight"].T + parameters["encoder.0.bias"])))


def by_hand(parameters, x):
    """Value and gradient of the mean over rows, one sigmoid layer: right."""
    W, h = parameters["encoder.0.weight"], logistic(parameters, x)
    s, q = h * (1 - h), (W**2).sum(1)
    delta = 2 * s**2 * (1 - 2 * h) * q / len(x)
    gradient = {"encoder.0.weight": 2 * (s**2).mean(0)[:, None] * W + delta.T @ x, "encoder.0.bias": delta.sum(0)}
    return (s**2 @ q).mean(), gradient


def ynd(parameters, x):
    value, gradient = by_hand(parameters, x)
    return value * len(x), {name: g / 2 for name, g in gradient.items()}


def shogun(parameters, x):
    W, h = parameters["encoder.0.weight"], logistic(parameters, x)
    s = h * (1 - h)
    g = 2 * (s**2).mean(0)[:, None] * W + 2 * (s**2 * (1 - 2 * h)).mean(0)[:, None] * W**3
    return (s**2 @ (W**2).sum(1)).mean(), {"encoder.0.weight": g}


def without_bias(parameters, x):
    value, gradient = by_hand(parameters, x)
    return value, {"encoder.0.weight": gradient["encoder.0.weight"]}


def arrays(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    found = {}
    for i, (n, m) in enumerate(pairwise(sizes)):
        found[f"encoder.{i}.weight"] = rng.normal(size=(m, n)) / np.sqrt(n)
        found[f"encoder.{i}.bias"] = rng.normal(size=m)
    return found


BY_HAND = {
    "right": (by_hand, ("right",), "", ""),
    "1 ynd/cae.py, half the gradient of the mean": (
        ynd,
        ("gradient of another value", "constant factor"),
        "ynd/cae.py",
        "½ · 1/B times the value's own",
    ),
    "10 Shogun, w³": (shogun, ("gradient of another value",), "Shogun", "tiny weights do not show"),
    "no gradient of the biases": (
        without_bias,
        ("gradient of another value",),
        "",
        "gradient of the biases is missing",
    ),
    "the value alone": (lambda p, x: by_hand(p, x)[0], ("right",), "", ""),
}


@pytest.mark.parametrize("entry", BY_HAND)
def test_gradients_written_by_hand_are_judged_beside_the_value(entry):
    function, kinds, known_as, says = BY_HAND[entry]
    given = arrays(D, K)
    before = {name: value.copy() for name, value in given.items()}
    verdict = check_penalty(function, given, arrays_of(rows()), activations="sigmoid")
    assert verdict.kinds == kinds, str(verdict)
    assert known_as in verdict.known_as
    assert says in verdict.message
    assert all(np.array_equal(before[name], given[name]) for name in given)
    if entry == "the value alone":
        assert "no gradient was given: the values alone were judged" in verdict.notes


def test_shoguns_gradient_is_near_at_tiny_weights_only():
    verdict = check_penalty(shogun, arrays(D, K), arrays_of(rows()), activations="sigmoid")
    cosines = {row.scale: row.cosine for row in verdict.trials}
    assert cosines["0.01"] > 0.999999
    assert cosines["3"] < 0.9
    assert not verdict.is_right
    with pytest.raises(ValueError, match="tiny weights alone hide most mistakes"):
        check_penalty(shogun, arrays(D, K), arrays_of(rows()), activations="sigmoid", scales=(0.01,))


# Right ones.


def closed_form(e, x):
    h = e(x)
    return ((h * (1 - h)) ** 2 @ (e[0].weight ** 2).sum(1)).mean()


def closed_form_of_tanh(e, x):
    return ((1 - e(x) ** 2) ** 2 @ (e[0].weight ** 2).sum(1)).mean()


def jacrev_of_the_batch(e, x):
    J = torch.func.jacrev(lambda rows: e(rows).sum(0))(x)
    return (J**2).sum() / len(x)


def jacfwd(e, x):
    return (torch.func.vmap(torch.func.jacfwd(e))(x) ** 2).sum((1, 2)).mean()


def unit_by_unit(e, x):
    x, h = wrt_input(e, x)
    total = 0
    for j in range(h.shape[1]):
        (g,) = torch.autograd.grad(h[:, j].sum(), x, create_graph=True)
        total = total + (g**2).sum(1)
    return total


def functional(e, x):
    parameters = dict(e.named_parameters())

    def code(row):
        return torch.func.functional_call(e, parameters, (row,))

    J = torch.func.vmap(torch.func.jacrev(code))(x)
    return torch.linalg.matrix_norm(J).square().mean()


def gram(e, x):
    J = jacobians(e, x)
    return torch.einsum("nij,nij->n", J @ J.mT, torch.eye(J.shape[1]).to(J).expand(len(J), -1, -1)).mean()


def singular_values(e, x):
    return torch.linalg.svdvals(jacobians(e, x)).square().sum(1).mean()


def central_differences(e, x, step=1e-5):
    moves = step * torch.eye(x.shape[1]).to(x)
    return sum(((e(x + v) - e(x - v)) / (2 * step)).square().sum(1) for v in moves).mean()


def single_differences(e, x, step=1e-2):
    """As by an encoder of float32, whose rounding the small differences show."""
    parameters = {name: p.float() for name, p in e.named_parameters()}

    def code(x):
        return torch.func.functional_call(e, parameters, (x,))

    x, moves = x.float(), step * torch.eye(x.shape[1])
    return sum(((code(x + v) - code(x - v)) / (2 * step)).square().sum(1) for v in moves).mean()


def library_jacobian(e, x):
    J = torch.autograd.functional.jacobian(e, x)
    return J.square().sum() / len(x)


def along_random_directions(e, x, step=1e-4):
    return ((e(x + step * torch.randn_like(x)) - e(x)) / step).square().sum(1).mean()


def hutchinson(e, x, probes=1):
    x, h = wrt_input(e, x)
    total = 0
    for _ in range(probes):
        v = torch.randn_like(h)
        (g,) = torch.autograd.grad(h, x, v, create_graph=True)
        total = total + (g**2).sum(1).mean() / probes
    return total


DEEP = (nn.Tanh, nn.Sigmoid)
SOUND = {
    "one layer in closed form": (closed_form, (nn.Sigmoid,), "right"),
    "one layer of tanh in closed form": (closed_form_of_tanh, (nn.Tanh,), "right"),
    "vmap of jacrev": (lambda e, x: (jacobians(e, x) ** 2).sum((1, 2)).mean(), DEEP, "right"),
    "jacrev of the sum over rows": (jacrev_of_the_batch, DEEP, "right"),
    "jacfwd": (jacfwd, (nn.SiLU, nn.ReLU), "right"),
    "a gradient a unit, one value a row": (unit_by_unit, DEEP, "right"),
    "contractive.torch": (jacobian_penalty, (nn.GELU, nn.ELU, nn.Identity), "right"),
    "contractive.torch, sum": (lambda e, x: jacobian_penalty(e, x, reduction="sum"), DEEP, "constant factor"),
    "mean over entries": (lambda e, x: (jacobians(e, x) ** 2).mean(), DEEP, "mean over units"),
    "half": (lambda e, x: 0.5 * (jacobians(e, x) ** 2).sum((1, 2)).mean(), DEEP, "constant factor"),
    "a λ of its own": (lambda e, x: 1e-4 * jacobian_penalty(e, x), DEEP, "constant factor"),
    "functional_call and matrix_norm": (functional, (nn.ReLU, nn.ReLU), "right"),
    "trace of the Gram matrix": (gram, DEEP, "right"),
    "singular values": (singular_values, (nn.Softplus, nn.Tanh), "right"),
    "double precision inside": (lambda e, x: jacobian_penalty(e.double(), x.double()), DEEP, "right"),
    "autograd.functional.jacobian": (
        lambda e, x: (
            torch.autograd.functional.jacobian(lambda x: e(x).sum(0), x, create_graph=True).square().sum() / len(x)
        ),
        DEEP,
        "right",
    ),
    "central differences": (central_differences, DEEP, "right"),
    "differences along random directions": (along_random_directions, DEEP, "unbiased estimate"),
    "one probe": (hutchinson, DEEP, "unbiased estimate"),
    "many probes": (lambda e, x: hutchinson(e, x, 8), DEEP, "unbiased estimate"),
}


@pytest.mark.parametrize("variant", SOUND)
def test_a_right_implementation_is_not_accused(variant):
    function, activations, kind = SOUND[variant]
    e = encoder(*activations, sizes=(D, 4, 3, K)[3 - len(activations) :] if len(activations) > 1 else (D, K))
    verdict = check_penalty(function, e, normal(12, e[0].in_features))
    assert verdict.kinds == (kind,), str(verdict)
    assert verdict.is_right


@pytest.mark.parametrize(
    ("function", "name", "factor"),
    [
        (lambda e, x: 0.5 * jacobian_penalty(e, x), "½", 0.5),
        (lambda e, x: jacobian_penalty(e, x) / D, f"1/d = 1/{D}", 1 / D),
        (lambda e, x: (jacobians(e, x) ** 2).mean(), f"1/(k·d) = 1/{D * K}", 1 / (D * K)),
        (lambda e, x: jacobian_penalty(e, x) / len(x), "1/B", 1.0),
        (lambda e, x: jacobian_penalty(e, x, reduction="sum"), "B", 1.0),
        (lambda e, x: -jacobian_penalty(e, x), "−1", -1.0),
        (lambda e, x: 1.3e-4 * jacobian_penalty(e, x), "0.00013", 1.3e-4),
    ],
)
def test_a_constant_factor_is_named(function, name, factor):
    verdict = check_penalty(function, encoder(*DEEP), rows())
    assert verdict.factor_name == name, str(verdict)
    assert verdict.factor == pytest.approx(factor, rel=1e-6)
    assert verdict.is_right == (factor > 0)


def test_the_users_λ_is_divided_out():
    assert (
        check_penalty(lambda e, x: 1e-4 * jacobian_penalty(e, x), encoder(*DEEP), rows(), contraction=1e-4).kind
        == "right"
    )


OTHERS = {
    "a root at a row without slopes": (unsquared, (nn.ReLU, nn.ReLU), ("not squared", "not finite")),
    "a value that is none": (lambda e, x: jacobian_penalty(e, x) * torch.nan, DEEP, ("not finite",)),
    "slopes held": (
        lambda e, x: ((e(x) * (1 - e(x))).detach() ** 2 @ (e[0].weight ** 2).sum(1)).mean(),
        (nn.Sigmoid,),
        ("slopes held constant",),
    ),
    "layer by layer": (layerwise_penalty, DEEP, ("layerwise sum",)),
    "large steps": (lambda e, x: central_differences(e, x, 0.3), DEEP, ("finite-difference noise",)),
    "single precision": (single_differences, DEEP, ("finite-difference noise",)),
    "jacobian without create_graph": (library_jacobian, DEEP, ("inert",)),
    "plain number": (lambda e, x: float(jacobian_penalty(e, x)), DEEP, ("inert",)),
    "nothing known": (
        lambda e, x: (jacobians(e, x) ** 4).sum((1, 2)).mean(),
        DEEP,
        ("differs in none of the known ways",),
    ),
    "weights alone": (lambda e, x: e[0].weight.abs().max(), DEEP, ("wrong tensor",)),
    "rows alone": (lambda e, x: x.square().mean(), DEEP, ("inert", "wrong tensor")),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_mistakes_have_names_too(case):
    function, activations, kinds = OTHERS[case]
    verdict = check_penalty(
        function, encoder(*activations, sizes=(D, K) if len(activations) == 1 else (D, 4, K)), rows()
    )
    assert verdict.kinds == kinds, str(verdict)
    assert set(kinds) <= set(KINDS)


# What is left as it was, and what is reached in spite of closures.


def test_the_users_module_and_generators_are_left_as_they_were():
    e = encoder(nn.ReLU, nn.Sigmoid)
    e.insert(1, nn.BatchNorm1d(4))
    e.train()
    e[0].eval()
    e[0].bias.requires_grad_(False)
    e(rows()).sum().backward()
    e(rows())
    state = copy.deepcopy(e.state_dict())
    grads = {name: None if p.grad is None else (p.grad, p.grad.clone()) for name, p in e.named_parameters()}
    modes = [m.training for m in e.modules()]
    places = [p.data_ptr() for p in e.parameters()]
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()

    def careless(_, x):
        """Works on the user's own module, and leaves it in another state."""
        e.train()
        np.random.rand()
        h = e(x + 0 * torch.randn_like(x))
        h.sum().backward(retain_graph=True)
        e.eval()
        return h.square().mean()

    check_penalty(careless, e, rows())
    assert all(torch.equal(state[name], tensor) for name, tensor in e.state_dict().items())
    for name, p in e.named_parameters():
        assert p.dtype == torch.float32
        if grads[name] is None:
            assert p.grad is None
        else:
            assert p.grad is grads[name][0]
            assert torch.equal(p.grad, grads[name][1])
    assert [m.training for m in e.modules()] == modes
    assert [p.data_ptr() for p in e.parameters()] == places
    assert not e[0].bias.requires_grad
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)


def test_a_function_that_raises_leaves_the_module_as_it_was():
    e = encoder(*DEEP)
    state = copy.deepcopy(e.state_dict())
    calls = []

    def failing(_, x):
        calls.append(1)
        if len(calls) > 30:  # after the copies, in place
            raise ArithmeticError("thirty were enough")
        return e(x).square().mean()

    with pytest.raises((ArithmeticError, TypeError), match="thirty were enough"):
        check_penalty(failing, e, rows())
    assert all(torch.equal(state[name], tensor) for name, tensor in e.state_dict().items())


class Model(nn.Module):
    """An encoder whose activations are functions, as many write it."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.fc1, self.fc2 = nn.Linear(D, 4), nn.Linear(4, K)

    def forward(self, x):
        return torch.sigmoid(self.fc2(F.relu(self.fc1(x))))


def test_a_closure_is_judged_on_the_module_that_it_closes_over():
    e = Model()
    right = check_penalty(lambda _, x: jacobian_penalty(e, x), e, rows())
    assert right.kind == "right", str(right)
    assert "closes over (wrong tensor" in right.notes[0]
    W = e.fc2.weight  # a parameter taken out before: it follows the user's module, not a copy
    last = check_penalty(lambda e, x: ((e(x) * (1 - e(x))) ** 2 @ (W.to(x) ** 2).sum(1)).mean(), e, rows())
    assert last.kinds == ("last layer only",), str(last)


def test_layers_are_found_in_a_module_of_any_shape():
    e = Model()
    assert check_penalty(jacobian_penalty, e, rows()).kind == "right"
    held = check_penalty(
        lambda e, x: ((e(x) * (1 - e(x))) ** 2 @ (e.fc2.weight.detach() ** 2).sum(1)).mean(), e, rows()
    )
    assert held.kinds == ("last layer only", "W held constant"), str(held)


def test_the_last_dense_layer_after_convolutions_and_normalisation():
    torch.manual_seed(0)
    e = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 4 * 4, K), nn.Sigmoid()
    )
    x = normal(9, 1, 6, 6)
    verdict = check_penalty(last_of_several, e, x)
    assert verdict.kinds == ("last layer only",), str(verdict)
    assert any("BatchNorm in training mode makes rows depend on each other" in note for note in verdict.notes)
    assert {row.mode for row in verdict.trials} == {"eval"}
    assert check_penalty(jacobian_penalty, e, x).kind == "right"
    assert check_penalty(ruta, e, x).kinds == ("sum gradient",)


def test_a_normalisation_without_statistics_cannot_be_judged():
    e = nn.Sequential(nn.Linear(D, K), nn.BatchNorm1d(K, track_running_stats=False), nn.Sigmoid())
    verdict = check_penalty(lambda e, x: e(x).mean(), e, rows())
    assert verdict.kind == "cannot be judged"
    assert "BatchNorm" in verdict.message or "depend" in verdict.message


def test_dropout_is_judged_in_eval_mode():
    e = nn.Sequential(nn.Linear(D, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, K), nn.Sigmoid())
    verdict = check_penalty(lambda e, x: (jacobians(e, x) ** 2).sum((1, 2)).mean(), e, rows())
    assert verdict.kind == "right", str(verdict)
    assert any("Dropout" in note for note in verdict.notes)


def test_a_function_of_single_precision_is_judged_there():
    def mixed(e, x):
        return jacobians(e, x @ torch.eye(D)).square().sum((1, 2)).mean()

    verdict = check_penalty(mixed, encoder(*DEEP), rows())
    assert verdict.kind == "right"
    assert any("judged in float32" in note for note in verdict.notes)


def test_a_function_that_differentiates_the_rows_it_is_given():
    def given(e, x):
        h = e(x)
        (g,) = torch.autograd.grad(h, x, torch.ones_like(h), create_graph=True)
        return (g**2).sum(1)

    assert check_penalty(given, encoder(*DEEP), rows()).kinds == ("sum gradient",)


def test_the_sum_gradient_vanishes_for_mirrored_units():
    verdict = check_penalty(ruta, encoder(nn.Tanh, sizes=(D, 4)), rows())
    mirrored = next(row for row in verdict.trials if row.scale == "mirrored")
    assert mirrored.exact > 0.1
    assert abs(mirrored.ratio) < 1e-20


def test_every_kind_has_words_and_a_line_in_the_documents():
    page = (Path(__file__).parents[3] / "docs" / "check-penalty.md").read_text()
    lines = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| `")]
    assert sorted(lines) == sorted(f"`{kind}`" for kind in KINDS)
    assert set(SAYS) == set(KINDS)


def test_what_holds_for_one_activation_alone_is_said():
    verdict = check_penalty(closed_form, one_layer(), rows())
    assert verdict.kind == "right"
    assert any("for the encoder's own activation alone" in note and "ReLU" in note for note in verdict.notes)
    general = check_penalty(jacobian_penalty, one_layer(), rows())
    assert not general.notes


def test_a_verdict_reads_as_a_report():
    told = str(check_penalty(avijit, one_layer(nn.ReLU), rows()))
    assert "h(1 − h) is φ′ of the sigmoid alone" in told
    assert "known as   avijit9" in told
    assert "instead    contractive.torch.jacobian_penalty(encoder, x)" in told
    head = next(line for line in told.splitlines() if line.startswith("weights"))
    assert head.split("  ")[0] == "weights"
    assert "gradient cosine" in head
    assert max(map(len, told.splitlines()[-12:])) < 110


REFUSED = {
    "no penalty": (lambda e, x: jacobians(e, x), {}, ValueError, "a scalar or a value for each"),
    "raises": (lambda e, x: e.nothing(x), {}, TypeError, "has no attribute"),
    "contraction": (closed_form, {"contraction": 0.0}, ValueError, "`contraction`"),
    "scales": (closed_form, {"scales": (0.01, 0.1)}, ValueError, "`scales`"),
    "sigma": (closed_form, {"sigma": -1.0}, ValueError, "`sigma`"),
    "calls": (closed_form, {"calls": 3}, ValueError, "`calls`"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_judged_is_refused_with_the_reason(case):
    function, settings, error, words = REFUSED[case]
    with pytest.raises((error, TypeError), match=words):
        check_penalty(function, one_layer(), rows(), **settings)


def test_encoders_and_rows_of_other_kinds_are_refused():
    with pytest.raises(TypeError, match="got str"):
        check_penalty(closed_form, "encoder", rows())
    with pytest.raises(ValueError, match="`activations` must name"):
        check_penalty(by_hand, arrays(D, K), arrays_of(rows()))
    with pytest.raises(ValueError, match=r"encoder\.0\.weight must have the shape \(out, 4\)"):
        check_penalty(by_hand, arrays(D, K), np.ones((3, 4)), activations="sigmoid")
    with pytest.raises(ValueError, match="finite"):
        check_penalty(closed_form, one_layer(), torch.full((3, D), torch.nan))
    with pytest.raises(TypeError, match="`decoder`"):
        check_penalty(by_hand, arrays(D, K), arrays_of(rows()), activations="sigmoid", decoder=decoder())


# The formulas themselves: two libraries of arrays, and the core.


@pytest.mark.parametrize("name", chains.VALUES)
def test_the_tape_agrees_with_the_core(name):
    parameters, x = arrays(D, 4, K, seed=4), arrays_of(rows(5))
    at = chains.point(parameters, [name, name], x)
    value = at.exact.mean()
    told = contractive.objective(
        {**parameters, "decoder.0.weight": np.zeros((D, K)), "decoder.0.bias": np.zeros(D)},
        x,
        {"activations": name, "contraction": 1.0, "loss": "sse"},
    )
    zero = contractive.objective(
        {**parameters, "decoder.0.weight": np.zeros((D, K)), "decoder.0.bias": np.zeros(D)},
        x,
        {"activations": name, "contraction": 0.0, "loss": "sse"},
    )
    assert float(value) == pytest.approx(told["penalty"], rel=1e-12)
    for tensor, g in at.differentiate(value).items():
        np.testing.assert_allclose(g, told["gradient"][tensor] - zero["gradient"][tensor], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda f: f.name)
def test_a_formula_is_the_same_in_both_libraries_of_arrays(formula):
    from contractive.verify.frameworks.tracing import point_of

    e = encoder(nn.Tanh, nn.Sigmoid).double()
    tensors = {"encoder.0": e[0], "encoder.1": e[2]}
    parameters = {
        f"{name}.{part}": getattr(m, part).detach().cpu().numpy()
        for name, m in tensors.items()
        for part in ("weight", "bias")
    }
    x = rows(5).double()
    one = point_of(e, x, {name: p.detach().cpu().numpy() for name, p in e.named_parameters()})
    other = chains.point(parameters, ["tanh", "sigmoid"], arrays_of(x))
    assert one.is_chain
    for held in formula.holds():
        a, b = formula.value(one, held), formula.value(other, held)
        if a is None:
            assert b is None
            continue
        assert float(a.detach()) == pytest.approx(float(b), rel=1e-9, nan_ok=True)
        if np.isfinite(float(b)):
            for g, h in zip(one.differentiate(a).values(), other.differentiate(b).values(), strict=True):
                np.testing.assert_allclose(g.detach().cpu().numpy(), getattr(h, "value", h), rtol=1e-7, atol=1e-10)


def test_the_tape_differentiates_each_operation():
    rng = np.random.default_rng(0)
    A, B, c = rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 2)), rng.uniform(0.5, 1, size=3)

    def of(a, b, c):
        z = (a @ b).abs().sqrt() * c.unsqueeze(1) - 0.5 * (a.mT.mean(1) @ c.detach().unsqueeze(1)).mean() / 3.0
        return (tape.erf(z) + tape.softplus(z) + (1 - tape.tanh(-z))).square().sum((1, 2)).sqrt().sum()

    leaves = [tape.Variable(v) for v in (A, B, c)]
    found = tape.gradients(of(*leaves), leaves)
    held = tape.Variable(c)
    for i, (value, g) in enumerate(zip((A, B, c), found, strict=True)):
        step = 1e-6 * rng.normal(size=value.shape)

        def moved(sign, i=i, step=step):
            values = [v + sign * step if j == i else v for j, v in enumerate((A, B, c))]
            variables = [tape.Variable(v) for v in values]
            if i == 2:  # what is detached does not move
                variables[2] = Moving(values[2], held)
            return float(of(*variables))

        assert (moved(1) - moved(-1)) / 2 == pytest.approx(float((g * step).sum()), rel=1e-6)


class Moving(tape.Variable):
    """A variable whose detached copy stays where it was."""

    def __init__(self, value, held):
        super().__init__(value)
        self.held = held

    def detach(self):
        return self.held


# Keras, on each backend in a process of its own.

KERAS = """
import numpy as np, keras
from keras import layers, ops
from contractive import check_penalty

keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(10, 6)).astype("float32")


def model(*layers_of_it):
    return keras.Sequential([keras.Input((6,)), *layers_of_it])


def closed_form(m, x):
    h, W = m(x), ops.convert_to_tensor(m.layers[-1].kernel)
    return ops.mean(ops.sum((h * (1 - h)) ** 2 * ops.sum(W**2, 0), 1))


def article(m, x):
    h, W = m(x), ops.stop_gradient(ops.convert_to_tensor(m.layers[-1].kernel))
    return ops.mean(ops.sum((h * (1 - h)) ** 2 * ops.sum(W**2, 0), 1))


class Hipsternet:
    def __init__(self, m):
        self.W = keras.Variable(m.layers[-1].get_weights()[0])

    def __call__(self, m, x):
        h = m(x)
        return ops.sum((h * (1 - h)) ** 2 * ops.sum(ops.cast(self.W, h.dtype) ** 2, 0), 1)


sigmoid = model(layers.Dense(4, activation="sigmoid"))
deep = model(layers.Dense(5, activation="relu"), layers.Dense(4), layers.Activation("relu"))
before = [w.copy() for w in sigmoid.get_weights()]
cases = [
    (closed_form, sigmoid, ("right",)),
    (lambda m, x: 0.5 * closed_form(m, x), sigmoid, ("constant factor",)),
    (Hipsternet(sigmoid), sigmoid, ("stale copy of W",)),
    (lambda _, x: closed_form(sigmoid, x), sigmoid, ("right",)),
    (lambda m, x: ops.mean(m(x) ** 2), deep, ("wrong tensor",)),
    (article, model(layers.Dense(5, activation="relu"), layers.Dense(4, activation="relu")),
     ("last layer only", "h(1-h) with another activation", "W held constant")),
]
for function, encoder, kinds in cases:
    verdict = check_penalty(function, encoder, x)
    assert verdict.kinds == kinds, str(verdict)
assert all(np.array_equal(a, b) for a, b in zip(before, sigmoid.get_weights()))
inputs = keras.Input((6,))
chain = keras.Model(inputs, layers.Dense(3, activation="tanh", use_bias=False)(layers.Dense(4, activation="gelu")(inputs)))
verdict = check_penalty(lambda m, x: ops.mean(m(x)), chain, x)
assert verdict.kinds == ("wrong tensor",), str(verdict)
branch = layers.Dense(4)(inputs)
for refused, words in (
    (keras.Model(inputs, branch + layers.Dense(4)(inputs)), "chain"),
    (model(layers.Dense(2, activation="selu")), "selu"),
):
    try:
        check_penalty(closed_form, refused, x)
    except TypeError as error:
        assert words in str(error), error
    else:
        raise AssertionError(words)
print("judged")
"""


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
def test_keras_models_are_judged_on_each_backend(backend):
    pytest.importorskip("keras")
    pytest.importorskip(backend)
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KERAS)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.endswith("judged\n")


def test_neither_framework_is_imported_for_arrays():
    program = """
import sys
import numpy as np
from contractive import check_penalty
encoder = {"encoder.0.weight": np.eye(3), "encoder.0.bias": np.zeros(3)}
print(check_penalty(lambda p, x: (p["encoder.0.weight"] ** 2).sum(), encoder, np.ones((4, 3)), activations="identity").kind)
assert "torch" not in sys.modules and "keras" not in sys.modules
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout == "right\n", done.stderr
