"""NumPy's constructors, which no protocol tells of: while a step is written down they are noted.

``np.asarray(x)`` makes a plain array of one that notes, and nobody is asked. What is computed of
it would be a constant of the page. ``np.empty`` gives zeros meanwhile: what lay in its memory
would differ from step to step, as if it were a number from elsewhere.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad.compiler.recording.arrays import RecordingArray
from minigrad.modes import MODES

ORDERS = {"ascontiguousarray": "C", "asfortranarray": "F"}
NAMES = ("empty", "array", "asarray", "asanyarray", *ORDERS)
_LOCK = threading.Lock()
_plain: dict[str, Any] = {}  # NumPy's own, while others stand in their place
_users = 0


@contextmanager
def noted_constructors() -> Iterator[None]:
    """Let NumPy's constructors be noted in this block, on threads that have a tape."""
    global _users
    with _LOCK:
        if not _users:
            _plain.update({name: getattr(np, name) for name in NAMES})
            for name, function in _plain.items():
                setattr(np, name, _cleared if name == "empty" else _noted(function))
        _users += 1
    try:
        yield
    finally:
        with _LOCK:
            _users -= 1
            if not _users:
                for name, function in _plain.items():
                    setattr(np, name, function)


def _cleared(*args: Any, **kwargs: Any) -> np.ndarray:
    """Return new memory, with zeros in it on threads that have a tape."""
    return (_plain["empty"] if MODES.tape is None else np.zeros)(*args, **kwargs)


def _noted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a constructor that hands on what notes."""

    @functools.wraps(function)
    def constructor(x: Any, *args: Any, **kwargs: Any) -> Any:
        if MODES.tape is None:
            return function(x, *args, **kwargs)
        array = getattr(x, "_data", x)  # of a tensor
        if isinstance(x, list | tuple):
            parts: list[Any] = [getattr(part, "_data", part) for part in x]
            if any(isinstance(part, RecordingArray) for part in parts):
                array = np.stack(parts)
        if not isinstance(array, RecordingArray):
            return function(x, *args, **kwargs)
        return _constructed(function.__name__, array, *args, **kwargs)

    return constructor


def _constructed(
    name: str, x: Any, dtype: Any = None, order: str | None = None, copy: Any = None, **_: Any
) -> Any:
    """Return what a constructor makes of an array that notes, by methods that are noted."""
    result = x
    if dtype is not None and x.dtype != dtype:
        result = x.astype(dtype)
    order = ORDERS.get(name, order)
    lies = {"C": result.flags.c_contiguous, "F": result.flags.f_contiguous}
    is_new = result is not x
    wants_copy = copy if copy is not None else name == "array"
    if not lies.get(order or "K", True):
        return result.copy(order)
    if wants_copy and not is_new:
        return result.copy(order or "K")
    return result
