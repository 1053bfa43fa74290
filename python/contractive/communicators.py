"""What connects the processes that fit one estimator together: mpi4py, torch.distributed, xgboost.collective, or an object.

An estimator's ``fit(X, comm=…)`` takes what the libraries of a cluster give, as :func:`communicator` does. None of the
libraries is imported here: whoever has a communicator of theirs has imported them.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Communicator", "communicator"]


class Communicator(Protocol):
    """What ``comm`` may be instead of a library's: an object of two collective calls.

    Every process makes the same calls in the same order, with arrays of the same lengths. The results must be the same on
    all, to the bit. A method changes its array, or returns another of the same type. All calls are made on the thread that
    calls ``fit``.

    Attributes
    ----------
    rank : int
        This process among the others, from 0.
    size : int
        Processes in all.
    """

    @property
    def rank(self) -> int:
        """The number of this process among the others, from 0."""
        ...

    @property
    def size(self) -> int:
        """Processes in all."""
        ...

    def allreduce(self, array: NDArray[np.float64]) -> Any:
        """Put in place of each number, shape (n,), the sum of those of all processes."""
        ...

    def broadcast(self, array: NDArray[np.uint8], root: int) -> Any:
        """Put in place of the bytes, shape (n,), those of the process ``root``."""
        ...


class _OfMpi:
    """A communicator of mpi4py."""

    def __init__(self, comm: Any, MPI: Any) -> None:
        if comm == MPI.COMM_NULL or comm.Is_inter():
            raise ValueError("`comm` must connect this process with others as an intracommunicator, got " + repr(comm))
        self.comm, self.MPI = comm, MPI
        self.rank, self.size, self.world = comm.Get_rank(), comm.Get_size(), MPI.COMM_WORLD.Get_size()

    def allreduce(self, array: NDArray[np.float64]) -> None:
        self.comm.Allreduce(self.MPI.IN_PLACE, array, op=self.MPI.SUM)

    def broadcast(self, array: NDArray[np.uint8], root: int) -> None:
        self.comm.Bcast(array, root=root)


class _OfTorch:
    """A process group of torch.distributed, of processors."""

    def __init__(self, group: Any, dist: Any) -> None:
        if not dist.is_initialized():
            raise ValueError('torch.distributed is not initialised: call init_process_group("gloo") first')
        if group is dist.GroupMember.NON_GROUP_MEMBER:
            raise ValueError("`comm` must be a group that this process belongs to: it is none of its members")
        self.dist, self.group = dist, group if group is not None else dist.group.WORLD
        backends = str(dist.get_backend_config(self.group))
        if "cpu:" not in backends:
            raise ValueError(
                f"`comm` must exchange arrays of the processor's memory, got a group of the backend {backends}: give "
                'torch.distributed.new_group(backend="gloo"), beside the group of the accelerators'
            )
        self.rank, self.size, self.world = (
            dist.get_rank(self.group),
            dist.get_world_size(self.group),
            dist.get_world_size(),
        )

    def allreduce(self, array: NDArray[np.float64]) -> None:
        from torch import from_numpy

        self.dist.all_reduce(from_numpy(array), group=self.group)

    def broadcast(self, array: NDArray[np.uint8], root: int) -> None:
        from torch import from_numpy

        self.dist.broadcast(from_numpy(array), self.dist.get_global_rank(self.group, root), group=self.group)


class _OfXgboost:
    """The module xgboost.collective, which connects the thread that calls it."""

    def __init__(self, collective: Any) -> None:
        if not collective.is_distributed():
            raise ValueError(
                "xgboost.collective is not initialised on this thread: fit within xgboost.collective.CommunicatorContext"
            )
        self.collective = collective
        self.rank, self.size = collective.get_rank(), collective.get_world_size()
        self.world = self.size

    def allreduce(self, array: NDArray[np.float64]) -> NDArray[np.float64]:
        sums: NDArray[np.float64] = self.collective.allreduce(array, self.collective.Op.SUM)
        return sums

    def broadcast(self, array: NDArray[np.uint8], root: int) -> NDArray[np.uint8]:
        given: NDArray[np.uint8] = self.collective.broadcast(array if root == self.rank else None, root)
        return given


def communicator(comm: Any, *, ranks: int | None = None) -> Communicator:
    """Give what ``fit(X, comm=…)`` makes of ``comm``, and check how many processes it connects.

    Where processes were not started as their library expects, each is a world of its own, and would be trained alone on its
    part of the rows: a program of one MPI under another's mpirun, for one. Where a launcher's variable of the environment
    says more processes than a world of one, that is refused.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm, torch.distributed, torch.distributed.ProcessGroup, xgboost.collective or Communicator
        A communicator of mpi4py; torch.distributed itself, or a group of it, with a backend for processors such as gloo;
        the module xgboost.collective, initialised; or an object of the protocol :class:`Communicator`.
    ranks : int, optional
        How many processes there must be; any other number is refused. Without it the environment's variables are looked
        at: ``OMPI_COMM_WORLD_SIZE``, ``PMI_SIZE``, ``WORLD_SIZE`` and ``SLURM_NTASKS``.

    Returns
    -------
    Communicator

    Raises
    ------
    ValueError
        For anything else, what is not initialised, a backend for accelerators alone, and a wrong number of processes.

    Warns
    -----
    UserWarning
        Where the environment says more processes than a world of several has.

    Examples
    --------
    >>> from contractive.communicators import communicator
    >>> class Alone:
    ...     rank, size = 0, 1
    ...     def allreduce(self, array): pass
    ...     def broadcast(self, array, root): pass
    >>> communicator(Alone(), ranks=1).size
    1
    """
    adapter: Communicator = _adapter(comm)
    if ranks is not None:
        if adapter.size != ranks:
            raise ValueError(f"`comm` must connect as many processes as `ranks`, {ranks}, got {adapter.size}")
        return adapter
    world = getattr(adapter, "world", adapter.size)
    for variable in ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "WORLD_SIZE", "SLURM_NTASKS"):
        said = os.environ.get(variable, "")
        if not said.isdecimal() or int(said) <= world:
            continue
        if world == 1:
            raise ValueError(
                f"`comm` is a world of 1 process, but {variable} says that there are {said}: each would be trained alone, "
                "on its part of the rows. Start them as the library of `comm` expects; to train one alone, leave `comm` out"
            )
        warnings.warn(
            f"`comm` is of a world of {world} processes, but {variable} says that there are {said}", stacklevel=2
        )
    return adapter


def _adapter(comm: Any) -> Any:
    MPI, dist = sys.modules.get("mpi4py.MPI"), sys.modules.get("torch.distributed")
    collective = sys.modules.get("xgboost.collective")
    if MPI is not None and isinstance(comm, MPI.Comm):
        return _OfMpi(comm, MPI)
    if dist is not None and comm is dist:
        return _OfTorch(None, dist)
    if dist is not None and dist.is_available():
        is_group = isinstance(comm, dist.ProcessGroup) or comm is dist.GroupMember.NON_GROUP_MEMBER
        if is_group:
            return _OfTorch(comm, dist)
    if collective is not None and comm is collective:
        return _OfXgboost(collective)
    if all(hasattr(comm, name) for name in ("rank", "size", "allreduce", "broadcast")):
        return comm
    raise ValueError(
        "`comm` must be a communicator of mpi4py such as MPI.COMM_WORLD, torch.distributed or a group of it, "
        f"xgboost.collective, or an object with rank, size, allreduce(array) and broadcast(array, root), got {comm!r}"
    )
