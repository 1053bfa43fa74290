"""One-class pictures: each class of Fashion-MNIST and of CIFAR-10 (grey) against the rest.

Trained on the training pictures of one class, without labels; judged on the test pictures of all classes, of which every
STEP-th is taken (1: all), those of the class being normal. The measure is the mean AUROC over classes. Settings are chosen
on the classes with even numbers; those with odd numbers chose nothing.

The data are IDX files, in $CONTRACTIVE_DATA_DIR, else ../shared/data.
"""

import gzip
import os
from pathlib import Path

import numpy as np

SETS = {"fashion-mnist": "t10k", "cifar10-gray": "test"}
CLASSES = range(10)
DEVELOPMENT = (0, 2, 4, 6, 8)
REPORTED = (1, 3, 5, 7, 9)


def idx(path):
    """An IDX file of bytes as an array."""
    with gzip.open(path) as file:
        whole = file.read()
    axes = whole[3]
    shape = np.frombuffer(whole, ">u4", axes, 4)
    return np.frombuffer(whole, np.uint8, offset=4 + 4 * axes).reshape(shape)


class OneClass:
    """`train`, `train_labels`, `test`, `test_labels` of one of SETS; pictures are (N, H, W, 1) u8."""

    def __init__(self, name, step=1, folder=None):
        folder = Path(folder or os.environ.get("CONTRACTIVE_DATA_DIR", "../shared/data")) / name
        self.name = name
        self.train, self.train_labels = self.read(folder, "train")
        test, labels = self.read(folder, SETS[name])
        self.test, self.test_labels = test[::step], labels[::step]

    @staticmethod
    def read(folder, part):
        pictures = idx(folder / f"{part}-images-idx3-ubyte.gz")
        return pictures[..., None], idx(folder / f"{part}-labels-idx1-ubyte.gz")

    def of(self, label):
        """Training pictures of a class, and of each test picture whether it is of another."""
        return self.train[self.train_labels == label], self.test_labels != label
