"""contractive.torch under other people's trainers: optimisers, DDP, FSDP, torch.compile, autocast; weights both ways."""

import copy
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from brute_force import dense, gradients, squared_norms
from contractive import ContractiveAutoencoder as Estimator
from contractive import load
from contractive.torch import (
    ContractiveAutoencoder,
    ContractiveLoss,
    Objective,
    PenaltyError,
    from_torch,
    hessian,
    jacobian_penalty,
    layerwise,
    to_torch,
)
from torch import nn


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def curve(n=256):
    t = torch.rand(n, 1) * 6
    return torch.cat([t.sin(), t.cos(), t / 3, (2 * t).sin(), t.square() / 20, (3 * t).cos()], 1)


def test_a_plain_loop_learns_and_contracts():
    x = curve()

    def trained(contraction):
        torch.manual_seed(0)
        model = ContractiveAutoencoder(6, (16, 2), activation="tanh", code_activation="sigmoid")
        loss, adam = ContractiveLoss("mse", contraction), torch.optim.Adam(model.parameters(), 1e-2)
        first = loss.terms(model, x)
        for _ in range(80):
            adam.zero_grad()
            loss(model, x).backward()
            adam.step()
        return first, loss.terms(model, x)

    first, last = trained(0.1)
    assert last.total < 0.6 * first.total
    assert torch.allclose(last.total, last.reconstruction + 0.1 * last.penalty)
    _, free = trained(0.0)
    assert last.penalty < 0.5 * free.penalty


def test_losses_are_those_of_the_files():
    model, x = ContractiveAutoencoder(6, (5, 3), output_activation="sigmoid"), torch.rand(4, 6)
    out = model(x)
    squares = (out - x).square()
    entropy = -(x * out.log() + (1 - x) * (1 - out).log())
    for name, expected in {
        "mse": squares.mean(1),
        "sse": squares.sum(1),
        "bce": entropy.mean(1),
        "cross_entropy": entropy.sum(1),
    }.items():
        terms = ContractiveLoss(name, 0.3, reduction="none").terms(model, x)
        assert torch.allclose(terms.reconstruction, expected, rtol=1e-4), name
        assert torch.allclose(terms.total, expected + 0.3 * squared_norms(model.encoder, x), rtol=1e-4)
    own = ContractiveLoss(lambda out, x: (out - x).abs().mean(), 0.1)
    assert torch.allclose(own.terms(model, x).reconstruction, (out - x).abs().mean())
    pair = ContractiveLoss("mse", 0.3)((model.encoder, model.decoder), x)
    assert torch.equal(pair, ContractiveLoss("mse", 0.3)(model, x))
    with torch.no_grad():  # far out, the logits keep what the outputs have lost
        model.decoder[-2].bias.fill_(200.0)
    assert torch.isfinite(ContractiveLoss("bce")(model, torch.zeros(4, 6)))
    assert ContractiveLoss("bce").terms(model, torch.zeros(4, 6)).reconstruction > 100
    for settings, said in [
        ({"reconstruction": "mae"}, "`reconstruction`"),
        ({"contraction": -1.0}, "`contraction`"),
        ({"contraction": float("nan")}, "`contraction`"),
        ({"penalty": "hessians"}, "`penalty`"),
        ({"reduction": "max"}, "`reduction`"),
    ]:
        with pytest.raises(ValueError, match=said):
            ContractiveLoss(**settings)
    with pytest.raises(ValueError, match="encoder, decoder"):
        ContractiveLoss()(nn.Linear(6, 6), x)


@pytest.mark.parametrize("tied", [False, True])
def test_weights_go_both_ways(tmp_path, tied):
    X = curve().cpu().numpy().astype(np.float32)
    estimator = Estimator(
        (8, 3), activation="elu", code_activation="sigmoid", tied=tied, max_iter=3, random_state=0
    ).fit(X)
    module = to_torch(estimator)
    x = torch.tensor(estimator.model_.scaled(X))
    assert sum(p.numel() for p in module.parameters()) == sum(t.size for t in estimator.model_.parameters().values())
    assert np.allclose(module.encoder(x).detach().cpu(), estimator.transform(X), atol=1e-5)
    assert np.allclose(module(x).detach().cpu(), estimator.model_.outputs(X), atol=1e-5)
    norms = jacobian_penalty(module.encoder, x, reduction="none")
    assert np.allclose(norms.detach().cpu().sqrt(), estimator.jacobian_norm(X), rtol=1e-4)
    back = from_torch(module, loss="mse", contraction=1e-3, feature_names=list("abcdef"))
    for name, values in estimator.model_.parameters().items():
        assert np.array_equal(values, back.model_.parameters()[name]), "the same bits"
    assert np.allclose(back.transform(x.cpu().numpy()), estimator.transform(X), atol=1e-6)
    back.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert list(again.feature_names_in_) == list("abcdef")
    assert np.array_equal(again.transform(x.cpu().numpy()), back.transform(x.cpu().numpy()))
    double = to_torch(tmp_path / "model", dtype=torch.float64)
    assert torch.allclose(double(x.double()).float(), module(x), atol=1e-5)


def test_what_came_from_elsewhere_is_folded_or_named():
    layer, norm = nn.Linear(6, 5, bias=False), nn.BatchNorm1d(5)
    encoder = nn.Sequential(nn.Flatten(), layer, norm, nn.Dropout(0.1), nn.GELU(), nn.Linear(5, 2))
    with torch.no_grad():
        encoder[2].running_var.uniform_(0.5, 2)
        encoder[2].running_mean.uniform_(-1, 1)
        encoder[2].weight.uniform_(0.5, 2)
        encoder[2].bias.uniform_(-1, 1)
    encoder.eval()
    x = curve(20)
    estimator = from_torch((encoder, nn.Linear(2, 6)))
    assert np.allclose(estimator.transform(x.cpu().numpy()), encoder(x).detach().cpu(), atol=1e-5)
    for layers, said in [
        ([nn.Linear(6, 2), nn.Softmax(1)], r"'encoder\.1' \(Softmax\)"),
        ([nn.Linear(6, 2), nn.LeakyReLU(0.2)], "negative_slope=0.01, got 0.2"),
        ([nn.Linear(6, 2), nn.GELU("tanh")], "approximate='none', got 'tanh'"),
        ([nn.Linear(6, 2), nn.ReLU(), nn.Tanh()], r"'encoder\.2' \(Tanh\)"),
        ([nn.Conv1d(1, 2, 3)], "Conv1d"),
    ]:
        with pytest.raises(PenaltyError, match=said):
            from_torch((nn.Sequential(*layers), nn.Linear(2, 6)))
    with pytest.raises(ValueError, match="decoder"):
        from_torch((nn.Linear(6, 2), nn.Linear(3, 6)))
    tied = ContractiveAutoencoder(6, (4, 2), tied=True)
    copied = copy.deepcopy(tied)
    with torch.no_grad():
        copied.encoder[0].weight.zero_()
    assert copied(x).std(0).max() == 0, "a copy is tied to its own encoder"
    assert tied(x).std(0).max() > 0
    with pytest.raises(ValueError, match="mirrors"):
        ContractiveAutoencoder(6, (4, 2), decoder_layer_sizes=(3,), tied=True)
    with pytest.raises(ValueError, match="activation"):
        ContractiveAutoencoder(6, (4, 2), activation="swish")


COMPILED = {
    "deep, Gram": (dense((20, 6, 4, 3), nn.Tanh, torch.float32), 20),
    "one layer": (dense((6, 9), nn.Sigmoid, torch.float32), 6),
    "input side": (dense((3, 8, 8), nn.SiLU, torch.float32), 3),
}


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_without_graph_breaks(name):
    encoder, d = COMPILED[name]
    encoder = encoder.to(torch.get_default_device())
    x = torch.rand(8, d)
    step = torch.compile(lambda x: jacobian_penalty(encoder, x), fullgraph=True, backend="aot_eager")
    plain, compiled = jacobian_penalty(encoder, x), step(x)
    assert torch.allclose(plain, compiled, rtol=1e-5)
    for a, b in zip(gradients(plain, encoder), gradients(compiled, encoder), strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-6 * a.abs().max().item())


def test_a_whole_objective_compiles():
    module = ContractiveAutoencoder(20, (8, 4), activation="gelu", output_activation="sigmoid")
    x = torch.rand(16, 20)
    for loss, penalty in (("bce", "jacobian"), ("mse", "layerwise"), ("mse", "jacobian_norm")):
        objective = Objective(module, ContractiveLoss(loss, 0.1, penalty))
        compiled = torch.compile(objective, fullgraph=True, backend="aot_eager")
        assert torch.allclose(objective(x), compiled(x), rtol=1e-5)
    objective = Objective(module, ContractiveLoss("bce", 0.1))
    assert torch.allclose(objective(x), torch.compile(objective)(x), rtol=1e-5), "by the default compiler"


def test_under_autocast_the_penalty_keeps_its_precision():
    module, x = ContractiveAutoencoder(20, (8, 4), activation="tanh"), torch.rand(16, 20)
    exact = jacobian_penalty(module.encoder, x)
    with torch.autocast(x.device.type, dtype=torch.bfloat16):
        assert module.encoder(x).dtype == torch.bfloat16
        found = jacobian_penalty(module.encoder, x)
        terms = ContractiveLoss("mse", 0.1).terms(module, x)
    assert found.dtype == torch.float32
    assert torch.equal(found, exact)
    assert torch.equal(terms.penalty, exact)
    terms.total.backward()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters())


def test_penalties_with_draws_follow_the_generator():
    encoder, x = dense((6, 5, 3), nn.Tanh, torch.float32), torch.rand(4, 6)
    draw = lambda seed: hessian(encoder, x, generator=torch.Generator(x.device).manual_seed(seed))  # noqa: E731
    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))
    assert layerwise(encoder, x) > 0


@pytest.mark.parametrize("how", ["ddp", "fsdp"])
def test_two_processes_have_the_gradient_of_one(how, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {
        **os.environ,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "OMP_NUM_THREADS": "1",
    }
    program = Path(__file__).parent / "two_processes.py"
    ranks = [
        subprocess.Popen(
            [sys.executable, program, how, str(tmp_path)],
            env={**told, "RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for rank in ranks:
        _, said = rank.communicate(timeout=120)
        assert rank.returncode == 0, said
    found = torch.load(tmp_path / "gradients.pt", weights_only=True)
    for name, (whole, shared) in found.items():
        assert torch.allclose(whole, shared, rtol=1e-9, atol=1e-12), name
        assert whole.abs().max() > 0


class Plain(nn.Module):
    """As people write and save them."""

    def __init__(self):
        super().__init__()
        self.enc1, self.code = nn.Linear(6, 5), nn.Linear(5, 2)
        self.dec1, self.out = nn.Linear(2, 5), nn.Linear(5, 6)

    def encode(self, x):
        return torch.tanh(self.code(torch.relu(self.enc1(x))))

    def forward(self, x):
        return self.out(torch.relu(self.dec1(self.encode(x))))


def test_state_dicts_come_over_with_a_report(tmp_path):
    module, x = Plain(), curve(20)
    names = {"layers": ["enc1", "code"], "decoder_layers": ["dec1", "out"]}
    said = {"activation": "relu", "code_activation": "tanh", **names}
    torch.save({"state_dict": module.state_dict(), "epoch": 3}, tmp_path / "model.pt")
    half = {name: value.half() for name, value in module.state_dict().items()}
    for given, close in ((module.state_dict(), 1e-5), (tmp_path / "model.pt", 1e-5), (half, 1e-2)):
        estimator = from_torch(given, loss="sse", contraction=0.1, feature_names=list("abcdef"), **said)
        assert np.allclose(estimator.transform(x.cpu().numpy()), module.encode(x).detach().cpu(), atol=close)
        assert np.allclose(estimator.reconstruct(x.cpu().numpy()), module(x).detach().cpu(), atol=close)
        assert [told["source"] for told in estimator.import_report_["tensors"]][:2] == ["enc1.weight", "enc1.bias"]
        assert (estimator.loss, estimator.contraction, list(estimator.feature_names_in_)) == (
            "sse",
            0.1,
            list("abcdef"),
        )
    with pytest.raises(ValueError, match="activation"):
        from_torch(module.state_dict(), **names)
    with pytest.raises(TypeError, match="`activation` for a state dict alone"):
        from_torch(ContractiveAutoencoder(6, (4, 2)), activation="relu")
    torch.save(module, tmp_path / "whole.pt")  # a pickle of code
    with pytest.raises(Exception, match="weights_only"):
        from_torch(tmp_path / "whole.pt", **said)
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ValueError, match="state dict"):
        from_torch(tmp_path / "list.pt", **said)
