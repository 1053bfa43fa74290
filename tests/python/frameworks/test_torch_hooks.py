"""contractive.torch where a layer's weight is made at each call, hooks stand on modules, or PyTorch is in another mode."""

import copy

import pytest
import torch
from brute_force import assert_same, dense, gradients, squared_norms
from contractive.torch import ContractiveLoss, Objective, PenaltyError, hessian, jacobian_penalty
from modules import Attention, Joined, Written, rows
from torch import nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm


def wrapped(wrap):
    torch.manual_seed(0)
    layers = wrap(nn.Linear(6, 5)), nn.Tanh(), wrap(nn.Linear(5, 3)), nn.Sigmoid()
    return nn.Sequential(*layers).to(torch.float64)


def pruned(layer):
    return prune.l1_unstructured(layer, "weight", amount=0.5)


WRAPPED = {
    "weight_norm, by hooks": weight_norm,
    "spectral_norm, by hooks": spectral_norm,
    "pruning": pruned,
    "weight_norm": parametrizations.weight_norm,
    "spectral_norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
}


@pytest.mark.parametrize("name", WRAPPED)
@pytest.mark.parametrize("is_training", [False, True])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_weight_is_that_of_this_call(name, is_training):
    encoder, x = wrapped(WRAPPED[name]).train(is_training), rows(7, 6)
    encoder(x)
    with torch.no_grad():
        for p in encoder.parameters():
            p.mul_(1.7)
    before = copy.deepcopy(encoder.state_dict())
    found, code = jacobian_penalty(encoder, x, reduction="none", return_code=True)
    ours = gradients(found.sum(), encoder)
    after = copy.deepcopy(encoder.state_dict())
    encoder.load_state_dict(before)
    expected = squared_norms(encoder, x)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)
    for g, h in zip(ours, gradients(expected.sum(), encoder), strict=True):
        torch.testing.assert_close(g, h, rtol=1e-9, atol=1e-9)
    for key, buffer in encoder.state_dict().items():
        torch.testing.assert_close(after[key], buffer, rtol=1e-12, atol=0, msg=f"{key}: the call counts once")
    encoder.load_state_dict(before)
    torch.testing.assert_close(code, encoder(x), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", WRAPPED)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_such_an_encoder_trains(name):
    encoder, x = wrapped(WRAPPED[name]), rows(7, 6)
    descent = torch.optim.SGD(encoder.parameters(), 0.05)
    values = []
    for _ in range(10):
        descent.zero_grad()
        penalty = jacobian_penalty(encoder, x)
        penalty.backward()
        descent.step()
        values.append(penalty.item())
    assert values[-1] < values[0]


def test_a_parametrised_layer_may_be_looked_at():
    encoder, x, seen = wrapped(parametrizations.spectral_norm).train(), rows(4, 6), []
    encoder[0].register_forward_hook(lambda *_: seen.append(1))
    same = copy.deepcopy(encoder)
    found = jacobian_penalty(encoder, x).item()
    assert seen
    assert found == pytest.approx(squared_norms(same, x).mean().item(), rel=1e-9)


class Thrice(nn.Sequential):
    def __call__(self, x):
        return 3 * super().__call__(x)


def test_hooks_and_calls_of_a_whole_sequential_are_seen():
    x = rows(4, 6)
    for register in ("register_forward_hook", "register_forward_pre_hook"):
        inner = dense((6, 5, 3), nn.Tanh)
        getattr(inner, register)(lambda *given: 2 * given[-1][0] if len(given) == 2 else 2 * given[-1])
        for encoder in (inner, nn.Sequential(inner, nn.Linear(3, 2, dtype=torch.float64))):
            assert_same(encoder, x, jacobian_penalty(encoder, x, reduction="none"))
    encoder = Thrice(*dense((6, 3), nn.Tanh))
    assert_same(encoder, x, jacobian_penalty(encoder, x, reduction="none"))


def test_hooks_of_all_modules_are_seen():
    def doubles(module, _, output):
        return 2 * output if isinstance(module, nn.Linear) else None

    encoder, x, seen = dense((6, 5, 3), nn.Tanh), rows(4, 6), []
    hook = nn.modules.module.register_module_forward_hook(doubles)
    try:
        with pytest.raises(PenaltyError, match="no hook that changes"):
            jacobian_penalty(encoder, x)
    finally:
        hook.remove()
    hook = nn.modules.module.register_module_forward_hook(lambda *_: seen.append(1))
    try:
        assert_same(encoder, x, jacobian_penalty(encoder, x, reduction="none"))
    finally:
        hook.remove()
    assert seen


def test_rows_may_be_flattened_away_and_come_back():
    encoder = nn.Sequential(nn.Flatten(0), nn.Tanh(), nn.Unflatten(0, (-1, 6)), nn.Linear(6, 3, dtype=torch.float64))
    x = rows(4, 6)
    assert_same(encoder, x, jacobian_penalty(encoder, x, reduction="none"))


ENCODERS = {"dense": lambda: dense((12, 5, 3), nn.Tanh), "written": Written, "joined": Joined, "attention": Attention}


class Autoencoder(nn.Module):
    def __init__(self, encoder, k):
        super().__init__()
        self.encoder, self.decoder = encoder, nn.Linear(k, 12, dtype=torch.float64)


@pytest.mark.parametrize("name", ENCODERS)
def test_in_inference_mode_values_are_the_same(name):
    # in which Lightning validates
    encoder, x = ENCODERS[name](), rows(5, 12)
    objective = Objective(Autoencoder(encoder, encoder(x).shape[1]), ContractiveLoss("mse", contraction=0.1))
    draws = 0.1 * rows(2, 5, 12)
    ways = {
        "penalty": lambda x: jacobian_penalty(encoder, x),
        "in chunks": lambda x: jacobian_penalty(encoder, x, chunk_rows=2),
        "hessian": lambda x: hessian(encoder, x, draws=draws),
        "objective": objective,
    }
    for way, value in ways.items():
        expected = value(x)
        with torch.inference_mode():
            for given in (x, x.clone()):
                found = value(given)
                torch.testing.assert_close(found.clone(), expected.detach(), rtol=1e-12, atol=0, msg=way)
                assert not found.requires_grad


@pytest.mark.parametrize("sizes", [(6, 3), (40, 12, 8, 3), (8, 40, 9, 3), (2, 20, 15, 30)])
def test_gradients_of_each_row_by_vmap(sizes):
    encoder, x = dense(sizes, nn.Tanh), rows(4, sizes[0])

    class Penalty(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = encoder

        def forward(self, x):
            return jacobian_penalty(self.encoder, x)

    penalty = Penalty()

    def value(parameters, row):
        return torch.func.functional_call(penalty, parameters, (row[None],))

    parameters = {name: p.detach() for name, p in penalty.named_parameters()}
    found = torch.func.vmap(torch.func.grad(value), (None, 0))(parameters, x)
    for i in range(len(x)):
        for g, expected in zip(
            found.values(), gradients(squared_norms(encoder, x[i : i + 1])[0], encoder), strict=True
        ):
            torch.testing.assert_close(g[i], expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["written", "joined"])
def test_encoders_written_as_classes_compile(name):
    torch._dynamo.reset()
    encoder = ENCODERS[name]()
    step = torch.compile(lambda x: jacobian_penalty(encoder, x), backend="aot_eager")
    for n in (5, 8):
        x = rows(n, 12)
        expected, found = squared_norms(encoder, x).mean(), step(x)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)
        for g, h in zip(gradients(found, encoder), gradients(expected, encoder), strict=True):
            torch.testing.assert_close(g, h, rtol=1e-9, atol=1e-12)


def test_what_is_no_module_or_no_rows_is_told():
    with pytest.raises(TypeError, match=r"got list; of layers in a list make nn\.Sequential"):
        jacobian_penalty([nn.Linear(6, 3)], rows(2, 6))
    with pytest.raises(PenaltyError, match=r"got torch\.int64 of shape \(2, 6\)"):
        jacobian_penalty(nn.Linear(6, 3), torch.ones(2, 6, dtype=torch.int64))
