"""Fixtures. PyTorch and dot are wanted, not needed: without them a test is skipped, and the last line says so, unless
MINIGRAD_ORACLE=required says that everything must run. With MINIGRAD_LOUD=1 (and -W ignore::RuntimeWarning) minigrad's
code keeps its name: what NumPy and Python deprecate in it is heard."""

import importlib
import os
import shutil
import sys
import threading
from collections import Counter

import numpy as np
import pytest

if os.environ.get("MINIGRAD_LOUD"):
    import minigrad

    for name, module in list(sys.modules.items()):
        if name.startswith(f"{minigrad.__name__}."):
            module.__dict__["__name__"] = name


INSTALL = {  # what a test may want, and how to have it
    "torch": "pip install torch",
    "graphviz's dot": "apt install graphviz",
    "playwright": "pip install playwright",
    "headless Chromium": "playwright install chromium-headless-shell",
    "matplotlib": "pip install matplotlib",
    "mpi4py": "pip install 'minigrad[mpi]'",
    "MNIST": "MINIGRAD_DATA=folder",
    "the site": "make docs",
    "sphinx": "pip install 'minigrad[docs]'",
}


def _wanted(name, there):
    if not there:
        if os.environ.get("MINIGRAD_ORACLE") == "required":
            pytest.fail(f"{name} is missing, and MINIGRAD_ORACLE=required", pytrace=False)
        pytest.skip(f"{name} is not installed")


@pytest.fixture(scope="session")
def torch():
    _wanted("torch", importlib.util.find_spec("torch") is not None)
    return importlib.import_module("torch")


@pytest.fixture(scope="session")
def mnist_folder(tmp_path_factory):
    """600 and 200 images that a net can learn: a bright bar whose place is the label."""
    folder = tmp_path_factory.mktemp("mnist")
    rng = np.random.default_rng(0)
    for part, n in (("train", 600), ("t10k", 200)):
        labels = rng.integers(0, 10, n)
        images = rng.integers(0, 60, (n, 28, 28))
        images[np.arange(n), 2 * labels + 4] = 255
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, array.ndim]) + b"".join(int(k).to_bytes(4, "big") for k in array.shape)
            (folder / f"{part}-{kind}-ubyte").write_bytes(head + array.astype(np.uint8).tobytes())
    return folder


@pytest.fixture(scope="session")
def mpiexec():
    """Run a function of tests/ranks.py in several processes: mpiexec(ranks, function, *arguments)."""
    import ranks

    _wanted("mpi4py", ranks.there_is_mpi())
    return ranks.launch


@pytest.fixture(scope="session")
def browser():
    """Chromium, playwright's own or the machine's."""
    _wanted("playwright", importlib.util.find_spec("playwright") is not None)
    from playwright.sync_api import Error, sync_playwright

    own = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
    with sync_playwright() as play:
        try:
            found = play.chromium.launch(args=["--no-sandbox"])
        except Error:
            _wanted("headless Chromium", own is not None)
            found = play.chromium.launch(executable_path=own, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="session")
def threads():
    """Threads, which a browser's Python cannot start."""
    try:
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
    except RuntimeError:
        pytest.skip("threads cannot start here")


@pytest.fixture
def dot():
    _wanted("graphviz's dot", shutil.which("dot") is not None)


def pytest_terminal_summary(terminalreporter):
    """Say in one line what was skipped, and how to have it run."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    parts = []
    for name, how in INSTALL.items():
        if count := reasons.pop(f"{name} is not installed", 0):
            parts.append(f"{count:,} without {name} ({how})")
    if others := reasons.total():
        parts.append(f"{others} that do not apply here (-rs says why)")
    if "not slow" in terminalreporter.config.option.markexpr:
        parts.append("the slow ones (-m slow)")
    terminalreporter.write_line(f"skipped: {', '.join(parts) or 'nothing'}")


@pytest.fixture(autouse=True)
def _recording():
    """Every test starts with recording on and leaves it so."""
    import minigrad as mg

    assert mg.is_grad_enabled()
    yield
    assert mg.is_grad_enabled()
