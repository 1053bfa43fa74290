#!/usr/bin/env bash
# `cae detect --follow` over a day of simulated time: 86,400 rows, one a second, written as fast as the follower reads them to a
# file that is renamed, truncated, removed and written in pieces of lines; every score must be there once, to the digit of the
# whole day scored at once, and memory must stay flat.
#
#     bash scripts/soak-follow.sh CAE [ROWS]      # 86,400 rows: about three minutes, with a debug build too
#
# It needs Python 3 (PYTHON=…), and Linux.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" scripts/soak_follow.py "$(realpath "${1:?give the program cae}")" "${2:-86400}"
