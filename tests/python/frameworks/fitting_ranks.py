"""One process of several that fit estimators together: ``fitting_ranks.py HOW FOLDER CASE...``.

What it ends with, or what was raised, goes to ``FOLDER/RANK.pkl``; test_distributed.py starts such processes.
"""

import hashlib
import json
import os
import pickle
import signal
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
from contractive import AnomalyDetector, ContractiveAutoencoder

KINDS = {
    "plain": {},
    "tied": {"tied": True},
    "noise": {"noise": {"kind": "gaussian", "sigma": 0.1}},
    "sparsity": {"sparsity": {"target": 0.05, "weight": 0.1}, "code_activation": "sigmoid"},
    "projection": {"penalty": {"kind": "projection", "probes": 2}},
}
# Where each rank's rows end; of four ranks one has none.
ENDS = {1: [300], 2: [90, 300], 3: [90, 90, 300], 4: [90, 90, 160, 300]}


def rows():
    rng = np.random.default_rng(0)
    t = rng.uniform(0, 6, size=(300, 1))
    return np.hstack([np.sin(t), np.cos(t), t / 3, t % 1, rng.normal(size=(300, 2))])


def table():
    import pandas as pd

    rng = np.random.default_rng(1)
    x = rng.normal(size=300)
    frame = pd.DataFrame(
        {
            "a": x,
            "b": 2 * x + 0.1 * rng.normal(size=300),
            "n": rng.integers(0, 9, size=300),
            "colour": rng.choice(["red", "green", "blue"], size=300),
        }
    )
    frame.loc[rng.choice(300, 20, replace=False), "b"] = np.nan
    # A category that the last ranks alone have, and a missing one.
    frame.loc[250, "colour"] = None
    frame.loc[260:263, "colour"] = "violet"
    return frame


def estimator(**parameters):
    settings = {"max_iter": 5, "batch_size": 32, "random_state": 3, **parameters}
    return ContractiveAutoencoder((8, 3), **settings)


def detector(**parameters):
    settings = {"ensemble": 2, "steps": 60, "missing": "mask", "random_state": 3, **parameters}
    return AnomalyDetector(**settings)


def told(fitted):
    """What a fitted estimator is compared by."""
    if isinstance(fitted, AnomalyDetector):
        files, state = fitted.detector_.to_files(), [fitted.threshold_, fitted.notes_, fitted.seed_]
        numbers = {"scores": fitted.anomaly_scores(table()), "threshold": fitted.threshold_}
    else:
        files, state = fitted.model_.to_files(), [fitted.history_, fitted.offset_, fitted.local_dimension_]
        numbers = {
            "training": fitted.loss_curve_,
            "validation": fitted.validation_curve_,
            "offset": fitted.offset_,
            "local_dimension": fitted.local_dimension_,
            "codes": fitted.transform(rows()),
        }
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    names = list(getattr(fitted, "feature_names_in_", []))
    return {"bits": [sums, json.dumps(state), names, fitted.n_features_in_], "numbers": numbers}


def share(X, rank, size):
    ends = [0, *ENDS[size]]
    return X[ends[rank] : ends[rank + 1]]


def case(name, comm, rank, size):
    X = share(rows(), rank, size)
    if name in KINDS:
        return told(estimator(**KINDS[name]).fit(X, comm=comm))
    if name == "subgroup":
        # Ranks 1 and 3 are ranks 0 and 1 of a group of theirs; the others belong to none.
        group = comm.new_group([1, 3])
        return told(estimator().fit(share(rows(), rank // 2, 2), comm=group))
    if name == "detector":
        return told(detector().fit(share(table(), rank, size), comm=comm))
    if name == "bad_cell":
        frame = share(table(), rank, size)
        if rank == 1:
            frame.iloc[5, frame.columns.get_loc("a")] = np.inf
        return detector().fit(frame, comm=comm)
    if name == "detector_settings":
        return detector(contraction=0.1 * (1 + rank)).fit(share(table(), rank, size), comm=comm)
    if name == "bad_value":
        if rank == 1:
            X[7, 2] = np.nan
        return estimator().fit(X, comm=comm)
    if name == "interrupted":
        endless = estimator(max_iter=10**7, early_stopping=False, batch_size=4)
        return interrupted(X, comm, rank, endless)
    if name == "interrupted_detector":
        return interrupted(share(table(), rank, size), comm, rank, detector(steps=10_000, ensemble=100))
    if name == "killed":
        end = {1: lambda record: os.kill(os.getpid(), signal.SIGKILL)}.get(rank, lambda record: False)
        return estimator(callbacks=[end]).fit(X, comm=comm)
    raise ValueError(name)


def interrupted(X, comm, rank, endless):
    """Ctrl-C of rank 1, in the middle of a training that would take hours."""
    if rank == 1:
        # A shell's background jobs are started deaf to it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Timer(2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    try:
        endless.fit(X, comm=comm)
    except (KeyboardInterrupt, RuntimeError) as error:
        fitted = hasattr(endless, "model_")
        return {"raised": error, "seconds": time.monotonic() - started, "told": told(endless) if fitted else None}
    return None


def main(how, folder, *cases):
    with CONNECTIONS[how](folder) as (comm, rank, size):
        given = {}
        for name in cases:
            try:
                given[name] = case(name, comm, rank, size)
            except Exception as error:
                given[name] = error
            # Whole or not at all, after every case: the process may not live to the end of the next.
            part = Path(folder) / f"{rank}.part"
            part.write_bytes(pickle.dumps(given))
            part.rename(Path(folder) / f"{rank}.pkl")


class Gloo:
    """By the rank and size of the environment's variables; a lost process is noticed within 20 seconds."""

    def __init__(self, folder):
        self.init = {}
        if "MASTER_PORT" not in os.environ:
            rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
            self.init = {"init_method": f"file://{folder}/store", "rank": rank, "world_size": size}

    def __enter__(self):
        import torch.distributed as dist

        dist.init_process_group("gloo", timeout=timedelta(seconds=20), **self.init)
        return dist, dist.get_rank(), dist.get_world_size()

    def __exit__(self, *raised):
        import torch.distributed as dist

        dist.destroy_process_group()


class Mpi:
    def __init__(self, folder):
        pass

    def __enter__(self):
        from mpi4py import MPI

        return MPI.COMM_WORLD, MPI.COMM_WORLD.rank, MPI.COMM_WORLD.size

    def __exit__(self, *raised):
        pass


class Xgboost:
    def __init__(self, folder):
        from xgboost import collective

        self.collective = collective
        self.context = collective.CommunicatorContext(**json.loads(os.environ["XGBOOST_WORKER"]))

    def __enter__(self):
        self.context.__enter__()
        return self.collective, self.collective.get_rank(), self.collective.get_world_size()

    def __exit__(self, *raised):
        self.context.__exit__(*raised)


CONNECTIONS = {"gloo": Gloo, "mpi": Mpi, "xgboost": Xgboost}

if __name__ == "__main__":
    main(*sys.argv[1:])
