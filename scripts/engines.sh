# Sets $venv to the Python environment with Spark, Ray, Dask, polars and DuckDB, .venv-engines, and makes it on first use and
# when its list changes. Sourced, from the repository's root.
venv=.venv-engines
requirements=tests/python/requirements-engines.txt
if ! cmp -s $requirements $venv/requirements.txt; then
    python3 -m venv $venv
    $venv/bin/python -m pip install -q -r $requirements
    cp $requirements $venv/requirements.txt
fi
