"""Detectors on tables whose training and test rows are given apart; scripts/oddbench.sh makes the environment and calls this."""

import argparse
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benches" / "anomaly"))

import adbench  # noqa: E402
import splits  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="scripts/oddbench.sh")
    parser.add_argument("--cae", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--data", help="folder of .npz files; by default oddbench in the data folder")
    parser.add_argument("--protocol", choices=splits.PROTOCOLS, default="clean", help="clean by default")
    parser.add_argument("--json", help="write the results here")
    options, flags = parser.parse_known_args()
    default = os.path.join(os.environ.get("CONTRACTIVE_DATA_DIR") or ROOT.parent / "shared" / "data", "oddbench")
    results = adbench.all_sets(options.cae, options.data or default, flags, lambda path: splits.given(path, options.protocol))
    if options.json:
        adbench.write_json(options.json, results, flags)
    else:
        print(json.dumps({m: adbench.mean(results.values(), m) for m in adbench.METRICS}))


if __name__ == "__main__":
    main()
