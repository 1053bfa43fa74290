"""Anomalies in a table of mixed columns: who, how much, and why. Writes 04_orders.png and a page, 04_orders.html.

python 04_orders.py [FOLDER]
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from contractive import AnomalyDetector

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

# Orders of a shop: the price goes with the items and the city, weight with the items; some weights are missing.
rng = np.random.default_rng(0)
n = 1500
city = rng.choice(["Oslo", "Lyon", "Porto"], n)
items = rng.integers(1, 9, n)
price = items * np.select([city == "Oslo", city == "Lyon"], [35, 28], 20) * rng.normal(1, 0.05, n)
orders = pd.DataFrame(
    {
        "order": [f"A{i:05}" for i in range(n)],
        "city": city,
        "items": items,
        "price": price.round(2),
        "weight": (items * 0.9 + rng.normal(0, 0.2, n)).round(2),
    }
)
orders.loc[rng.choice(n, 40, replace=False), "weight"] = np.nan

# Two odd ones: a price that is ordinary by itself but not with its items, and a weight without its items.
orders.loc[300, ["city", "items", "price", "weight"]] = ["Porto", 2, 260.0, 1.8]
orders.loc[900, ["city", "items", "price", "weight"]] = ["Oslo", 1, 34.5, 7.2]

detector = AnomalyDetector(keys=["order"], missing="mask", contamination=0.002, random_state=0).fit(orders)
found = detector.detect(orders, explain=2)
highest = found.nlargest(3, "score")
print(highest[["order", "score", "feature_1", "share_1"]].round(2).to_string(index=False))
detector.report(folder / "04_orders.html", orders, name="orders")

fig, (left, right) = plt.subplots(ncols=2, figsize=(9, 3.8), layout="constrained")
odd = found["label"].to_numpy()
left.scatter(orders["items"][~odd], orders["price"][~odd], s=6, color="0.6", linewidths=0, label="ordinary")
left.scatter(orders["items"][odd], orders["price"][odd], s=30, color="tab:red", label="above the threshold")
for row in found[odd].itertuples():
    left.annotate(f"  {row.feature_1}", (orders["items"][row.Index], orders["price"][row.Index]), va="center")
left.set(xlabel="items", ylabel="price", title="1,500 orders, and the column most at fault")
left.legend(frameon=False, loc="upper left")
detector.plot(orders, right)
right.set_title("scores")
fig.savefig(folder / "04_orders.png", dpi=80)
