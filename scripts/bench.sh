#!/usr/bin/env bash
# Ours beside PyTorch, JAX and TensorFlow, in turn in one run; writes a dated record in benches/results and the tables of
# docs/performance.md. Everything, on 1 and 2 threads (about half an hour on two idle cores): bash scripts/bench.sh
#   bash scripts/bench.sh --workload a,b --threads 1 --repeats 5     some of it
#   bash scripts/bench.sh --workload a --threads 1 --json FILE       the record to FILE, the page left alone
#   bash scripts/bench.sh --instructions avx2                        every side limited to AVX2
#   bash scripts/bench.sh --page                                     the page anew from the record, nothing measured
# Makes .venv-frameworks on first use (several GB: the stock PyTorch wheel brings GPU libraries, which are not used).
# Workload h needs Fashion-MNIST in $CONTRACTIVE_DATA_DIR, else ../shared/data, and is skipped without it.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = --page ]; then
    exec python3 benches/peers/page.py
fi
. scripts/frameworks.sh
if [ -z "${CONTRACTIVE_DATA_DIR:-}" ] && [ -d ../shared/data ]; then
    export CONTRACTIVE_DATA_DIR=../shared/data
fi
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --release --locked -p contractive-cli --example workload
cargo build --quiet --release --locked -p contractive-cli
exec $venv/bin/python benches/peers/compare.py --ours "$target/release/examples/workload" --cae "$target/release/cae" "$@"
