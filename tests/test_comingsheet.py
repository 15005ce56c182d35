"""The pages for those who come from PyTorch and from NumPy: every line on them gives what it says there."""

import re

import comingsheet
import numpy as np
import pytest

from minigrad.primitive import TABLE


def section(text, title):
    return text.split(f"## {title}\n")[1].split("\n## ")[0]


def test_the_page_from_pytorch_is_what_is_seen_now(torch):
    text = comingsheet.PYTORCH.read_text(encoding="utf-8")
    assert comingsheet.pytorch_page(torch) == text, "run: python tests/comingsheet.py --write"


@pytest.mark.parametrize("line", comingsheet.WORDS)
def test_two_words_for_one_thing(line):
    theirs, ours = (comingsheet.result(x, comingsheet.arrays()) for x in (line, comingsheet.WORDS[line]))
    assert np.array_equal(theirs, ours)
    assert f"| `{line}` | `{comingsheet.WORDS[line]}` |" in comingsheet.NUMPY.read_text(encoding="utf-8")


def test_what_differs_from_numpy_differs():
    rows = comingsheet.unlike()
    assert comingsheet.table(("what", "NumPy", "gives", "minigrad", "gives"), rows) in comingsheet.NUMPY.read_text(
        encoding="utf-8"
    ), "run: python tests/comingsheet.py --write"
    assert all(theirs != ours for _, _, theirs, _, ours in rows)


def test_numpys_functions_are_sorted_right():
    """Those of this NumPy; another one has more or fewer."""
    text = comingsheet.NUMPY.read_text(encoding="utf-8")
    here = set(re.findall(r"`([\w.]+)`[,.]", section(text, "What is the same")))
    absent = set(re.findall(r"`([\w.]+)`[,.]", section(text, "What is not there")))
    every = comingsheet.numpy_functions()
    answered = {name for name, function in every.items() if function in TABLE}
    assert here & set(every) == answered and not absent & answered, "run: python tests/comingsheet.py --write"
    assert len(here) > 150 and {"exp", "sum", "linalg.det"} <= here and "save" in absent


def test_a_wrong_line_is_seen(torch, monkeypatch):
    monkeypatch.setitem(comingsheet.SAME, "", "mg.ones(2).shape")
    with pytest.raises(AssertionError, match="Size"):
        comingsheet.same(torch)
    monkeypatch.setitem(comingsheet.DIFFERENT, "", "mg.ones(2)")
    with pytest.raises(AssertionError, match="in both"):
        comingsheet.different(torch)
