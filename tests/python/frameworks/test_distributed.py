"""Estimators that processes fit together by torch.distributed, mpi4py and xgboost.collective, beside one process."""

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import contractive
import numpy as np
import pytest
from contractive import ContractiveAutoencoder
from contractive.communicators import communicator
from fitting_ranks import KINDS, detector, estimator, rows, table, told

PROGRAM = Path(__file__).with_name("fitting_ranks.py")
# Of mpirun, torchrun and Slurm: tests may be started by one of them.
LAUNCHERS = ("OMPI_", "PMI_", "PMIX_", "SLURM_", "TORCHELASTIC_", "WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_")


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(LAUNCHERS)}
    return {**kept, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "PYTHONPATH": os.pathsep.join(sys.path), **more}


def started(command, environment, folder=None):
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def ended(processes, ok=True):
    said = [process.communicate(timeout=300)[0] for process in processes]
    if ok:
        assert [process.returncode for process in processes] == [0] * len(processes), "\n".join(said)
    return "\n".join(said)


def given_to(folder, size):
    return [pickle.loads((folder / f"{rank}.pkl").read_bytes()) for rank in range(size)]


def by_gloo(folder, size, *cases, ok=True):
    """What each of the ranks ends with."""
    folder.mkdir()
    command = [sys.executable, str(PROGRAM), "gloo", str(folder), *cases]
    ended([started(command, environment(RANK=str(rank), WORLD_SIZE=str(size))) for rank in range(size)], ok)
    return given_to(folder, size) if ok else None


@pytest.fixture(scope="module")
def alone():
    """What one process with all rows ends with."""
    given = {kind: told(estimator(**parameters).fit(rows())) for kind, parameters in KINDS.items()}
    return {**given, "detector": told(detector().fit(table()))}


def check_one_estimator(given, alone, *cases):
    """All ranks have the same bits, and the numbers of one process."""
    for name in cases:
        for of_rank in given:
            if isinstance(of_rank[name], Exception):
                raise of_rank[name]
            assert of_rank[name]["bits"] == given[0][name]["bits"], name
        for what, number in given[0][name]["numbers"].items():
            tolerance = {"rtol": 1e-5} if what in ("training", "validation") else {"rtol": 1e-4, "atol": 1e-5}
            np.testing.assert_allclose(number, alone[name]["numbers"][what], **tolerance, err_msg=f"{name}: {what}")


@pytest.mark.parametrize("size", [1, 2, 4])
def test_gloo(size, alone, tmp_path):
    cases = [*KINDS, "detector"]
    given = by_gloo(tmp_path / "once", size, *cases)
    check_one_estimator(given, alone, *cases)
    if size == 1:
        for name in cases:
            assert given[0][name]["bits"][0] == alone[name]["bits"][0]
    if size != 2:
        return
    again = by_gloo(tmp_path / "again", size, "projection", "detector")
    for name in ("projection", "detector"):
        assert again[0][name]["bits"][0] == given[0][name]["bits"][0]


def test_torchrun(alone, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ended([started([*command, str(PROGRAM), "gloo", str(tmp_path), "plain"], environment())])
    check_one_estimator(given_to(tmp_path, 2), alone, "plain")


def mpirun(family):
    """The command of the MPI, and what its library asks of the environment."""
    command = shutil.which(f"mpirun.{family}") or (shutil.which("mpirun") if family == "openmpi" else None)
    if command is None:
        pytest.skip(f"mpirun of {family} is not installed")
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    if family == "openmpi":
        # Of two processes on two processors, in a container, as root.
        return [command, "--oversubscribe", "--bind-to", "none"], {
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        }
    return [command], {"MPI4PY_MPIABI": "mpich"}


@pytest.mark.parametrize("family", ["openmpi", "mpich"])
def test_mpi4py(family, alone, tmp_path):
    command, more = mpirun(family)
    if family == "mpich":
        # Debian calls it otherwise than mpi4py's wheel does.
        (library,) = [*Path("/usr/lib").glob("*/libmpich.so.12")][:1] or pytest.skip(
            "libmpich.so.12 is not in /usr/lib"
        )
        (tmp_path / "libmpi.so.12").symlink_to(library)
        more["LD_LIBRARY_PATH"] = str(tmp_path)
    ended(
        [
            started(
                [
                    *command,
                    "-n",
                    "2",
                    sys.executable,
                    str(PROGRAM),
                    "mpi",
                    str(tmp_path),
                    "plain",
                    "detector",
                    "bad_value",
                ],
                environment(**more),
            )
        ]
    )
    given = given_to(tmp_path, 2)
    check_one_estimator(given, alone, "plain", "detector")
    assert str(given[0]["bad_value"]) == f"rank 1 failed: {given[1]['bad_value']}"


def test_a_program_of_another_mpi_is_refused(tmp_path):
    command, _ = mpirun("mpich")
    mpirun("openmpi")
    # mpi4py takes Open MPI where it finds it: each process is a world of one.
    words = [*command, "-n", "2", sys.executable, str(PROGRAM), "mpi", str(tmp_path), "plain"]
    ended([started(words, environment(MPI4PY_MPIABI="openmpi"))])
    error = pickle.loads((tmp_path / "0.pkl").read_bytes())["plain"]
    assert type(error) is ValueError
    assert "a world of 1 process, but PMI_SIZE says that there are 2" in str(error)


def test_xgboost_collective(alone, tmp_path):
    tracker = pytest.importorskip("xgboost.tracker", reason="xgboost is not installed")
    tracker = tracker.RabitTracker(n_workers=2, host_ip="127.0.0.1")
    tracker.start()
    worker = json.dumps(tracker.worker_args())
    command = [sys.executable, str(PROGRAM), "xgboost", str(tmp_path), "plain", "detector", "bad_value"]
    ended([started(command, environment(XGBOOST_WORKER=worker)) for _ in range(2)])
    given = given_to(tmp_path, 2)
    check_one_estimator(given, alone, "plain", "detector")
    assert str(given[0]["bad_value"]) == f"rank 1 failed: {given[1]['bad_value']}"


def test_errors_and_an_interrupt_of_one_rank_are_those_of_all(tmp_path):
    cases = ("bad_value", "bad_cell", "detector_settings", "interrupted", "interrupted_detector")
    first, second = by_gloo(tmp_path / "all", 2, *cases)
    assert "X row 7, column 2 (from 0)" in str(second["bad_value"])
    assert "X row 5 (from 0), column `a`" in str(second["bad_cell"])
    for name in ("bad_value", "bad_cell"):
        assert type(second[name]) is ValueError
        assert type(first[name]) is RuntimeError
        assert str(first[name]) == f"rank 1 failed: {second[name]}"
    for one in (first, second):
        assert type(one["detector_settings"]) is ValueError
        assert str(one["detector_settings"]).startswith(
            "`contraction` must be the same on all ranks, got 0.2 on rank 1"
        )
    assert isinstance(second["interrupted"]["raised"], KeyboardInterrupt)
    assert str(first["interrupted"]["raised"]) == "rank 1 failed: KeyboardInterrupt"
    assert first["interrupted"]["told"]["bits"] == second["interrupted"]["told"]["bits"]
    assert isinstance(second["interrupted_detector"]["raised"], KeyboardInterrupt)
    assert "stopped before the detector was trained" in str(first["interrupted_detector"]["raised"])
    for name in ("interrupted", "interrupted_detector"):
        assert second[name]["seconds"] < 30


def test_a_killed_rank_ends_the_others(tmp_path):
    by_gloo(tmp_path / "all", 3, "killed", ok=False)
    for rank in (0, 2):
        error = pickle.loads((tmp_path / "all" / f"{rank}.pkl").read_bytes())["killed"]
        assert isinstance(error, ConnectionError), error
        assert f"rank {rank} of 3 cannot reach the others" in str(error)
    assert not (tmp_path / "all" / "1.pkl").exists()


def test_a_group_of_some_processes_fits_by_itself(alone, tmp_path):
    given = by_gloo(tmp_path / "all", 4, "subgroup")
    for outside in (given[0], given[2]):
        assert "this process belongs to" in str(outside["subgroup"])
    check_one_estimator([{"plain": one["subgroup"]} for one in (given[1], given[3])], alone, "plain")


def test_groups_that_cannot_carry_rows_are_refused(tmp_path, monkeypatch):
    import torch.distributed as dist

    collective = pytest.importorskip("xgboost.collective", reason="xgboost is not installed")
    with pytest.raises(ValueError, match=r'not initialised: call init_process_group\("gloo"\) first'):
        ContractiveAutoencoder().fit(rows(), comm=dist)
    with pytest.raises(ValueError, match=r"not initialised on this thread: fit within .*CommunicatorContext"):
        ContractiveAutoencoder().fit(rows(), comm=collective)
    for name in os.environ:
        if name.startswith(LAUNCHERS):
            monkeypatch.delenv(name)
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        assert communicator(dist).size == communicator(dist.group.WORLD).size == 1
        # A group of NCCL wants a GPU; what PyTorch says of its backends is all that is looked at.
        monkeypatch.setattr(dist, "get_backend_config", lambda group: "cuda:nccl")
        with pytest.raises(
            ValueError, match=r'backend cuda:nccl: give torch\.distributed\.new_group\(backend="gloo"\)'
        ):
            ContractiveAutoencoder().fit(rows(), comm=dist)
        monkeypatch.setattr(dist, "get_backend_config", lambda group: "cpu:gloo,cuda:nccl")
        assert communicator(dist).size == 1
    finally:
        dist.destroy_process_group()


def test_the_programs_of_the_page_run(tmp_path):
    """As a reader would start them."""
    page = (Path(__file__).parents[3] / "docs" / "python" / "communicators.md").read_text()
    programs = dict(re.findall(r'^```python title="([^"]+)"\n(.*?)^```$', page, re.DOTALL | re.MULTILINE))
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
    np.save(tmp_path / "rows.npy", rows())
    table()[:120].to_csv(tmp_path / "part-0.csv", index=False)
    table()[120:].to_csv(tmp_path / "part-1.csv", index=False)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ended([started([*torchrun, "with_torch.py"], environment(), tmp_path)])
    assert contractive.load(tmp_path / "model").transform(rows()).shape == (300, 2)
    ended([started([sys.executable, "with_xgboost.py"], environment(), tmp_path)])
    command, more = mpirun("openmpi")
    ended([started([*command, "-n", "2", sys.executable, "with_mpi.py"], environment(**more), tmp_path)])
    assert len(contractive.load(tmp_path / "detector").anomaly_scores(table())) == 300
