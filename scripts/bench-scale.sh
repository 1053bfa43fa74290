#!/usr/bin/env bash
# What ranks of MPI gain, and what their exchanges cost: 1, 2 and 4 ranks over shared memory, and 2 and 4 ranks in network
# namespaces of their own, which reach each other over TCP alone. Writes JSON lines to standard output, or to the file given:
#
#   bash scripts/bench-scale.sh [FILE]
#
#   {"what": "machine", …}    cores, the processor, the MPI library
#   {"what": "exchange", …}   `cae-mpi bench`: a sum over all ranks, by its size: least and median seconds
#   {"what": "train", …}      a step of a network: its seconds, and of them those of its exchange with the wait for the others
#
# "scaling" is "strong" (the batch over all ranks stays 256 rows) or "weak" (each rank has 128 rows of it). Every rank has one
# thread; where there are more ranks than cores, "oversubscribed" is true, and the times are those of ranks that wait for a core.
#
# Needs OpenMPI and libclang (scripts/mpi.sh installs them), python3, and for the namespaces root, `ip` and `unshare`: without
# these it says so and leaves them out. $SECONDS_EACH (default 4) is the length of a training, about.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-/dev/stdout}
target=${CARGO_TARGET_DIR:-target}
command -v mpicc.openmpi >/dev/null || { echo "OpenMPI is not here: install openmpi-bin libopenmpi-dev" >&2; exit 1; }
mark=$target/mpi/built-for
if [ "$(cat "$mark" 2>/dev/null)" != openmpi ]; then
    cargo clean --quiet -p mpi-sys -p mpi -p contractive-mpi
    mkdir -p "$target/mpi" && echo openmpi >"$mark"
fi
MPICC=mpicc.openmpi cargo build --quiet --release --locked -p contractive-mpi --features mpi
exec python3 scripts/bench_scale.py "$target/release/cae-mpi" "$out"
