#!/usr/bin/env bash
# Pictures: planted defects in textures and one-class sets, ours beside peers, into the tables of docs/images.md.
#   bash scripts/bench-images.sh                    ours, then the page, with the peers of benches/images/peers.json
#   bash scripts/bench-images.sh --peers            the peers anew first, into that file
#   bash scripts/bench-images.sh --page             the page from the files as they are
# Further words go to benches/images/ours.py (and peers.py): --only textures|one-class, --step K. Ours are kept in
# benches/images/ours.json; results that a file has already are not measured again: delete it first. On two cores ours take
# about 15 minutes, the peers an hour. Needs the Python package (built from this tree), and for the one-class sets the data folder
# ($CONTRACTIVE_DATA_DIR, else ../shared/data). Makes .images-venv (numpy, scikit-learn, scikit-image, PyTorch, PyOD) on first use.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 0
fi
what=ours
case "${1:-}" in
--peers) what=peers && shift ;;
--page) what=page && shift ;;
esac
python=${CONTRACTIVE_PYTHON:-}
if [ -z "$python" ]; then
    venv=.images-venv
    requirements=benches/images/requirements.txt
    if ! cmp -s $requirements $venv/requirements.txt; then
        [ -x $venv/bin/python ] || python3 -m venv $venv
        $venv/bin/python -m pip install -q -r $requirements
        cp $requirements $venv/requirements.txt
    fi
    [ $what = page ] || $venv/bin/python -m pip install -q .
    python=$venv/bin/python
fi
[ $what = peers ] && "$python" benches/images/peers.py benches/images/peers.json "$@"
[ $what = page ] || "$python" benches/images/ours.py benches/images/ours.json "$@"
exec "$python" scripts/bench_images.py
