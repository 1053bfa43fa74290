# Makes .venv with the tools and peers of the Python tests, on first use and when their list changes. Sourced, from the
# repository's root.
requirements=tests/python/requirements.txt
if ! cmp -s $requirements .venv/requirements.txt; then
    python3 -m venv .venv
    .venv/bin/pip install -q -r $requirements
    cp $requirements .venv/requirements.txt
fi
