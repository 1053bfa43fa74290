"""Memory of other libraries that the core reads where it lies: arrays of NumPy, streams of Arrow.

scripts/sanitise.sh runs this file under AddressSanitizer: what is read after it was moved or freed is reported there.
"""

import gc
import subprocess
import sys
import threading

import numpy as np
import pytest
from conftest import X, detector, small
from contractive import _core


def packed(numbers):
    """The same numbers as a field of packed records: their distance is no multiple of their size."""
    records = np.zeros(numbers.shape, dtype=[("value", numbers.dtype), ("mark", "i1")])
    records["value"] = numbers
    return records["value"]


def test_numbers_that_lie_a_part_of_a_number_apart_are_not_misread():
    for dtype in (np.float32, np.float64):
        rows = X.astype(dtype)
        odd = packed(rows)
        assert odd.ctypes.data % odd.itemsize == 0
        assert odd.strides[1] % odd.itemsize != 0
        model = small().fit(rows).model_
        with pytest.raises(ValueError, match="aligned"):
            model.encode(odd)
        kind = "single" if dtype == np.float32 else "number"
        with pytest.raises(ValueError, match="aligned"):
            _core.Frame.of_columns([("x", kind, odd[:, 0], None, None)])
        # One row, one column: no distance counts.
        assert np.array_equal(model.encode(np.ascontiguousarray(rows[:1])), model.encode(rows[:1]))
        assert small().fit(odd).transform(odd).tobytes() == small().fit(rows).transform(rows).tobytes()
        assert detector().fit(odd).anomaly_scores(odd).tolist() == detector().fit(rows).anomaly_scores(rows).tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_array_is_not_moved_while_it_is_trained_on(dtype):
    rows = np.array(X, dtype=dtype, order="C")
    copy, answers = rows.copy(), []

    def enlarge(*_):
        try:
            rows.resize((100_000, rows.shape[1]), refcheck=False)
            answers.append("moved")
        except ValueError as error:
            answers.append(str(error))

    model = small(scale="none", max_iter=3, callbacks=[enlarge]).fit(rows)
    expected = small(scale="none", max_iter=3).fit(copy)
    assert model.transform(copy).tobytes() == expected.transform(copy).tobytes()
    # The rows of 32 bits are read where they lie, those of 64 are copied.
    answer = "cannot resize" if dtype == np.float32 else "moved"
    assert len(answers) == 3
    assert all(answer in one for one in answers), answers
    # Nothing holds it any longer; the estimator knows its rows again by a weak reference.
    del model
    gc.collect()
    rows.resize((7, rows.shape[1]), refcheck=False)


def test_an_array_lives_as_long_as_it_is_trained_on():
    expected = small(max_iter=5).fit(np.array(X, dtype=np.float32)).transform(X)
    given = [np.array(X, dtype=np.float32)]

    def forget(*_):
        gc.collect()

    model = small(max_iter=5, callbacks=[forget])
    model.fit(given.pop())
    assert model.transform(X).tobytes() == expected.tobytes()


def test_many_threads_read_one_array():
    rows = np.array(X, dtype=np.float32)
    model = small().fit(rows)
    expected, found = model.transform(rows).tobytes(), []

    def read():
        found.append(all(model.transform(rows).tobytes() == expected for _ in range(20)))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4


def test_arrow_that_breaks_arrows_rules_is_refused():
    """pyarrow gives on text of a Parquet file without a look whether it is UTF-8, and builds what it is told to build."""
    pa = pytest.importorskip("pyarrow")
    offsets = pa.py_buffer(np.array([0, 2, 4], dtype=np.int32))
    text = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"\xff\xfeab"))
    backwards = pa.StringArray.from_buffers(2, pa.py_buffer(np.array([0, 4, 2], dtype=np.int32)), pa.py_buffer(b"abcd"))
    entries = pa.DictionaryArray.from_arrays(pa.array([0, 7], type=pa.int8()), pa.array(["a", "b"]), safe=False)
    for broken in (text, backwards, entries):
        with pytest.raises(ValueError, match="column `name` of X is no valid Arrow array"):
            _core.Frame.of_arrow(pa.table({"name": broken}).__arrow_c_stream__())
    sound = pa.table({"name": ["ä", None, "b"], "x": [1.5, 2.5, None]})
    for table in (sound, sound.slice(1), sound.slice(3)):
        assert _core.Frame.of_arrow(table.__arrow_c_stream__()).n_rows == table.num_rows


def test_a_stream_is_read_once_and_outlives_its_table():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"name": [f"k{i}" for i in range(1000)], "x": np.arange(1000.0)})
    capsule = table.__arrow_c_stream__()
    del table
    gc.collect()
    frame = _core.Frame.of_arrow(capsule)
    with pytest.raises(ValueError, match="released"):
        _core.Frame.of_arrow(capsule)
    del capsule
    gc.collect()
    assert frame.texts("name")[-1] == "k999"


def test_a_stream_may_wait_for_threads_that_want_the_interpreter():
    """pyarrow reads a CSV file ahead in a thread of its own, which asks Python for the bytes of a Python file."""
    pytest.importorskip("pyarrow")
    script = (
        "import faulthandler, io\n"
        "import pyarrow.csv as csv\n"
        "from contractive import _core\n"
        "faulthandler.dump_traceback_later(60, exit=True)\n"
        "file = io.BytesIO(b'a,b\\n' + b'1.5,2.5\\n' * 20_000)\n"
        "reader = csv.open_csv(file, read_options=csv.ReadOptions(block_size=4096))\n"
        "print(_core.Frame.of_arrow(reader.__arrow_c_stream__()).n_rows)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "20000\n", done.stderr
