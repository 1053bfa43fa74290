#!/usr/bin/env bash
# Time to quality: exact penalty and probes, ours and PyTorch's, on MNIST; writes benches/results/quality.json, the figures
# docs/images/quality-*.svg and the table `quality` of docs/performance.md (about an hour on two idle cores):
#   bash scripts/quality.sh
#   bash scripts/quality.sh --net 512-256-64 --seeds 1 --json FILE      some of it, the page left alone
# Needs MNIST in $CONTRACTIVE_DATA_DIR, else ../shared/data, and the environment that scripts/bench.sh makes.
set -euo pipefail
cd "$(dirname "$0")/.."

data=${CONTRACTIVE_DATA_DIR:-../shared/data}
[ -d "$data/mnist" ] || { echo "scripts/quality.sh needs MNIST in \$CONTRACTIVE_DATA_DIR or ../shared/data" >&2; exit 1; }
venv=.venv-frameworks
[ -x $venv/bin/python ] || { echo "run scripts/bench.sh once: it makes $venv" >&2; exit 1; }
$venv/bin/python -c 'import matplotlib' 2>/dev/null || $venv/bin/python -m pip install -q matplotlib==3.11.2
cargo build --quiet --release --locked -p contractive-cli
exec $venv/bin/python benches/quality/quality.py --cae "${CARGO_TARGET_DIR:-target}/release/cae" --data "$data" "$@"
