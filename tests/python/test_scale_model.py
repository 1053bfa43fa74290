"""The model of docs/scale.md: its tables are those of the measurements kept, and its parts are right where they can be checked."""

import importlib.util
import json
import random
from pathlib import Path

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("scale_model", ROOT / "scripts" / "scale_model.py")
scale_model = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(scale_model)


def test_the_page_has_the_tables_of_the_measurements():
    lines = [json.loads(line) for line in scale_model.RESULTS.read_text().splitlines()]
    assert scale_model.tables(lines) in scale_model.PAGE.read_text()


def test_latency_and_rate_are_found_again():
    for latency, rate in [(2e-6, 3e9), (5e-5, 1.2e8)]:
        exchanges = [
            {"bytes": 8 * n, "seconds": scale_model.exchange(2, 8 * n, latency, rate)}
            for n in (1, 100, 10_000, 100_000, 1_000_000)
        ]
        found = scale_model.fitted(exchanges)
        assert abs(found[0] / latency - 1) < 0.05
        assert abs(found[1] / rate - 1) < 0.05


def test_the_rank_with_most_rows_has_about_what_the_formula_says():
    draw = random.Random(0)
    for ranks, batch in [(8, 1024), (16, 16384), (32, 4096)]:
        most = []
        for _ in range(100):
            rows = [0] * ranks
            for _ in range(batch):
                rows[draw.randrange(ranks)] += 1
            most.append(max(rows))
        mean = sum(most) / len(most)
        # An upper bound of the mean, that is nearly reached.
        assert mean <= scale_model.most_rows(ranks, batch) <= 1.12 * mean


def test_one_rank_exchanges_nothing_and_has_all_rows():
    assert scale_model.exchange(1, 1e6, 1.0, 1.0) == 0.0
    assert scale_model.most_rows(1, 100) == 100
