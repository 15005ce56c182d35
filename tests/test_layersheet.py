"""docs/layers.md says what is: every layer, function, optimizer and schedule has its line as it is now."""

import layersheet
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F


@pytest.mark.parametrize("kind", layersheet.kinds())
def test_every_name_has_its_line(kind):
    text = layersheet.FILE.read_text(encoding="utf-8")
    section = text.split(f"## {kind}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    expected = [layersheet.row(name, value) for name, value in layersheet.kinds()[kind].items()]
    assert lines == expected, "run: python tests/layersheet.py --write"


def test_what_is_not_there_is_listed(torch):
    absent = layersheet.missing(torch)
    assert layersheet.page(absent) == layersheet.FILE.read_text(encoding="utf-8")


MISSING = [
    (nn, "MaxUnpool7d", "MaxUnpool"),
    (F, "ctc_losss", "loss"),
    (optim, "Adamm", "Adam"),
    (nn, "Linaer", "Linear"),
    (mg, "quantiles", "quantile"),
    (mg, "segment_reduce", ""),
    (mg.linalg, "eigg", "eigh"),
    (mg.special, "bessel_j0", "bessel"),
]


@pytest.mark.parametrize(("module", "name", "near"), MISSING)
def test_a_missing_name_says_what_there_is(module, name, near):
    with pytest.raises(AttributeError, match=rf"has no attribute '{name}'.*{near}.*docs/layers.md"):
        getattr(module, name)
    assert not hasattr(mg.nn, "__wrapped__")  # who asks for what is no public name gets a plain answer


@pytest.mark.parametrize(("module", "name"), [(mg, "stft"), (mg, "jit"), (mg.linalg, "eig")])
def test_what_will_not_come_says_why(module, name):
    with pytest.raises(AttributeError, match=rf"minigrad has no '(linalg\.)?{name}': there "):
        getattr(module, name)
