#!/usr/bin/env bash
# Peers on the anomaly benchmark, into benches/anomaly/peers.json: bash benches/anomaly/peers.sh [FOLDER]
# Makes .anomaly-venv on first use and adds PyOD and PyTorch to it (several GB; the GPU libraries are not used).
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:-${CONTRACTIVE_DATA_DIR:-../shared/data}/adbench}
. benches/anomaly/environment.sh
$venv/bin/python -m pip install -q -r $requirements -r benches/anomaly/requirements-peers.txt
exec $venv/bin/python benches/anomaly/peers.py "$folder" benches/anomaly/peers.json
