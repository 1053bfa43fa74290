#!/usr/bin/env bash
# Are two builds of one source the same bytes? Builds the command `cae`, and the wheel, twice from the tracked files, in two
# folders of different names, each with a Cargo home and a target folder of its own path, and compares the bytes.
#   bash scripts/reproducible.sh            both, with profile release
#   bash scripts/reproducible.sh cae        the command alone
#   bash scripts/reproducible.sh wheel      the wheel alone
#   PROFILE=dist bash scripts/reproducible.sh      as it is shipped
# Takes two builds from nothing (five minutes each on two free cores, `dist` twice that), 3 GB of disk in $TMPDIR, given back,
# and .venv with maturin, which it makes as scripts/test.sh does. Exit code 1 when a byte differs. What it needs to give equal
# bytes stands in docs/safety.md.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    sed -n '2,10s/^# \{0,1\}//p' "$0"
    exit 0
fi
what=${1:-both} profile=${PROFILE:-release}
. scripts/python-tools.sh
tools=$PWD/.venv
home=${CARGO_HOME:-$HOME/.cargo}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The date of the last commit, for whatever would write that of today.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH CARGO_INCREMENTAL=0

# copy NAME: the tracked files, and a Cargo home, into a folder of that name.
copy() {
    mkdir -p "$scratch/$1/source" "$scratch/$1.out"
    git ls-files -z | tar --null --files-from=- --create | tar --extract --directory "$scratch/$1/source"
    ln -s "$home" "$scratch/$1/cargo"
    ln -s "$tools" "$scratch/$1/source/.venv"
}

# build NAME: what is asked for, in the folder of that name, into $scratch/NAME.out.
build() (
    source=$scratch/$1/source out=$scratch/$1.out
    export CARGO_HOME=$scratch/$1/cargo CARGO_TARGET_DIR=$scratch/$1/target VIRTUAL_ENV=$tools
    # Folders that messages of panics would name: without this line the bytes depend on where the source and the registry lie.
    export RUSTFLAGS="--remap-path-prefix=$source=/contractive --remap-path-prefix=$CARGO_HOME=/cargo --remap-path-prefix=$CARGO_TARGET_DIR=/target"
    cd "$source"
    if [ "$what" != wheel ]; then
        cargo build --quiet --locked --profile "$profile" --package contractive-cli --bin cae
        cp "$CARGO_TARGET_DIR/$profile/cae" "$out"
    fi
    if [ "$what" != cae ]; then
        bash scripts/wheel.sh --into "$out" --profile "$profile"
    fi
    if [ -z "${KEEP:-}" ]; then rm -rf "${scratch:?}/$1"; fi
)

copy one
copy another-place
build one
build another-place
(cd "$scratch/one.out" && sha256sum -- *) >"$scratch/sums"
cat "$scratch/sums"
if (cd "$scratch/another-place.out" && sha256sum --check --quiet "$scratch/sums"); then
    echo "the same bytes"
    for built in "$scratch"/one.out/*; do
        python3 -B scripts/measured.py "two builds, the same bytes" "PROFILE=$profile bash scripts/reproducible.sh $what" \
            built="$(basename "$built")" sha256="$(sha256sum "$built" | cut -d ' ' -f 1)"
    done
else
    if [ -n "${KEEP:-}" ]; then trap - EXIT; echo "both lie in $scratch"; fi
    exit 1
fi
