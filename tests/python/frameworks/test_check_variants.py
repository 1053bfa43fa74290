"""contractive.check_penalty: no right implementation is accused, and other mistakes have names too."""

import pytest
import torch
from contractive import check_penalty
from contractive.torch import jacobian_penalty
from contractive.torch import layerwise as layerwise_penalty
from contractive.verify import KINDS
from penalty_formulas import (
    along_random_directions,
    central_differences,
    closed_form,
    closed_form_of_tanh,
    functional,
    gram,
    hutchinson,
    jacfwd,
    jacobians,
    jacrev_of_the_batch,
    library_jacobian,
    single_differences,
    singular_values,
    unit_by_unit,
    unsquared,
)
from small_encoders import DEEP, D, K, encoder, normal, rows
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")


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
