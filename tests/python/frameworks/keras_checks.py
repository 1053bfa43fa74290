"""Runs the checks of contractive.keras in a process of one backend: `python keras_checks.py NAME...` prints JSON."""

import json
import sys
import time
import traceback

import keras
import keras_model_checks
import keras_penalty_checks
import pytest
from keras_jacobians import precision

CHECKS = vars(keras_penalty_checks) | vars(keras_model_checks)


def main():
    outcomes = {}
    for name in sys.argv[1:]:
        precision("float64")
        keras.utils.set_random_seed(0)
        start = time.monotonic()
        try:
            CHECKS[f"check_{name}"]()
            outcomes[name] = None
        except (Exception, pytest.fail.Exception):
            outcomes[name] = traceback.format_exc()
        print(f"{name}: {time.monotonic() - start:.1f} s", file=sys.stderr)
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main()
