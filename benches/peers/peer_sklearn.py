"""scikit-learn: `sklearn_plain`, its MLPRegressor with the same layers, batches and Adam, trained to give back its input.

It has no penalty and no tied weights, and draws its own initial ones: its steps are timed, its losses not compared.

    python peer_sklearn.py WORKLOAD THREADS
"""

import sys
import warnings

import protocol  # sets the number of threads before numpy is imported
import numpy as np
import sklearn
import workloads
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

warnings.simplefilter("ignore", ConvergenceWarning)  # the number of steps is what ends it here


class Regressor(protocol.Form):
    """Whole fits of as many epochs as the steps make."""

    def __init__(self, work):
        self.work, self.multiple = work, work.batches
        self.rows = work.drawn()[1].reshape(-1, work.encoder[0])

    def run(self, n):
        work = self.work
        regressor = MLPRegressor(
            hidden_layer_sizes=(*work.encoder[1:], *work.encoder[-2:0:-1]),
            activation=work.activation,
            solver=work.optimiser,
            alpha=0.0,
            batch_size=work.batch,
            learning_rate_init=work.learning_rate,
            max_iter=n // self.multiple,
            n_iter_no_change=n,
            tol=0.0,
        )
        return regressor.fit(self.rows, self.rows).loss_curve_


def product(n):
    random = np.random.default_rng(0)
    a, b = random.random((n, n), dtype=np.float32), random.random((n, n), dtype=np.float32)
    return lambda: a @ b


def infer(chunk, n):
    raise NotImplementedError("scikit-learn takes no part in inference")


def main():
    work = workloads.named(sys.argv[1])
    protocol.serve({"scikit-learn": sklearn.__version__}, {"sklearn_plain": lambda: Regressor(work)}, product, infer)


main()
