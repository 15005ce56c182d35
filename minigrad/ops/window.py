"""Windows that slide over the spatial axes: convolution and pooling, in any number of dimensions.

Convolution is a trio that closes on itself: ``conv`` is bilinear in input and weight, and the vjp
of each argument of one of the three is another of the three, so every order of derivative exists.
Arrays are (N, C, *spatial), weights (out, C/groups, *kernel). ``stride`` and ``dilation`` are one
integer an axis, ``padding`` one pair (before, after) an axis.
"""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minigrad.layout import channels_last, in_c_order
from minigrad.ops.columns import BLOCK, Columns, shares
from minigrad.primitive import primitive


def windows(spatial, kernel, stride, padding, dilation):
    """Return how many windows fit along each axis."""
    return tuple(
        (n + sum(p) - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(spatial, kernel, stride, padding, dilation, strict=True)
    )


def _inside(padding, spatial):
    """The slices of a padded array that are the array."""
    return (..., *(slice(p, p + n) for (p, _), n in zip(padding, spatial, strict=True)))


def _padded_shape(shape, padding):
    return (*shape[:2], *(n + sum(p) for n, p in zip(shape[2:], padding, strict=True)))


def _padded(x, padding, value=0.0):
    if not any(map(any, padding)):
        return x
    out = np.full_like(x, value, shape=_padded_shape(x.shape, padding))
    out[_inside(padding, x.shape[2:])] = x
    return out


def _along(kernel, out, stride, dilation):
    """Return for each axis, for each place along the kernel, the slice of the padded input that it meets."""
    return [
        [slice(i * d, i * d + s * (n - 1) + 1, s) for i in range(k)]
        for k, n, s, d in zip(kernel, out, stride, dilation, strict=True)
    ]


def _taps(kernel, out, stride, dilation):
    """Return for each element of the kernel the slices of the padded input it meets."""
    return [(..., *slices) for slices in itertools.product(*_along(kernel, out, stride, dilation))]


# ---- convolution --------------------------------------------------------------------------------
def _few(shape, groups):
    """Whether windows are best laid out in full for weights of this shape: fewer numbers than results, or no kernel."""
    return max(shape[2:]) == 1 or math.prod(shape[1:]) < min(64, shape[0] // groups)


def _laid(x, kernel, out, stride, padding, dilation, groups):
    """Yield slices of the samples with their windows laid out: (n, groups, C/groups * taps, places)."""
    numbers = x.shape[1] * math.prod(kernel) * math.prod(out)
    step = max(1, BLOCK // max(1, numbers)) if max(*kernel, *stride) > 1 else max(1, len(x))
    for start in range(0, len(x), step):
        part = slice(start, min(start + step, len(x)))
        padded = _padded(x[part], padding)
        apart = padded.strides[2:]
        taps = [d * a for d, a in zip(dilation, apart, strict=True)]
        strides = (*padded.strides[:2], *taps, *(s * a for s, a in zip(stride, apart, strict=True)))
        seen = as_strided(padded, (*padded.shape[:2], *kernel, *out), strides)
        yield (
            part,
            seen.reshape(
                len(padded), groups, x.shape[1] // groups * math.prod(kernel), math.prod(out)
            ),
        )


def _grouped(x, groups):
    """(N, C, *) -> (N, groups, C/groups, places)."""
    return x.reshape(len(x), groups, x.shape[1] // groups, math.prod(x.shape[2:]))


@primitive(
    lambda g, _out, _x, w, **p: conv_input(g, w, shape=_x.shape, **p),
    lambda g, _out, x, _w, **p: conv_weight(x, g, shape=_w.shape, **p),
    promotes=0,
)
def conv(x, w, *, stride, padding, dilation, groups):
    """Cross-correlation of (N, C, *) with (out, C/groups, *kernel) -> (N, out, *)."""
    kernel = w.shape[2:]
    out = windows(x.shape[2:], kernel, stride, padding, dilation)
    y = np.empty_like(x, shape=(len(x), len(w), *out), order="C")
    if _few(w.shape, groups):
        weights, results = (
            w.reshape(groups, len(w) // groups, math.prod(w.shape[1:])),
            _grouped(y, groups),
        )
        for part, laid in _laid(x, kernel, out, stride, padding, dilation, groups):
            np.matmul(weights, laid, out=results[part])
        return y
    columns = Columns(x, kernel, out, stride, padding, dilation, groups, most=8)
    weights = columns.weights(w)
    for part, block in columns.of():
        columns.cut(np.matmul(weights, block), y[part])
    return y


@primitive(
    lambda g, _out, _y, w, *, shape, **p: conv(g, w, **p),
    lambda g, _out, y, _w, *, shape, **p: conv_weight(g, y, shape=_w.shape, **p),
)
def conv_input(y, w, *, shape, stride, padding, dilation, groups):
    """The cotangent of a convolution's input, of this shape, from that of its result."""
    kernel, out = w.shape[2:], y.shape[2:]
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    back = tuple((r - a, r - b) for r, (a, b) in zip(reach, padding, strict=True))
    if max(stride) == 1 and min(map(min, back)) >= 0:  # a convolution with the kernel turned round
        turned = (
            np.flip(w, tuple(range(2, w.ndim))).reshape(groups, -1, *w.shape[1:]).swapaxes(1, 2)
        )
        turned = turned.reshape(shape[1], -1, *kernel)
        return conv.function(
            y, turned, stride=stride, padding=back, dilation=dilation, groups=groups
        )
    weights = w.reshape(groups, w.shape[0] // groups, -1)
    columns = np.matmul(np.swapaxes(weights, -1, -2), _grouped(y, groups))
    columns = columns.reshape(*shape[:2], math.prod(kernel), *out)
    x = np.zeros_like(y, shape=_padded_shape(shape, padding))
    for i, tap in enumerate(_taps(kernel, out, stride, dilation)):
        x[tap] += columns[:, :, i]
    return x[_inside(padding, shape[2:])]


@primitive(
    lambda g, _out, _x, y, *, shape, **p: conv_input(y, g, shape=_x.shape, **p),
    lambda g, _out, x, _y, *, shape, **p: conv(x, g, **p),
)
def conv_weight(x, y, *, shape, stride, padding, dilation, groups):
    """The cotangent of a convolution's weight, of this shape, from its input and its result's."""
    kernel = shape[2:]
    if _few(shape, groups):
        rows = _grouped(y, groups)
        total = np.zeros_like(y, shape=(groups, shape[0] // groups, math.prod(shape[1:])))
        for part, laid in _laid(x, kernel, y.shape[2:], stride, padding, dilation, groups):
            total += np.add.reduce(np.matmul(rows[part], laid.swapaxes(-1, -2)), 0)
        return total.reshape(shape)
    columns = Columns(x, kernel, y.shape[2:], stride, padding, dilation, groups, most=16)
    many = shares(columns.height, shape[0] // groups * columns.width)
    total = np.zeros_like(y, shape=(groups, many, columns.height // many, shape[0] // groups))
    for (_, block), rows in zip(columns.of(many), columns.beside(y), strict=True):
        total += np.add.reduce(np.matmul(block, rows), (0, 3))
    total = np.moveaxis(total.reshape(groups, *kernel, shape[1], -1), (-1, -2), (1, 2))
    return total.reshape(shape)


# ---- pooling ------------------------------------------------------------------------------------
@primitive(
    lambda g, out, x, **p: scatter_windows(g, argmax_windows(x, out, **p), shape=x.shape, **p)
)
def max_pool(x, *, kernel, stride, padding, dilation):
    """The maximum of each window; padding never wins."""
    out = windows(x.shape[2:], kernel, stride, padding, dilation)
    best = _padded(x, padding, -math.inf)
    for axis, slices in enumerate(
        _along(kernel, out, stride, dilation), 2
    ):  # rows first: they are whole in memory
        best = functools.reduce(
            np.maximum, [best[(slice(None),) * axis + (tap,)] for tap in slices]
        )
    best = best if best.base is None else best.copy()
    return best if channels_last(x) else in_c_order(best)


@primitive(None, None)
def argmax_windows(x, best, *, kernel, stride, padding, dilation):
    """Which element of each window is its maximum: the first, where several are; the last NaN where there is one.

    Padding is NaN here, which equals nothing: it does not win where all else is -inf, either.
    """
    taps = _taps(kernel, best.shape[2:], stride, dilation)
    bad = np.isnan(best)
    x, plain = _padded(x, padding, math.nan), x
    winner = np.zeros_like(best, dtype=np.uint8 if len(taps) <= 256 else np.intp)
    lost = np.ones_like(best, dtype=bool)
    for tap in taps[:-1]:  # counts the elements before the first that is the maximum
        lost &= x[tap] != best
        winner += lost
    if type(bad) is not np.ndarray or bad.any():
        x = np.isnan(_padded(plain, padding))
        for i, tap in enumerate(taps):
            winner = np.where(bad & x[tap], i, winner)
    return winner


@primitive(lambda g, _out, _y, winner, *, shape, **p: gather_windows(g, winner, **p), None)
def scatter_windows(y, winner, *, shape, kernel, stride, padding, dilation):
    """Zeros of this shape with each window's value added where its winner stands."""
    apart = all(s > d * (k - 1) for s, k, d in zip(stride, kernel, dilation, strict=True))
    padded = _padded_shape(shape, padding)
    everywhere = apart and math.prod(kernel) * y.size == math.prod(
        padded
    )  # each element is in one window
    x = np.empty_like(y, shape=padded) if everywhere else np.zeros_like(y, shape=padded)
    for i, tap in enumerate(_taps(kernel, y.shape[2:], stride, dilation)):
        if apart:  # no element is in two windows
            np.multiply(y, winner == i, out=x[tap])
        else:
            x[tap] += y * (winner == i)
    return x[_inside(padding, shape[2:])]


@primitive(lambda g, _out, _x, winner, **p: scatter_windows(g, winner, shape=_x.shape, **p), None)
def gather_windows(x, winner, *, kernel, stride, padding, dilation):
    """The element of each window that stands where its winner does."""
    x = _padded(x, padding)
    y = np.zeros_like(x, shape=winner.shape)
    for i, tap in enumerate(_taps(kernel, winner.shape[2:], stride, dilation)):
        y += x[tap] * (winner == i)
    return y


@primitive(lambda g, _out, _x, **p: window_spread(g, shape=_x.shape, **p))
def window_sum(x, *, kernel, stride, padding):
    """The sum of each window, zeros around: linear, with ``window_spread`` as its adjoint."""
    ones = (1,) * len(kernel)
    out = windows(x.shape[2:], kernel, stride, padding, ones)
    x = _padded(x, padding)
    total = np.zeros_like(x, shape=(*x.shape[:2], *out), order="K" if channels_last(x) else "C")
    for tap in _taps(kernel, out, stride, ones):
        total += x[tap]
    return total


@primitive(lambda g, _out, _g, *, shape, **p: window_sum(g, **p))
def window_spread(g, *, shape, kernel, stride, padding):
    """Each window's cotangent added to every element of the window."""
    x = np.zeros_like(g, shape=_padded_shape(shape, padding))
    for tap in _taps(kernel, g.shape[2:], stride, (1,) * len(kernel)):
        x[tap] += g
    return x[_inside(padding, shape[2:])]
