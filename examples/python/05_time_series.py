"""Anomalies in a time series: four weeks of a building's load and temperature, by the hour. Writes 05_time_series.png.

python 05_time_series.py [FOLDER]
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from contractive import SeriesDetector

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

hours = pd.date_range("2025-03-03", periods=28 * 24, freq="h")
rng = np.random.default_rng(0)
day = 2 * np.pi * np.asarray(hours.hour) / 24
load = 60 - 25 * np.cos(day) + rng.normal(0, 2, len(hours))
outside = 8 - 5 * np.cos(day - 0.6) + rng.normal(0, 0.5, len(hours))
frame = pd.DataFrame({"load": load, "outside": outside}, index=hours)

# In the last week: a night at the load of a day, and a thermometer that sticks.
frame.loc["2025-03-26 00:00":"2025-03-26 05:00", "load"] += 45
frame.loc["2025-03-28 08:00":"2025-03-28 20:00", "outside"] = 6.0

# The first three weeks are known to be in order; the index is the time.
detector = SeriesDetector(window=24, random_state=0).fit(frame[:"2025-03-23"])
for found in detector.ranges(frame["2025-03-24":]):
    column, share = found["columns"][0]
    print(f"{found['start']} to {found['end']}: score {found['score']:.0f}, {column} {share:.0%}")

ax = detector.plot(frame["2025-03-17":])
ax.figure.axes[0].set_title("two weeks: load and outside temperature, and the score of each hour")
ax.figure.savefig(folder / "05_time_series.png", dpi=80)
