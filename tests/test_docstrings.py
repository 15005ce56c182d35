"""What `help` shows of a public name is written here, and a search for its name leads to where it is made."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.nn import functional as F

ROOT = Path(__file__).parent.parent
PLACES = {"mg": mg, "Tensor": mg.Tensor, "linalg": mg.linalg, "F": F}
SOURCE = "\n".join(p.read_text() for folder in ("minigrad", "nn") for p in (ROOT / folder).rglob("*.py"))


def is_public(name, value):
    return callable(value) and not name.startswith("_") and not inspect.ismodule(value)


def public(place):
    for name in getattr(place, "__all__", None) or dir(place):
        if is_public(name, value := getattr(place, name)):
            yield name, value


CALLABLES = {
    f"{place}.{name}": value
    for place, module in PLACES.items()
    for name, value in public(module)
    if value is not np.dtype  # dtypes are NumPy's
}
FUNCTIONS = sorted(name for name, value in public(mg) if inspect.isfunction(value))
NUMPYS = {inspect.getdoc(value) for _, value in [*inspect.getmembers(np), *inspect.getmembers(np.linalg)]}


@pytest.mark.parametrize("name", CALLABLES)
def test_a_public_name_has_a_docstring_of_our_own(name):
    doc = inspect.getdoc(CALLABLES[name])
    assert doc and "out : ndarray" not in doc and doc not in NUMPYS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_search_finds_where_a_function_is_made(name):
    assert re.search(rf"^ *def {name}\(|^( *|.*= ){name} = ", SOURCE, re.MULTILINE)
