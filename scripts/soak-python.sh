#!/usr/bin/env bash
# The long form of tests/python/package/test_reliability.py: 10,000 fits and 1,000 loads with memory, threads and open files
# watched; Ctrl-C at 500 random instants; 60 forks in the middle of fits; 120 programs that end in the middle of work.
# One line a part, with its figures; ends with 1 where a part fails.
#
#     bash scripts/soak-python.sh [PART…]      # fits, loads, interrupts, forks, ends; all of them: about 20 minutes, 2 cores
#
# SHARE=0.1 makes a tenth of the fits and loads.
# It needs the package in the Python that runs it (PYTHON=…), with pytest, which the tests' parts are taken from; and Linux.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" -W ignore scripts/soak_python.py "$@"
