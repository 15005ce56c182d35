"""Printed loops in a folder of the user's: each text is compiled once, for all processes."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import os
import sys
import threading
from pathlib import Path
from typing import Any

from minigrad.silence import warn

_one_at_a_time = threading.Lock()
_said: list[Exception] = []
IN_FILES = "cache=True, "
HEAD = """\
import numpy as np
from numba import njit

from minigrad.compiler.loops.numba_functions import (
    as_float32, as_float64, as_int32, as_int64, exp32, exp64, high32, high64, larger, load, log32,
    log64, low32, low64, number32, number64, plus, pointer_bool, pointer_float32, pointer_float64,
    pointer_int64, pointer_uint8, smaller, store, tanh32, tanh64,
)  # {version}
from minigrad.compiler.loops.numba_registers import plus_product, put, row, total_of, zeros
from minigrad.compiler.loops.numba_special import (
    erf32, erf64, erfc32, erfc64, expm132, expm164, log1p32, log1p64, logaddexp32, logaddexp64,
)


@njit("void(int64[::1])", cache=True, error_model="numpy", fastmath={{"contract"}}{more})
def loop(table):
"""


@functools.cache
def head(in_threads: bool = False) -> str:
    """Return how the text of each loop begins: other functions below it make another text.

    One that runs in several threads lets go of the interpreter's lock.
    """
    functions = b""
    for name in ("numba_functions.py", "numba_special.py", "numba_registers.py"):
        functions += Path(__file__).with_name(name).read_bytes()
    more = ", nogil=True" if in_threads else ""
    version = hashlib.sha256(functions).hexdigest()
    return HEAD.format(version=version[:16], more=more)


def compiled(text: str) -> Any:
    """Return the loop of a text as a function."""
    name = f"loop_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    with _one_at_a_time:
        known = sys.modules.get(name)
        return known.loop if known is not None else _loaded(name, text)


def _loaded(name: str, text: str) -> Any:
    """Return a loop from its files; where these are of no use, from new ones, or from none."""
    with contextlib.suppress(Exception):
        return _from_files(name, text)
    with contextlib.suppress(Exception):  # a file may be damaged
        for damaged in _folder().glob(f"**/{name}.*"):
            damaged.unlink()
    try:
        return _from_files(name, text)
    except Exception as error:
        names: dict[str, Any] = {}
        exec(text.replace(IN_FILES, ""), names)
        _say_once(error)
        return names["loop"]


def _from_files(name: str, text: str) -> Any:
    """Return the loop of a text that stands in a file, its machine code beside it."""
    path = _folder() / f"{name}.py"
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(text)
        partial.replace(path)
    spec: Any = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Numba's cache asks for it
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module.loop


def _say_once(error: Exception) -> None:
    if _said:
        return
    _said.append(error)
    warn(
        f"compile: each process compiles its loops anew, as they cannot be kept ({error}); "
        "set MINIGRAD_CACHE to a folder that can be written"
    )


def _folder() -> Path:
    """Return where printed loops are: MINIGRAD_CACHE, or minigrad in the user's cache."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minigrad"
    return Path(os.environ.get("MINIGRAD_CACHE") or default) / "loops"
