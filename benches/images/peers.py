"""Peers on the benchmark of pictures: python peers.py JSON [--only textures|one-class] [--step 2].

On textures: nearest of 2,000 training patches, PCA of patches (squared distance to 24 components), isolation forest of patches,
PyOD's AutoEncoder of patches, all on the same patches, scales, normalisation and maps as ours (maps.py); a convolutional
autoencoder in PyTorch of whole pictures, its map the squared error, smoothed alike. In one class: nearest and mean of 5 nearest
on pixels, nearest on patches at their places, PCA (64 components), isolation forest, PyOD's AutoEncoder, and the
convolutional autoencoder. Defaults and seed 0 where nothing is said. What JSON has already is not done again.
"""

import argparse
import json
import os
import sys
import time
import warnings

import maps
import measures
import numpy as np
import one_class
import textures
import torch
from pyod.models.auto_encoder import AutoEncoder
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from torch import nn


def nearest(k=1, most=None):
    """Mean distance to the k nearest of the training rows, or of `most` of them."""

    def learn(rows):
        core = torch.from_numpy(np.ascontiguousarray(rows[:most], dtype=np.float32))
        squares = (core**2).sum(1)

        def score(queries):
            out = []
            for q in torch.from_numpy(np.ascontiguousarray(queries, dtype=np.float32)).split(4096):
                d = (squares - 2 * q @ core.T).topk(k, largest=False)[0] + (q**2).sum(1, keepdim=True)
                out.append(d.clamp_min(0).sqrt().mean(1))
            return torch.cat(out).numpy()

        return score

    return learn


def pca(components):
    def learn(rows):
        model = PCA(min(components, rows.shape[1] - 1), random_state=0).fit(rows)
        return lambda q: ((q - model.inverse_transform(model.transform(q))) ** 2).sum(1)

    return learn


def forest(rows):
    model = IsolationForest(random_state=0).fit(rows)
    return lambda q: -model.score_samples(q)


def pyod(rows):
    model = AutoEncoder(random_state=0, verbose=0, batch_size=128).fit(rows)
    return model.decision_function


class Convolutional(nn.Module):
    """Three convolutions of stride 2 to 16 channels, and three back."""

    def __init__(self, channels, width=32, code=16):
        super().__init__()
        down = lambda a, b: nn.Conv2d(a, b, 4, 2, 1)  # noqa: E731
        up = lambda a, b: nn.ConvTranspose2d(a, b, 4, 2, 1)  # noqa: E731
        self.layers = nn.Sequential(
            down(channels, width), nn.ReLU(), down(width, 2 * width), nn.ReLU(), down(2 * width, code),
            up(code, 2 * width), nn.ReLU(), up(2 * width, width), nn.ReLU(), up(width, channels),
        )  # fmt: skip

    def forward(self, x):
        return self.layers(x)


def convolutional(pictures, seconds, batch):
    """Trained on float32 pictures (N, H, W, C) for so many seconds; gives squared errors (M, H, W) of others."""
    torch.manual_seed(0)
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()
    # Sides are brought to a multiple of 8.
    margin = [(-x.shape[3]) % 8, (-x.shape[2]) % 8]
    pad = lambda t: nn.functional.pad(t, (0, margin[0], 0, margin[1]), mode="replicate")  # noqa: E731
    model = Convolutional(x.shape[1])
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    began = time.process_time()
    while time.process_time() - began < seconds:
        some = pad(x[torch.randint(len(x), (batch,))])
        loss = ((model(some) - some) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    def errors(others):
        out = []
        with torch.no_grad():
            for some in torch.from_numpy(others).permute(0, 3, 1, 2).split(64):
                e = (model(pad(some))[:, :, : some.shape[2], : some.shape[3]] - some) ** 2
                out.append(e.mean(1))
        return torch.cat(out).numpy()

    return errors


def convolutional_maps(texture, seconds=40):
    errors = convolutional(maps.normalised(texture.train), seconds, 8)
    return maps.smoothed(errors(maps.normalised(texture.test)))


def on_patches(learn):
    return lambda texture: maps.maps_of_patches(texture.train, texture.test, learn)


TEXTURES = {
    "kNN of patches": on_patches(nearest(1, 2000)),
    "PCA of patches": on_patches(pca(24)),
    "isolation forest of patches": on_patches(forest),
    "PyOD AutoEncoder of patches": on_patches(pyod),
    "convolutional autoencoder": convolutional_maps,
}


def rows(pictures):
    return pictures.reshape(len(pictures), -1).astype(np.float32) / 255


def on_rows(learn):
    return lambda train, test: learn(rows(train))(rows(test))


def on_placed_patches(train, test):
    """Root mean square over places of the distance to the nearest patch of the same place, in patches of half a side."""
    side = train.shape[1] // 2
    a, b = (maps.patches(x.astype(np.float32) / 255, side, side // 2) for x in (train, test))
    places = [(i, j) for i in range(a.shape[1]) for j in range(a.shape[2])]
    return np.sqrt(np.mean([nearest()(a[:, i, j])(b[:, i, j]) ** 2 for i, j in places], axis=0))


def convolutional_scores(train, test, seconds=30):
    errors = convolutional(train.astype(np.float32) / 255, seconds, 64)
    return errors(test.astype(np.float32) / 255).mean((1, 2))


ONE_CLASS = {
    "kNN of pixels": on_rows(nearest(1)),
    "kNN of pixels (5)": on_rows(nearest(5)),
    "kNN of patches": on_placed_patches,
    "PCA": on_rows(pca(64)),
    "isolation forest": on_rows(forest),
    "PyOD AutoEncoder": on_rows(pyod),
    "convolutional autoencoder": convolutional_scores,
}


def judged(texture, found):
    """Measures of the maps of a texture's test pictures: of development kinds, of the other ones, and of all."""
    halves = {
        "development": textures.DEVELOPMENT_KINDS,
        "reported": [k for k in textures.KINDS if k not in textures.DEVELOPMENT_KINDS],
        "all": textures.KINDS,
    }
    result = {}
    for half, kinds in halves.items():
        i = texture.part(kinds)
        odd = texture.kinds[i] != "good"
        result[half] = {
            "pixel_auroc": measures.auroc(found[i], texture.masks[i]),
            "pro": measures.pro(found[i], texture.masks[i]),
            "image_auroc": measures.auroc(maps.score_of_picture(found[i]), odd),
        }
    for kind in textures.kinds_of(texture.name):
        i = texture.part([kind])
        result[kind] = measures.auroc(found[i], texture.masks[i])
    return result


def all_textures(methods, done, keep):
    for name in textures.TEXTURES:
        missing = [m for m in methods if name not in done.setdefault(m, {})]
        texture = textures.Texture(name) if missing else None
        for method in missing:
            began = time.process_time()
            found = methods[method](texture)
            seconds = time.process_time() - began
            done[method][name] = {**judged(texture, found), "cpu_seconds": round(seconds, 1)}
            said = done[method][name]["all"]["pixel_auroc"]
            print(name, method, round(said, 3), f"{seconds:.0f} s", file=sys.stderr, flush=True)
            keep()


def all_classes(methods, done, keep, step):
    for data in one_class.SETS:
        whole = one_class.OneClass(data, step)
        for label in one_class.CLASSES:
            train, odd = whole.of(label)
            for method in methods:
                of = done.setdefault(method, {}).setdefault(data, {})
                if str(label) in of:
                    continue
                began = time.process_time()
                scores = methods[method](train, whole.test)
                of[str(label)] = {"auroc": measures.auroc(scores, odd), "cpu_seconds": round(time.process_time() - began, 1)}
                print(data, label, method, round(of[str(label)]["auroc"], 3), file=sys.stderr, flush=True)
                keep()


def run(path, of_textures, of_classes, only, step):
    """Measures methods, and keeps the results in a JSON file as they come."""
    results = {"textures": {}, "one_class": {}, "step": step}
    if os.path.exists(path):
        with open(path) as file:
            results = json.load(file)
    if results["step"] != step:
        sys.exit(f"{path} was measured with --step {results['step']}")

    def keep():
        with open(f"{path}.writing", "w") as file:
            json.dump(results, file, indent=1)
            file.write("\n")
        os.replace(f"{path}.writing", path)

    if only in (None, "textures"):
        all_textures(of_textures, results["textures"], keep)
    if only in (None, "one-class"):
        all_classes(of_classes, results["one_class"], keep, step)


def words(about):
    given = argparse.ArgumentParser(description=about)
    given.add_argument("json")
    given.add_argument("--only", choices=["textures", "one-class"])
    given.add_argument("--step", type=int, default=2, help="every how many-th test picture of the one-class sets is taken")
    return given.parse_args()


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    given = words(__doc__.splitlines()[0])
    run(given.json, TEXTURES, ONE_CLASS, given.only, given.step)
