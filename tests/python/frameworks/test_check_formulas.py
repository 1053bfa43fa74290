"""The formulas that contractive.check_penalty compares with: two libraries of arrays, and the core."""

import contractive
import numpy as np
import pytest
from contractive.verify import chains, tape
from contractive.verify.candidates import FORMULAS
from small_encoders import D, K, arrays, arrays_of, encoder, rows
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")


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
