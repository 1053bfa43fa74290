"""Peers on the splits of splits.py: python peers.py FOLDER JSON [PROTOCOL].

PyOD's AutoEncoder, ECOD, PCA and KNN, and scikit-learn's isolation forest, each with its own defaults (and seed 0 where
it has one), trained on the training rows without labels and judged on the test rows. Sets that JSON has already, from the
same versions, are not done again. With a PROTOCOL, `clean` or `contaminated`, the sets have their test rows apart, and only the
networks are run, on rows z-scored on the training rows: the others are in scripts/oddbench.py.
"""

import json
import os
import sys
import time
import warnings

import numpy as np
import pyod
import sklearn
import torch
from pyod.models.auto_encoder import AutoEncoder
from pyod.models.ecod import ECOD
from pyod.models.knn import KNN
from pyod.models.pca import PCA
from pyod.models.vae import VAE
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

import splits

PEERS = {
    "isolation forest": lambda: IsolationForest(random_state=0),
    "PyOD AutoEncoder": lambda: AutoEncoder(random_state=0, verbose=0),
    "PCA": lambda: PCA(random_state=0),
    "ECOD": ECOD,
    "KNN": KNN,
}
NETWORKS = {
    "PyOD AutoEncoder": PEERS["PyOD AutoEncoder"],
    "PyOD VAE": lambda: VAE(random_state=0, verbose=0),
}


def scores(model, train, test):
    model.fit(train)
    return -model.score_samples(test) if isinstance(model, IsolationForest) else model.decision_function(test)


def done_before(out, versions):
    if not os.path.exists(out):
        return {}
    with open(out) as file:
        before = json.load(file)
    return before["sets"] if before["versions"] == versions else {}


def parts(path, protocol):
    """Training rows, test rows and their labels, scaled."""
    if protocol is None:
        train, _, test, y = splits.split(path)
        return train, test, y
    train, test, y = splits.given(path, protocol)
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test), y


def main(folder, out, protocol=None):
    warnings.filterwarnings("ignore")
    # Of networks as small as those on the development sets a second thread makes nothing faster.
    torch.set_num_threads(1 if protocol else 2)
    versions = {"pyod": pyod.__version__, "scikit-learn": sklearn.__version__, "torch": torch.__version__}
    results = done_before(out, versions)
    for name, path in splits.sets(folder):
        if name in results:
            continue
        train, test, y = parts(path, protocol)
        results[name] = {}
        for peer, build in (NETWORKS if protocol else PEERS).items():
            began = time.perf_counter()
            s = np.nan_to_num(np.asarray(scores(build(), train, test), dtype=np.float64))
            seconds = time.perf_counter() - began
            results[name][peer] = {
                "auroc": roc_auc_score(y, s),
                "average_precision": average_precision_score(y, s),
                "seconds": round(seconds, 2),
            }
        print(name, {peer: round(r["auroc"], 3) for peer, r in results[name].items()}, file=sys.stderr, flush=True)
        with open(f"{out}.writing", "w") as file:
            json.dump({"versions": versions, "sets": results}, file, indent=1)
            file.write("\n")
        os.replace(f"{out}.writing", out)


if __name__ == "__main__":
    main(*sys.argv[1:])
