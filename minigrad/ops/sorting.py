"""Places in order, which ``sort``, ``topk``, ``median`` and ``cummax`` look up.

The values are then read at these places.
"""

from __future__ import annotations

import numpy as np

from minigrad.layout import c_ordered
from minigrad.places import int64_places
from minigrad.primitive import alias, primitive


@primitive(None)
@int64_places
def argsort(x, *, axis, descending=False):
    """The places in ascending or descending order, equals as they stood, NaN the greatest."""
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    return x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)


alias(argsort, np.argsort, call=lambda a, axis=-1: argsort(a, axis=axis))


@primitive(None)
@int64_places
def argtop(x, *, axis, k, largest):
    """The places of the k greatest or least, in order.

    Few of many are parted from the rest before they are sorted.
    """
    n = x.shape[axis]
    places = None
    if 0 < 8 * k < n:
        border, first_k = (n - k, range(n - k, n)) if largest else (k - 1, range(k))
        parted = np.argpartition(x, border, axis=axis)
        places = np.take(parted, first_k, axis=axis)
        x = np.take_along_axis(x, places, axis)

    order = argsort(x, axis=axis, descending=largest)
    first = np.take(order, range(k), axis=axis)
    if places is None:
        return first
    return np.take_along_axis(places, first, axis)


@primitive(None)
@int64_places
def argmedian(x, *, axis):
    """The place of the lower median along an axis, which stays; of the first NaN, if any."""
    order = np.argsort(x, axis=axis, kind="stable")
    middle = np.take(order, [(x.shape[axis] - 1) // 2], axis=axis)
    bad = np.isnan(x)
    any_bad = np.any(bad, axis=axis, keepdims=True)
    first_bad = np.argmax(bad, axis=axis, keepdims=True)
    return np.where(any_bad, first_bad, middle)


def _running(x, axis, best):
    here = np.logical_or(x == best, x != x)
    shape = [1] * x.ndim
    shape[axis] = -1
    places = np.where(here, np.arange(x.shape[axis]).reshape(shape), 0)
    return np.maximum.accumulate(places, axis=axis)


@primitive(None)
@int64_places
@c_ordered
def arg_cummax(x, *, axis):
    """The place of the greatest so far, the last of ties."""
    return _running(x, axis, np.maximum.accumulate(x, axis=axis))


@primitive(None)
@int64_places
@c_ordered
def arg_cummin(x, *, axis):
    """The place of the least so far, the last of ties."""
    return _running(x, axis, np.minimum.accumulate(x, axis=axis))


@primitive(None)
@int64_places
def arg_nanmedian(x, *, axis):
    """The place of the lower median of what is not NaN along an axis, which stays."""
    order = np.argsort(x, axis=axis, kind="stable")  # NaN last
    counts = np.sum(x == x, axis=axis, keepdims=True)
    middle = np.maximum(counts - 1, 0) // 2
    return np.take_along_axis(order, middle, axis)


@primitive(None)
@int64_places
def argmode(x, *, axis):
    """The last place of the most frequent along an axis, which stays; of several the least."""
    rows = np.moveaxis(x, axis, -1)
    order = np.argsort(rows, axis=-1, kind="stable")
    rows = np.take_along_axis(rows, order, -1)
    lengths = _lengths_of_runs(rows)
    longest = np.argmax(lengths, axis=-1)[..., None]
    place = np.take_along_axis(order, longest, -1)
    return np.moveaxis(place, -1, axis)


def _lengths_of_runs(rows):
    """Return the length of each run of equals along the last axis at its end, 0 elsewhere."""
    lengths = np.zeros(rows.shape, np.intp)
    run = np.zeros(rows.shape[:-1], np.intp)
    last = rows.shape[-1] - 1
    for i in range(last):
        run = run + 1
        ends = rows[..., i] != rows[..., i + 1]
        lengths[..., i] = np.where(ends, run, 0)
        run = np.where(ends, 0, run)
    lengths[..., last] = run + 1
    return lengths
