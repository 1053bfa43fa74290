# Sets $venv to the Python environment with the oldest NumPy, scikit-learn and pandas that the package allows, .venv-oldest, and
# makes it on first use and when its list changes. Sourced, from the repository's root.
venv=.venv-oldest
requirements=tests/python/requirements-oldest.txt
if ! cmp -s $requirements $venv/requirements.txt; then
    python3 -m venv $venv
    $venv/bin/python -m pip install -q -r $requirements
    cp $requirements $venv/requirements.txt
fi
