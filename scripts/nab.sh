#!/usr/bin/env bash
# The time series of NAB with the default detector of time series, one configuration for every series, beside peers on
# the same windows, into the section "Time series" of docs/anomaly.md.
#   bash scripts/nab.sh                  every series of the data folder
#   bash scripts/nab.sh --json FILE      the numbers of each series as JSON, and no page
# The data folder is $CONTRACTIVE_DATA_DIR, else ../shared/data; it must hold nab/data and nab/labels.
# Makes .anomaly-venv (numpy, scikit-learn) on first use. The protocol stands in docs/anomaly.md.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    exit 0
fi
. benches/anomaly/environment.sh
cae=${CAE:-}
if [ -z "$cae" ]; then
    cargo build --release --locked --quiet -p contractive-cli
    cae=${CARGO_TARGET_DIR:-target}/release/cae
fi
exec $venv/bin/python scripts/nab.py --cae "$cae" "$@"
