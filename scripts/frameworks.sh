# Sets $venv to the Python environment with PyTorch, JAX, TensorFlow and ONNX Runtime, .venv-frameworks, and makes it on first
# use and when its list changes. Sourced, from the repository's root.
venv=.venv-frameworks
requirements=tests/python/requirements-frameworks.txt
if ! cmp -s $requirements $venv/requirements.txt; then
    python3 -m venv $venv
    $venv/bin/python -m pip install -q -r $requirements
    cp $requirements $venv/requirements.txt
fi
