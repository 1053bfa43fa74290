"""Trains one network in PyTorch, eager, with the exact penalty (rows of J from the code down, ending in G) or with probes,
and prints a JSON line an epoch: seconds of the steps so far, and the objective on the validation rows with the exact
penalty.

    python pytorch_run.py DATA ROWS SIZES CONTRACTION BATCH EPOCHS SEED PROBES THREADS       PROBES 0: exact
"""

import gzip
import json
import os
import sys
import time
from pathlib import Path

data, rows, sizes, contraction, batch, epochs, seed, probes, threads = sys.argv[1:]
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = threads

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

VALIDATION, JACOBIAN_ROWS = 0.1, 2000


def images():
    with gzip.open(Path(data) / "mnist/train-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16)
    return torch.tensor(pixels.reshape(-1, 784)[: int(rows)].astype(np.float32) / 255)


def encode(layers, x):
    codes = []
    for layer in layers:
        x = torch.tanh(layer(x))
        codes.append(x)
    return codes


def exact(layers, codes):
    """||J||^2 of each row."""
    slopes = [1 - h * h for h in codes]
    u = (slopes[-1].unsqueeze(2) * layers[-1].weight) * slopes[-2].unsqueeze(1)
    for l in range(len(layers) - 2, 0, -1):
        u = (u @ layers[l].weight) * slopes[l - 1].unsqueeze(1)
    gram = layers[0].weight @ layers[0].weight.T
    return ((u @ gram) * u).sum((1, 2))


def estimated(x, h, n):
    """The mean over n probes of ||v^T J||^2 of each row, by automatic differentiation, as people write it."""
    total = 0
    for _ in range(n):
        v = torch.randint(0, 2, h.shape).to(h.dtype) * 2 - 1
        (g,) = torch.autograd.grad((h * v).sum(), x, create_graph=True)
        total = total + (g * g).sum(1)
    return total / n


def main():
    torch.set_num_threads(int(threads))
    torch.set_flush_denormal(True)
    torch.manual_seed(int(seed))
    x = images()
    order = torch.randperm(len(x))
    held = round(VALIDATION * len(x))
    validation, training = x[order[:held]], x[order[held:]]
    shape = [784, *map(int, sizes.split(","))]
    encoder = nn.ModuleList(nn.Linear(n, m) for n, m in zip(shape, shape[1:]))
    back = shape[::-1]
    decoder = nn.ModuleList(nn.Linear(n, m) for n, m in zip(back, back[1:]))
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3, fused=True)
    weight, seconds = float(contraction), 0.0

    def reconstruct(h):
        for layer in decoder[:-1]:
            h = torch.tanh(layer(h))
        return decoder[-1](h)

    for epoch in range(int(epochs)):
        shuffled = torch.randperm(len(training))
        began = time.perf_counter()
        for some in shuffled.split(int(batch)):
            rows_of_step = training[some].requires_grad_(int(probes) > 0)
            codes = encode(encoder, rows_of_step)
            penalty = estimated(rows_of_step, codes[-1], int(probes)) if int(probes) else exact(encoder, codes)
            loss = F.mse_loss(reconstruct(codes[-1]), rows_of_step.detach(), reduction="sum") + weight * penalty.sum()
            optimiser.zero_grad(set_to_none=True)
            (loss / len(some)).backward()
            optimiser.step()
        seconds += time.perf_counter() - began
        with torch.no_grad():
            codes = encode(encoder, validation)
            error = ((reconstruct(codes[-1]) - validation) ** 2).sum(1).mean()
            some = [c[:JACOBIAN_ROWS] for c in codes]
            parts = zip(*(c.split(64) for c in some))
            penalty = torch.cat([exact(encoder, list(part)) for part in parts]).mean()
        print(json.dumps({"epoch": epoch + 1, "seconds": seconds, "objective": float(error + weight * penalty)}), flush=True)


main()
