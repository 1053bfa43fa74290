#!/usr/bin/env bash
# Writes one small thing of every kind that lies on the disk, as the `cae` at hand writes it, with what it gives, into
# fixtures/golden: `crates/contractive-cli/tests/cli/golden.rs` reads them with every later version. Run it once for a new
# format version, before anything else changes, under a name of its own; what is there already is left as it is, for ever.
#
#     bash scripts/golden.sh CAE          # takes seconds; CAE is the program, built of a commit: this one, or COMMIT=…
#
# A name is KIND-FORMAT, with what is special of it. All numbers are of the portable instructions.
set -euo pipefail
cae=$(realpath "${1:?give the program cae}")
cd "$(dirname "$0")/.."
export CONTRACTIVE_INSTRUCTIONS=portable
golden=$PWD/fixtures/golden
mkdir -p "$golden"
commit=${COMMIT:-$(git rev-parse --short HEAD)}

# Makes $1 where it is not there, by the commands that follow, in its folder.
make() {
    [ -e "$golden/$1" ] && return
    mkdir "$golden/$1"
    cd "$golden/$1"
    "$2"
    echo "$("$cae" --version), commit $commit, scripts/golden.sh" > made-by
}

python=$(command -v python3)
rows() {
    "$python" - "$1" > "$2" <<'PY'
import math, random, sys
random.seed(1)
noise = lambda: 0.05 * random.gauss(0, 1)
kind = sys.argv[1]
if kind == "numbers":
    print("a,b,c,d")
    for i in range(80):
        t = i * 0.17
        print(",".join(f"{v + noise():.4f}" for v in (math.sin(t), math.cos(t), math.sin(2 * t), 0.3 * t)))
elif kind == "counts":
    print("g1,g2,g3,g4,g5")
    for i in range(60):
        print(",".join(str(int(random.expovariate(1 / 20)) + 1) for _ in range(5)))
elif kind == "orders":
    print("id,channel,amount,items,gift")
    for i in range(90):
        amount = "" if i % 11 == 5 else f"{random.lognormvariate(3, 0.4):.2f}"
        print(f"o{i:03},{('web', 'store', 'phone')[i % 3]},{amount},{random.randint(1, 5)},{str(i % 7 == 0).lower()}")
else:
    print("time,load,heat")
    for i in range(160):
        t, spike = i * 0.4, 5 * (i == 120)
        print(f"2024-03-{1 + i // 24:02}T{i % 24:02}:00:00,{math.sin(t) + noise() + spike:.4f},{math.cos(t / 2) + noise():.4f}")
PY
}

run() {
    rows numbers rows.csv
    "$cae" train --data rows.csv --hidden 6,2 --seed 3 --epochs 4 --no-report --out whole -q
    "$cae" train --data rows.csv --hidden 6,2 --seed 3 --epochs 2 --no-report --out saved -q
    cp whole/model/model.safetensors resumed.safetensors
    "$cae" encode whole --data rows.csv -o codes.csv -q
    "$cae" reconstruct whole --data rows.csv -o restored.csv -q
    "$cae" evaluate whole --data rows.csv --json > evaluated.json
    rm -r whole saved/images
}
counts() {
    rows counts rows.csv
    "$cae" train --data rows.csv --hidden 4,2 --log1p --library-size --seed 3 --epochs 2 --no-report --out run -q
    mv run/model saved
    rm -r run
    "$cae" encode saved --data rows.csv -o codes.csv -q
    "$cae" reconstruct saved --data rows.csv -o restored.csv -q
    "$cae" evaluate saved --data rows.csv --json > evaluated.json
}
detector() {
    rows orders rows.csv
    "$cae" train --detector --data rows.csv --key id --missing mask --ensemble 2 --steps 40 --seed 3 --out saved -q
    "$cae" detect saved --data rows.csv -o scores.csv -q
}
clean() {
    rows numbers rows.csv
    "$cae" train --detector --data rows.csv --clean --ensemble 1 --steps 40 --hidden 3,2 --threshold sigma:2 --seed 3 --out saved -q
    "$cae" detect saved --data rows.csv -o scores.csv -q
}
series() {
    rows series rows.csv
    "$cae" train --detector --data rows.csv --time time --window 12 --ensemble 1 --steps 40 --seed 3 --out saved -q
    "$cae" detect saved --data rows.csv -o scores.csv -q
}
sweep() {
    rows numbers rows.csv
    "$cae" train --data rows.csv --hidden 2 --contraction 0,0.1 --seed 3 --epochs 1 --no-report --out saved -q
    rm -rf saved/*/images
}
# So many ordinary pictures, and two with a bar.
drawn() {
    mkdir -p rows/good rows/odd
    "$python" - "$1" <<'PY'
import math, random, struct, sys
random.seed(1)
side = 20
good = int(sys.argv[1])
for i in range(good + 2):
    odd = i >= good
    pixels = bytearray()
    for y in range(side):
        for x in range(side):
            v = 120 + 40 * math.sin(0.9 * x + i) * math.cos(0.7 * y) + random.gauss(0, 5)
            pixels += bytes([250] * 3 if odd and 8 <= y < 11 and 5 <= x < 14 else [int(v)] * 3)
    head = struct.pack("<IIIIiiHHIIIIII", 54 + len(pixels), 0, 54, 40, side, -side, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    with open(f"rows/{'odd' if odd else 'good'}/{i}.bmp", "wb") as file:
        file.write(b"BM" + head + pixels)
PY
}
images() {
    drawn 4
    "$cae" train --detector --data rows/good --patch 4 --hidden 6,2 --steps 40 --seed 3 --out saved -q
    rm -f saved/report.html
    "$cae" detect saved --data rows -o scores.csv -q
}
wholes() {
    drawn 12
    "$cae" train --detector --whole --data rows/good --image-size 16 --hidden 6,2 --steps 40 --seed 3 --out saved -q
    rm -f saved/report.html
    "$cae" detect saved --data rows -o scores.csv -q
}
pictures() {
    mkdir rows
    "$python" - <<'PY'
import math, random, struct
random.seed(1)
for i in range(6):
    width, height = 15 + i % 3, 18 - 2 * (i % 2)
    pixels = bytearray()
    for y in range(height):
        for x in range(width):
            v = 120 + 40 * math.sin(0.9 * x + i) * math.cos(0.7 * y) + random.gauss(0, 5)
            pixels += bytes([int(v), int(v), int(v) + 40])
        pixels += bytes(-3 * width % 4)
    head = struct.pack("<IIIIiiHHIIIIII", 54 + len(pixels), 0, 54, 40, width, -height, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    with open(f"rows/{i}.bmp", "wb") as file:
        file.write(b"BM" + head + pixels)
PY
    "$cae" train --data rows --patch 4 --image-size 14x14 --hidden 6,2 --seed 3 --epochs 2 --no-report --out run -q
    mv run/model saved
    rm -r run
    "$cae" encode saved --data rows -o codes.csv -q
    "$cae" reconstruct saved --data rows -o restored.csv -q
    "$cae" evaluate saved --data rows --json > evaluated.json
}

(make run-1 run)
(make run-1-checksum run) # checkpoints have had a SHA-256 since 2026-11-30
(make model-1-counts counts)
(make detector-2-orders detector)
(make detector-2-clean clean)
(make series-1-windows-3 series)
(make images-1 images)
(make images-1-whole wholes)
(make model-1-pictures pictures) # how pictures were made alike
(make sweep-1 sweep)
