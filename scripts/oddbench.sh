#!/usr/bin/env bash
# Detectors on tables whose training rows and test rows are given apart: ours with its defaults.
#   bash scripts/oddbench.sh                                the 90 development sets of the data folder, as JSON on the terminal
#   bash scripts/oddbench.sh --data FOLDER --json FILE      any folder of .npz files (X_train, X_test, y_test; y = 1 for
#                                                           anomalies): auroc and average_precision of each and on average
#   bash scripts/oddbench.sh --page                         both protocols and peers, into docs/anomaly.md (10 minutes)
#   bash scripts/oddbench.sh --protocol contaminated        anomalies among the training rows too (benches/anomaly/splits.py)
# Further words are flags for `cae train --detector`, such as --ensemble 8. The data folder is $CONTRACTIVE_DATA_DIR, else
# ../shared/data. Makes .anomaly-venv (numpy, scikit-learn) on first use.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 0
fi
. benches/anomaly/environment.sh
cargo build --release --locked --quiet -p contractive-cli
exec $venv/bin/python scripts/oddbench.py --cae "${CARGO_TARGET_DIR:-target}/release/cae" "$@"
