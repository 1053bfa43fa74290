"""Tables to train a detector on and to score, each with trouble of its own."""

import numpy as np


def orders(draw, n):
    """Rows that go together: numbers, counts, truth values, categories."""
    kind, size = draw.integers(0, 3, n), draw.normal(size=n)
    return {
        "load": 10 * size + kind,
        "temperature": np.exp(size + 0.3 * draw.normal(size=n)),
        "count": draw.poisson(3, n).astype(float),
        "is_new": (draw.random(n) < 0.2).astype(float),
        "mode": np.array(["a", "b", "c"], dtype=object)[kind],
        "site": draw.choice(["x", "y", "zz", "rare"], n, p=[0.5, 0.3, 0.19, 0.01]).astype(object),
    }


def with_holes(draw, table, share):
    n = len(table["load"])
    for name in ("temperature", "mode"):
        table[name][draw.random(n) < share] = None if name == "mode" else np.nan
    return table


def plain(draw):
    new = orders(draw, 300)
    new["site"][3], new["mode"][4] = "never seen", "new"
    return orders(draw, 600), new


def holes(draw):
    train, new = with_holes(draw, orders(draw, 600), 0.1), with_holes(draw, orders(draw, 300), 0.3)
    for name, column in new.items():  # one row has nothing at all
        column[5] = None if column.dtype == object else np.nan
        assert name in train
    return train, new


def huge(draw):
    train, new = orders(draw, 600), orders(draw, 300)
    train["temperature"] *= 1e12
    train["load"][5] = 1e15
    new["load"][3], new["temperature"][4] = 1e200, -1e30
    return train, new


def constant(draw):
    train, new = orders(draw, 600), orders(draw, 300)
    for table, n in ((train, 600), (new, 300)):
        table["still"] = np.full(n, 3.0)
        table["word"] = np.full(n, "same", dtype=object)
    return train, new


def counts(draw):
    return [{c: draw.poisson(2, n).astype(float) for c in "abcdef"} for n in (600, 300)]


def truths(draw):
    return [{c: (draw.random(n) < 0.3).astype(float) for c in "abcdefgh"} for n in (600, 300)]


def categories(draw):
    # So many rows are equally far from each other that their order among them decides.
    train = {c: draw.choice(list("pqrst"), 600).astype(object) for c in "abcd"}
    return train, {c: draw.choice(list("pqrstu"), 300).astype(object) for c in "abcd"}


def repeats(draw):
    # Few rows differ: most equal one that was trained on, also in the networks' codes, and score all but 0.
    def three(n):
        return {"kind": draw.choice(list("abc"), n).astype(object), "step": draw.integers(0, 2, n).astype(float)}

    return three(300), three(60)


def times(draw):
    train, new = orders(draw, 600), orders(draw, 300)
    train["at"] = 1.7e9 + 60.0 * np.arange(600)
    new["at"] = 1.7e9 + 60.0 * draw.integers(0, 600, 300)
    return train, new


def few(draw):
    return orders(draw, 60), orders(draw, 40)
