"""The pages: examples in them run, and links between files lead somewhere."""

import ast
import doctest
import re

import pytest
from test_import import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page):
    assert doctest.testfile(str(page), module_relative=False).failed == 0


def test_the_readme_runs_and_prints_what_it_says(mnist_folder, monkeypatch, capsys):
    monkeypatch.setenv("MINIGRAD_DATA", str(mnist_folder))
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    names = {}
    for block in blocks:
        exec(block, names)
        said = re.findall(r"^print.*  # (.*)$", block, re.M)
        printed = capsys.readouterr().out.splitlines()
        assert printed[: len(said)] == said
    assert len(blocks) == 2 and "accuracy" in printed[-1] and names["loss"].item() < 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_reading_path_is_there_and_short():
    section = (ROOT / "ARCHITECTURE.md").read_text().split("## From `a * b` to `.grad`")[1].split("\n## ")[0]
    rows = re.findall(r"`(\S+\.py)`: `(\w+)`", section)
    lines = 0
    for path, name in rows:
        tree = ast.parse((ROOT / "minigrad" / path).read_text())
        [found] = [x for x in tree.body if name in (getattr(x, "name", ""), assigned(x))]
        end = found.end_lineno
        if isinstance(found, ast.ClassDef):  # up to and with __init__
            end = next(x.end_lineno for x in found.body if getattr(x, "name", "") == "__init__")
        lines += end - found.lineno + 1
    assert len(rows) == 12 and len({path for path, _ in rows}) <= 5 and lines <= 350, lines


def assigned(statement):
    """Return the name that ``name = …`` gives, None for another statement."""
    return getattr(statement.targets[0], "id", None) if isinstance(statement, ast.Assign) else None
