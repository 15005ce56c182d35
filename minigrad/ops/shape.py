"""Primitives that move values without changing them: views where NumPy gives views."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np

from minigrad import memory
from minigrad.layout import c_ordered, channels_last, copied, in_c_order
from minigrad.primitive import alias, primitive


@primitive(lambda g, _out, _x, *, shape: reshape(g, shape=_x.shape), views=True)
def reshape(x, *, shape):
    return x.reshape(shape)


@primitive(lambda g, _out, _x, *, axes: transpose(g, axes=_inverse(axes)), views=True)
def transpose(x, *, axes):
    return x.transpose(axes)


def _inverse(axes):
    back = [0] * len(axes)
    for i, axis in enumerate(axes):
        back[axis] = i
    return tuple(back)


@primitive(lambda g, _out, _x, *, axis1, axis2: np.swapaxes(g, axis1, axis2), views=True)
def swapaxes(x, *, axis1, axis2):
    return np.swapaxes(x, axis1, axis2)


@primitive(lambda g, _out, _x, *, shape: g, views=True)  # the sweep sums over what was stretched
def broadcast_to(x, *, shape):
    """A view with stride 0 along what is stretched; NumPy's own takes ten times as long."""
    if x.size == math.prod(shape) and len(shape) >= x.ndim:  # nothing is: it may be written
        return x.reshape(shape)
    strides = None
    if type(x) is np.ndarray and x.flags.c_contiguous:
        strides = _strides(x.shape, shape, x.strides)
    if strides is None:
        return np.broadcast_to(x, shape)
    view = np.ndarray(shape, x.dtype, x, 0, strides)
    view.flags.writeable = False
    return view


@functools.lru_cache(4096)
def _strides(small, shape, steps):
    """Return the strides of a view of this shape on an array, or None where it does not fit."""
    lead = len(shape) - len(small)
    if lead < 0:
        return None

    strides = [0] * lead
    for n, m, step in zip(small, shape[lead:], steps, strict=True):
        if n not in (1, m):
            return None
        strides.append(step if n == m else 0)
    return tuple(strides)


def expand_channels(x, other):
    """Stretch x (1, C, 1, …) over one sample of ``other`` (N, C, *), where that pays.

    NumPy's functions take operands that are broadcast through buffers, at half their speed, unless
    what they read in one run is long: some 4,096 numbers. A sample is, a channel is not. It takes
    0.6 of the time with (32, 16, 28, 28), 0.85 with (32, 64, 7, 7), stretching included, which
    takes one to two microseconds.
    """
    shape = other.shape
    if len(shape) < 3 or not isinstance(x, np.ndarray) or x.ndim != len(shape):
        return x
    if x.shape[0] != 1 or x.shape[-1] != 1:
        return x
    if x.size == 1 or shape[0] < 8 or math.prod(shape) < _LARGE:
        return x
    # samples that are not runs of memory gain nothing
    if isinstance(other, np.ndarray) and not other.flags.c_contiguous:
        return x
    stretched = np.empty_like(x, shape=(1, *shape[1:]))
    stretched[...] = x
    return stretched


_LARGE = 1 << 15  # numbers: with fewer there is nothing to gain


@primitive(lambda g, _out, _x, *, axis: np.squeeze(g, axis), views=True)
def expand_dims(x, *, axis):
    return np.expand_dims(x, axis)


@primitive(lambda g, _out, _x, *, axis: reshape(g, shape=_x.shape), views=True)
def squeeze(x, *, axis):
    return np.squeeze(x, axis)


@primitive(lambda g, _out, _x, *, axis: np.flip(g, axis), views=True)
def flip(x, *, axis):
    return np.flip(x, axis)


def _pieces(g, xs, axis):
    ends = np.cumsum([0, *(x.shape[axis] for x in xs)]).tolist()
    return [g[(slice(None),) * axis + (slice(*part),)] for part in itertools.pairwise(ends)]


@primitive(every=lambda g, _out, *_xs, axis: _pieces(g, _xs, axis), promotes=0)
def concatenate(*xs, axis):
    out = np.concatenate(xs, axis=axis)
    return out if out.flags.c_contiguous or all(map(channels_last, xs)) else in_c_order(out)


@primitive(
    lambda g, _out, _x, *, widths: g[
        tuple(slice(a, a + n) for (a, _), n in zip(widths, _x.shape, strict=True))
    ]
)
def pad(x, *, widths):
    """Zeros around: ``widths`` is a pair (before, after) for each axis."""
    return in_c_order(np.pad(x, widths))


@primitive(lambda g, _out, _x, *, dtype: g)  # the sweep casts back
def astype(x, *, dtype):
    return copied(x, dtype)


@primitive(lambda g, _out, _x: g)
def copy(x):
    """The same values in memory of their own."""
    return copied(x)


@primitive(lambda g, _out, _x: g)
def contiguous(x):
    """The same values in C order."""
    return np.copy(x, order="C")


@primitive(lambda g, _out, _x, *, axes: g)
def arranged(x, *, axes):
    """The same values in memory that runs along these axes, the last one fastest."""
    return memory.arranged(x, axes)


@primitive(lambda g, _out, _x, *, shift, axis: roll(g, shift=tuple(-s for s in shift), axis=axis))
@c_ordered
def roll(x, *, shift, axis):
    return np.roll(x, shift, axis)


def _stack(arrays, axis=0):
    return concatenate(
        *(np.expand_dims(x, axis) for x in arrays), axis=axis_of_stack(arrays[0], axis)
    )


def _transpose(a, axes=None):
    if axes is None:
        axes = range(a.ndim)[::-1]
    return transpose(a, axes=tuple(i % a.ndim for i in axes))


def axis_of_stack(x, axis):
    return axis % (x.ndim + 1)


for _primitive, function in (
    (reshape, np.reshape), (swapaxes, np.swapaxes),
    (expand_dims, np.expand_dims), (copy, np.copy),
):  # fmt: skip
    alias(_primitive, function)
alias(broadcast_to, np.broadcast_to, call=lambda array, shape: broadcast_to(
    array, shape=tuple(shape) if np.iterable(shape) else (shape,)))  # fmt: skip
alias(squeeze, np.squeeze, call=lambda a, axis=None: squeeze(a, axis=axis))
alias(transpose, np.transpose, call=_transpose)
alias(concatenate, np.concatenate, call=lambda arrays, axis=0: concatenate(
    *arrays, axis=axis % arrays[0].ndim))  # fmt: skip
alias(concatenate, np.stack, call=_stack)
