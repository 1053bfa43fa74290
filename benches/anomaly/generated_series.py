"""Seasonal series of three columns with known anomalies of ten kinds: the same for us and for the peers.

Half-hourly rows of 50 days: a daily profile, weaker at weekends, in three columns that go together, with noise. Each series
has three anomalies of one kind at random places behind the first week. Labels are the rows that are odd; of a slow drift
those where it has passed a third of its height.
"""

import numpy as np

KINDS = ("spike", "dip", "level shift", "variance change", "missing cycle", "wrong phase", "slow drift", "frozen sensor",
         "correlation break", "contextual")  # fmt: skip
PERIOD, DAYS = 48, 50
ROWS = PERIOD * DAYS
COLUMNS = ("load", "temperature", "flow")
NOISE = np.array([0.2, 0.15, 0.2])
EVENTS = 3


def profile(position):
    """The day's course at positions in days, with the weekly factor; three columns."""
    turn = 2 * np.pi * position
    weekend = np.where(np.floor(position) % 7 >= 5, 0.6, 1.0)
    load = weekend * (np.sin(turn) + 0.4 * np.sin(2 * turn + 0.7))
    late = weekend * (np.sin(turn - 0.5) + 0.4 * np.sin(2 * turn - 0.3))
    return np.stack([10 + 3 * load, 20 + 2 * late, 5 + 1.5 * load + 0.5 * late], axis=1)


def series(kind, seed):
    """(values (rows, columns), labels) of a series with anomalies of `kind`."""
    random = np.random.RandomState([KINDS.index(kind), seed])
    position = np.arange(ROWS) / PERIOD
    values = profile(position)
    noise = NOISE * random.normal(size=values.shape)
    labels = np.zeros(ROWS, dtype=bool)
    longest = 3 * PERIOD
    slots = np.linspace(7 * PERIOD, ROWS - longest, EVENTS + 1).astype(int)
    for slot, end in zip(slots[:-1], slots[1:]):
        at = random.randint(slot, end - longest)
        column = random.randint(len(COLUMNS))
        sign = random.choice([-1, 1])
        size = NOISE[column] / 0.2
        if kind == "spike":
            values[at, column] += sign * size * random.uniform(2, 3)
            labels[at] = True
        elif kind == "dip":
            values[at : at + 3, column] -= size * random.uniform(2, 3)
            labels[at : at + 3] = True
        elif kind == "level shift":
            span = slice(at, at + random.randint(PERIOD, 2 * PERIOD))
            values[span, column] += sign * size * random.uniform(1.5, 2.5)
            labels[span] = True
        elif kind == "variance change":
            span = slice(at, at + PERIOD)
            noise[span, column] *= 5
            labels[span] = True
        elif kind == "missing cycle":
            span = slice(at, at + PERIOD)
            values[span] = profile(position).mean(axis=0)
            labels[span] = True
        elif kind == "wrong phase":
            span = slice(at, at + PERIOD)
            values[span] = profile(position[span] + 1 / 3)
            labels[span] = True
        elif kind == "slow drift":
            values[at : at + longest, column] += sign * size * np.linspace(0, 3, longest)
            labels[at + longest // 3 : at + longest] = True
        elif kind == "frozen sensor":
            span = slice(at, at + PERIOD // 2)
            values[span, column] = values[at, column]
            noise[span, column] = noise[at, column]
            labels[span] = True
        elif kind == "correlation break":
            span = slice(at, at + PERIOD)
            values[span, 2] = profile(position[span] + 0.5)[:, 2]
            labels[span] = True
        elif kind == "contextual":
            span = slice(at, at + random.randint(4, 9))
            values[span] = profile(position[span] + 0.5)
            labels[span] = True
    return values + noise, labels
