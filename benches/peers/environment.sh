# Sets $venv to the Python environment of the peers in training, .bench-venv, and makes it on first use. Sourced, from the
# repository's root.
venv=.bench-venv
requirements=benches/peers/requirements.txt
if ! cmp -s $requirements $venv/requirements.txt; then
    python3 -m venv $venv
    $venv/bin/python -m pip install -q -r $requirements
    cp $requirements $venv/requirements.txt
fi
