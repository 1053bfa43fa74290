#!/usr/bin/env bash
# Crates depend only along the allowed arrows, and within a crate no modules tie themselves in a circle: scripts/arrows.py.
#   scripts/check-arrows.sh              checks this workspace
#   scripts/check-arrows.sh --self-test  plants faults in a tiny workspace, and fails unless every one is refused
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" != --self-test ]; then
    exec python3 -B scripts/arrows.py .
fi

arrows=$PWD/scripts/arrows.py
tiny=$(mktemp -d)
trap 'rm -rf "$tiny"' EXIT

# An innocent workspace: a parent that names its children, circles in tests, comments and strings alone.
fresh() {
    rm -rf "${tiny:?}"/*
    mkdir -p "$tiny"/{core,table}/src/shapes
    printf '[workspace]\nresolver = "3"\nmembers = ["core", "table"]\n' >"$tiny/Cargo.toml"
    for crate in core table; do
        printf '[package]\nname = "contractive-%s"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\n' $crate >"$tiny/$crate/Cargo.toml"
        cat >"$tiny/$crate/src/lib.rs" <<'RUST'
mod numbers;
mod shapes;
pub use shapes::{Round, Square};
RUST
        cat >"$tiny/$crate/src/numbers.rs" <<'RUST'
/// See [`crate::Square`].
pub fn half(x: f64) -> f64 { x / 2.0 } // for crate::Square
pub const NAME: &str = "crate::shapes::Square";
#[cfg(test)]
mod tests { use crate::Square; #[test] fn works() { let _ = Square(1.0); } }
RUST
        cat >"$tiny/$crate/src/shapes/mod.rs" <<'RUST'
mod round;
mod square;
pub use round::Round;
pub use square::Square;
RUST
        printf 'use crate::numbers::half;\npub struct Round(pub f64);\npub fn r(d: f64) -> Round { Round(half(d)) }\n' >"$tiny/$crate/src/shapes/round.rs"
        printf 'pub struct Square(pub f64);\n' >"$tiny/$crate/src/shapes/square.rs"
    done
}

failed=0
# refused FAULT WORDS: the check must refuse what was planted, with a message that holds all the words
refused() {
    local fault=$1 said
    shift
    if said=$(python3 -B "$arrows" "$tiny" 2>&1); then
        echo "self-test: not refused: $fault" >&2
        failed=1
    fi
    for words in "$@"; do
        if ! grep -qF -- "$words" <<<"$said"; then
            printf 'self-test: %s: the message lacks "%s":\n%s\n' "$fault" "$words" "$said" >&2
            failed=1
        fi
    done
    fresh
}

fresh
python3 -B "$arrows" "$tiny" || { echo "self-test: an innocent workspace was refused" >&2; failed=1; }

echo 'contractive-table = { path = "../table" }' >>"$tiny/core/Cargo.toml"
refused "a wrong arrow between crates" "contractive-core must not depend on contractive-table"

cat >>"$tiny/core/src/numbers.rs" <<'RUST'
use {
    std::fmt::Debug,
    crate::{
        shapes::{
            self, // comments do not hide it
            round::{Round as Circle},
        },
    },
};
pub fn d(c: &Circle) -> f64 { c.0 }
RUST
refused "a circle through nested braces" "numbers.rs -> shapes/round.rs: Round" "and back: half"

echo 'pub fn twice(s: &crate::Round) -> f64 { s.0 * 2.0 }' >>"$tiny/core/src/numbers.rs"
refused "a circle through an inline path and two re-exports" "numbers.rs -> shapes/round.rs: Round" "and back: half"

echo 'pub fn side() -> f64 { super::UNIT }' >>"$tiny/core/src/shapes/square.rs"
printf 'pub const UNIT: f64 = 1.0;\npub fn unit() -> Square { Square(UNIT) }\n' >>"$tiny/core/src/shapes/mod.rs"
refused "a child that uses its parent, which uses it" "shapes/mod.rs -> shapes/square.rs: Square" "and back: UNIT"

echo 'pub struct Refusal(crate::shapes::Square);' >>"$tiny/core/src/numbers.rs"
refused "a circle of rooms that is none of files" "2 rooms in a circle" "numbers -> shapes: Square" "and back: half"

[ $failed = 0 ] && echo "every planted fault is refused"
exit $failed
