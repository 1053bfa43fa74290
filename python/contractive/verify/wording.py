"""Findings in words: what each kind of mistake is, who publishes it, and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence

from .candidates import (
    CONSTANT,
    DIFFERENCES,
    HELD,
    INERT,
    LAST_LAYER,
    LAYERWISE,
    LOGISTIC,
    MEAN,
    NOT_FINITE,
    NOT_SQUARED,
    OTHER_GRADIENT,
    RIGHT,
    SECOND_ORDER,
    SLOPES_HELD,
    STALE,
    SUM_GRADIENT,
    SUMMED_FIRST,
    UNBIASED,
    UNDECIDED,
    UNKNOWN,
    WRONG_TENSOR,
)
from .judging import Finding

SAYS = {
    RIGHT: "value and gradient are those of ‖∂h/∂x‖²_F, mean over rows",
    UNBIASED: "it draws random numbers, and its mean is ‖∂h/∂x‖²_F within what the calls can tell",
    CONSTANT: "value and gradient are those of ‖∂h/∂x‖²_F times a constant; λ means something else by that factor",
    MEAN: "a mean over code units stands where the definition has their sum: λ means something else by that factor",
    NOT_SQUARED: "the Jacobian's entries or norm are not squared: another definition, with another gradient",
    LAST_LAYER: "only the last layer is seen, where the Jacobian of the encoder is the product of all",
    LAYERWISE: "it is the sum over layers of each layer's own Jacobian, the penalty of deep contractive networks: a "
    "definition of its own, and not ‖∂h/∂x‖²_F",
    LOGISTIC: "h(1 − h) is φ′ of the sigmoid alone, and the encoder has another activation",
    HELD: "the weights are constants to the gradient, which can lower the value by saturating units alone",
    SLOPES_HELD: "the slopes φ′ are constants to the gradient: the path through φ″ is missing",
    STALE: "the weights in it are a copy made before and do not follow the encoder",
    SUM_GRADIENT: "outputs are summed before they are differentiated: ‖Jᵀ1‖², which is 0 for units in pairs (w, −w)",
    SUMMED_FIRST: "entries of the Jacobian are summed and then squared: positive and negative ones cancel",
    DIFFERENCES: "finite differences stand for derivatives, and are seen in the result",
    SECOND_ORDER: "it has the second term of CAE+H in it",
    WRONG_TENSOR: "it is made of something else than the Jacobian of the encoder",
    INERT: "nothing of it reaches the encoder's weights",
    OTHER_GRADIENT: "value and gradient are not of one function",
    NOT_FINITE: "it gives infinities or no numbers at all",
    UNKNOWN: "neither value nor gradient is that of a formula that we know",
    UNDECIDED: "no Jacobian row by row is defined here",
}

# Who publishes code of this kind, from the audit in docs/check-penalty.md: the first whose kinds are all there.
KNOWN_AS: tuple[tuple[frozenset[str], str], ...] = (
    (
        frozenset({LOGISTIC, HELD}),
        "avijit9/Contractive_Autoencoder_in_Pytorch (relu, h * (1 - h), W out of state_dict()) and its copies",
    ),
    (
        frozenset({STALE}),
        "wiseodd/hipsternet and the Keras post made of it, hugochan/KATE: K.variable(value=get_weights()[0])",
    ),
    (frozenset({LOGISTIC}), "copies of wiseodd/hipsternet's dh = h * (1 - h) on ReLU, tanh and convolutions"),
    (
        frozenset({LAST_LAYER}),
        "dh**2 * sum(W**2) of the last Dense, after convolutions or other layers, in many repositories",
    ),
    (frozenset({HELD}), "code that reads W out of the layer: Variable(W), state_dict(), get_weights()"),
    (
        frozenset({SUM_GRADIENT}),
        "fdavidcl/ruta (k_gradients), PyTorch forum 12124 (y.backward(ones)), manupillai308 (tf.gradients(codings, X))",
    ),
    (frozenset({SUMMED_FIRST}), "caglar/autoencoders (sqr(W.sum(axis=0))); pylearn2 before its pull request 142"),
    (
        frozenset({NOT_SQUARED}),
        "sqrt(sum(square(J))) in several repositories; the mean of J in pylearn2 before pull request 90",
    ),
    (frozenset({MEAN}), "pylearn2's HCAE takes such a mean of its second term"),
    (frozenset({LAYERWISE}), "Gu and Rigazio 2014 (deep contractive network); Shogun's deep networks"),
)
_BY_FORMULA = {
    "Σ h²": "DeepContractiveAEforRansomwareDetection (mean of h²)",
    "√(‖W_L⋯W_1‖²_F, no slopes)": "AlexPasqua/Autoencoders (norm of chain_matmul of the weights)",
    "‖(∂x̂/∂x)ᵀ1‖²": "pythae's RAE-GP (inputs=x, grad_outputs=ones of the reconstruction)",
    "‖∂(Σ x̂²)/∂h‖²": "the official RAE (gradients of the squared reconstruction in the embedding)",
    "Σ g(h(1 − h)), no weights of the encoder": "accel-brain-code, contractive_cae (decoder(h(1 − h)) added)",
}
_BY_WORDS = (
    ("‖W_j‖² is replaced by W_ji³", "Shogun's NeuralLogisticLayer"),
    ("cut to a whole number", "lisa-lab/DeepLearningTutorials, cA.py (// n_batchsize since 2016)"),
    ("mixes the loss", "lisa-lab/DeepLearningTutorials, cA.py, what is printed as the Jacobian's norm"),
    ("second term of CAE+H", "pylearn2's HCAE, where the mean is over all entries"),
    ("always 0", "pydbm, contractive_auto_encoder (mean of a z-score); lisa-lab's // where values are below 1"),
    (
        "depend on x, but on weights alone and its gradient is zero",
        "Khdave02/contractiveAE (relu of state_dict()'s weights)",
    ),
    ("½ · 1/B times the value's own", "ynd/cae.py (a loss summed over the batch, the gradient of half its mean)"),
)


def known_as(finding: Finding) -> str:
    """Tell who publishes such code, empty where nobody is known to."""
    for words, who in _BY_WORDS:
        if words in finding.says:
            return who
    if finding.formula is not None and finding.formula.name in _BY_FORMULA:
        return _BY_FORMULA[finding.formula.name]
    return next((who for kinds, who in KNOWN_AS if kinds <= set(finding.kinds)), "")


def message(finding: Finding) -> str:
    """Put a finding into sentences."""
    parts = [SAYS[kind] for kind in finding.kinds]
    if finding.says:
        parts.append(finding.says)
    if finding.factor_name not in ("", "1") and finding.formula is not None:
        parts.append(f"the factor is {finding.factor_name}{_explained(finding.factor_name)}")
    return "; ".join(parts)


def _explained(name: str) -> str:
    """Say what a factor comes from, where its name does not."""
    if name.startswith("−"):
        return ": the sign is wrong, and the encoder is made to expand"
    if name.endswith("1/B"):
        return ", where B is the number of rows: divided by it twice"
    if name.endswith("B"):
        return ", where B is the number of rows: their sum and not their mean"
    is_digits = name.replace(".", "").replace("e-", "").replace("e+", "").isdigit()
    return ", perhaps your λ: `contraction` takes it out" if is_digits and name not in ("2", "4") else ""


def remedy(kinds: Sequence[str], line: str) -> str:
    """Give the line to write instead, empty where nothing need be."""
    if set(kinds) <= {RIGHT, UNBIASED, UNDECIDED}:
        return ""
    if set(kinds) <= {CONSTANT, MEAN, UNBIASED}:
        return f"divide λ by the factor, or write {line}"
    return line
