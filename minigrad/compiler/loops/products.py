"""Matrix products in the form in which BLAS is quickest.

BLAS lays out the factors of a large product anew before it multiplies; the factors of a small one
it multiplies as they lie. Under a batch of few rows, laying out a weight costs a third of the
product: it is quicker in parts. A small product is quicker where the second factor lies in rows.
Which form is best depends on BLAS, the processor and the threads, so they are tried. Sums run in
another order then: this is for programs that are equal to rounding.
"""

from __future__ import annotations

import functools
import math
import time
from typing import Any

import numpy as np

from minigrad.compiler.planning.buffers import place_is_c
from minigrad.compiler.program import Call, Place, memory_of

FEW = 100_000  # multiplications, below which there is nothing to gain
SMALL = 1_000_000  # that OpenBLAS does without laying out the factors
MOST = 16_000_000
REPEATS = 9
WORTH = 0.97  # of the time of the product as it is
PRODUCTS = (np.dot, np.ndarray.dot)
Layout = tuple[tuple[int, ...], tuple[int, ...], np.dtype[Any]]


# ---- the forms ----------------------------------------------------------------------------------
def dot_in_rows(a: np.ndarray, b: np.ndarray, rows: int, out: np.ndarray) -> np.ndarray:
    """(m, k) times (k, n) -> (m, n), so many rows at once."""
    for begin in range(0, len(a), rows):
        part = slice(begin, begin + rows)
        a[part].dot(b, out[part])
    return out


def dot_by_rows(a: np.ndarray, b: np.ndarray, copy: np.ndarray, out: np.ndarray) -> np.ndarray:
    """(m, k) times (k, n) -> (m, n), with a copy of b that lies in rows."""
    np.copyto(copy, b)
    return a.dot(copy, out)


def _rows(a: np.ndarray, b: np.ndarray) -> int | None:
    """Return how many rows make a small product."""
    whole = a.size * b.shape[1]
    if whole <= SMALL or b.size > SMALL:
        return None
    parts = math.ceil(whole / SMALL)
    return math.ceil(len(a) / parts)


def _copy(a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """Return memory for a copy in rows, if it does not lie so."""
    return None if b.flags.c_contiguous else np.empty(b.shape, b.dtype)


FORMS = {dot_in_rows: _rows, dot_by_rows: _copy}  # each with what makes its third argument


# ---- which one ----------------------------------------------------------------------------------
def quickest(call: Call) -> Call:
    """Return a call, a product in the form that is quickest."""
    if call.function not in PRODUCTS or call.kwargs or call.writes:
        return call
    a, b = call.args
    if not (_is_matrix(a) and _is_matrix(b)):
        return call
    if not place_is_c(call.results):
        return call
    form = _quickest(_layout(a), _layout(b))
    if form is not None:
        factors = _ones(_layout(a)), _ones(_layout(b))
        more: Any = FORMS[form](*factors)
        if isinstance(more, np.ndarray):
            more = memory_of(more, "copy").place
        call.function = form
        call.args = a, b, more
        call.is_whole = True
    return call


def _is_matrix(x: Any) -> bool:
    if not isinstance(x, Place) or len(x.shape) != 2:
        return False
    return x.dtype.char in "fd" and min(x.strides) > 0


def _layout(place: Place) -> Layout:
    return place.shape, place.strides, place.dtype


@functools.cache
def _quickest(a: Layout, b: Layout) -> Any:
    """Return the form that is quickest for factors that lie so, None for the plain one."""
    (m, k), _, dtype = a
    (_, n), *_ = b
    if not FEW <= m * k * n <= MOST:
        return None
    left = _ones(a)
    right = _ones(b)
    out = np.empty((m, n), dtype)
    best = None
    least = WORTH * _seconds(left.dot, right, out)
    for form, third in FORMS.items():
        more = third(left, right)
        if more is None:
            continue
        seconds = _seconds(form, left, right, more, out)
        if seconds < least:
            best = form
            least = seconds
    return best


def _ones(layout: Layout) -> np.ndarray:
    """Return an array that lies so."""
    shape, strides, dtype = layout
    last = 0
    for n, step in zip(shape, strides, strict=True):
        last += (n - 1) * step
    size = last // dtype.itemsize + 1
    memory = np.ones(size, dtype)
    return np.ndarray(shape, dtype, memory, 0, strides)


def _seconds(function: Any, *args: Any) -> float:
    """Return what a call takes at least."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function(*args)
        end = time.perf_counter()
        times.append(end - start)
    return min(times)
