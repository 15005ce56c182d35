"""How results lie in memory: as PyTorch's do.

``view``, ``flatten`` and the order of random numbers show it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any  # of NumPy's protocols


def in_c_order(array: Array) -> Array:
    """Return the array itself where it lies in C order, else a copy that does."""
    return array if array.flags.c_contiguous else np.copy(array, order="C")


def c_ordered(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function return its results in C order, whatever the order of its operands."""

    @functools.wraps(function)
    def ordered(*operands: Any, **parameters: Any) -> Any:
        out = function(*operands, **parameters)
        if not isinstance(out, np.ndarray) or out.flags.c_contiguous:
            return out
        return np.copy(out, order="C")

    return ordered


def strided_view(array: np.ndarray, shape: Any, strides: Any) -> np.ndarray:
    """Return a view of contiguous memory with these strides.

    Five times as quick as NumPy's ``as_strided``.
    """
    return np.ndarray(shape, array.dtype, array, 0, strides)


def channels_last(array: Array) -> bool:
    """Return whether an (N, C, H, W) array lies as (N, H, W, C)."""
    return (
        array.ndim == 4
        and not array.flags.c_contiguous
        and array.transpose(0, 2, 3, 1).flags.c_contiguous
    )


@functools.lru_cache(4096)
def axes_in_memory(shape: tuple[int, ...], *operands: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes of a result from the slowest to the fastest, by the strides of its operands.

    A stride of 0, of what was broadcast, says nothing; what no operand tells apart stays in order.
    """
    axes = list(range(len(shape)))[::-1]
    for i in range(1, len(axes)):
        place = i
        for j in reversed(range(i)):
            later = _compared(axes[j], axes[place], shape, operands)
            if later < 0:
                break
            if later > 0:
                axes[j], axes[place], place = axes[place], axes[j], j
    return tuple(axes[::-1])


def _compared(a: int, b: int, shape: tuple[int, ...], operands: tuple[tuple[int, ...], ...]) -> int:
    """Return 1 where axis ``a`` lies outside of ``b``, -1 where inside, 0 where nothing tells."""
    for strides in operands:
        left, right = abs(strides[a]), abs(strides[b])
        if left and right and left != right:
            return 1 if left > right else -1
        if left and left == right and shape[a] > shape[b]:
            return 1
    return 0


def empty_like(array: Array, dtype: Any = None) -> Array:
    """Return unfilled memory that lies as ``array`` does; along what was broadcast, in C order."""
    if _lies_plainly(array):
        return np.empty_like(array, dtype)
    axes, back = _orders(array)
    shape = [array.shape[i] for i in axes]
    return np.empty_like(array, dtype, shape=shape, order="C").transpose(back)


def copied(array: Array, dtype: Any = None) -> Array:
    """Return a copy that lies as :func:`empty_like`."""
    if _lies_plainly(array):
        return np.copy(array) if dtype is None else array.astype(dtype)
    axes, back = _orders(array)
    turned = array.transpose(axes)
    return turned.astype(dtype or array.dtype, order="C").transpose(back)


def _lies_plainly(array: Array) -> bool:
    """Return whether NumPy itself makes others like it in the order of its memory."""
    return not isinstance(array, np.ndarray) or (array.flags.c_contiguous or 0 not in array.strides)


def _orders(array: np.ndarray) -> tuple[tuple[int, ...], list[int]]:
    """Return the axes in the order of memory, and what brings them back."""
    axes = axes_in_memory(array.shape, array.strides)
    return axes, sorted(range(len(axes)), key=axes.__getitem__)


def in_order(array: Array, axes: tuple[int, ...]) -> Array:
    """Return a copy whose axes lie in this order."""
    back = sorted(range(len(axes)), key=axes.__getitem__)
    return np.copy(array.transpose(axes), order="C").transpose(back)


def stored(result: Array, out: Array | None) -> Array:
    """Return the result, written into ``out`` where that is memory for it."""
    if out is None:
        return result
    np.copyto(out, result)
    return out


def as_array(x: Any) -> Any:
    """Return a NumPy scalar as an array, anything else as it is."""
    return np.asarray(x) if isinstance(x, np.generic) else x


def picked(x: np.ndarray, out: np.ndarray, index: Any) -> np.ndarray:
    """Return ``out``, elements of ``x`` at an index with arrays, in PyTorch's order of memory.

    Axes of the index arrays lie by these arrays' strides, the others by those of ``x``.
    """
    parts = index if isinstance(index, tuple) else (index,)
    missing = x.ndim - sum(taken(p) for p in parts)
    parts = parts if any(p is ... for p in parts) else (*parts, ...)
    kept: list[int] = []
    arrays: list[np.ndarray] = []
    place, apart, axis, before = 0, False, 0, False
    for p in parts:
        array = not (p is None or p is ... or isinstance(p, slice))
        if array:
            apart = apart or bool(arrays and not before)
            place = place if arrays else len(kept)
            indices = np.asarray(p)  # their order alone is looked at, not what they are
            is_mask = indices.dtype.kind == "b"
            arrays += np.nonzero(np.atleast_1d(indices)) if is_mask else [indices]
        elif p is ...:
            kept += x.strides[axis : axis + missing]
            axis += missing
        else:
            kept.append(0 if p is None else x.strides[axis] * (p.step or 1))
        before, axis = array, axis + taken(p)
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    place = 0 if apart else place
    strides = [tuple(kept[:place]) + (0,) * len(shape) + tuple(kept[place:])]
    for a in arrays:
        inner = np.broadcast_to(a, shape).strides
        strides.append((0,) * place + inner + (0,) * (len(kept) - place))
    axes = axes_in_memory(out.shape, *strides)
    if axes == tuple(range(out.ndim)):
        return in_c_order(out)
    return in_order(out, axes)


def taken(p: Any) -> int:
    """Return how many dimensions one part of an index takes up."""
    if isinstance(p, np.ndarray):
        return p.ndim if p.dtype.kind == "b" else 1
    return 0 if p is None or p is ... or isinstance(p, bool) else 1
