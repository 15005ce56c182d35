"""Fixtures. PyTorch and dot are wanted, not needed: without them a test is skipped, visibly, unless
MINIGRAD_ORACLE=required says that everything must run. With MINIGRAD_LOUD=1 (and -W ignore::RuntimeWarning) minigrad's
code keeps its name: what NumPy and Python deprecate in it is heard."""

import importlib
import os
import shutil
import sys

import pytest

if os.environ.get("MINIGRAD_LOUD"):
    import minigrad

    for name, module in list(sys.modules.items()):
        if name.startswith(f"{minigrad.__name__}."):
            module.__dict__["__name__"] = name


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
