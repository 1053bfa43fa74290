#!/usr/bin/env bash
# Trains recipes with their seeds and writes the tables of docs/reproduction.md anew: bash scripts/reproduce.sh NAME… | all
# Real data are taken from $CONTRACTIVE_DATA_DIR, else from ../shared/data, else downloaded. Runs are kept in
# runs/reproduction/ and not done twice; delete that folder to start afresh. `all` takes about an hour on two idle cores.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ $# = 0 ]; then
    sed -n '2,4s/^# //p' "$0"
    python3 scripts/reproduce.py --list
    exit 2
fi
if [ -z "${CONTRACTIVE_DATA_DIR:-}" ] && [ -d ../shared/data ]; then
    export CONTRACTIVE_DATA_DIR=../shared/data
fi
cargo build --release --locked -p contractive-cli
exec python3 scripts/reproduce.py --cae "${CARGO_TARGET_DIR:-target}/release/cae" "$@"
