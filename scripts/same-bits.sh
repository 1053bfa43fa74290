#!/usr/bin/env bash
# Do two builds of `cae` give the same bits? bash scripts/same-bits.sh OLD_CAE NEW_CAE
# Seven runs, each by both programs: weights, metrics without times, scores, codes. Prints a line a run; ends with 1 if any
# differs. Runs on Fashion-MNIST and an ADBench table too where $CONTRACTIVE_DATA_DIR or ../shared/data has them.
set -euo pipefail
cd "$(dirname "$0")/.."
old=$(realpath "$1") new=$(realpath "$2")
data=${CONTRACTIVE_DATA_DIR:-../shared/data}
[ -d "$data" ] && data=$(cd "$data" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 - <<'PYTHON'
import math, random, struct
random.seed(7)
def single(x): return struct.unpack("<f", struct.pack("<f", x))[0]
rows = [[single(math.sin(i * 0.05 + j) + 0.1 * random.gauss(0, 1)) for j in range(8)] for i in range(600)]
head = "{'descr': '<f4', 'fortran_order': False, 'shape': (600, 8), }"
head += " " * (117 - len(head)) + "\n"
with open("rows.npy", "wb") as f:
    f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
    for row in rows: f.write(struct.pack("<8f", *row))
with open("orders.csv", "w") as f:
    f.write("id,amount,weight,channel\n")
    for i in range(500):
        f.write(f"{i:05},{random.lognormvariate(3, 1):.2f},{'' if i % 17 == 3 else round(random.gauss(5, 1), 3)},{random.choice(['web', 'shop', 'phone'])}\n")
with open("load.csv", "w") as f:
    f.write("time,kwh,degrees\n")
    for i in range(900):
        f.write(f"2024-01-{1 + i // 96:02}T{i % 96 // 4:02}:{i % 4 * 15:02}:00,{10 + 4 * math.sin(i / 12):.3f},{20 + math.cos(i / 40):.3f}\n")
PYTHON

# What is compared of a folder: every tensor file, numbers without times, tables.
sum_of() {
    (cd "$1" && find . -name '*.safetensors' -path '*m*' -o -name '*.csv' | LC_ALL=C sort | xargs sha256sum
        # That bytes were divided by 255 is written down since 2026-11.
        find . -name config.json | LC_ALL=C sort | while read -r file; do
            tr -d ' \n' <"$file" | sed 's/,"divides_bytes":true//' | sha256sum
        done
        # The spelling of an NPY header is not a number.
        find . -name '*.npy' | while read -r file; do tail -c +129 "$file" | sha256sum; done
        find . -name metrics.jsonl | while read -r file; do
            sed -E 's/"(seconds|rows_per_second)":[0-9.e+-]+,?//g' "$file" | sha256sum
        done) | sha256sum
}
failed=0
# same NAME COMMAND...: runs the commands, in which CAE is the program, in a folder of its own for each program.
same() {
    local name=$1 side program
    shift
    for side in old new; do
        program=${!side}
        mkdir -p "$name/$side"
        for command in "$@"; do
            (cd "$name/$side" && eval "${command//CAE/$program}" >/dev/null 2>log) || { cat "$name/$side/log" >&2; echo "$name: the $side program failed" >&2; failed=1; return; }
        done
    done
    if [ "$(sum_of "$name/old")" = "$(sum_of "$name/new")" ]; then echo "$name: same"; else echo "$name: DIFFERENT"; failed=1; fi
}
quick="--no-report -q --out run"
same strokes "CAE train --rows 2000 --epochs 3 --seed 3 $quick" "CAE encode run -o codes.npy"
same noise "CAE train --data ../../rows.npy --hidden 16,4 --noise masking:0.2 --penalty hessian --epochs 5 $quick"
same stream "CAE train --data ../../rows.npy --stream --hidden 16,4 --epochs 4 $quick"
same detector "CAE train --detector --data ../../rows.npy --ensemble 3 --seed 2 -q --out d" "CAE detect d --data ../../rows.npy -q -o scores.csv"
same table "CAE train --detector --data ../../orders.csv --key id --missing mask --ensemble 3 -q --out d" "CAE detect d --data ../../orders.csv -q -o scores.csv"
same series "CAE train --detector --data ../../load.csv --time time --window 24 --ensemble 2 -q --out d" "CAE detect d --data ../../load.csv -q -o scores.csv"
if [ -d "$data/fashion-mnist" ]; then
    same fashion "CAE train fashion-64-32-16 --rows 6000 --epochs 1 --data-dir '$data' $quick"
fi
exit $failed
