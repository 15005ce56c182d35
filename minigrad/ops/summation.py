"""Adding up arrays: quickly, whatever the layout, and with little rounding."""

from __future__ import annotations

import functools
import math

import numpy as np

from minigrad.layout import as_array, stored


@functools.lru_cache(4096)
def size_along(shape, axis):
    """Return how many numbers lie along axes."""
    return math.prod(shape[i] for i in axis)


BLOCK = 256  # numbers that one product with ones adds up; rounding grows with it
_ROW = 512  # numbers that stand side by side in such a product, where short rows can


@functools.lru_cache(256)
def _ones(shape, kind):
    ones = np.ones(shape, kind)
    ones.flags.writeable = False
    return ones


def sum_axes(x, axis, keepdims):
    """Add up along axes; float16 in float32, rounded once.

    All but whole arrays are matrix products with ones. These are two to forty times as fast as
    add.reduce (measured), and in blocks they round less: to 1e-6 at a million numbers of float32,
    where one running sum is off by a hundredth.
    """
    if not isinstance(x, np.ndarray):
        return np.add.reduce(x, axis=axis, keepdims=keepdims)
    kind = x.dtype.char
    if x.flags.c_contiguous:
        return adder(x.shape, axis, keepdims, kind, type(x))(x)
    return _adder_of_turned(x.shape, x.strides, axis, keepdims, kind, type(x))(x)


@functools.lru_cache(4096)
def adder(shape, axis, keepdims, kind, array_class=np.ndarray):
    """Return the quickest way to add up C-contiguous arrays of this shape."""
    if kind == "e":
        return lambda x: sum_axes(x.astype(np.float32), axis, keepdims).astype(np.float16)
    if kind not in "fd" or math.prod(shape) < _SMALL:
        return functools.partial(np.add.reduce, axis=axis, keepdims=keepdims)
    if len(shape) == 2 and axis == (0,) and _at_once(*shape):
        height = shape[0]
        ones = _ones((1, height) if keepdims else height, kind)
        return _dot_of(ones, array_class)
    plan = _plan(shape, axis)
    if plan is None:
        return functools.partial(np.add.reduce, axis=axis, keepdims=keepdims)
    return functools.partial(_by_products, plan, _reduced_shape(shape, axis, keepdims))


@functools.lru_cache(4096)
def _adder_of_turned(shape, strides, axis, keepdims, kind, array_class):
    """Return how to add up in the order of memory, most often that of a transposed array."""
    order = sorted(range(len(shape)), key=lambda i: -abs(strides[i]))
    back = [order.index(i) for i in range(len(shape))]
    like = np.lib.stride_tricks.as_strided(np.empty(0, kind), shape, strides)
    turned = like.transpose(order)

    # add.reduce takes a line pairwise
    few = size_along(shape, axis) <= _SMALL or len(shape) == 1
    few_in_gaps = few and not turned.flags.c_contiguous
    if kind not in "efd" or math.prod(shape) < _SMALL or few_in_gaps:
        return lambda x: _contiguous(as_array(np.add.reduce(x, axis=axis, keepdims=keepdims)))

    turned_axis = tuple(sorted(back[i] for i in axis))
    add = adder(turned.shape, turned_axis, True, kind, array_class)
    result_shape = _reduced_shape(shape, axis, keepdims)

    def add_turned(x):
        sums = add(_contiguous(x.transpose(order)))
        return _contiguous(sums.transpose(back)).reshape(result_shape)

    return add_turned


def _contiguous(x):
    return x if x.flags.c_contiguous else x.copy()


def _dot_of(ones, array_class):
    """Return the product with ones: half a microsecond quicker than @.

    A method of a plain array asks no protocol of what it is handed.
    """
    return ones.dot if array_class is np.ndarray else functools.partial(np.dot, ones)


@functools.lru_cache(4096)
def _reduced_shape(shape, axis, keepdims):
    """Return the shape of what is left."""
    return tuple(1 if i in axis else n for i, n in enumerate(shape) if keepdims or i not in axis)


_SMALL = 64  # numbers: with fewer add.reduce is as quick and rounds no worse


def _at_once(along, behind):
    """Whether a column is added up in one product: with many columns that has four lanes."""
    return along <= (BLOCK if behind < 16 else 4 * BLOCK)


@functools.lru_cache(4096)
def _plan(shape, axis):
    """Return the products that add up C-contiguous arrays, each as (before, along, behind).

    The last axes come first. None for whole arrays, which add.reduce takes pairwise, and where
    nothing is added.
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
            product = _dot_of(_ones(along, x.dtype.char), type(x))
            x = product(x.reshape(along, behind))
        else:
            x = _middle(x.reshape(before, along, behind))
    return x.reshape(shape)


_LONG = 4 * BLOCK  # numbers of a row: a product adds them up in many lanes


def _middle(x):
    """(a, n, b) -> (a, b), in blocks; short rows are laid side by side."""
    before, n, behind = x.shape
    if n <= BLOCK:
        return _ones(n, x.dtype.char) @ x

    lanes = max(1, min(_ROW // behind, n // BLOCK))
    blocks = n // (BLOCK * lanes)
    in_blocks = blocks * BLOCK * lanes
    rows = x[:, :in_blocks].reshape(before, blocks, BLOCK, lanes * behind)
    sums = _ones(BLOCK, x.dtype.char) @ rows
    sums = _middle(sums.reshape(before, blocks * lanes, behind))
    if in_blocks == n:
        return sums
    return sums + _middle(x[:, in_blocks:])


def sum_axes_of_product(x, y, axis, keepdims):
    """Add up x * y without making it where inner products of the trailing axes will do."""
    rows = _rows(x.shape, axis, keepdims)
    if rows is None or not _plain(x, y):
        return sum_axes(x * y, axis, keepdims)
    n, plan, shape = rows
    return _by_products(plan, shape, np.vecdot(x.reshape(-1, n), y.reshape(-1, n)))


@functools.lru_cache(4096)
def _rows(shape, axis, keepdims):
    """Return the length of the rows to multiply, how to add up their products, and the shape then.

    None where there are no rows.
    """
    plan = _plan(shape, axis)
    if plan is None or math.prod(shape) < _SMALL or plan[0][2] > 1 or plan[0][1] > _LONG:
        return None
    return plan[0][1], plan[1:], _reduced_shape(shape, axis, keepdims)


def _plain(x, y):
    return (
        isinstance(x, np.ndarray)
        and x.flags.c_contiguous
        and y.flags.c_contiguous
        and x.dtype.char in "fd"
    )


def row_sums(x, axis):
    """Add up an array along one axis, which stays; columns of a few numbers as they lie."""
    if not x.ndim or (x.shape[axis] <= _SMALL and not x.flags.c_contiguous):
        return np.add.reduce(x, axis=axis, keepdims=True)
    return sum_axes(x, (axis,), True)


def in_float32(function):
    """Compute float16 in float32 and round once, as PyTorch does."""

    @functools.wraps(function)
    def wide(x, **parameters):
        if x.dtype.char == "e":
            out = parameters.pop("out", None)
            return stored(function(x.astype(np.float32), **parameters).astype(np.float16), out)
        return function(x, **parameters)

    return wide


# what running sums and products are computed in, as in PyTorch
WIDER = {"e": np.float32, "f": np.float64}
