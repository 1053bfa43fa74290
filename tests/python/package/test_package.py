"""The package as a whole: its imports, its command, its data sets, processes of every kind, its documentation."""

import doctest
import importlib
import multiprocessing
import os
import pkgutil
import subprocess
import sys

import contractive
import numpy as np
import pytest
from contractive import ContractiveAutoencoder, datasets


def test_importing_it_is_quick_and_takes_nothing_along():
    script = (
        "import sys, time; t = time.perf_counter(); import contractive; "
        "print(time.perf_counter() - t, 'sklearn' in sys.modules)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", "import numpy; " + script], capture_output=True, text=True)
        for _ in range(3)
    ]
    seconds = min(float(run.stdout.split()[0]) for run in runs)
    assert seconds < 0.15
    assert runs[0].stdout.split()[1] == "False"


def test_every_name_is_there():
    for name in contractive.__all__:
        assert getattr(contractive, name) is not None
    assert set(contractive.__all__) <= set(dir(contractive))
    with pytest.raises(AttributeError, match="nothing"):
        _ = contractive.nothing


@pytest.mark.parametrize(
    "name", [m.name for m in pkgutil.iter_modules(contractive.__path__) if m.name not in ("__main__", "_core")]
)
def test_examples_in_docstrings_give_what_they_say(name):
    if name in ("keras", "pyod", "torch"):
        pytest.importorskip(name)
    module = importlib.import_module(f"contractive.{name}")
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


def test_the_packages_own_examples():
    assert doctest.testmod(contractive).failed == 0


def test_public_docstrings_say_what_goes_in_and_comes_out():
    for cls in (contractive.ContractiveAutoencoder, contractive.AnomalyDetector, contractive.SeriesDetector):
        parameters = set(cls().get_params())
        text = cls.__doc__
        missing = [name for name in parameters if f"    {name} : " not in text]
        assert not missing, missing


def test_the_command_comes_along(tmp_path):
    run = lambda *words: subprocess.run(  # noqa: E731
        [sys.executable, "-m", "contractive", *words], capture_output=True, text=True, cwd=tmp_path
    )
    assert run("--version").stdout.startswith("cae ")
    refused = run("train", "--epochs", "0")
    assert refused.returncode == 2
    assert "epochs" in refused.stderr
    beside = os.path.join(os.path.dirname(sys.executable), "cae")
    assert subprocess.run([beside, "recipes"], capture_output=True, text=True).returncode == 0


def test_a_whole_run_with_its_directory(tmp_path):
    run = contractive.train("strokes", out=tmp_path / "run", epochs=1, data__rows=500, hidden=[16, 4])
    assert len(run.history) == 1
    assert run.report.exists()
    assert run.estimator.hidden_layer_sizes == (16, 4)
    assert run.estimator.transform(datasets.strokes(rows=3).X).shape == (3, 4)
    model = run.estimator
    assert "# fitted: 784-16-4-16-784, 1 passes" in repr(model)
    assert model.loss_curve_ == [run.history[0]["train"]["total"]]
    assert model.loss_ == run.history[0]["validation"]["total"]
    X = datasets.strokes(rows=50).X
    with pytest.raises(ValueError, match="set offset_"):
        model.predict(X)
    model.offset_ = np.quantile(model.score_samples(X), 0.1)
    assert (model.predict(X) == -1).sum() == 5
    with pytest.raises(AttributeError, match=r"spectrum\(X\)"):
        _ = model.local_dimension_
    (tmp_path / "run" / "model").rename(tmp_path / "bare")
    bare = contractive.load(tmp_path / "bare")
    assert repr(bare).endswith("# fitted: 784-16-4-16-784")
    with pytest.raises(ValueError, match="no history"):
        bare.plot_loss()
    # And both go on learning.
    for loaded, passes in ((model, 2), (bare, 1)):
        assert loaded.partial_fit(X).n_iter_ == passes
        assert loaded.local_dimension_ >= 1
    with pytest.raises(ValueError, match="width"):
        contractive.train("strokes", out=tmp_path / "other", model__width=[4])
    assert not (tmp_path / "other").exists()


def test_reports_tell_of_a_fit(rows, tmp_path):
    model = ContractiveAutoencoder((8, 2), max_iter=3, random_state=0).fit(rows)
    model.report(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "<svg" in text
    assert "ContractiveAutoencoder" in text
    shown = model.report()
    assert shown.text == text
    assert shown._repr_html_().startswith("<iframe srcdoc=")
    assert "<script" not in shown._repr_html_(), "the page is text within an attribute"
    assert "ContractiveAutoencoder" in model._repr_html_(), "scikit-learn's form"
    with pytest.raises(ValueError, match="call fit"):
        ContractiveAutoencoder((8, 2)).partial_fit(rows).report(tmp_path / "other.html")
    assert not (tmp_path / "other.html").exists()


def test_pictures_are_drawn(rows):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    model = ContractiveAutoencoder((8, 3), max_iter=3, random_state=0).fit(rows)
    axes = [
        model.plot_loss(),
        model.plot_reconstructions(rows, n=3),
        model.plot_filters(),
        model.plot_codes(rows, y=rows[:, 0] > 0),
        model.plot_spectrum(),
    ]
    X, _ = datasets.strokes(rows=200)
    images = ContractiveAutoencoder((9, 2), max_iter=1, image_shape=(28, 28), scale="none", random_state=0).fit(X)
    axes += [images.plot_reconstructions(X, n=4), images.plot_filters(4), images.plot_codes(X)]
    own = plt.subplots()[1]
    assert model.plot_loss(ax=own) is own
    # Several spectra on one axes: each has its name, and none is cut off.
    both = model.plot_spectrum(label="one")
    other = ContractiveAutoencoder((8, 3), contraction=10, max_iter=3, random_state=0).fit(rows)
    other.plot_spectrum(ax=both, label="another")
    model.plot_spectrum(ax=both, label="one again")
    assert [text.get_text() for text in both.get_legend().get_texts()] == ["one", "another", "one again"]
    assert both.get_ylim()[0] < min(line.get_ydata().min() for line in both.lines)
    for ax in axes:
        ax.figure.canvas.draw()
        assert ax.has_data()
    plt.close("all")


def _codes(seed):
    X = np.random.default_rng(seed).normal(size=(60, 4))
    return ContractiveAutoencoder((3,), max_iter=2, random_state=0).fit_transform(X)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_processes_of_every_kind(method):
    here = _codes(0)  # threads have been used in this process before it forks
    with multiprocessing.get_context(method).Pool(2) as pool:
        for there in pool.map(_codes, [0, 0]):
            assert np.array_equal(there, here)


def test_two_hundred_fits_take_no_more_memory():
    script = (
        "import numpy as np, resource\n"
        "from contractive import ContractiveAutoencoder\n"
        "X = np.random.default_rng(0).normal(size=(500, 20)).astype('f4')\n"
        "fit = lambda: ContractiveAutoencoder((16, 4), max_iter=2, random_state=0).fit(X).reconstruct(X)\n"
        "for _ in range(50): fit()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for _ in range(200): fit()\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 8_000, f"{done.stdout} KB more"


def test_old_processors_take_the_portable_path():
    script = (
        "import numpy as np\n"
        "from contractive import ContractiveAutoencoder, _core\n"
        "X = np.random.default_rng(0).normal(size=(100, 5))\n"
        "print(_core.versions()['instructions'], ContractiveAutoencoder((3,), max_iter=2, random_state=0).fit(X).loss_)\n"
    )
    env = {**os.environ, "CONTRACTIVE_INSTRUCTIONS": "portable"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env, check=True)
    name, loss = done.stdout.split()
    assert name == "portable"
    assert 0 < float(loss) < 2


def test_files_are_read_as_arrays(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(12, dtype=np.float32).reshape(4, 3))
    assert datasets.load(tmp_path / "x.npy").X.tolist() == np.arange(12).reshape(4, 3).tolist()
    with pytest.raises(ValueError, match="train or test"):
        datasets.load("strokes", part="all")
    with pytest.raises((OSError, ValueError), match=r"no\.csv"):
        datasets.load(tmp_path / "no.csv")
    train, test = datasets.strokes(rows=10), datasets.strokes(part="test", rows=10)
    assert not np.array_equal(train.X, test.X)
    assert train.image_shape == (28, 28)


def test_stubs_are_those_of_the_compiled_module(tmp_path):
    pytest.importorskip("mypy")
    words = [sys.executable, "-m", "mypy.stubtest", "contractive._core"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_versions_are_told(capsys):
    contractive.show_versions()
    told = capsys.readouterr().out
    assert "instructions" in told
    assert "numpy" in told


def test_bench_times_steps():
    told = contractive.bench(sizes=(30, 16, 4), seconds=0.1, threads=1)
    assert told
    with pytest.raises(ValueError, match="nothing"):
        contractive.bench(recipe="nothing")
