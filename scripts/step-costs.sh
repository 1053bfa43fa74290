#!/usr/bin/env bash
# What a training step costs against batch, width, depth and rows; writes docs/images/performance-*.svg and the table
# `sweep` of docs/performance.md (about 4 minutes on two idle cores): bash scripts/step-costs.sh
# Uses .venv-frameworks for the plots; scripts/bench.sh makes it with all peers, this one with matplotlib alone.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv-frameworks
[ -x $venv/bin/python ] || python3 -m venv $venv
$venv/bin/python -c 'import matplotlib' 2>/dev/null || $venv/bin/python -m pip install -q matplotlib==3.11.2
cargo build --quiet --release --locked -p contractive-cli
exec $venv/bin/python benches/step_costs.py "${CARGO_TARGET_DIR:-target}/release/cae"
