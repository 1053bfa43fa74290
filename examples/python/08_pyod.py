"""Beside PyOD's detectors, with PyOD's own signs: where each sees outliers around two moons. Writes 08_pyod.png.

python 08_pyod.py [FOLDER]
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from contractive.pyod import ContractiveDetector
from pyod.models.ecod import ECOD
from pyod.models.iforest import IForest
from pyod.models.knn import KNN
from sklearn.datasets import make_moons
from sklearn.metrics import roc_auc_score

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
rng = np.random.default_rng(0)
moons, _ = make_moons(500, noise=0.06, random_state=0)
X = np.vstack([moons, rng.uniform([-1.5, -1], [2.5, 1.5], size=(30, 2))])
y = np.repeat([0, 1], [500, 30])
x0, x1 = np.meshgrid(np.linspace(-1.7, 2.7, 90), np.linspace(-1.3, 1.8, 70))
grid = np.column_stack([x0.ravel(), x1.ravel()])

detectors = [
    ContractiveDetector(contamination=0.06, random_state=0),
    KNN(contamination=0.06),
    IForest(contamination=0.06, random_state=0),
    ECOD(contamination=0.06),
]
fig, axes = plt.subplots(2, 2, figsize=(8, 6), layout="constrained", sharex=True, sharey=True)
for detector, ax in zip(detectors, axes.ravel(), strict=True):
    detector.fit(X)
    auroc = roc_auc_score(y, detector.decision_scores_)
    name = type(detector).__name__
    print(f"{name:20} AUROC {auroc:.3f}")
    # Scores of different kinds, coloured by rank.
    scores = detector.decision_function(grid)
    ranks = np.argsort(np.argsort(scores)).reshape(x0.shape)
    ax.contourf(x0, x1, ranks, levels=8, cmap="Blues_r")
    ax.contour(x0, x1, scores.reshape(x0.shape), levels=[detector.threshold_], colors="tab:red", linewidths=1)
    ax.scatter(*X[y == 0].T, s=3, color="white", linewidths=0)
    ax.scatter(*X[y == 1].T, s=14, color="tab:orange", edgecolors="black", linewidths=0.4)
    ax.set_title(f"{name}, AUROC {auroc:.2f}", fontsize=11)
fig.suptitle("530 rows, 30 of them scattered (orange); red: the threshold; dark: low scores", fontsize=11)
fig.savefig(folder / "08_pyod.png", dpi=75)
