"""Windows that slide over the spatial axes: convolution and pooling, in any number of dimensions.

Convolution is a trio that closes on itself: ``conv`` is bilinear in input and weight, the vjp of
each argument of one of the three is another of the three, so every order of derivative exists.
Arrays are (N, C, *spatial); weights (out, in/groups, *kernel); parameters one integer an axis.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from minigrad.primitive import primitive


def _fits(n, k, stride, padding, dilation):
    """How often a window of ``k`` fits into ``n`` elements with ``padding`` at both ends."""
    return (n + 2 * padding - dilation * (k - 1) - 1) // stride + 1


def _padded(x, padding, value=0.0):
    if not any(padding):
        return x
    inner = tuple(slice(p, p + n) for p, n in zip(padding, x.shape[2:], strict=True))
    shape = (*x.shape[:2], *(n + 2 * p for n, p in zip(x.shape[2:], padding, strict=True)))
    out = np.full_like(x, value, shape=shape)
    out[(..., *inner)] = x
    return out


def _taps(kernel, out, stride, dilation):
    """Yield for each element of the kernel the strided slice of the padded input it meets."""
    for offsets in itertools.product(*map(range, kernel)):
        yield (
            ...,
            *(
                slice(o * d, o * d + s * (n - 1) + 1, s)
                for o, d, s, n in zip(offsets, dilation, stride, out, strict=True)
            ),
        )


def _columns(x, kernel, out, stride, padding, dilation):
    """Every window as a column: (N, C, *spatial) -> (N, C, taps, *out)."""
    x = _padded(x, padding)
    columns = np.empty_like(x, shape=(*x.shape[:2], math.prod(kernel), *out))
    for i, tap in enumerate(_taps(kernel, out, stride, dilation)):
        columns[:, :, i] = x[tap]
    return columns


def geometry(x_shape, kernel, stride, padding, dilation):
    """Return how many windows there are along each spatial axis."""
    return tuple(map(_fits, x_shape[2:], kernel, stride, padding, dilation))


def _grouped(x, groups):
    """(N, C, *) -> (N, groups, C/groups, *)."""
    return np.reshape(x, (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))


@primitive(
    lambda g, _out, _x, w, **p: conv_input(g, w, shape=_x.shape, **p),
    lambda g, _out, x, _w, **p: conv_weight(x, g, shape=_w.shape, **p),
)
def conv(x, w, *, stride, padding, dilation, groups):
    """Cross-correlation of (N, C, *) with (out, C/groups, *kernel) -> (N, out, *)."""
    kernel = w.shape[2:]
    out = geometry(x.shape, kernel, stride, padding, dilation)
    columns = _columns(x, kernel, out, stride, padding, dilation)
    n, size = x.shape[0], math.prod(out)
    columns = columns.reshape(n, groups, -1, size)  # (N, groups, C/groups * taps, size)
    weights = w.reshape(groups, w.shape[0] // groups, -1)
    return np.matmul(weights, columns).reshape(n, w.shape[0], *out)


@primitive(
    lambda g, _out, _y, w, *, shape, **p: conv(g, w, **p),
    lambda g, _out, y, _w, *, shape, **p: conv_weight(g, y, shape=_w.shape, **p),
)
def conv_input(y, w, *, shape, stride, padding, dilation, groups):
    """The cotangent of a convolution's input, of the given shape, from that of its result."""
    kernel, out = w.shape[2:], y.shape[2:]
    weights = w.reshape(groups, w.shape[0] // groups, -1)
    rows = _grouped(y, groups).reshape(y.shape[0], groups, w.shape[0] // groups, -1)
    columns = np.matmul(np.swapaxes(weights, -1, -2), rows)
    columns = columns.reshape(shape[0], shape[1], math.prod(kernel), *out)
    full = tuple(n + 2 * p for n, p in zip(shape[2:], padding, strict=True))
    x = np.zeros_like(y, shape=(*shape[:2], *full))
    for i, tap in enumerate(_taps(kernel, out, stride, dilation)):
        x[tap] += columns[:, :, i]
    return x[(..., *(slice(p, p + n) for p, n in zip(padding, shape[2:], strict=True)))]


@primitive(
    lambda g, _out, _x, y, *, shape, **p: conv_input(y, g, shape=_x.shape, **p),
    lambda g, _out, x, _y, *, shape, **p: conv(x, g, **p),
)
def conv_weight(x, y, *, shape, stride, padding, dilation, groups):
    """The cotangent of a convolution's weight, of the given shape, from input and result's."""
    kernel, out = shape[2:], y.shape[2:]
    columns = _columns(x, kernel, out, stride, padding, dilation)
    columns = columns.reshape(x.shape[0], groups, -1, math.prod(out))
    rows = y.reshape(x.shape[0], groups, shape[0] // groups, -1)
    if groups == 1:  # one product over all samples
        left = np.swapaxes(rows[:, 0], 0, 1).reshape(shape[0], -1)
        right = np.swapaxes(columns[:, 0], 0, 1).reshape(columns.shape[2], -1)
        return np.matmul(left, right.T).reshape(shape)
    return np.add.reduce(np.matmul(rows, np.swapaxes(columns, -1, -2)), axis=0).reshape(shape)


# ---- pooling ----------------------------------------------------------------------------------
@primitive(None)
def max_pool_indices(x, *, kernel, stride, padding, dilation):
    """The place of each window's maximum in the flattened spatial axes, the first of ties."""
    spatial = x.shape[2:]
    out = geometry(x.shape, kernel, stride, padding, dilation)
    padded = _padded(x, padding, -np.inf)
    best, where = None, None
    offsets = itertools.product(*map(range, kernel))
    for tap, offset in zip(_taps(kernel, out, stride, dilation), offsets, strict=True):
        place = _place(offset, out, spatial, stride, padding, dilation)
        values = padded[tap]
        if best is None:
            best, where = np.array(values), np.broadcast_to(place, values.shape).copy()
        else:
            better = (values > best) | np.isnan(values)
            np.copyto(best, values, where=better)
            np.copyto(where, np.broadcast_to(place, values.shape), where=better)
    return where.reshape(*x.shape[:2], -1)


def _place(offset, out, spatial, stride, padding, dilation):
    """Flat index of one tap of every window; outside the input it is held to a valid one."""
    place = np.zeros((), np.int64)
    for o, n, size, s, p, d in zip(offset, out, spatial, stride, padding, dilation, strict=True):
        along = np.clip(np.arange(n) * s + o * d - p, 0, size - 1)
        place = place[..., None] * size + along
    return place


@primitive(lambda g, _out, _x, *, indices, axis: write_disjoint(g, indices=indices, axis=axis, n=_x.shape[axis]))
def read_disjoint(x, *, indices, axis):
    """``take_along_axis`` where no place is read twice, so that the way back needs no addition."""
    return np.take_along_axis(x, indices, axis)


@primitive(lambda g, _out, _x, *, indices, axis, n: read_disjoint(g, indices=indices, axis=axis))
def write_disjoint(g, *, indices, axis, n):
    """Zeros with ``g`` at ``indices``, of which no two are the same: no addition needed."""
    out = np.zeros_like(g, shape=(*g.shape[:axis], n))
    np.put_along_axis(out, indices, g, axis)
    return out


@primitive(lambda g, _out, _x, **p: window_spread(g, shape=_x.shape, **p))
def window_sum(x, *, kernel, stride, padding):
    """The sum of each window, zeros around: linear, with ``window_spread`` as its adjoint."""
    ones = (1,) * len(kernel)
    out = geometry(x.shape, kernel, stride, padding, ones)
    x = _padded(x, padding)
    total = np.zeros_like(x, shape=(*x.shape[:2], *out))
    for tap in _taps(kernel, out, stride, ones):
        total += x[tap]
    return total


@primitive(lambda g, _out, _g, *, shape, **p: window_sum(g, **p))
def window_spread(g, *, shape, kernel, stride, padding):
    """Each window's cotangent added to every element of the window."""
    full = tuple(n + 2 * p for n, p in zip(shape[2:], padding, strict=True))
    x = np.zeros_like(g, shape=(*shape[:2], *full))
    for tap in _taps(kernel, g.shape[2:], stride, (1,) * len(kernel)):
        x[tap] += g
    return x[(..., *(slice(p, p + n) for p, n in zip(padding, shape[2:], strict=True)))]
