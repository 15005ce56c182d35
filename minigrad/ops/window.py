"""Windows that slide over the spatial axes: convolution and pooling, in any number of dimensions.

Convolution is a trio that closes on itself: ``conv`` is bilinear in input and weight, and the vjp
of each argument of one of the three is another of the three, so every order of derivative exists.
Arrays are (N, C, *spatial), weights (out, C/groups, *kernel). ``stride`` and ``dilation`` are one
integer an axis, ``padding`` one pair (before, after) an axis.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

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


def _taps(kernel, out, stride, dilation):
    """Return for each element of the kernel the slices of the padded input it meets."""
    along = [
        [slice(i * d, i * d + s * (n - 1) + 1, s) for i in range(k)]
        for k, n, s, d in zip(kernel, out, stride, dilation, strict=True)
    ]
    return [(..., *slices) for slices in itertools.product(*along)]


# ---- convolution --------------------------------------------------------------------------------
BLOCK = 1 << 18  # numbers in the columns made at once: they stay in the cache
LENGTH = 1 << 12  # columns at once: OpenBLAS has a quicker kernel for products of at most a million terms


class _Columns:
    """Every window of an array as a column, some samples at a time: ``for part, columns in …``.

    ``columns`` is (groups, C/groups * taps, n * width), where ``wide`` is the shape of width: that of the windows, or,
    with stride 1, that of the padded rows they start in. Then each tap is one run of memory, copied
    at its full speed, and the results between the windows of two rows are not looked at. The samples
    stand side by side, so one long product takes them all.
    """

    def __init__(self, x, kernel, out, stride, padding, dilation, groups):
        self.kernel, self.out, self.groups = kernel, out, groups
        self.stride, self.dilation = stride, dilation
        plane = _padded_shape(x.shape, padding)[2:]
        self.flat = max(stride) == 1 and math.prod(plane[1:]) <= 1.4 * math.prod(out[1:])
        self.wide = (out[0], *plane[1:]) if self.flat else out
        if self.flat and max(kernel[1:], default=1) > 1:  # windows of the last row end behind the plane
            (before, after), *others = padding
            padding = ((before, after + 1), *others)
        self.x = np.ascontiguousarray(_padded(x, padding))

    def __iter__(self):
        n, channels = self.x.shape[:2]
        rows, width = channels * math.prod(self.kernel), math.prod(self.wide)
        step = min(n, max(1, min(BLOCK // max(rows, 1), LENGTH) // max(width, 1)))
        buffer = np.empty_like(self.x, shape=rows * step * width)
        for start in range(0, n, max(step, 1)):
            part = slice(start, min(start + step, n))
            count = part.stop - start
            columns = buffer[: rows * count * width]
            self._fill(columns.reshape(channels, *self.kernel, count, *self._shown()), self.x[part])
            yield part, columns.reshape(self.groups, rows // self.groups, count * width)

    def _shown(self):
        return (math.prod(self.wide),) if self.flat else self.out

    def _fill(self, columns, x):
        steps, apart = x.strides, x.strides[2:]
        along = [d * step for d, step in zip(self.dilation, apart, strict=True)]
        across = (x.itemsize,) if self.flat else [s * step for s, step in zip(self.stride, apart, strict=True)]
        np.copyto(columns, as_strided(x, columns.shape, (steps[1], *along, steps[0], *across)))

    def _windows(self, rows, channels, n):
        """Of rows (groups, C/groups, n * width) what stands under windows: (n, C, *out)."""
        return rows.reshape(channels, n, *self.wide)[(..., *map(slice, self.out))].swapaxes(0, 1)

    def cut(self, rows, y):
        """Write products (groups, C/groups, n * width) to y (n, C, *out), without what lies between the windows."""
        y[...] = self._windows(rows, y.shape[1], len(y))

    def widened(self, y):
        """Lay y (n, C, *out) in rows as the columns' are, with zeros between: (groups, C/groups, n * width)."""
        n, channels = y.shape[:2]
        rows = np.zeros_like(y, shape=(self.groups, channels // self.groups, n * math.prod(self.wide)))
        self._windows(rows, channels, n)[...] = y
        return rows


@primitive(
    lambda g, _out, _x, w, **p: conv_input(g, w, shape=_x.shape, **p),
    lambda g, _out, x, _w, **p: conv_weight(x, g, shape=_w.shape, **p),
    promotes=0,
)
def conv(x, w, *, stride, padding, dilation, groups):
    """Cross-correlation of (N, C, *) with (out, C/groups, *kernel) -> (N, out, *)."""
    kernel = w.shape[2:]
    out = windows(x.shape[2:], kernel, stride, padding, dilation)
    columns = _Columns(x, kernel, out, stride, padding, dilation, groups)
    weights = w.reshape(groups, w.shape[0] // groups, -1)
    y = np.empty_like(columns.x, shape=(len(x), w.shape[0], *out))
    for part, block in columns:
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
        turned = np.flip(w, tuple(range(2, w.ndim))).reshape(groups, -1, *w.shape[1:]).swapaxes(1, 2)
        turned = turned.reshape(shape[1], -1, *kernel)
        return conv.function(y, turned, stride=stride, padding=back, dilation=dilation, groups=groups)
    weights = w.reshape(groups, w.shape[0] // groups, -1)
    rows = y.reshape(len(y), groups, y.shape[1] // groups, math.prod(out))
    columns = np.matmul(np.swapaxes(weights, -1, -2), rows)
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
    columns = _Columns(x, shape[2:], y.shape[2:], stride, padding, dilation, groups)
    total = np.zeros_like(y, shape=(groups, shape[0] // groups, math.prod(shape[1:])))
    for part, block in columns:
        rows = columns.widened(y[part])
        if block.shape[-2] < rows.shape[-2]:
            total += np.matmul(rows, np.swapaxes(block, -1, -2))
        else:  # the other way round: twice as fast where channels are few
            total += np.swapaxes(np.matmul(block, np.swapaxes(rows, -1, -2)), -1, -2)
    return total.reshape(shape)


# ---- pooling ------------------------------------------------------------------------------------
@primitive(lambda g, out, x, **p: place(g, winners(x, out, **p), shape=x.shape, **p))
def max_pool(x, *, kernel, stride, padding, dilation):
    """The maximum of each window; padding never wins."""
    out = windows(x.shape[2:], kernel, stride, padding, dilation)
    x = _padded(x, padding, -math.inf)
    first, *others = _taps(kernel, out, stride, dilation)
    best = np.array(x[first])
    for tap in others:
        np.maximum(best, x[tap], out=best)
    return best


@primitive(None, None)
def winners(x, best, *, kernel, stride, padding, dilation):
    """Which element of each window is its maximum; the first, where several are."""
    x = _padded(x, padding, -math.inf)
    taps = _taps(kernel, best.shape[2:], stride, dilation)
    winner = np.zeros_like(best, dtype=np.uint8 if len(taps) <= 256 else np.intp)
    lost = np.ones_like(best, dtype=bool)
    for tap in taps[:-1]:  # counts the elements before the first that is the maximum
        lost &= x[tap] != best
        winner += lost
    return winner


@primitive(lambda g, _out, _y, winner, *, shape, **p: pick(g, winner, **p), None)
def place(y, winner, *, shape, kernel, stride, padding, dilation):
    """Zeros of this shape with each window's value added where its winner stands."""
    x = np.zeros_like(y, shape=_padded_shape(shape, padding))
    apart = all(s > d * (k - 1) for s, k, d in zip(stride, kernel, dilation, strict=True))
    for i, tap in enumerate(_taps(kernel, y.shape[2:], stride, dilation)):
        if apart:  # no element is in two windows
            np.multiply(y, winner == i, out=x[tap])
        else:
            x[tap] += y * (winner == i)
    return x[_inside(padding, shape[2:])]


@primitive(lambda g, _out, _x, winner, **p: place(g, winner, shape=_x.shape, **p), None)
def pick(x, winner, *, kernel, stride, padding, dilation):
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
    total = np.zeros_like(x, shape=(*x.shape[:2], *out))
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
