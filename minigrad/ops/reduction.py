"""Primitives that reduce axes. ``axis`` is a tuple of non-negative integers, ``keepdims`` a bool."""

from __future__ import annotations

import functools
import math
import operator

import numpy as np

from minigrad.dtypes import number
from minigrad.ops.shape import astype, beside, broadcast_to, reshape
from minigrad.primitive import alias, primitive


def axis_of(x, dim):
    """Return ``dim`` as a non-negative axis of ``x``; raise IndexError as PyTorch does."""
    n = max(len(x) if isinstance(x, range) else x.ndim, 1)
    if type(dim) is not int:
        dim = whole(dim)
    if not -n <= dim < n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    return dim % n


def whole(dim):
    """Return an integer as Python's: NumPy's and 0-d tensors are integers, too; TypeError for anything else."""
    if not isinstance(dim, bool) and not getattr(dim, "ndim", 0):
        try:
            return operator.index(dim)
        except TypeError:
            pass
    raise TypeError(f"dim must be an int, not {type(dim).__name__} ({dim!r})")


def axes_of(x, dim):
    """Return ``dim`` (None for all, an integer or several) as a tuple of axes."""
    if isinstance(dim, list):
        dim = tuple(dim)
    elif not (dim is None or type(dim) is int or type(dim) is tuple):
        dim = whole(dim)
    return _axes(x.ndim, dim)


@functools.lru_cache(4096)
def _axes(n, dim):
    if dim is None:
        return tuple(range(n))
    several = dim if isinstance(dim, tuple) else (dim,)
    found = tuple(axis_of(range(n), d) for d in several)
    if len(set(found)) < len(found):
        raise RuntimeError(f"dim {list(several)} appears multiple times in the list of dims")
    return found if n else ()


def expanded(g, axis, keepdims):
    """Give a reduced array its reduced axes back, as axes of length one."""
    return g if keepdims else np.expand_dims(g, axis)


def spread(g, x, axis, keepdims):
    """Broadcast the cotangent of a reduction over the axes that were reduced."""
    return broadcast_to(beside(expanded(g, axis, keepdims), x), shape=x.shape)


@functools.lru_cache(4096)
def _count(shape, axis):
    return math.prod(shape[i] for i in axis)


def count(x, axis):
    return _count(x.shape, axis)


BLOCK = 1024  # numbers that one product with ones adds up; rounding grows with it


@functools.lru_cache(256)
def _ones(shape, kind):
    ones = np.ones(shape, kind)
    ones.flags.writeable = False
    return ones


def total(x, axis, keepdims):
    """Add up along axes. Leading and trailing ones are a matrix product with ones: measured two to forty
    times as fast as add.reduce, and in blocks it rounds less (3e-7 for 1e-6 over 4,096 numbers of float32)."""
    if type(x) is np.ndarray and x.flags.c_contiguous:
        return _adder(x.shape, axis, keepdims, x.dtype.char)(x)
    return np.add.reduce(x, axis=axis, keepdims=keepdims)


@functools.lru_cache(4096)
def _adder(shape, axis, keepdims, kind):
    """Return the quickest way to add up C-contiguous arrays of this shape."""
    plan = _plan(shape, axis, keepdims)
    if plan is None or kind not in "fd":
        return functools.partial(np.add.reduce, axis=axis, keepdims=keepdims)
    rows, n, out = plan
    if len(shape) == 2 and not n and rows <= BLOCK:
        return _ones((1, rows) if keepdims else rows, kind).dot  # half a microsecond quicker than @
    return functools.partial(_by_products, rows, n, out)


def _by_products(rows, n, shape, x):
    if n:  # one long row is added up pairwise, which rounds less still
        x = x.reshape(-1, n) @ _ones(n, x.dtype.char) if n <= BLOCK else np.add.reduce(x.reshape(-1, n), axis=1)
    if rows:
        x = _first_axis(x.reshape(rows, -1))
    return x.reshape(shape)


@functools.lru_cache(4096)
def _plan(shape, axis, keepdims):
    """Return (length of the leading axes or 0, of the trailing ones or 0, shape of the result), or None."""
    lead = 0
    while lead < len(axis) and axis[lead] == lead:
        lead += 1
    tail = len(axis) - lead
    end = len(shape) - tail
    if math.prod(shape) < 64 or lead == len(shape) or axis[lead:] != tuple(range(end, len(shape))):
        return None
    kept = shape[lead:end]
    shown = (1,) * lead + kept + (1,) * tail if keepdims else kept
    return (math.prod(shape[:lead]) if lead else 0, math.prod(shape[end:]) if tail else 0, shown)


def _first_axis(x):
    rest = len(x) % BLOCK
    if rest == len(x):
        return _ones(rest, x.dtype.char).dot(x)
    blocks = _ones(BLOCK, x.dtype.char) @ x[rest:].reshape(-1, BLOCK, x.shape[1])  # (blocks, n)
    return _first_axis(blocks) + _ones(rest, x.dtype.char) @ x[:rest]


@primitive(lambda g, _out, _x, *, axis, keepdims: spread(g, _x, axis, keepdims))
def sum(x, *, axis, keepdims):
    return total(x, axis, keepdims)


@primitive(lambda g, _out, _x, *, axis, keepdims: spread(_divided(g, _count(_x.shape, axis) or 1), _x, axis, keepdims))
def mean(x, *, axis, keepdims):
    return _divided(total(x, axis, keepdims), _count(x.shape, axis) or math.nan)


def _divided(x, n):
    if type(x) is np.ndarray and x.dtype.char in "fd":
        n = number(n, x.dtype.char)
    return x / n


def total_of_product(x, y, axis, keepdims):
    """Add up x * y without making it where inner products of the trailing axes will do."""
    plan = _plan(x.shape, axis, keepdims)
    if plan is None or not plan[1] or plan[1] > BLOCK or not _plain(x, y):
        return total(x * y, axis, keepdims)
    rows, n, shape = plan
    products = np.vecdot(x.reshape(-1, n), y.reshape(-1, n))
    return (_first_axis(products.reshape(rows, -1)) if rows else products).reshape(shape)


def _plain(x, y):
    return type(x) is np.ndarray and x.flags.c_contiguous and y.flags.c_contiguous


def _mean_square_vjp(g, _out, x, *, axis, keepdims):
    return beside(expanded(g * (2 / max(_count(x.shape, axis), 1)), axis, keepdims), x) * x


@primitive(_mean_square_vjp)
def mean_square(x, *, axis, keepdims):
    """The mean of x², in one step of the graph."""
    return _divided(total_of_product(x, x, axis, keepdims), _count(x.shape, axis) or 1)


@functools.lru_cache(4096)
def _stretched(shape, small):
    """Return how to add up what has ``shape`` to what was broadcast from ``small``: axes, and whether they stay."""
    lead = len(shape) - len(small)
    if not lead:
        return tuple(i for i, n in enumerate(small) if n == 1 and shape[i] != 1), True
    return (*range(lead), *(i + lead for i, n in enumerate(small) if n == 1 and shape[i + lead] != 1)), False


@functools.lru_cache(4096)
def _folder(shape, small, kind):
    """Return the quickest way to add up C-contiguous arrays of ``shape`` to ``small``."""
    axis, keepdims = _stretched(shape, small)
    add = _adder(shape, axis, keepdims, kind)
    left = tuple(1 if i in axis else n for i, n in enumerate(shape) if keepdims or i not in axis)
    return add if left == small else lambda g: add(g).reshape(small)


def unbroadcast(g, shape):
    """Sum ``g`` over the axes along which ``shape`` was broadcast."""
    if type(g) is np.ndarray and g.flags.c_contiguous:
        return _folder(g.shape, shape, g.dtype.char)(g)
    axis, keepdims = _stretched(g.shape, shape)
    g = sum(g, axis=axis, keepdims=keepdims)
    return g if g.shape == shape else reshape(g, shape=shape)


@primitive(lambda g, _out, _x, y, *, shape: g * y, lambda g, _out, x, _y, *, shape: g * x)
def sum_of_product(x, y, *, shape):
    """x * y summed to ``shape``, which would be broadcast to that of both."""
    axis, keepdims = _stretched(x.shape, shape)
    if not axis or axis[-1] + 1 < x.ndim:  # no inner products along trailing axes
        return unbroadcast(x * y, shape)
    return total_of_product(x, y, axis, keepdims).reshape(shape)


def product_for(g, x, _y):
    """Return the cotangent g * x of an operand like ``_y``, summed at once where that was broadcast."""
    if g.shape == _y.shape or x.shape != g.shape:
        return g * beside(x, g)
    return sum_of_product(g, x, shape=_y.shape)


def _share(g, out, x, axis, keepdims):
    """Ties share the cotangent equally, as PyTorch's amax and amin."""
    hit = x == expanded(out, axis, keepdims)
    ties = np.maximum(np.add.reduce(hit, axis=axis, keepdims=True), 1)  # NaN equals nothing, itself included
    return hit * (expanded(g, axis, keepdims) / astype(ties, dtype=g.dtype))


@primitive(lambda g, out, x, *, axis, keepdims: _share(g, out, x, axis, keepdims))
def amax(x, *, axis, keepdims):
    return np.maximum.reduce(x, axis=axis, keepdims=keepdims)


@primitive(lambda g, out, x, *, axis, keepdims: _share(g, out, x, axis, keepdims))
def amin(x, *, axis, keepdims):
    return np.minimum.reduce(x, axis=axis, keepdims=keepdims)


@primitive(lambda g, out, x, *, axis, keepdims:
           expanded(g, axis, keepdims) * np.exp(x - expanded(out, axis, keepdims)), floats=True)  # fmt: skip
def logsumexp(x, *, axis, keepdims):
    """log(sum(exp(x))), shifted by the maximum so that exp cannot overflow."""
    top = np.maximum.reduce(x, axis=axis, keepdims=True, initial=-math.inf)
    top = np.where(np.isfinite(top), top, 0.0)
    total = np.add.reduce(np.exp(x - top), axis=axis, keepdims=keepdims)
    with np.errstate(divide="ignore"):  # the logarithm of an empty or all -inf sum is -inf
        return np.log(total) + (top if keepdims else np.squeeze(top, axis))


_SHORT = 32  # rows of at most so many numbers are worked on column by column (measured: even at 32 to 48)


def below_top(x, axis):
    """Subtract the maximum along an axis. Short rows are gone through column by column: NumPy's loops are then as long
    as the batch, and ten classes take a sixth to a half of the time."""
    if axis == x.ndim - 1 and x.shape[axis] <= _SHORT:
        x = np.copy(x, order="F")
    return x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-math.inf)


@primitive(lambda g, out, _x, *, axis: g - np.exp(out) * np.sum(g, axis=axis, keepdims=True), floats=True)
def log_softmax(x, *, axis):
    """x - logsumexp(x), shifted by the maximum first."""
    below = below_top(x, axis)
    return np.subtract(below, np.log(np.add.reduce(np.exp(below), axis=axis, keepdims=True)), order="C")


def softmax_vjp(g, out, _x, *, axis):
    return out * (g - np.sum(g * out, axis=axis, keepdims=True))


@primitive(softmax_vjp, floats=True)
def softmax(x, *, axis):
    """exp(x)/sum(exp(x)), shifted by the maximum first."""
    raised = np.exp(below_top(x, axis))
    return np.divide(raised, np.add.reduce(raised, axis=axis, keepdims=True), order="C")


@primitive(lambda g, _out, _x, *, axis: np.flip(np.cumsum(np.flip(g, axis), axis=axis), axis))
def cumsum(x, *, axis):
    return np.cumsum(x, axis=axis)


@primitive(None)
def argmax(x, *, axis, keepdims):
    return np.argmax(x, axis=axis, keepdims=keepdims)


@primitive(None)
def argmin(x, *, axis, keepdims):
    return np.argmin(x, axis=axis, keepdims=keepdims)


@primitive(None)
def all(x, *, axis, keepdims):
    return np.logical_and.reduce(x, axis=axis, keepdims=keepdims)


@primitive(None)
def any(x, *, axis, keepdims):
    return np.logical_or.reduce(x, axis=axis, keepdims=keepdims)


def _like_numpy(made, first_axis=None):
    """Take NumPy's arguments: an axis may be None, an integer, negative or a tuple."""
    return lambda a, axis=first_axis, keepdims=False: made(a, axis=axes_of(a, axis), keepdims=bool(keepdims))


for made, function, ufunc in (
    (sum, np.sum, np.add),
    (mean, np.mean, None),
    (amax, np.max, np.maximum),
    (amin, np.min, np.minimum),
    (all, np.all, np.logical_and),
    (any, np.any, np.logical_or),
):
    alias(made, function, call=_like_numpy(made))
    if ufunc is not None:
        alias(made, ufunc.reduce, call=_like_numpy(made, 0))
alias(amax, np.amax, call=_like_numpy(amax))
alias(amin, np.amin, call=_like_numpy(amin))
alias(cumsum, np.cumsum)
for made, function in ((argmax, np.argmax), (argmin, np.argmin)):
    alias(made, function, call=lambda a, axis=None, *, keepdims=False, made=made: made(
        a, axis=axis, keepdims=keepdims))  # fmt: skip
