"""Primitives that reduce axes. ``axis`` is a tuple of non-negative integers, ``keepdims`` a bool."""

from __future__ import annotations

import builtins
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


BLOCK = 256  # numbers that one product with ones adds up; rounding grows with it
_ROW = 512  # numbers that stand side by side in such a product, where short rows can


@functools.lru_cache(256)
def _ones(shape, kind):
    ones = np.ones(shape, kind)
    ones.flags.writeable = False
    return ones


def total(x, axis, keepdims):
    """Add up along axes. All but whole arrays are matrix products with ones: measured two to forty times as
    fast as add.reduce, and in blocks they round less: to 1e-6 at a million numbers of float32, where one
    running sum is off by a hundredth. float16 is added up in float32 and rounded once."""
    if type(x) is not np.ndarray:
        return np.add.reduce(x, axis=axis, keepdims=keepdims)
    if x.flags.c_contiguous:
        return _adder(x.shape, axis, keepdims, x.dtype.char)(x)
    return _adder_of_turned(x.shape, x.strides, axis, keepdims, x.dtype.char)(x)


@functools.lru_cache(4096)
def _adder(shape, axis, keepdims, kind):
    """Return the quickest way to add up C-contiguous arrays of this shape."""
    if kind == "e":
        return lambda x: total(x.astype(np.float32), axis, keepdims).astype(np.float16)
    if kind not in "fd" or math.prod(shape) < _SMALL:
        return functools.partial(np.add.reduce, axis=axis, keepdims=keepdims)
    if len(shape) == 2 and axis == (0,) and _at_once(*shape):
        return _ones((1, shape[0]) if keepdims else shape[0], kind).dot  # half a microsecond quicker than @
    plan = _plan(shape, axis)
    if plan is None:
        return functools.partial(np.add.reduce, axis=axis, keepdims=keepdims)
    return functools.partial(_by_products, plan, _kept(shape, axis, keepdims))


@functools.lru_cache(4096)
def _adder_of_turned(shape, strides, axis, keepdims, kind):
    """Return how to add up in the order of memory, which most often is that of a transposed array."""
    order = sorted(range(len(shape)), key=lambda i: -builtins.abs(strides[i]))
    back = [order.index(i) for i in range(len(shape))]
    few = _count(shape, axis) <= _SMALL or len(shape) == 1  # add.reduce takes a line pairwise
    turned = np.lib.stride_tricks.as_strided(np.empty(0, kind), shape, strides).transpose(order)
    if kind not in "efd" or math.prod(shape) < _SMALL or (few and not turned.flags.c_contiguous):
        return lambda x: np.asarray(np.add.reduce(x, axis=axis, keepdims=keepdims), order="C")
    add = _adder(turned.shape, tuple(sorted(back[i] for i in axis)), True, kind)
    kept = _kept(shape, axis, keepdims)
    return lambda x: np.ascontiguousarray(add(np.ascontiguousarray(x.transpose(order))).transpose(back)).reshape(kept)


@functools.lru_cache(4096)
def _kept(shape, axis, keepdims):
    """Return the shape of what is left."""
    return tuple(1 if i in axis else n for i, n in enumerate(shape) if keepdims or i not in axis)


_SMALL = 64  # numbers: with fewer add.reduce is as quick and rounds no worse


def _at_once(along, behind):
    """Whether a column of numbers is added up in one product: with many columns it does in four lanes."""
    return along <= (BLOCK if behind < 16 else 4 * BLOCK)


@functools.lru_cache(4096)
def _plan(shape, axis):
    """Return the products that add up C-contiguous arrays, the last axes first, each as (before, along, behind).

    None for whole arrays, which add.reduce takes pairwise, and where nothing is added.
    """
    runs: list[list] = []  # neighbouring axes that go alike: [summed?, length]
    for i, n in enumerate(shape):
        if n != 1 and runs and runs[-1][0] == (i in axis):
            runs[-1][1] *= n
        elif n != 1:
            runs.append([i in axis, n])
    if len({gone for gone, _ in runs}) < 2:
        return None
    steps, behind = [], 1
    for i, (gone, n) in reversed(list(enumerate(runs))):
        if gone:
            steps.append((math.prod(m for _, m in runs[:i]), n, behind))
        else:
            behind *= n
    return tuple(steps)


def _by_products(plan, shape, x):
    for before, along, behind in plan:
        if behind == 1:  # a long row is added up pairwise, which rounds less still
            x = x.reshape(before, along)
            x = x @ _ones(along, x.dtype.char) if along <= _LONG else np.add.reduce(x, axis=1)
        elif before == 1 and _at_once(along, behind):
            x = _ones(along, x.dtype.char).dot(x.reshape(along, behind))
        else:
            x = _middle(x.reshape(before, along, behind))
    return x.reshape(shape)


_LONG = 4 * BLOCK  # numbers of a row: a product adds them up in many lanes


def _middle(x):
    """(a, n, b) -> (a, b), in blocks; short rows are laid side by side."""
    before, n, behind = x.shape
    if n <= BLOCK:
        return _ones(n, x.dtype.char) @ x
    wide = max(1, min(_ROW // behind, n // BLOCK))
    blocks = n // (BLOCK * wide)
    whole = blocks * BLOCK * wide
    sums = _ones(BLOCK, x.dtype.char) @ x[:, :whole].reshape(before, blocks, BLOCK, wide * behind)
    sums = _middle(sums.reshape(before, blocks * wide, behind))
    return sums if whole == n else sums + _middle(x[:, whole:])


@primitive(lambda g, _out, _x, *, axis, keepdims: spread(g, _x, axis, keepdims))
def sum(x, *, axis, keepdims):
    return total(x, axis, keepdims)


@primitive(lambda g, _out, _x, *, axis, keepdims: spread(divided(g, _count(_x.shape, axis) or 1), _x, axis, keepdims))
def mean(x, *, axis, keepdims):
    if x.dtype.char == "e":  # the sum may lie beyond float16
        return mean.function(x.astype(np.float32), axis=axis, keepdims=keepdims).astype(np.float16)
    return divided(total(x, axis, keepdims), _count(x.shape, axis) or math.nan)


def divided(x, n):
    """Return x / n, n a count: beyond float16, which has no whole numbers above 65,504, where x is of that."""
    kind = x.dtype.char
    if type(x) is np.ndarray and kind in "fd":
        n = number(n, kind)
    elif kind == "e":
        return astype(astype(x, dtype=np.dtype("f")) / n, dtype=x.dtype)
    return x / n


@primitive(lambda g, _out, _x, *, axis: centred(g, axis=axis))
def centred(x, *, axis):
    """x without its mean. The first number along the axes is taken out before: what is left then is no larger than
    the spread, whatever the offset, so the mean of it rounds no digit away, and equal numbers leave 0."""
    first = x[tuple(slice(0, 1) if i in axis else slice(None) for i in range(x.ndim))]
    d = x - beside(first, x)
    return d - beside(mean.function(d, axis=axis, keepdims=True), d)


def total_of_product(x, y, axis, keepdims):
    """Add up x * y without making it where inner products of the trailing axes will do."""
    rows = _rows(x.shape, axis, keepdims)
    if rows is None or not _plain(x, y):
        return total(x * y, axis, keepdims)
    n, plan, shape = rows
    return _by_products(plan, shape, np.vecdot(x.reshape(-1, n), y.reshape(-1, n)))


@functools.lru_cache(4096)
def _rows(shape, axis, keepdims):
    """Return the length of the rows to multiply, how to add up their products, and the shape then; None if not in rows."""
    plan = _plan(shape, axis)
    if plan is None or math.prod(shape) < _SMALL or plan[0][2] > 1 or plan[0][1] > _LONG:
        return None
    return plan[0][1], plan[1:], _kept(shape, axis, keepdims)


def _plain(x, y):
    return type(x) is np.ndarray and x.flags.c_contiguous and y.flags.c_contiguous and x.dtype.char in "fd"


def _mean_square_vjp(g, _out, x, *, axis, keepdims):
    return beside(expanded(g * (2 / max(_count(x.shape, axis), 1)), axis, keepdims), x) * x


@primitive(_mean_square_vjp)
def mean_square(x, *, axis, keepdims):
    """The mean of x², in one step of the graph."""
    return divided(total_of_product(x, x, axis, keepdims), _count(x.shape, axis) or 1)


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


def _share(g, out, x, axis, keepdims, nans):
    """Ties share the cotangent equally. NaN equals nothing, itself included: where it is the result all get NaN, as of
    PyTorch's amax and amin, or, with ``nans``, each NaN is one of the ties, as of its max, min and median."""
    out = expanded(out, axis, keepdims)
    hit = x == out
    if nans:
        hit = hit | np.logical_and(x != x, out != out)
    ties = np.add.reduce(hit, axis=axis, keepdims=True)
    wide = np.result_type(g.dtype, np.float32)  # float16 ends at 65,504
    return hit * (expanded(g, axis, keepdims) / astype(ties, dtype=wide))


@primitive(lambda g, out, x, *, axis, keepdims, nans=False: _share(g, out, x, axis, keepdims, nans))
def amax(x, *, axis, keepdims, nans=False):
    return np.maximum.reduce(x, axis=axis, keepdims=keepdims)


@primitive(lambda g, out, x, *, axis, keepdims, nans=False: _share(g, out, x, axis, keepdims, nans))
def amin(x, *, axis, keepdims, nans=False):
    return np.minimum.reduce(x, axis=axis, keepdims=keepdims)


def widened(function):
    """Compute float16 in float32 and round once, as PyTorch does."""

    @functools.wraps(function)
    def wide(x, **parameters):
        if x.dtype.char == "e":
            return function(x.astype(np.float32), **parameters).astype(np.float16)
        return function(x, **parameters)

    return wide


@primitive(lambda g, out, x, *, axis, keepdims:
           expanded(g, axis, keepdims) * np.exp(x - expanded(out, axis, keepdims)), floats=True)  # fmt: skip
@widened
def logsumexp(x, *, axis, keepdims):
    """log(sum(exp(x))), shifted by the maximum so that exp cannot overflow."""
    top = np.maximum.reduce(x, axis=axis, keepdims=True, initial=-math.inf)
    top = np.where(np.isfinite(top), top, 0.0)
    raised = total(np.exp(x - top), axis, keepdims)
    with np.errstate(divide="ignore"):  # the logarithm of an empty or all -inf sum is -inf
        return np.log(raised) + (top if keepdims else np.squeeze(top, axis))


_SHORT = 32  # rows of at most so many numbers are worked on column by column (measured: even at 32 to 48)


def below_top(x, axis):
    """Subtract the maximum along an axis. Short rows are gone through column by column: NumPy's loops are then as long
    as the batch, and ten classes take a sixth to a half of the time."""
    if axis == x.ndim - 1 and x.shape[axis] <= _SHORT:
        x = np.copy(x, order="F")
    return x - np.maximum.reduce(x, axis=axis, keepdims=True, initial=-math.inf)


def row_sums(x, axis):
    """Add up an array along one axis, which stays; a few numbers as they lie."""
    if not x.ndim or x.shape[axis] <= _SMALL:
        return np.add.reduce(x, axis=axis, keepdims=True)
    return total(x, (axis,), True)


def _along(x, axis):
    """Add up along one axis, which stays; an array of no dimensions is its own sum."""
    return sum(x, axis=(axis,) if x.ndim else (), keepdims=True)


@primitive(lambda g, out, _x, *, axis: g - np.exp(out) * _along(g, axis), floats=True)
@widened
def log_softmax(x, *, axis):
    """x - logsumexp(x), shifted by the maximum first."""
    below = below_top(x, axis)
    return np.subtract(below, np.log(row_sums(np.exp(below), axis)), order="C")


def softmax_vjp(g, out, _x, *, axis):
    return out * (g - _along(g * out, axis))


@primitive(softmax_vjp, floats=True)
@widened
def softmax(x, *, axis):
    """exp(x)/sum(exp(x)), shifted by the maximum first."""
    raised = np.exp(below_top(x, axis))
    return np.divide(raised, row_sums(raised, axis), order="C")


WIDER = {"e": np.float32, "f": np.float64}  # what running sums and products are kept in, as in PyTorch


@primitive(lambda g, _out, _x, *, axis: np.flip(cumsum(np.flip(g, axis), axis=axis), axis))
def cumsum(x, *, axis):
    return np.cumsum(x, axis=axis, dtype=WIDER.get(x.dtype.char)).astype(x.dtype, copy=False)


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
