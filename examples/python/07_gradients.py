"""Is the gradient right? Against central differences a right one errs by the step squared. Writes 07_gradients.png.

python 07_gradients.py [FOLDER]
"""

import sys
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from contractive import objective

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
rng = np.random.default_rng(0)
sizes = [6, 5, 3]
parameters = {}
for layer, (d, k) in enumerate(pairwise(sizes)):
    parameters[f"encoder.{layer}.weight"] = rng.normal(size=(k, d))
    parameters[f"encoder.{layer}.bias"] = rng.normal(size=k)
    parameters[f"decoder.{1 - layer}.weight"] = rng.normal(size=(d, k))
    parameters[f"decoder.{1 - layer}.bias"] = rng.normal(size=d)
X = rng.normal(size=(20, sizes[0]))
direction = {name: rng.normal(size=values.shape) for name, values in parameters.items()}


def value(config, step):
    """The objective, `step` along the direction."""
    moved = {name: values + step * direction[name] for name, values in parameters.items()}
    return objective(moved, X, config)["total"]


penalties = {
    "jacobian: exact": {"kind": "jacobian"},
    "logistic_last: one layer's h(1 − h), weights held constant": {"kind": "logistic_last", "hold_weights": True},
}
steps = np.logspace(-4, -1, 13)
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, penalty in penalties.items():
    config = {"activations": "sigmoid", "contraction": 10.0, "penalty": penalty}
    gradient = objective(parameters, X, config)["gradient"]
    slope = sum(float((gradient[part] * direction[part]).sum()) for part in parameters)
    errors = [abs((value(config, t) - value(config, -t)) / (2 * t) - slope) / abs(slope) for t in steps]
    order = np.log10(errors[-1] / errors[-5])
    print(f"{penalty['kind']:14} error {errors[4]:.1e} at a step of {steps[4]:.0e}; slope {order:.2f}")
    ax.loglog(steps, errors, marker="o", markersize=4, label=name)
ax.loglog(steps, 3 * steps**2, color="0.7", linestyle="--", label="slope 2")
ax.set(
    xlabel="step of the central difference",
    ylabel="relative error of the derivative",
    title="the gradient against the values, a 6-5-3 sigmoid encoder",
)
ax.legend(frameon=False, fontsize=9)
fig.savefig(folder / "07_gradients.png", dpi=80)
