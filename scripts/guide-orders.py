"""Writes the tables of docs/guide-anomaly.md and docs/first-hour.md into this folder: orders.csv, new.csv, new.csv with
things wrong in it, two-ways.csv, machines.csv and plant.csv.

    python3 scripts/guide-orders.py
"""

import csv
import math
import random

COLUMNS = ["order", "when", "city", "items", "price", "weight", "currency"]
# What an item costs there.
CITIES = {"Lyon": 20.0, "Oslo": 35.0, "Porto": 15.0}


def orders(n, number, when, seed):
    """Rows of n orders, one an hour from day `when` of 2024 on. The price goes with the items and the city."""
    draw = random.Random(seed)
    rows = []
    for i in range(n):
        city = draw.choice(list(CITIES))
        items = draw.randint(1, 9)
        price = items * CITIES[city] * draw.uniform(0.9, 1.1)
        weight = items * 0.8 * draw.uniform(0.95, 1.05)
        day = when + i // 24
        month = next(m for m in range(1, 13) if day < sum(LENGTHS[:m]))
        stamp = f"2024-{month:02d}-{day - sum(LENGTHS[: month - 1]) + 1:02d}T{i % 24:02d}:00:00"
        rows.append([number + i, stamp, city, items, f"{price:.2f}", f"{weight:.2f}", 1])
    return rows


LENGTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def write(name, rows, columns=COLUMNS):
    """The rows under the columns' names."""
    with open(name, "w", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(columns)
        lines.writerows(rows)


def changed(rows, row, column, value):
    """The rows with another value in one cell."""
    copy = [list(cells) for cells in rows]
    copy[row][COLUMNS.index(column)] = value
    return copy


def machines(n, fault):
    """Meters of three machines, one reading an hour and machine; the second one jumps in reading `fault`."""
    draw = random.Random(3)
    rows = []
    for i in range(n):
        for m, name in enumerate(["mill", "pump", "saw"]):
            is_odd = name == "pump" and i == fault
            kwh = 1.7e9 + 500 * m + 5 * math.sin(i / 15 + m) + draw.gauss(0, 0.2) + (30 if is_odd else 0)
            stamp = f"2024-01-{1 + i // 24:02d}T{i % 24:02d}:00:00"
            rows.append([stamp, name, f"{kwh:.3f}", is_odd])
    return rows


def plant(n):
    """A reading every half hour of three sensors that follow the day; six hours are missing, a sensor sticks, another one
    jumps."""
    draw = random.Random(7)
    rows = []
    for i in range(n):
        if 500 <= i < 512:
            continue
        day = math.sin(2 * math.pi * i / 48)
        temp = 20 + 5 * day + draw.gauss(0, 0.2)
        pressure = 3 + 0.4 * math.sin(2 * math.pi * i / 48 - 0.7) + draw.gauss(0, 0.02)
        current = 40 + 8 * max(day, 0) + draw.gauss(0, 0.5)
        if 700 <= i < 720:
            temp = 27.5
        if i == 850:
            pressure += 1.5
        stamp = f"2024-01-{1 + i // 48:02d} {i % 48 // 2:02d}:{i % 2 * 30:02d}:00"
        rows.append([stamp, f"{temp:.2f}", f"{pressure:.3f}", f"{current:.2f}"])
    return rows


def two_ways():
    """A dense line with thirty rows just beside it, in a wide cloud, and forty rows alike far away from all."""
    draw = random.Random(5)

    def line(off):
        t = draw.random()
        return [x + draw.gauss(0, 0.002) for x in (t + off, 1 - t + off, t * t - off)]

    rows = [line(0) for _ in range(1500)]
    rows += [line(draw.choice([-0.04, 0.04])) for _ in range(30)]
    rows += [[draw.gauss(12, 0.002) for _ in range(3)] for _ in range(40)]
    rows += [[draw.uniform(-3, 4) for _ in range(3)] for _ in range(1000)]
    return [[f"{x:.4f}" for x in row] for row in rows]


def main():
    train = orders(2000, 9007199254740993, 0, seed=0)
    draw = random.Random(1)
    for row in draw.sample(range(2000), 60):
        train[row][COLUMNS.index("weight")] = ""
    for row in draw.sample(range(2000), 20):
        train[row][COLUMNS.index("city")] = ""
    write("orders.csv", train)

    new = orders(500, 9007199254750000, 91, seed=2)
    for row, column, value in [(7, "price", "310.00"), (11, "city", "Atlantis"), (13, "weight", ""), (17, "currency", 2)]:
        new = changed(new, row, column, value)
    write("new.csv", new)

    order = [0, 1, 4, 3, 2, 5, 6]
    write("reordered.csv", [[cells[j] for j in order] for cells in new], [COLUMNS[j] for j in order])
    write("lacking.csv", [cells[:5] + cells[6:] for cells in new], COLUMNS[:5] + COLUMNS[6:])
    write("wider.csv", [cells + ["x"] for cells in new], COLUMNS + ["note"])
    write("infinite.csv", changed(new, 42, "price", "inf"))
    write("word.csv", changed(new, 43, "items", "three"))
    open("empty.csv", "w").close()
    write("header.csv", [])
    write("slip.csv", changed(new, 43, "price", "38,04"))
    write("two-ways.csv", two_ways(), ["a", "b", "c"])
    write("machines.csv", machines(400, 250), ["time", "machine", "kwh", "fault"])
    write("plant.csv", plant(1000), ["time", "temp", "pressure", "current"])


if __name__ == "__main__":
    main()
