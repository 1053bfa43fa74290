"""Times of engines that score one Parquet file on this machine, each in a process of its own: scripts/bench-engines.sh.

Two estimators: a detector, whose score is work (eight networks and a neighbourhood), and an autoencoder, whose score is little
more than reading the row. Every engine has two cores: two workers of one thread, or one process of two threads. Scores are
added up, and must be one process's to the bit, whatever the order of rows.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

os.environ |= {
    "PYSPARK_PYTHON": sys.executable,
    "SPARK_LOCAL_IP": "127.0.0.1",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
ENGINES = ("one process", "polars", "duckdb", "dask", "ray", "spark")


def table(n_rows, n_columns=32):
    """Rows about a curved surface of four dimensions."""
    draw = np.random.default_rng(0)
    base = draw.normal(size=(4, n_columns))
    rows = np.tanh(draw.normal(size=(n_rows, 4)) @ base) + 0.1 * draw.normal(size=(n_rows, n_columns))
    columns = {f"c{j}": rows[:, j].astype(np.float32) for j in range(n_columns)}
    return pa.table({"id": np.arange(n_rows), **columns})


def one_process(path, model):
    from contractive import score_arrow

    yield
    batches = pq.ParquetFile(path).iter_batches(65536)
    yield pa.Table.from_batches([score_arrow(model, batch, keep=["id"], n_jobs=2) for batch in batches])["score"]


def polars(path, model):
    import polars as pl
    from contractive import engines

    yield
    scored = engines.polars.score(pl.scan_parquet(path), model, keep=["id"], n_jobs=2)
    yield scored.collect(engine="streaming")["score"]


def duckdb(path, model):
    import duckdb
    from contractive import engines

    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    call = engines.duckdb.register(connection, model, n_jobs=2)
    yield
    scored = connection.sql(f"SELECT id, unnest({call}) FROM read_parquet('{path}')").to_arrow_table()
    yield scored["score"]


def dask(path, model):
    import dask.dataframe as dd
    from contractive import engines
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster,
        Client(cluster),
    ):
        yield
        frame = dd.read_parquet(path, split_row_groups=1)
        yield engines.dask.score(frame, model, keep=["id"]).compute()["score"]


def ray(path, model):
    import ray
    from contractive import engines

    # Two for the actors and one for the tasks that read the file: with two in all nothing is ever read.
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False, object_store_memory=2**30)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    scored = engines.ray.score(ray.data.read_parquet(path), model, keep=["id"], actors=2)
    yield pa.concat_tables(ray.get(scored.to_arrow_refs()))["score"]
    ray.shutdown()


def spark(path, model):
    from contractive import engines
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    for name in ("spark.driver.host", "spark.driver.bindAddress"):
        builder = builder.config(name, "127.0.0.1")
    session = builder.config("spark.log.level", "ERROR").config("spark.driver.memory", "4g").getOrCreate()
    yield
    # A file of one row group is one task; a cluster's tables come in many files.
    yield engines.spark.score(session.read.parquet(path).repartition(16), model, keep=["id"]).toArrow()["score"]
    session.stop()


def measure(engine, path, model):
    """Seconds until the engine is there, seconds until scores are, and their sum, in whichever order they come."""
    begin = time.perf_counter()
    steps = globals()[engine.replace(" ", "_")](path, model)
    next(steps)
    ready = time.perf_counter()
    scores = np.asarray(next(steps), dtype=np.float64)
    done = time.perf_counter()
    next(steps, None)
    return {"start": ready - begin, "scoring": done - ready, "rows": len(scores), "sum": math.fsum(scores)}


def compare(folder, n_rows, name, model, only):
    path = folder / f"{name}.parquet"
    pq.write_table(table(n_rows), path, row_group_size=65536)
    print(f"\n{name}: {n_rows:,} rows of 32 columns, {path.stat().st_size / 1e6:.0f} MB of Parquet; load {os.getloadavg()[0]:.1f}")
    print(f"{'engine':12} {'start, s':>9} {'scoring, s':>11} {'rows a second':>14}  load after", flush=True)
    expected = None
    for engine in ENGINES:
        if engine not in only:
            continue
        command = [sys.executable, __file__, "--measure", engine, str(path), str(model)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        if done.returncode != 0:
            sys.exit(done.stderr)
        told = json.loads(done.stdout.splitlines()[-1])
        expected = expected or told
        if (told["rows"], told["sum"]) != (expected["rows"], expected["sum"]):
            sys.exit(f"{engine}: other scores than {only[0]}: {told} and {expected}")
        rate = f"{n_rows / told['scoring']:,.0f}"
        print(f"{engine:12} {told['start']:9.1f} {told['scoring']:11.1f} {rate:>14}  {os.getloadavg()[0]:.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000, help="rows that the detector scores; the autoencoder 20 times as many")
    parser.add_argument("--only", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        print(json.dumps(measure(*chosen.measure)))
        return
    from contractive import AnomalyDetector, ContractiveAutoencoder

    rows = table(20_000).drop_columns(["id"])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        AnomalyDetector(random_state=0).fit(rows).save(folder / "detector")
        compare(folder, chosen.rows, "detector", folder / "detector", chosen.only)
        model = ContractiveAutoencoder((16, 4), max_iter=5, random_state=0).fit(rows.to_pandas())
        model.save(folder / "model")
        compare(folder, 20 * chosen.rows, "autoencoder", folder / "model", chosen.only)


if __name__ == "__main__":
    main()
