#!/usr/bin/env bash
# No flag, no `cae` and no exit code in the strings and docs of library crates: scripts/words.py.
set -euo pipefail
cd "$(dirname "$0")/.."
exec python3 -B scripts/words.py .
