"""What is wrong with a model that was trained to its end, and what to change, in the estimator's parameters."""

from __future__ import annotations

from typing import Any

_LESS = "lower learning_rate or contraction"
_WORDS = {
    "dead_code": "all {units} code units give the same number for every row: the code is dead; "
    f'{_LESS}, or give code_activation="leaky_relu" or "tanh"',
    "constant_code": "the code is all but constant: it deviates by {code_deviation:.3g} where the rows deviate by "
    "{rows_deviation:.3g}, and no more than their mean is restored; lower contraction, or train for longer (max_iter)",
    "worse_than_mean": "the reconstruction is no better than the mean row: a squared error of {mse:.3g} a feature, where "
    "the mean has {variance:.3g}; raise max_iter, change learning_rate, or lower contraction",
    "dead_units": "{dead} of {units} code units are dead: they give the same number for every row; "
    f'{_LESS}, give code_activation="leaky_relu" or "tanh", or make the last of hidden_layer_sizes smaller',
    "saturated": "{share:.0%} of the numbers of bounded units are saturated, where units have almost no slope and hardly "
    f'learn; {_LESS}, scale the rows (scale="standard"), or give activation="softplus" or "leaky_relu", which have none',
}


def in_words(concern: dict[str, Any]) -> str:
    """Give a concern, as the core tells it, as a sentence with its remedy."""
    return _WORDS[concern["kind"]].format(**concern)
