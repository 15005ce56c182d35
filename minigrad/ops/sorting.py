"""Places in order: what ``sort``, ``topk``, ``median``, ``cummax`` look up. The values are then read at these places."""

from __future__ import annotations

import numpy as np

from minigrad.primitive import alias, primitive


@primitive(None)
def argsort(x, *, axis, descending=False):
    """The places in ascending or descending order, equals as they stood, NaN the greatest."""
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    return x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)


alias(argsort, np.argsort, call=lambda a, axis=-1: argsort(a, axis=axis))


@primitive(None)
def argmedian(x, *, axis):
    """The place of the lower median along an axis, which is kept; of the first NaN where there is one."""
    order = np.argsort(x, axis=axis, kind="stable")
    middle = np.take(order, [(x.shape[axis] - 1) // 2], axis=axis)
    bad = np.isnan(x)
    return np.where(np.any(bad, axis=axis, keepdims=True), np.argmax(bad, axis=axis, keepdims=True), middle)


def _running(x, axis, best):
    here = np.logical_or(x == best, x != x)
    shape = [1] * x.ndim
    shape[axis] = -1
    places = np.where(here, np.arange(x.shape[axis]).reshape(shape), 0)
    return np.maximum.accumulate(places, axis=axis)


@primitive(None)
def arg_cummax(x, *, axis):
    """The place of the greatest so far, the last of ties."""
    return _running(x, axis, np.maximum.accumulate(x, axis=axis))


@primitive(None)
def arg_cummin(x, *, axis):
    """The place of the least so far, the last of ties."""
    return _running(x, axis, np.minimum.accumulate(x, axis=axis))
