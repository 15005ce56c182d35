"""What stands between brackets, as NumPy reads it and in PyTorch's order.

NumPy counts an integer beside an index array as an array, too, and may move dimensions to the
front; PyTorch takes integers first, like slices. So such an index becomes two: ``within`` (views
only), and the arrays. Negative steps are NumPy's, which PyTorch refuses.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def steps(index: Any, ndim: int) -> tuple[Any, Any]:
    """Return (within, index) for NumPy: first the view ``within`` (None where needless), then ``index``.

    ``ndim`` is that of what is indexed: an ellipsis that stands for no dimension keeps nothing apart.
    """
    kind = type(index)
    if kind is int or kind is slice or index is None or index is ...:
        return None, index
    if kind is not tuple:
        return None, _part(index)
    parts = [p if type(p) is int or type(p) is slice else _part(p) for p in index]
    arrays = any(isinstance(p, (np.ndarray, bool)) for p in parts)
    if arrays and sum(map(_taken, parts)) == ndim:
        parts = [p for p in parts if p is not ...]
    if not arrays or not any(type(p) is int for p in parts):
        return None, tuple(parts)
    within: list[Any] = []
    after: list[Any] = []
    for p in parts:
        if isinstance(p, np.ndarray):
            within += [slice(None)] * _taken(p)
        elif not isinstance(p, bool):
            within.append(p)
        if type(p) is not int:
            after.append(p if isinstance(p, (np.ndarray, bool)) or p is ... else slice(None))
    return tuple(within), tuple(after)


def _taken(p: Any) -> int:
    """Return how many dimensions one part of an index takes up."""
    if isinstance(p, np.ndarray):
        return p.ndim if p.dtype.kind == "b" else 1
    return 0 if p is None or p is ... or isinstance(p, bool) else 1


def _part(p: Any) -> Any:
    """Return one part of an index with arrays in place of Tensors and lists, integers of whole 0-d ones."""
    array = getattr(p, "_data", None)
    if array is not None:
        if p._node is not None:
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        p = array.astype(bool) if array.dtype == np.uint8 else array  # PyTorch's masks of old
    elif isinstance(p, (list, range)):
        p = np.asarray(p)
        p = p.astype(np.int64) if not p.size else p
    elif isinstance(p, np.generic):
        p = np.asarray(p)
    if isinstance(p, np.ndarray):
        if p.dtype.kind not in "iub":
            raise IndexError(f"tensors used as indices must be long, int, byte or bool tensors, got {p.dtype}")
        if p.ndim == 0:
            return p.item()
    return p
