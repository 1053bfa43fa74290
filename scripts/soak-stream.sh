#!/usr/bin/env bash
# Trains on a table of 10 GB, made here, that stays in its file, and on its first tenth: peak memory must stay below 192 MiB,
# which holds the program, the shuffle buffer and up to 64 MiB of rows held out, those of about 700 MB. Writes one line a size.
#
#     bash scripts/soak-stream.sh CAE [GB] [FOLDER]     # 10 GB: about 10 minutes on two cores, and as much room in FOLDER
#
# CAE is the program, of a release build for any speed; FOLDER (by default a new one in /tmp) is emptied again at the end. It
# needs Python with NumPy (PYTHON=…), and Linux.
set -euo pipefail
record=$(realpath "$(dirname "$0")/measured.py")
cae=$(realpath "${1:?give the program cae}")
gigabytes=${2:-10}
folder=$(mktemp -d -p "${3:-/tmp}" soak-stream.XXXX)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

"${PYTHON:-python3}" - "$gigabytes" <<'PY'
import sys

import numpy as np

# 64 columns near a curve of two dimensions, no two rows alike, 64 Ki rows at a time.
gigabytes, d, block = float(sys.argv[1]), 64, 1 << 16
for name, share in (("tenth", 0.1), ("whole", 1.0)):
    n = int(gigabytes * share * 1e9 / (4 * d))
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(4, d)).astype("f4")
    with open(f"{name}.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (n, d)})
        for first in range(0, n, block):
            t = np.arange(first, min(first + block, n), dtype="f8")[:, None]
            curve = np.hstack([np.sin(t * 1e-3), np.cos(t * 1e-3), np.sin(t * 0.7), np.cos(t * 0.31)]).astype("f4")
            file.write((curve @ directions + 0.1 * rng.random((len(t), d), dtype="f4")).tobytes())
PY

peak() {
    local began=$SECONDS
    "${PYTHON:-python3}" - "$cae" train --data "$1.npy" --stream --hidden 16,4 --epochs 1 --batch-size 1024 --seed 0 \
        --no-report --out "run-$1" -q 2> said <<'PY'
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
PY
    echo "$1: $(stat -c %s "$1.npy") bytes, one epoch in $((SECONDS - began)) s" >&2
}
tenth=$(peak tenth) || { cat said; exit 1; }
whole=$(peak whole) || { cat said; exit 1; }
python3 -B "$record" "streamed training" "bash scripts/soak-stream.sh target/release/cae $gigabytes" gigabytes="$gigabytes" \
    kib_of_a_tenth="$tenth" kib_of_the_whole="$whole"
echo "peak resident memory: $tenth KiB for a tenth, $whole KiB for the whole of $gigabytes GB"
[ "$tenth" -lt $((192 * 1024)) ] && [ "$whole" -lt $((192 * 1024)) ]
