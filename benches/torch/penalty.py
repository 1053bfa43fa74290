"""One way to compute the penalty and its gradient in PyTorch, in a process of its own: seconds a step, and peak memory.

    python penalty.py WAY NET THREADS      prints {"seconds", "megabytes", "value"} as JSON

Memory is the growth of the process's largest resident size over that of plain steps of the same encoder, once everything that
the way needs has been loaded for a tiny encoder.
"""

import json
import resource
import statistics
import sys
import time

import torch
from contractive.torch import jacobian_penalty
from torch import nn

NETS = {"784-64-32-16": (784, 64, 32, 16), "784-1000": (784, 1000), "784-256-64": (784, 256, 64)}
BATCH = 128


def jacrev(encoder, x):
    parameters = dict(encoder.named_parameters())
    code = lambda row: torch.func.functional_call(encoder, parameters, (row[None],))[0]  # noqa: E731
    return torch.func.vmap(torch.func.jacrev(code))(x).square().sum((1, 2)).mean()


def loop(encoder, x):
    at = x.clone().requires_grad_()
    h = encoder(at)
    rows = (torch.autograd.grad(h[:, j].sum(), at, create_graph=True)[0] for j in range(h.shape[1]))
    return sum(row.square().sum(1) for row in rows).mean()


WAYS = {
    "contractive.torch": jacobian_penalty,
    "torch.func.jacrev": jacrev,
    "a loop of autograd.grad": loop,
    "the encoder alone": lambda encoder, x: encoder(x).mean(),
}


def layers(sizes):
    return nn.Sequential(*[m for a, b in zip(sizes, sizes[1:]) for m in (nn.Linear(a, b), nn.Sigmoid())])


def largest():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(way, net, threads):
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    sizes = NETS[net]
    tiny = layers((4, 3, 2))
    WAYS[way](tiny, torch.rand(5, 4)).backward()
    encoder, x = layers(sizes), torch.rand(BATCH, sizes[0])

    def step(penalty):
        encoder.zero_grad()
        value = penalty(encoder, x)
        value.backward()
        return value.item()

    for _ in range(3):
        step(WAYS["the encoder alone"])
    before = largest()
    started = time.perf_counter()
    value = step(WAYS[way])
    first = time.perf_counter() - started
    after = largest()
    seconds = []
    for _ in range(max(3, min(200, int(2 / first)))):
        started = time.perf_counter()
        step(WAYS[way])
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"seconds": statistics.median(seconds), "megabytes": after - before, "value": value}))


if __name__ == "__main__":
    main(*sys.argv[1:])
