"""PyTorch: `eager` (autograd through the closed form of the penalty), `manual` (backward by hand, no autograd), `compile`
(torch.compile of value and gradient), `jacrev` (vmap(jacrev), what people write), and three of them without a penalty.

    python peer_pytorch.py WORKLOAD THREADS
"""

import sys

import protocol
import torch
import workloads
from torch import nn
from torch.func import jacrev, vmap
from torch.nn import functional as F

torch.set_num_threads(protocol.THREADS)
torch.set_flush_denormal(True)  # a favour: our engine does so, few programs do

PHI = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "identity": lambda z: z}
# phi'(z) and phi''/phi' from h = phi(z).
SLOPE = {
    "relu": lambda h: (h > 0).to(h.dtype),
    "sigmoid": lambda h: h * (1 - h),
    "tanh": lambda h: 1 - h * h,
}
CURVATURE = {"relu": None, "sigmoid": lambda h: 1 - 2 * h, "tanh": lambda h: -2 * h}


class Network:
    """The workload's parameters and the pieces of its objective."""

    def __init__(self, work, requires_grad=True):
        self.work = work
        layers, batches = work.drawn()
        tensor = lambda v: None if v is None else torch.tensor(v, requires_grad=requires_grad)
        self.weights = [tensor(w) for w, _ in layers]
        self.biases = [tensor(b) for _, b in layers]
        self.batches = list(torch.tensor(batches))
        self.parameters = [p for pair in zip(self.weights, self.biases) for p in pair if p is not None]

    def weight(self, l):
        """Layer l's weights (out, in); a tied decoder mirrors the encoder."""
        return self.weights[l] if self.weights[l] is not None else self.weights[2 * self.work.depth - 1 - l].T

    def optimiser(self):
        if self.work.optimiser == "sgd":
            return torch.optim.SGD(self.parameters, lr=self.work.learning_rate)
        return torch.optim.Adam(self.parameters, lr=self.work.learning_rate, fused=True)

    def encode(self, x):
        phi, codes = PHI[self.work.activation], []
        for l in range(self.work.depth):
            x = phi(F.linear(x, self.weight(l), self.biases[l]))
            codes.append(x)
        return codes

    def logits(self, h):
        """The output before its activation."""
        depth = self.work.depth
        for l in range(depth, 2 * depth):
            h = F.linear(h, self.weight(l), self.biases[l])
            if l < 2 * depth - 1:
                h = PHI[self.work.activation](h)
        return h

    def reconstruction(self, z, x):
        if self.work.loss == "cross_entropy":
            return F.binary_cross_entropy_with_logits(z, x, reduction="sum") / x.shape[0]
        return ((z - x) ** 2).sum() / x.shape[0]

    def penalty(self, codes):
        """Mean of ||J||^2 by its closed form: rows of the Jacobian from the code down, ending in G where it is cheaper."""
        rows, w = codes[0].shape[0], self.weights
        slopes = [SLOPE[self.work.activation](h) for h in codes]
        if self.work.depth == 1:
            return ((slopes[0] ** 2) @ (w[0] ** 2).sum(1)).sum() / rows
        u = (slopes[-1].unsqueeze(2) * w[self.work.depth - 1]) * slopes[-2].unsqueeze(1)
        for l in range(self.work.depth - 2, 0, -1):
            u = (u @ w[l]) * slopes[l - 1].unsqueeze(1)
        if self.work.through_gram:
            return ((u @ (w[0] @ w[0].T)) * u).sum() / rows
        return ((u @ w[0]) ** 2).sum() / rows

    def jacrev_penalty(self, x):
        jacobian = vmap(jacrev(lambda v: self.encode(v)[-1]))(x)
        return (jacobian**2).sum() / x.shape[0]

    def objective(self, x, exact):
        codes = self.encode(x)
        value = self.reconstruction(self.logits(codes[-1]), x)
        return value + self.work.contraction * self.penalty(codes) if exact else value

    def jacrev_objective(self, x):
        codes = self.encode(x)
        return self.reconstruction(self.logits(codes[-1]), x) + self.work.contraction * self.jacrev_penalty(x)


class Autograd(protocol.Form):
    """An objective, backward(), and the optimiser's step."""

    def __init__(self, work, objective, compiled=False):
        self.network = Network(work)
        self.objective = objective(self.network)
        if compiled:
            self.objective = torch.compile(self.objective)
        self.optimiser = self.network.optimiser()
        self.next = 0

    def run(self, n):
        losses, batches = [], self.network.batches
        for _ in range(n):
            self.optimiser.zero_grad(set_to_none=True)
            value = self.objective(batches[self.next % len(batches)])
            value.backward()
            self.optimiser.step()
            losses.append(value.detach())
            self.next += 1
        return [v.item() for v in losses]


class Manual(protocol.Form):
    """Backward by hand: no tape, each product written once, the penalty's adjoints as in docs/derivations."""

    def __init__(self, work, exact):
        self.network, self.exact, self.next = Network(work, requires_grad=False), exact, 0
        self.optimiser = self.network.optimiser()

    @torch.no_grad()
    def run(self, n):
        losses, batches = [], self.network.batches
        for _ in range(n):
            losses.append(self.step(batches[self.next % len(batches)]))
            self.next += 1
        return [v.item() for v in losses]

    def step(self, x):
        net, work = self.network, self.network.work
        depth, rows = work.depth, x.shape[0]
        slope = SLOPE[work.activation]
        a = [x, *net.encode(x)]
        for l in range(depth, 2 * depth - 1):
            a.append(PHI[work.activation](torch.addmm(net.biases[l], a[-1], net.weight(l).T)))
        z = torch.addmm(net.biases[-1], a[-1], net.weight(2 * depth - 1).T)
        value = net.reconstruction(z, x)
        # Loss and output activation together: sigma(z) - x, or 2 (z - x).
        delta = (torch.sigmoid(z) - x).div_(rows) if work.loss == "cross_entropy" else (z - x).mul_(2 / rows)
        slopes = [slope(h) for h in a[1 : depth + 1]]
        more, into = {}, [None] * depth
        if self.exact:
            penalty, more, into = self.penalty(a[1 : depth + 1], slopes)
            value = value + work.contraction * penalty
        weight_gradients, bias_gradients = [None] * (2 * depth), [None] * (2 * depth)
        for l in reversed(range(2 * depth)):
            weight_gradients[l] = delta.T @ a[l]
            bias_gradients[l] = delta.sum(0)
            if l > 0:
                delta = delta @ net.weight(l)
                delta.mul_(slopes[l - 1] if l - 1 < depth else slope(a[l]))
                if l - 1 < depth and into[l - 1] is not None:
                    delta.add_(into[l - 1])
        for l, gradient in more.items():
            weight_gradients[l].add_(gradient)
        for l in range(2 * depth):
            if net.weights[l] is None:
                mirror = 2 * depth - 1 - l
                weight_gradients[mirror].add_(weight_gradients[l].T)
            else:
                net.weights[l].grad = weight_gradients[l]
            net.biases[l].grad = bias_gradients[l]
        self.optimiser.step()
        return value

    def penalty(self, codes, slopes):
        """Its mean; its gradient in the weights by layer; what it adds to each layer's pre-activations."""
        net, work = self.network, self.network.work
        depth, rows, w = work.depth, codes[0].shape[0], net.weights
        s = 2 * work.contraction / rows
        curvature = CURVATURE[work.activation]
        into = [None] * depth
        if depth == 1:
            norms, squares = (w[0] ** 2).sum(1), slopes[0] ** 2
            into[0] = squares.mul(s).mul_(norms).mul_(curvature(codes[0])) if curvature else None
            return (squares @ norms).sum() / rows, {0: w[0] * squares.sum(0).mul(s).unsqueeze(1)}, into
        top = depth - 1
        u = [None] * depth  # u[l]: (rows, k, n_(l+1)), for l below the top
        u[top - 1] = (slopes[top].unsqueeze(2) * w[top]).mul_(slopes[top - 1].unsqueeze(1))
        for l in range(top - 1, 0, -1):
            u[l - 1] = (u[l] @ w[l]).mul_(slopes[l - 1].unsqueeze(1))
        flat = u[0].flatten(0, 1)
        more = {}
        if work.through_gram:
            gram = w[0] @ w[0].T
            adjoint = flat @ gram
            k = flat.T @ flat
            value = (k * gram).sum() / rows
            more[0] = torch.mm(k, w[0]).mul_(s)
        else:
            jacobian = flat @ w[0]
            value = (jacobian * jacobian).sum() / rows
            more[0] = torch.mm(flat.T, jacobian).mul_(s)
            adjoint = jacobian @ w[0].T
        adjoint = adjoint.mul_(s).view_as(u[0])
        if curvature:
            into[top] = torch.einsum("bkn,bkn->bk", adjoint, u[0]).mul_(curvature(codes[top]))
        for l in range(depth - 1):
            if curvature:
                into[l] = torch.einsum("bkn,bkn->bn", adjoint, u[l]).mul_(curvature(codes[l]))
            v = adjoint.mul_(slopes[l].unsqueeze(1))
            if l + 1 < top:
                v = v.flatten(0, 1)
                more[l + 1] = u[l + 1].flatten(0, 1).T @ v
                adjoint = (v @ w[l + 1].T).view_as(u[l + 1])
            else:
                more[top] = torch.einsum("bk,bkn->kn", slopes[top], v)
        return value, more, into


def product(n):
    a, b = torch.rand(n, n), torch.rand(n, n)
    return lambda: torch.mm(a, b)


def infer(chunk, n):
    work = workloads.named(sys.argv[1])
    net = Network(work, requires_grad=False)
    chunks = torch.tensor(work.drawn_rows(n)).split(chunk)

    @torch.inference_mode()
    def run():
        codes = [net.encode(x)[-1] for x in chunks]
        outputs = [PHI[work.output](net.logits(h)) for h in codes]
        return outputs[0][: protocol.CHECKED_ROWS].double().sum()

    return run


def main():
    work = workloads.named(sys.argv[1])
    exact, plain = lambda net: lambda x: net.objective(x, True), lambda net: lambda x: net.objective(x, False)
    forms = {
        "torch_eager": lambda: Autograd(work, exact),
        "torch_manual": lambda: Manual(work, True),
        "torch_compile": lambda: Autograd(work, exact, compiled=True),
        "torch_jacrev": lambda: Autograd(work, lambda net: net.jacrev_objective),
        "torch_eager_plain": lambda: Autograd(work, plain),
        "torch_manual_plain": lambda: Manual(work, False),
        "torch_compile_plain": lambda: Autograd(work, plain, compiled=True),
    }
    protocol.serve({"torch": torch.__version__}, forms, product, infer)


main()
