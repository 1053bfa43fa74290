"""The numbers of a run directory."""

import json


def history(run):
    """One record an epoch."""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
