"""One rank of two: the gradient of its half of a batch, summed by PyTorch, beside that of the whole batch in one process."""

import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from contractive.torch import ContractiveAutoencoder, ContractiveLoss, Objective
from torch.nn.parallel import DistributedDataParallel


def main(how, folder):
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    torch.manual_seed(0)
    model = ContractiveAutoencoder(9, (7, 5, 3), activation="tanh", tied=True).double()
    x = torch.randn(8, 9, dtype=torch.float64)
    objective = Objective(model, ContractiveLoss("mse", contraction=0.5))
    objective(x).backward()
    whole = {name: p.grad.clone() for name, p in objective.named_parameters()}
    objective.zero_grad()
    half = x[4 * rank : 4 * rank + 4]
    if how == "fsdp":
        from torch.distributed.fsdp import fully_shard

        mesh = dist.device_mesh.init_device_mesh("cpu", (2,))
        fully_shard(objective, mesh=mesh)
        objective(half).backward()
        shared = {name: p.grad.full_tensor() for name, p in objective.named_parameters()}
    else:
        wrapped = DistributedDataParallel(objective)
        wrapped(half).backward()
        shared = {name: p.grad for name, p in objective.named_parameters()}
        with pytest.raises(ValueError, match=r"DistributedDataParallel\(Objective\("):  # gradients would not be summed
            ContractiveLoss()(DistributedDataParallel(model), half)
    if rank == 0:
        torch.save({name: (whole[name], shared[name]) for name in whole}, Path(folder) / "gradients.pt")
    dist.destroy_process_group()


main(*sys.argv[1:])
