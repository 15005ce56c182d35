"""Reading elements, and the one primitive that scatters. Each is the other's vjp.

``index`` is whatever NumPy indexes with, arrays included: a parameter, not an operand.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from minigrad.layout import copied, in_c_order, picked, stored
from minigrad.ops.shape import astype
from minigrad.primitive import alias, primitive


def _add_at(total, g, *, index):
    if is_basic(index):
        total[index] += g
    else:
        np.add.at(total, index, g)


@primitive(
    lambda g, _out, _x, *, index: scatter_add(g, index=index, shape=_x.shape),
    views=True,
    into=_add_at,
)
def getitem(x, *, index):
    """x[index]: a view where NumPy gives one, else in PyTorch's order of memory."""
    out = x[index]
    if isinstance(out, np.generic):
        return _element(x, index)
    base = out.base
    if not isinstance(x, np.ndarray) or base is x or (base is not None and base is x.base):
        return out
    if not out.ndim and is_basic(index):  # of an array that notes what is asked
        return _element(x, index)
    if type(x) is np.ndarray and _noting_class(index) is not None:
        out = read(x, index)
    if out.flags.c_contiguous and x.flags.c_contiguous:
        return out
    return picked(x, out, index)


def _element(x, index):
    """Return one element: a view of it, not a copy."""
    parts = index if isinstance(index, tuple) else (index,)
    return x[(*parts, ...)]


def read(x, index):
    """Return x[index]; where only the index notes what is asked, it is the one to be asked."""
    note = _noting_class(index) if type(x) is np.ndarray else None
    return x[index] if note is None else note.__getitem__(x, index)


def _noting_class(index):
    """Return the class of an array in an index that is more than NumPy's own, or None."""
    for p in index if isinstance(index, tuple) else (index,):
        if isinstance(p, np.ndarray) and type(p) is not np.ndarray:
            return type(p)
    return None


@primitive(lambda g, _out, _x, *, index, shape: getitem(g, index=index))
def scatter_add(g, *, index, shape):
    """Zeros of this shape with ``g`` added at ``index``; an element named twice gets both."""
    out = np.zeros_like(g, shape=shape, order="C")
    if is_basic(index):
        out[index] = g
    else:
        _add_at(out, g, index=index)
    return out


def is_basic(index):
    """Return whether NumPy answers this index with a view: integers, slices, None and ellipses."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(p is None or p is ... or isinstance(p, (int, slice)) for p in parts) and not any(
        isinstance(p, bool) for p in parts
    )


@primitive(
    lambda g, _out, _x, *, indices, axis: put_along_axis(
        g, indices=indices, axis=axis, shape=_x.shape
    )
)
def take_along_axis(x, *, indices, axis):
    return in_c_order(x[index_along_axis(indices, axis)])


@primitive(
    lambda g, _out, _x, *, indices, axis, shape: take_along_axis(g, indices=indices, axis=axis)
)
def put_along_axis(g, *, indices, axis, shape):
    """Zeros of this shape with ``g`` added along one axis at ``indices``: gather's adjoint."""
    where = index_along_axis(indices, axis)
    out = np.zeros_like(g, shape=shape, order="C")
    if indices.shape[axis] == 1:  # no element can be named twice
        out[where] = g
    else:
        np.add.at(out, where, g)
    return out


def index_along_axis(indices, axis):
    """Return the index of ``indices`` along one axis, each place of the others with itself."""
    return tuple(
        indices if i == axis % indices.ndim else arange_column(n, indices.ndim - i - 1)
        for i, n in enumerate(indices.shape)
    )


@functools.lru_cache(256)
def arange_column(n, behind):
    """Return 0, 1, … n − 1 with axes of length one behind."""
    numbers = np.arange(n).reshape(n, *(1,) * behind)
    numbers.flags.writeable = False
    return numbers


alias(take_along_axis, np.take_along_axis)


@primitive(
    lambda g, _out, _x, _value, *, index, within=None: setitem(g, 0.0, index=index, within=within),
    lambda g, _out, _x, _value, *, index, within=None: _read(g, index, within),
    whole=True,
)
def setitem(x, value, *, index, within=None, out=None):
    """A copy of ``x`` with ``value`` at ``index``, of the view ``within`` if one is named.

    Of several written to one place the last stays.
    """
    out = copied(x) if out is None else stored(x, out)
    (out if within is None else out[within])[index] = value
    return out


@primitive(
    lambda g, _out, _x, _value, *, view: overwrite(g, 0.0, view=view),
    lambda g, _out, _x, _value, *, view: _look(g, view),
    whole=True,
)
def overwrite(x, value, *, view):
    """A copy of ``x`` with ``value`` where a view of it looks.

    ``view`` holds (primitive, parameters) of each step to the view.
    """
    out = np.copy(x).reshape(-1)
    out[_numbers(x.shape, view)] = value
    return out.reshape(x.shape)


def _look(x, view):
    for step, parameters in view:
        x = step(x, **parameters)
    return x


def _numbers(shape, view):
    """Return which elements of an array of this shape the view looks at, by their numbers."""
    return _look(np.arange(math.prod(shape)).reshape(shape), view)


def _read(g, index, within):
    read = getitem(g if within is None else getitem(g, index=within), index=index)
    if not _may_repeat(index):
        return read
    last = last_written(g, index=index, within=within)
    return read if type(last) is np.ndarray and last.all() else np.where(last, read, 0.0)


def _may_repeat(index):
    parts = index if isinstance(index, tuple) else (index,)
    parts = [np.asarray(p) if isinstance(p, list) else p for p in parts]
    arrays = [p for p in parts if getattr(p, "ndim", 0)]
    return any(p.dtype.kind in "iu" and p.size > 1 for p in arrays)


@primitive(None)
def last_written(x, *, index, within):
    """Which of the values written into an array like ``x`` stay: the last at each place."""
    written = np.zeros_like(x, dtype=np.intp)
    place = written if within is None else written[within]
    read = place[index]
    numbers = np.cumsum(np.ones_like(read))
    numbers = numbers.reshape(read.shape)
    place[index] = numbers
    return place[index] == numbers


JOIN = {"prod": np.multiply, "amax": np.maximum, "amin": np.minimum}


def _scatter_reduce_vjp_x(g, out, x, src, *, index, reduce):
    if reduce == "prod":
        ones = _number((x == x) | (x != x), x)
        return g * scatter_reduce(ones, src, index=index, reduce="prod")
    # NaN equals nothing: all get NaN, as in PyTorch
    share = g / _ties(out, x, src, index)
    return _number(x == out, x) * share


def _scatter_reduce_vjp_src(g, out, x, src, *, index, reduce):
    if reduce == "prod":
        return _product_vjp_src(g, out, x, src, index)
    share = g / _ties(out, x, src, index)
    return _number(src == out[index], src) * getitem(share, index=index)


def _product_vjp_src(g, out, x, src, index):
    zero = src == 0
    others = np.where(zero, 1, src)  # each place's product without its zeros
    product = scatter_reduce(x, others, index=index, reduce="prod")
    zeros = scatter_add(_number(zero, src), index=index, shape=x.shape)

    # a zero gets the product of the others where it is the only one
    of_one_zero = np.where(zeros == 1, g * product, 0)
    of_others = getitem(g * out, index=index) / others
    return np.where(zero, getitem(of_one_zero, index=index), of_others)


@primitive(_scatter_reduce_vjp_x, _scatter_reduce_vjp_src, whole=True)
def scatter_reduce(x, src, *, index, reduce, out=None):
    """``src`` joined into a copy of ``x`` at ``index``: 'prod', 'amax' or 'amin'.

    Ties share the gradient.
    """
    out = np.copy(x) if out is None else stored(x, out)
    JOIN[reduce].at(out, index, src)
    return out


def _ties(out, x, src, index):
    """Return how many of those that went to each place have its value."""
    equal = _number(src == out[index], src)
    return _number(x == out, x) + scatter_add(equal, index=index, shape=x.shape)


def _number(mask, like):
    return astype(mask, dtype=like.dtype)
