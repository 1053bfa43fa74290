# Makes .venv-supply with the tools that look at what we depend on. Sourced, from the repository's root.
supply=tests/python/requirements-supply.txt
if ! cmp -s $supply .venv-supply/requirements.txt; then
    python3 -m venv .venv-supply
    .venv-supply/bin/pip install -q -r $supply
    cp $supply .venv-supply/requirements.txt
fi
