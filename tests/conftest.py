"""Fixtures. PyTorch and dot are wanted, not needed: without them a test is skipped, visibly, unless
MINIGRAD_ORACLE=required says that everything must run."""

import importlib
import os
import shutil

import pytest


def _wanted(name, there):
    if not there:
        if os.environ.get("MINIGRAD_ORACLE") == "required":
            pytest.fail(f"{name} is missing, and MINIGRAD_ORACLE=required", pytrace=False)
        pytest.skip(f"{name} is not installed")


@pytest.fixture(scope="session")
def torch():
    _wanted("torch", importlib.util.find_spec("torch") is not None)
    return importlib.import_module("torch")


@pytest.fixture
def dot():
    _wanted("graphviz's dot", shutil.which("dot") is not None)


@pytest.fixture(autouse=True)
def _recording():
    """Every test starts with recording on and leaves it so."""
    import minigrad as mg

    assert mg.is_grad_enabled()
    yield
    assert mg.is_grad_enabled()
