#!/usr/bin/env bash
# Ours beside PyTorch on the published network, interleaved in one run: bash benches/peers/run.sh [THREADS] [REPETITIONS]
# Makes .bench-venv on first use (several GB: the stock PyTorch wheel brings its GPU libraries, which are not used).
set -euo pipefail
cd "$(dirname "$0")/../.."
threads=${1:-1}
repetitions=${2:-7}
venv=.bench-venv
if [ ! -x $venv/bin/python ]; then
    python3 -m venv $venv
    $venv/bin/pip install -q -r benches/peers/requirements.txt
fi
cargo build --quiet --release -p contractive-core --example steps_per_second
target=${CARGO_TARGET_DIR:-target}
exec $venv/bin/python benches/peers/peers.py "$target/release/examples/steps_per_second" "$threads" "$repetitions"
