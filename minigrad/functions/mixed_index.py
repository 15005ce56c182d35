"""What stands between brackets, as NumPy reads it and in PyTorch's order.

NumPy counts an integer beside an index array as an array, too, and may move dimensions to the
front; PyTorch takes integers first, like slices. So such an index becomes two: ``within`` (views
only), and the arrays. Sequences of numbers are arrays. Negative steps are NumPy's, which PyTorch
refuses; an index of floats is refused, which PyTorch cuts down to integers.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.layout import as_array, taken
from minigrad.silence import warn

_PLAIN = (int, slice)


def split_mixed_index(index: Any, ndim: int) -> tuple[Any, Any]:
    """Return (within, index): NumPy takes the view ``within`` (if not None) first, then ``index``.

    ``ndim`` is that of the indexed tensor: an ellipsis for no dimension keeps nothing apart.
    """
    kind = type(index)
    if kind is int or kind is slice or index is None or index is ...:
        return None, index
    if kind is not tuple:
        is_one_part = hasattr(index, "_data") or not _is_legacy_tuple(index)
        if is_one_part:
            return None, _part(index)
    parts = [p if type(p) in _PLAIN else _part(p) for p in index]
    arrays = any(isinstance(p, (np.ndarray, bool)) for p in parts)
    if arrays and sum(map(taken, parts)) == ndim:
        parts = [p for p in parts if p is not ...]
    mixes = arrays and int in map(type, parts)
    if not mixes:
        return None, tuple(parts)
    return _views_and_arrays(parts)


def _views_and_arrays(parts: list[Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return two indices: integers and slices, then the arrays in what these left."""
    within: list[Any] = []
    after: list[Any] = []
    for p in parts:
        is_mask = isinstance(p, bool)
        if isinstance(p, np.ndarray):
            within += [slice(None)] * taken(p)
            after.append(p)
        elif is_mask:
            after.append(p)
        elif type(p) is int:
            within.append(p)
        else:
            within.append(p)
            after.append(p if p is ... else slice(None))
    if ... not in within:
        within.append(...)  # one element, too, is a view
    return tuple(within), tuple(after)


def _part(p: Any) -> Any:
    """Return one part of an index: arrays for tensors and sequences, numbers for 0-d integers."""
    array = getattr(p, "_data", None)
    if array is not None:
        is_short_integer = array.dtype.kind == "i" and array.dtype.itemsize < 4
        if p._node is not None or (is_short_integer and array.ndim):
            raise _index_dtype_error(array.dtype)
        p = array
    elif isinstance(p, (np.ndarray, np.generic)):
        p = as_array(p)
    elif isinstance(p, (str, bytes)):
        raise TypeError(
            f"a tensor has no element {p!r}: only integers, slices, ellipsis, None, tensors and "
            "sequences of integers or bools are valid indices"
        )
    elif type(p) is list or isinstance(p, Sequence):
        p = np.asarray(p)
        p = p.astype(np.int64) if not p.size else p
    elif hasattr(p, "__index__") and type(p) is not bool:
        return operator.index(p)
    return _index_or_mask(p) if isinstance(p, np.ndarray) else p


def _index_dtype_error(dtype: np.dtype[Any]) -> IndexError:
    return IndexError(
        f"tensors used as indices must be long, int, byte or bool tensors, got {dtype}"
    )


def _index_or_mask(array: np.ndarray) -> Any:
    """Return an array of indices, or what a 0-d one holds; bytes are a mask (deprecated)."""
    if array.dtype.kind not in "iub":
        raise _index_dtype_error(array.dtype)
    if array.dtype == np.uint8:
        warn("indexing with dtype uint8 is deprecated, please use a dtype bool instead")
        array = array.astype(bool)
    return array if array.ndim else array.item()


_NOT_NUMBERS = (list, tuple, slice, np.ndarray, type(None), type(...), Sequence)


def _is_legacy_tuple(index: Any) -> bool:
    """Return whether a list stands for a tuple: as in PyTorch if short and not all numbers."""
    if isinstance(index, (str, bytes)) or not isinstance(index, Sequence) or len(index) >= 32:
        return False
    if not any(isinstance(p, _NOT_NUMBERS) or hasattr(p, "_data") for p in index):
        return False
    warn(
        "Using a non-tuple sequence for multidimensional indexing is deprecated: it means "
        "x[tuple(seq)]. Write that, or x[tensor(seq)] for one index of several dimensions."
    )
    return True
