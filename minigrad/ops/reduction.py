"""Primitives that reduce axes. ``axis`` is a tuple of integers >= 0, ``keepdims`` a bool."""

from __future__ import annotations

import functools
import math
import operator

import numpy as np

from minigrad.dtypes import scalar_array
from minigrad.layout import c_ordered
from minigrad.ops.shape import astype, broadcast_to, expand_channels, reshape
from minigrad.ops.summation import (
    WIDER,
    adder,
    in_float32,
    row_sums,
    size_along,
    sum_axes,
    sum_axes_of_product,
)
from minigrad.places import int64_places
from minigrad.primitive import alias, primitive


def axis_of(x, dim):
    """Return ``dim`` as a non-negative axis of ``x``; raise IndexError as PyTorch does."""
    n = max(len(x) if isinstance(x, range) else x.ndim, 1)
    if type(dim) is not int:
        dim = as_int(dim)
    if not -n <= dim < n:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})"
        )
    return dim % n


def as_int(dim):
    """Return an integer as Python's, of NumPy's or a 0-d tensor's; TypeError for anything else."""
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
        dim = as_int(dim)
    return _axes(x.ndim, dim)


@functools.lru_cache(4096)
def _axes(n, dim):
    if dim is None:
        return tuple(range(n))
    several = dim if isinstance(dim, tuple) else (dim,)
    axes = tuple(axis_of(range(n), d) for d in several)
    if len(set(axes)) < len(axes):
        raise RuntimeError(f"dim {list(several)} appears multiple times in the list of dims")
    return axes if n else ()


def restore_axes(g, axis, keepdims):
    """Give a reduced array its reduced axes back, as axes of length one."""
    return g if keepdims else np.expand_dims(g, axis)


def broadcast_back(g, x, axis, keepdims):
    """Broadcast the cotangent of a reduction over the axes that were reduced."""
    return broadcast_to(expand_channels(restore_axes(g, axis, keepdims), x), shape=x.shape)


@primitive(lambda g, _out, _x, *, axis, keepdims: broadcast_back(g, _x, axis, keepdims))
def sum(x, *, axis, keepdims):
    return sum_axes(x, axis, keepdims)


@primitive(
    lambda g, _out, _x, *, axis, keepdims: broadcast_back(
        divide_by_count(g, size_along(_x.shape, axis) or 1), _x, axis, keepdims
    )
)
def mean(x, *, axis, keepdims):
    if x.dtype.char == "e":  # the sum may lie beyond float16
        return mean.function(x.astype(np.float32), axis=axis, keepdims=keepdims).astype(np.float16)
    return divide_by_count(sum_axes(x, axis, keepdims), size_along(x.shape, axis) or math.nan)


def divide_by_count(x, n):
    """Return x / n, n a count, which may lie beyond float16: that ends at 65,504."""
    kind = x.dtype.char
    if isinstance(x, np.ndarray) and kind in "fd":
        n = scalar_array(n, kind)
    elif kind == "e":
        return astype(astype(x, dtype=np.dtype("f")) / n, dtype=x.dtype)
    return x / n


def _centred_vjp(g, _out, _x, *, axis):
    means = mean(g, axis=axis, keepdims=True)
    return g - expand_channels(means, g)


@primitive(_centred_vjp)
def centred(x, *, axis):
    """x without its mean.

    The first number along the axes is subtracted before. What is left is no larger than the
    spread, whatever the offset, so its mean rounds no digit away, and equal numbers leave 0.
    """
    first = x[tuple(slice(0, 1) if i in axis else slice(None) for i in range(x.ndim))]
    d = x - expand_channels(first, x)
    means = mean.function(d, axis=axis, keepdims=True)
    d -= expand_channels(means, d)
    return d


def _mean_square_vjp(g, _out, x, *, axis, keepdims):
    slope = g * (2 / max(size_along(x.shape, axis), 1))
    return expand_channels(restore_axes(slope, axis, keepdims), x) * x


@primitive(_mean_square_vjp)
def mean_square(x, *, axis, keepdims):
    """The mean of x², in one step of the graph."""
    squares = sum_axes_of_product(x, x, axis, keepdims)
    return divide_by_count(squares, size_along(x.shape, axis) or 1)


@functools.lru_cache(4096)
def _stretched(shape, small):
    """Return the axes to sum from ``shape`` back to ``small``, and whether they stay."""
    lead = len(shape) - len(small)
    axes = list(range(lead))
    for i, n in enumerate(small, lead):
        if n == 1 and shape[i] != 1:
            axes.append(i)
    return tuple(axes), lead == 0


@functools.lru_cache(4096)
def _folder(shape, small, kind):
    """Return the quickest way to add up C-contiguous arrays of ``shape`` to ``small``."""
    axis, keepdims = _stretched(shape, small)
    add = adder(shape, axis, keepdims, kind)
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
    return sum_axes_of_product(x, y, axis, keepdims).reshape(shape)


def mul_and_unbroadcast(g, x, _y):
    """Return the cotangent g * x of an operand like ``_y``, summed where that was broadcast."""
    if g.shape == _y.shape or x.shape != g.shape:
        return g * expand_channels(x, g)
    return sum_of_product(g, x, shape=_y.shape)


def _share(g, out, x, *, axis, keepdims, nans=False):
    """Ties share the cotangent equally.

    NaN equals nothing, itself included: where it is the result all get NaN, as of PyTorch's amax
    and amin, or, with ``nans``, each NaN is one of the ties, as of its max, min and median.
    """
    out = restore_axes(out, axis, keepdims)
    hit = x == out
    if nans:
        hit = hit | np.logical_and(x != x, out != out)
    ties = np.add.reduce(hit, axis=axis, keepdims=True)
    wide = np.result_type(g.dtype, np.float32)  # float16 ends at 65,504
    return hit * (restore_axes(g, axis, keepdims) / astype(ties, dtype=wide))


@primitive(_share)
@c_ordered
def amax(x, *, axis, keepdims, nans=False):
    return np.maximum.reduce(x, axis=axis, keepdims=keepdims)


@primitive(_share)
@c_ordered
def amin(x, *, axis, keepdims, nans=False):
    return np.minimum.reduce(x, axis=axis, keepdims=keepdims)


def _logsumexp_vjp(g, out, x, *, axis, keepdims):
    out = restore_axes(out, axis, keepdims)
    return restore_axes(g, axis, keepdims) * np.exp(x - out)


@primitive(_logsumexp_vjp, floats=True)
@c_ordered
@in_float32
def logsumexp(x, *, axis, keepdims):
    """log(sum(exp(x))), shifted by the maximum so that exp cannot overflow."""
    top = np.maximum.reduce(x, axis=axis, keepdims=True, initial=-math.inf)
    top = np.where(np.isfinite(top), top, 0.0)
    sums = sum_axes(np.exp(x - top), axis, keepdims)
    if not keepdims:
        top = np.squeeze(top, axis)
    with np.errstate(divide="ignore"):  # the logarithm of an empty or all -inf sum is -inf
        return np.log(sums) + top


_SHORT = 32  # rows of at most so many numbers go column by column (measured: even at 32 to 48)


def subtract_max(x, axis):
    """Subtract the maximum along an axis.

    Short rows are gone through column by column: NumPy's loops are then as long as the batch, and
    ten classes take a sixth to a half of the time.
    """
    if axis == x.ndim - 1 and x.shape[axis] <= _SHORT:
        x = np.copy(x, order="F")
    return x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-math.inf)


def _sum_keeping(x, axis):
    """Add up along one axis, which stays; an array of no dimensions is its own sum."""
    return sum(x, axis=(axis,) if x.ndim else (), keepdims=True)


@primitive(lambda g, out, _x, *, axis: g - np.exp(out) * _sum_keeping(g, axis), floats=True)
@in_float32
def log_softmax(x, *, axis):
    """x - logsumexp(x), shifted by the maximum first."""
    shifted = subtract_max(x, axis)
    return np.subtract(shifted, np.log(row_sums(np.exp(shifted), axis)), order="C")


def softmax_vjp(g, out, _x, *, axis):
    return out * (g - _sum_keeping(g * out, axis))


@primitive(softmax_vjp, floats=True)
@in_float32
def softmax(x, *, axis):
    """exp(x)/sum(exp(x)), shifted by the maximum first."""
    exponentials = np.exp(subtract_max(x, axis))
    return np.divide(exponentials, row_sums(exponentials, axis), order="C")


@primitive(lambda g, _out, _x, *, axis: np.flip(cumsum(np.flip(g, axis), axis=axis), axis))
@c_ordered
def cumsum(x, *, axis):
    return np.cumsum(x, axis=axis, dtype=WIDER.get(x.dtype.char)).astype(x.dtype, copy=False)


@primitive(None)
@int64_places
@c_ordered
def argmax(x, *, axis, keepdims):
    return np.argmax(x, axis=axis, keepdims=keepdims)


@primitive(None)
@int64_places
@c_ordered
def argmin(x, *, axis, keepdims):
    return np.argmin(x, axis=axis, keepdims=keepdims)


@primitive(None)
@c_ordered
def all(x, *, axis, keepdims):
    return np.logical_and.reduce(x, axis=axis, keepdims=keepdims)


@primitive(None)
@c_ordered
def any(x, *, axis, keepdims):
    return np.logical_or.reduce(x, axis=axis, keepdims=keepdims)


def _like_numpy(reduction, first_axis=None):
    """Take NumPy's arguments: an axis may be None, an integer, negative or a tuple."""
    return lambda a, axis=first_axis, keepdims=False: reduction(
        a, axis=axes_of(a, axis), keepdims=bool(keepdims)
    )


def _like_numpys_search(search):
    """Take NumPy's arguments of argmax: an axis may be None, ``keepdims`` is by keyword."""
    return lambda a, axis=None, *, keepdims=False: search(a, axis=axis, keepdims=keepdims)


for _primitive, function, ufunc in (
    (amax, np.max, np.maximum),
    (amin, np.min, np.minimum),
    (all, np.all, np.logical_and),
    (any, np.any, np.logical_or),
):
    alias(_primitive, function, call=_like_numpy(_primitive))
    alias(_primitive, ufunc.reduce, call=_like_numpy(_primitive, 0))
alias(amax, np.amax, call=_like_numpy(amax))
alias(amin, np.amin, call=_like_numpy(amin))
for _primitive, function in ((argmax, np.argmax), (argmin, np.argmin)):
    alias(_primitive, function, call=_like_numpys_search(_primitive))
