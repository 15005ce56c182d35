"""The committed stubs are what the code gives, and what they promise of results is what comes."""

import inspect

import pytest
import stubs

import minigrad as mg


@pytest.mark.parametrize("path", stubs.PATHS)
def test_the_committed_stub_is_what_the_code_gives(path):
    assert (stubs.ROOT / path).read_text() == stubs.text_of(path), "run: make stubs"
