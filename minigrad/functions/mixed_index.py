"""What stands between brackets, as NumPy reads it and in PyTorch's order.

NumPy counts an integer beside an index array as an array, too, and may move dimensions to the
front; PyTorch takes integers first, like slices. So such an index becomes two: ``within`` (views
only), and the arrays. Sequences of numbers are arrays. Negative steps are NumPy's, which PyTorch refuses; an
index of floats is refused, which PyTorch cuts down to integers.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.layout import taken
from minigrad.silence import warn


def steps(index: Any, ndim: int) -> tuple[Any, Any]:
    """Return (within, index) for NumPy: first the view ``within`` (None where needless), then ``index``.

    ``ndim`` is that of what is indexed: an ellipsis that stands for no dimension keeps nothing apart.
    """
    kind = type(index)
    if kind is int or kind is slice or index is None or index is ...:
        return None, index
    if kind is not tuple and (hasattr(index, "_data") or not _is_tuple_of_old(index)):
        return None, _part(index)
    parts = [p if type(p) is int or type(p) is slice else _part(p) for p in index]
    arrays = any(isinstance(p, (np.ndarray, bool)) for p in parts)
    if arrays and sum(map(taken, parts)) == ndim:
        parts = [p for p in parts if p is not ...]
    if not arrays or not any(type(p) is int for p in parts):
        return None, tuple(parts)
    within: list[Any] = []
    after: list[Any] = []
    for p in parts:
        if isinstance(p, np.ndarray):
            within += [slice(None)] * taken(p)
        elif not isinstance(p, bool):
            within.append(p)
        if type(p) is not int:
            after.append(p if isinstance(p, (np.ndarray, bool)) or p is ... else slice(None))
    if ... not in within:
        within.append(...)  # one element, too, is a view
    return tuple(within), tuple(after)


def _part(p: Any) -> Any:
    """Return one part of an index: arrays for Tensors and sequences, integers and bools for whole 0-d ones."""
    array = getattr(p, "_data", None)
    if array is not None:
        whole = array.dtype.itemsize >= 4 or array.dtype.kind != "i" or array.ndim == 0
        if p._node is not None or not whole:
            raise IndexError(
                f"tensors used as indices must be long, int, byte or bool tensors, got {array.dtype}"
            )
        p = array
    elif isinstance(p, (np.ndarray, np.generic)):
        p = np.asarray(p)
    elif isinstance(p, (str, bytes)):
        raise TypeError(f"a tensor has no element {p!r}: only integers, slices, ellipsis, None, tensors and "
                        "sequences of integers or bools are valid indices")  # fmt: skip
    elif type(p) is list or isinstance(p, Sequence):
        p = np.asarray(p)
        p = p.astype(np.int64) if not p.size else p
    elif hasattr(p, "__index__") and type(p) is not bool:
        return operator.index(p)
    return _checked(p) if isinstance(p, np.ndarray) else p


def _checked(array: np.ndarray) -> Any:
    """Return an array of indices, or what a 0-d one holds; bytes are a mask, as of old."""
    if array.dtype.kind not in "iub":
        raise IndexError(
            f"tensors used as indices must be long, int, byte or bool tensors, got {array.dtype}"
        )
    if array.dtype == np.uint8:
        warn("indexing with dtype uint8 is deprecated, please use a dtype bool instead")
        array = array.astype(bool)
    return array if array.ndim else array.item()


_MORE = (list, tuple, slice, np.ndarray, type(None), type(...), Sequence)


def _is_tuple_of_old(index: Any) -> bool:
    """Tell whether a list stands for a tuple, as it does in PyTorch: where it is short and holds more than numbers."""
    if type(index) is not list and (
        isinstance(index, (str, bytes)) or not isinstance(index, Sequence)
    ):
        return False
    if len(index) >= 32:
        return False
    if not any(type(p) is not int and (isinstance(p, _MORE) or hasattr(p, "_data")) for p in index):
        return False
    warn(
        "Using a non-tuple sequence for multidimensional indexing is deprecated: it means x[tuple(seq)]. Write "
        "that, or x[tensor(seq)] for one index of several dimensions."
    )
    return True
