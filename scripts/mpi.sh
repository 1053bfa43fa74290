#!/usr/bin/env bash
# Ranks of MPI: builds `cae-mpi` with OpenMPI and with MPICH, and runs its tests with the `mpirun` of each. What is missing is
# installed (Debian, as root); else this says what, and skips that family, or all where libclang is missing.
#
#   bash scripts/mpi.sh                  both families
#   bash scripts/mpi.sh openmpi          one of them
#   bash scripts/mpi.sh openmpi TEST     tests whose names contain TEST
#
# Programs are left in target/mpi/openmpi/cae-mpi and target/mpi/mpich/cae-mpi.
set -euo pipefail
cd "$(dirname "$0")/.."

families=${1:-openmpi mpich}
test=${2:-}
target=${CARGO_TARGET_DIR:-target}

# has COMMAND-OR-PACKAGES...: installs Debian packages, where that can be done.
install() {
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || return 1
    echo "installing $*"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >/dev/null 2>&1
}
has_libclang() {
    # Not libclang-cpp, which LLVM's other libraries bring along.
    local name='libclang(-[0-9.]+)?[.]so'
    [ -n "${LIBCLANG_PATH:-}" ] || ldconfig -p | grep -E "$name" >/dev/null ||
        ls /usr/lib/llvm*/lib 2>/dev/null | grep -E "^$name" >/dev/null
}
has_libclang || install libclang-dev || {
    echo "skipped: bindings of MPI are made with libclang, which is not here: install libclang-dev"
    exit 0
}

packages_of() { case $1 in openmpi) echo openmpi-bin libopenmpi-dev ;; mpich) echo mpich libmpich-dev ;; esac; }
is_there() { command -v "mpicc.$1" >/dev/null && command -v "mpirun.$1" >/dev/null; }

# A fresh clone gains nothing from incremental compilation, and pays for it.
if [ ! -d "$target/debug/incremental" ]; then export CARGO_INCREMENTAL=0; fi

for family in $families; do
    packages=$(packages_of "$family")
    [ -n "$packages" ] || { echo "a family of MPI must be openmpi or mpich, got $family" >&2; exit 2; }
    # shellcheck disable=SC2086 # several packages
    if ! is_there "$family" && ! { install $packages && is_there "$family"; }; then
        echo "skipped: mpicc.$family and mpirun.$family are not here: install $packages"
        continue
    fi
    other=$([ "$family" = openmpi ] && echo mpich || echo openmpi)
    echo "== $family"
    export MPICC=mpicc.$family CONTRACTIVE_MPIRUN=mpirun.$family
    unset CONTRACTIVE_OTHER_MPIRUN
    if is_there "$other"; then export CONTRACTIVE_OTHER_MPIRUN=mpirun.$other; fi
    # The build of the bindings does not ask again which MPI it is for; everything else is built once for both.
    mark=$target/mpi/built-for
    if [ "$(cat "$mark" 2>/dev/null)" != "$family" ]; then
        cargo clean --quiet -p mpi-sys -p mpi -p contractive-mpi
        mkdir -p "$target/mpi" && echo "$family" >"$mark"
    fi
    # Of the whole workspace, so that crates have the features that they were built with before.
    with=(--quiet --workspace --features contractive-mpi/mpi --locked)
    cargo clippy "${with[@]}" --all-targets -- -D warnings
    # One job at a time: each has ranks of its own.
    cargo test "${with[@]}" --test ranks -- --test-threads 1 ${test:+"$test"}
    mkdir -p "$target/mpi/$family" && cp "$target/debug/cae-mpi" "$target/mpi/$family/cae-mpi"
done
