"""The pages of docs/start, docs/tutorials and docs/inside: their cells run one after another, as the site's build runs
them, and print what the page says behind them; what they show can be shown; the code they include is there.

A comment behind a ``print`` is what it prints; ``# about 92%`` may be off by a tenth.
"""

import ast
import contextlib
import functools
import importlib.util
import io
import re
import sys
import types
import warnings

import pytest
from conftest import _wanted
from test_import import ROOT

import minigrad as mg
from minigrad import datasets
from minigrad.primitive import TABLE

PAGES = sorted(page for part in ("start", "tutorials", "inside") for page in (ROOT / "docs" / part).glob("*.md"))
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```", re.M | re.S)
SAID = re.compile(r"^\s*print\(.*\)  # (.*)$", re.M)
SHORTER = {"steps = 600": "steps = 20"}  # what is replaced in a cell that takes long, and by what
SAMPLE = functools.cache(datasets.mnist_sample)  # read once
there = importlib.util.find_spec


@pytest.fixture
def notebook(monkeypatch):
    """What a page may take for granted: pictures that are not shown, and IPython's way to show HTML."""
    _wanted("matplotlib", there("matplotlib") is not None)
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    ipython, display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.version_info = (9, 0)  # matplotlib asks
    display.HTML = lambda text: types.SimpleNamespace(_repr_html_=lambda: text)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(datasets, "mnist_sample", SAMPLE)
    dtype, table = mg.get_default_dtype(), dict(TABLE)
    with warnings.catch_warnings():
        yield
    mg.set_default_dtype(dtype)
    TABLE.clear()
    TABLE.update(table)
    plt.close("all")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_and_prints_what_it_says(page, notebook, dot, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for number, cell in enumerate(CELL.findall(page.read_text("utf-8"))):
        cell = re.sub(r"^:.*\n", "", cell, flags=re.M)
        for long, short in SHORTER.items():
            cell = cell.replace(long, short)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            show(run(cell, f"{page.name}[{number}]", names))
        compare(SAID.findall(cell), printed.getvalue().splitlines())


def run(cell, name, names):
    """Run a cell; return the value of its last expression."""
    tree = ast.parse(cell)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), names)
    return last and eval(compile(ast.Expression(last.value), name, "eval"), names)


def show(value):
    ways = ("_repr_mimebundle_", "_repr_html_", "__repr__")
    assert any(getattr(value, way)() for way in ways if hasattr(value, way))


def compare(said, printed):
    """Every text said is a line printed, in this order."""
    lines = iter(printed)
    for text in said:
        number = re.match(r"about ([\d.]+)", text)
        assert any(near(line, float(number[1])) if number else line == text for line in lines), (text, printed)


def near(line, number):
    first = re.search(r"[\d.]+", line)
    return first is not None and float(first[0]) == pytest.approx(number, rel=0.1)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_included_code_is_there(page):
    for path, options in re.findall(r"^```\{literalinclude\} (\S+)\n(.*?)```", page.read_text("utf-8"), re.M | re.S):
        code = (page.parent / path).read_text("utf-8")
        for option, value in re.findall(r"^:([\w-]+): (.*)$", options, re.M):
            if option == "pyobject":
                owner, _, name = value.rpartition(".")
                assert re.search(rf"^{'    ' * bool(owner)}(def|class) {name}\b", code, re.M), (path, value)
            elif option in ("start-at", "end-before"):
                value = value.strip('"')
                code = code.partition(value)[2] if option.startswith("start") else code
                assert code and value in (page.parent / path).read_text("utf-8"), (path, value)


def test_a_page_that_says_what_is_not_printed_fails():
    with pytest.raises(AssertionError):
        compare(["2"], ["1"])
    with pytest.raises(AssertionError):
        compare(["about 50%"], ["44%"])
    compare(["1", "about 50%"], ["1", "48%"])
