#!/usr/bin/env bash
# Opens reports in headless Chromium and fails on any console message, missing panel or broken layout.
#   scripts/check-report.sh [FOLDER]
# Trains three tiny runs (images, a table, and another of images to compare with), makes their reports, and leaves
# screenshots in FOLDER (a temporary one otherwise): desktop, phone, dark, without scripts. Needs Debian's package
# chromium; installs it where it is missing and the user is root.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
shots=${1:-$work/screenshots}
mkdir -p "$shots"
trap 'rm -rf "$work/profile" "$work/runs"' EXIT

if ! command -v chromium >/dev/null; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
    else
        echo "chromium must be on the PATH: install Debian's package chromium" >&2
        exit 1
    fi
fi

cae() { cargo run --quiet --locked -p contractive-cli -- "$@"; }
runs=$work/runs
mkdir -p "$runs"
cae train strokes --set data.rows=600 --epochs 3 --out "$runs/images" --quiet
cae train strokes --set data.rows=600 --epochs 3 --contraction 0 --out "$runs/plain" --quiet --no-report
# A table with hostile names; awk's generator is seeded.
awk 'BEGIN { srand(7); print "<script>alert(1)</script>,\"\"\"><img src=x onerror=alert(2)>\",b & c,kind"
    for (i = 0; i < 200; i++) { a = rand(); b = rand(); print a "," b "," a - b "," (a > b ? "<b>up</b>" : "down") } }' \
    >"$runs/table.csv"
cae train --data "$runs/table.csv" --label-column kind --hidden 4,2 --epochs 3 --out "$runs/table" --quiet
cae report "$runs/images" "$runs/plain" -o "$runs/comparison.html" --quiet

# chromium NAME PAGE WIDTH,HEIGHT [FLAG...]: a screenshot, the page as the browser understood it, the console's lines.
open_page() {
    local name=$1 page=$2 size=$3
    shift 3
    rm -rf "$work/profile"
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --user-data-dir="$work/profile" --hide-scrollbars \
        --enable-logging=stderr --log-level=0 --virtual-time-budget=2000 --window-size="$size" "$@" \
        --screenshot="$shots/$name.png" "file://$page" >"$work/out" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
    if grep -a 'CONSOLE' "$work/log" | grep -vE 'script-src .?.none'; then
        echo "$name: the page wrote to the console" >&2
        exit 1
    fi
    [ -s "$shots/$name.png" ] || { echo "$name: no screenshot" >&2; exit 1; }
}

# dump PAGE [FLAG...]: the page after scripts ran.
dump() {
    local page=$1
    shift
    rm -rf "$work/profile"
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --user-data-dir="$work/profile" --virtual-time-budget=2000 "$@" \
        --dump-dom "file://$page" 2>/dev/null
}

for run in images table; do
    page=$runs/$run/report.html
    open_page "$run-desktop" "$page" 1280,2400
    open_page "$run-dark" "$page" 1280,2400 --blink-settings=preferredColorScheme=0
    dump "$page" >"$work/dom"
    grep -q '<html lang="en" class="js">' "$work/dom" || { echo "$run: the script did not run" >&2; exit 1; }
    grep -q '<dt>training total</dt><dd>[0-9]' "$work/dom" || { echo "$run: the epoch slider shows nothing" >&2; exit 1; }
    if grep -qE '<img[^>]+onerror|<script>alert|<b>up</b>' "$work/dom"; then
        echo "$run: a name became markup" >&2
        exit 1
    fi
    # Headless Chromium takes its pictures by script and cannot with scripts off: the page forbids its own instead.
    sed "s/script-src 'unsafe-inline'/script-src 'none'/" "$page" >"$runs/no-scripts.html"
    open_page "$run-no-scripts" "$runs/no-scripts.html" 1280,6400
    dump "$runs/no-scripts.html" >"$work/dom"
    if ! grep -q '<html lang="en">' "$work/dom" || ! grep -q 'class="controls" hidden' "$work/dom"; then
        echo "$run: scripts ran, or controls show without them" >&2
        exit 1
    fi
done
open_page comparison "$runs/comparison.html" 1280,2400

# A phone is a frame 390 wide: headless Chromium's own window has a least width.
for page in images/report table/report comparison; do
    name=${page%/report}
    printf '<!DOCTYPE html><body style="margin:0"><iframe src="%s.html" width="390" height="5200" style="border:0"></iframe>' \
        "$page" >"$runs/phone-$name.html"
    open_page "$name-phone" "$runs/phone-$name.html" 500,5200
done
echo "reports are well; screenshots in $shots"
