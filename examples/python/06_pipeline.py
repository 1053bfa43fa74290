"""In a pipeline: codes before a classifier, their size and contraction by grid search. Writes 06_pipeline.png.

python 06_pipeline.py [FOLDER]
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from contractive import ContractiveAutoencoder
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)

pipeline = make_pipeline(
    ContractiveAutoencoder((32, 8), scale="minmax", max_iter=25, batch_size=64, random_state=0, n_jobs=1),
    LogisticRegression(max_iter=2000),
)
sizes, strengths = [(32, 8), (32, 16)], [0.0, 1e-2, 1e-1]
search = GridSearchCV(
    pipeline,
    {
        "contractiveautoencoder__hidden_layer_sizes": sizes,
        "contractiveautoencoder__contraction": strengths,
    },
    cv=3,
).fit(X_train, y_train)
print("best:", {name.split("__")[1]: value for name, value in search.best_params_.items()})
print(f"accuracy on the test rows: {search.score(X_test, y_test):.3f}")

# Parameters in the order of their names: contraction changes slowest.
accuracy = search.cv_results_["mean_test_score"].reshape(len(strengths), len(sizes))
spread = search.cv_results_["std_test_score"].reshape(len(strengths), len(sizes))
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for j, size in enumerate(sizes):
    places = np.arange(len(strengths)) + 0.06 * (j - 0.5)
    ax.errorbar(places, accuracy[:, j], spread[:, j], marker="o", capsize=3, label=f"code of {size[-1]}")
ax.set_xticks(range(len(strengths)), [f"{strength:g}" for strength in strengths])
ax.set(
    xlabel="contraction",
    ylabel="accuracy",
    title="8 × 8 digits, logistic regression on codes: three folds, ± one deviation",
)
ax.legend(frameon=False)
fig.savefig(folder / "06_pipeline.png", dpi=80)
