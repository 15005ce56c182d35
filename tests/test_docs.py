"""The pages: examples in them run, and links between files lead somewhere."""

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
