# Sets $venv to the Python environment of the anomaly benchmarks, .anomaly-venv, and makes it on first use. Sourced, from the
# repository's root.
venv=.anomaly-venv
requirements=benches/anomaly/requirements.txt
if ! cmp -s $requirements $venv/requirements.txt; then
    [ -x $venv/bin/python ] || python3 -m venv $venv
    $venv/bin/python -m pip install -q -r $requirements
    cp $requirements $venv/requirements.txt
fi
