"""contractive.check_penalty: modules of any shape, left as they were, and what is told of them."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from contractive import check_penalty
from contractive.torch import jacobian_penalty
from contractive.verify import KINDS
from contractive.verify.wording import SAYS
from penalty_formulas import avijit, by_hand, closed_form, jacobians, last_of_several, ruta
from small_encoders import DEEP, D, K, arrays, arrays_of, decoder, encoder, normal, one_layer, rows
from torch import nn
from torch.nn import functional as F

pytestmark = pytest.mark.usefixtures("one_thread")


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
    "no return": (lambda e, x: None, {}, TypeError, "got NoneType: its `return` may be missing"),
    "two values": (lambda e, x: (closed_form(e, x), e(x)), {}, TypeError, "got tuple"),
    "losses by name": (lambda e, x: {"penalty": closed_form(e, x)}, {}, TypeError, "got dict"),
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


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_module_that_cannot_be_copied_is_refused_by_that():
    e = one_layer()
    nn.utils.weight_norm(e[0])
    e(rows())
    with pytest.raises(TypeError, match=r"`encoder` must be a module that copy\.deepcopy copies.*parametrizations"):
        check_penalty(jacobian_penalty, e, rows())
