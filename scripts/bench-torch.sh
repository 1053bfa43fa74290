#!/usr/bin/env bash
# The exact penalty and its gradient in PyTorch, ours beside torch.func.jacrev and a loop of autograd.grad: time and peak memory
# of a batch of 128 rows, on one and two threads (about 8 minutes on two idle cores).
#   bash scripts/bench-torch.sh --page        into the table `torch` of docs/performance.md
#   bash scripts/bench-torch.sh --rounds 1    on the terminal, once
# Makes .venv-frameworks on first use (several GB), and puts this package into it.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit 0
fi
. scripts/frameworks.sh
. scripts/python-tools.sh
bash scripts/wheel.sh --quick
$venv/bin/python -m pip install -q --force-reinstall --no-deps "${CARGO_TARGET_DIR:-target}"/wheels/*.whl
exec $venv/bin/python benches/torch/compare.py "$@"
