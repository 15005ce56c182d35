"""Running products and sums of exponentials.

Their rules are one linear recurrence, so zeros do no harm at any order.
"""

from __future__ import annotations

import numpy as np

from minigrad.layout import c_ordered
from minigrad.ops.indexing import getitem
from minigrad.ops.reduction import restore_axes
from minigrad.ops.shape import astype, pad
from minigrad.ops.summation import WIDER
from minigrad.primitive import primitive


def _part(x, axis, start, stop):
    """Return x[start:stop] along one axis."""
    return getitem(x, index=(slice(None),) * axis + (slice(start, stop),))


def _shifted(x, axis, k):
    """Return x moved k places towards the start (k > 0) or the end, zeros behind it."""
    n = x.shape[axis]
    rest = _part(x, axis, k, None) if k > 0 else _part(x, axis, None, n + k)
    place = (0, min(k, n)) if k > 0 else (min(-k, n), 0)
    return pad(rest, widths=tuple(place if i == axis else (0, 0) for i in range(x.ndim)))


def recurrence(a, b, axis):
    """Return s with s[k] = b[k] + a[k] s[k + 1], zero beyond the end.

    It takes log2(n) steps of entire arrays.
    """
    step, n = 1, b.shape[axis]
    while step < n:
        b = b + a * _shifted(b, axis, step)
        a = a * _shifted(a, axis, step)
        step *= 2
    return b


def _before(x, axis):
    """Return the product of all elements before each."""
    n = x.shape[axis]
    if not n:
        return x
    one = np.where(False, _part(x, axis, 0, 1), 1.0)
    products = cumprod(_part(x, axis, 0, n - 1), axis=axis)
    return np.concatenate([one, products], axis=axis)


def _wide(x):
    """Return x in the dtype of running products: a rule multiplies as many numbers."""
    return astype(x, dtype=np.dtype(WIDER[x.dtype.char])) if x.dtype.char in WIDER else x


def _cumprod_vjp(g, x, axis):
    x, g = _wide(x), _wide(g)
    return _before(x, axis) * recurrence(_shifted(x, axis, 1), g, axis)


@primitive(lambda g, _out, x, *, axis: _cumprod_vjp(g, x, axis))
@c_ordered
def cumprod(x, *, axis):
    return np.cumprod(x, axis=axis, dtype=WIDER.get(x.dtype.char)).astype(x.dtype, copy=False)


def _others(x, axis):
    """Return the product of all other elements, right also where some are zero."""
    return _before(x, axis) * np.flip(_before(np.flip(x, axis), axis), axis)


@primitive(lambda g, _out, x, *, axis, keepdims: restore_axes(g, axis, keepdims) * _others(x, axis))
@c_ordered
def prod(x, *, axis, keepdims):
    """The product along one axis."""
    product = np.multiply.reduce(x, axis=axis, keepdims=keepdims, dtype=WIDER.get(x.dtype.char))
    return product.astype(x.dtype, copy=False)


def _logcumsumexp_vjp(g, out, x, *, axis):
    # where all is -inf so far nothing comes back
    out = np.where(out == -np.inf, 0.0, out)
    x, out, g = _wide(x), _wide(out), _wide(g)

    before = _part(out, axis, None, -1)
    after = _part(out, axis, 1, None)
    fall = np.exp(before - after)  # at most 1
    behind = int(x.shape[axis] > 0)
    widths = tuple((0, behind if i == axis else 0) for i in range(x.ndim))
    fall = pad(fall, widths=widths)
    return np.exp(x - out) * recurrence(fall, g, axis)


@primitive(_logcumsumexp_vjp, floats=True)
@c_ordered
def logcumsumexp(x, *, axis):
    """log of the running sum of exp(x), which never overflows."""
    with np.errstate(all="ignore"):
        sums = np.logaddexp.accumulate(x, axis=axis, dtype=WIDER.get(x.dtype.char))
        return sums.astype(x.dtype, copy=False)
