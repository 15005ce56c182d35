"""Matrix products in parts, where BLAS is quicker at those.

BLAS lays out the factors of a large product anew before it multiplies; the factors of a small one
it multiplies as they lie. Under a batch of few rows, laying out a weight costs a third of the
product. Whether parts are quicker depends on BLAS, the processor and the threads, so it is tried.
Sums run in another order then: this is for programs that are equal to rounding.
"""

from __future__ import annotations

import functools
import math
import time
from typing import Any

import numpy as np

from minigrad.compiler.buffers import place_is_c
from minigrad.compiler.program import Call, Place

SMALL = 1_000_000  # multiplications that OpenBLAS does without laying out the factors
MOST_PARTS = 16
REPEATS = 9
WORTH = 0.95  # of the time of the whole product
PRODUCTS = (np.dot, np.ndarray.dot)
Layout = tuple[tuple[int, ...], tuple[int, ...], np.dtype[Any]]


def dot_in_rows(a: np.ndarray, b: np.ndarray, rows: int, out: np.ndarray) -> np.ndarray:
    """(m, k) times (k, n) -> (m, n), so many rows at once."""
    for begin in range(0, len(a), rows):
        part = slice(begin, begin + rows)
        a[part].dot(b, out[part])
    return out


def in_parts(call: Call) -> Call:
    """Return a product as one in parts, if it is one, and parts are quicker."""
    if call.function not in PRODUCTS or call.kwargs or call.writes:
        return call
    a, b = call.args
    if not (_is_matrix(a) and _is_matrix(b)):
        return call
    if not place_is_c(call.results):
        return call
    rows = _rows_at_once(_layout(a), _layout(b))
    if rows:
        call.function = dot_in_rows
        call.args = a, b, rows
        call.is_whole = True
    return call


def _is_matrix(x: Any) -> bool:
    if not isinstance(x, Place) or len(x.shape) != 2:
        return False
    return x.dtype.char in "fd" and min(x.strides) > 0


def _layout(place: Place) -> Layout:
    return place.shape, place.strides, place.dtype


@functools.cache
def _rows_at_once(a: Layout, b: Layout) -> int:
    """Return how many rows of a product are quickest at once, 0 for all of them."""
    (m, k), _, dtype = a
    (_, n), *_ = b
    if k * n > SMALL:
        return 0
    parts = math.ceil(m * k * n / SMALL)
    if not 1 < parts <= MOST_PARTS:
        return 0
    rows = math.ceil(m / parts)
    left = _ones(a)
    right = _ones(b)
    out = np.empty((m, n), dtype)
    whole = []
    divided = []
    for _ in range(REPEATS):
        whole.append(_seconds(left.dot, right, out))
        divided.append(_seconds(dot_in_rows, left, right, rows, out))
    is_quicker = min(divided) < WORTH * min(whole)
    return rows if is_quicker else 0


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
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start
