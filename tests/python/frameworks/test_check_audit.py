"""contractive.check_penalty: every entry of the audit is recognised by name."""

import copy

import numpy as np
import pytest
import torch
from contractive import check_penalty
from penalty_formulas import (
    Hipsternet,
    accel_brain,
    avijit,
    avijit_attached,
    by_hand,
    caglar,
    forum,
    forum_without_graph,
    jacobians,
    khdave,
    last_of_several,
    lisa_floor,
    lisa_printed,
    mean_of_jacobian,
    mean_square_of_code,
    official_rae,
    product_of_weights,
    rae_gp,
    ruta,
    shogun,
    summed_then_squared,
    unsquared,
    unsquared_of_batch,
    without_bias,
    ynd,
    zscore_mean,
)
from small_encoders import D, K, arrays, arrays_of, decoder, encoder, normal, one_layer, rows
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")

# The audit (docs/check-penalty.md), PyTorch: a formula, an encoder for it, the kinds, and words of `known_as`.


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
