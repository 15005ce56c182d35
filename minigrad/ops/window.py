"""Windows that slide over the spatial axes: convolution and pooling, in any number of dimensions.

Convolution is a trio that closes on itself: ``conv`` is bilinear in input and weight, and the vjp
of each argument of one of the three is another of the three, so every order of derivative exists.
Arrays are (N, C, *spatial), weights (out, C/groups, *kernel). ``stride`` and ``dilation`` hold one
integer per axis, ``padding`` one pair (before, after) per axis.
"""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from minigrad.layout import channels_last, in_c_order, stored
from minigrad.ops.columns import BLOCK, Columns, quick_shares
from minigrad.primitive import primitive


def windows(spatial, kernel, stride, padding, dilation):
    """Return how many windows fit along each axis."""
    sizes = zip(spatial, kernel, stride, padding, dilation, strict=True)
    return tuple((n + sum(p) - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in sizes)


def _inside(padding, spatial):
    """Return the slices of a padded array that are the array."""
    sizes = zip(padding, spatial, strict=True)
    return (..., *(slice(before, before + n) for (before, _), n in sizes))


def _padded_shape(shape, padding):
    spatial = (n + sum(pair) for n, pair in zip(shape[2:], padding, strict=True))
    return (*shape[:2], *spatial)


def _padded(x, padding, value=0.0):
    if not any(map(any, padding)):
        return x
    out = np.full_like(x, value, shape=_padded_shape(x.shape, padding))
    out[_inside(padding, x.shape[2:])] = x
    return out


def _zeros(like, shape, out=None):
    """Return zeros of this shape: in the memory of ``out``, if there is one."""
    if out is None:
        return np.zeros_like(like, shape=shape)
    zeros = out.reshape(shape)
    zeros[...] = 0
    return zeros


def _zeros_around(like, shape, padding, out=None):
    """Return zeros of this shape with padding around, in ``out`` where there is none."""
    padded = _padded_shape(shape, padding)
    return _zeros(like, padded, out if padded == tuple(shape) else None)


def _without_padding(x, padding, shape, out=None):
    """Return what lies inside the padding, in memory of its own or in ``out``."""
    if x.shape == tuple(shape):
        return x if out is None else out
    return stored(np.copy(x[_inside(padding, shape[2:])], order="C"), out)


def _tap_slices(kernel, out, stride, dilation):
    """Return per axis, for each place along the kernel, the slice of the padded input it meets."""
    sizes = zip(kernel, out, stride, dilation, strict=True)
    return [[slice(i * d, i * d + s * (n - 1) + 1, s) for i in range(k)] for k, n, s, d in sizes]


def _taps(kernel, out, stride, dilation):
    """Return for each element of the kernel the slices of the padded input it meets."""
    slices = _tap_slices(kernel, out, stride, dilation)
    return [(..., *tap) for tap in itertools.product(*slices)]


# ---- convolution --------------------------------------------------------------------------------
def _window_view(x, kernel, out, stride, dilation):
    """Return every window of padded samples: a view (n, C, *kernel, *out)."""
    if type(x) is np.ndarray:
        sample, channel, *apart = x.strides
        taps = [d * step for d, step in zip(dilation, apart, strict=True)]
        places = [s * step for s, step in zip(stride, apart, strict=True)]

        shape = (*x.shape[:2], *kernel, *out)
        strides = (sample, channel, *taps, *places)
        return as_strided(x, shape, strides)  # x may lie in any order

    spans = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    spatial = tuple(range(2, x.ndim))
    seen = sliding_window_view(x, spans, spatial)  # (n, C, *places, *spans)

    places = [slice(None, None, s) for s in stride]
    taps = [slice(None, None, d) for d in dilation]
    seen = seen[(..., *places, *taps)]  # (n, C, *out, *kernel)

    kernel_axes = range(x.ndim, seen.ndim)
    return seen.transpose(0, 1, *kernel_axes, *spatial)


def _is_laid_out_in_full(x, shape, groups):
    """Return whether windows are best laid out in full for weights of this shape.

    They are where they hold fewer numbers than results, or where there is no kernel to speak of.
    """
    few = math.prod(shape[1:]) < min(64, shape[0] // groups)
    return few or max(shape[2:]) == 1 or type(x) is not np.ndarray


def _laid_out(x, kernel, out, stride, padding, dilation, groups):
    """Yield slices of the samples and their windows: (n, groups, C/groups * taps, places)."""
    taps, places = math.prod(kernel), math.prod(out)
    n, channels = x.shape[:2]
    step = max(1, n)
    if max(*kernel, *stride) > 1:
        laid_out = channels * taps * places
        step = max(1, BLOCK // max(1, laid_out))

    height = channels // groups * taps
    for start in range(0, n, step):
        part = slice(start, start + step)
        padded = _padded(x[part], padding)
        seen = _window_view(padded, kernel, out, stride, dilation)
        yield part, seen.reshape(len(padded), groups, height, places)


def _grouped(x, groups):
    """(N, C, *) -> (N, groups, C/groups, places)."""
    return x.reshape(len(x), groups, x.shape[1] // groups, math.prod(x.shape[2:]))


@primitive(
    lambda g, _out, _x, w, **p: conv_input(g, w, shape=_x.shape, **p),
    lambda g, _out, x, _w, **p: conv_weight(x, g, shape=_w.shape, **p),
    promotes=0,
    whole=True,
)
def conv(x, w, *, stride, padding, dilation, groups, out=None):
    """Cross-correlation of (N, C, *) with (out, C/groups, *kernel) -> (N, out, *)."""
    kernel = w.shape[2:]
    places = windows(x.shape[2:], kernel, stride, padding, dilation)
    sizes = (kernel, places, stride, padding, dilation, groups)
    y = out
    if y is None:
        y = np.empty_like(x, shape=(len(x), len(w), *places), order="C")

    if _is_laid_out_in_full(x, w.shape, groups):
        weights = w.reshape(groups, len(w) // groups, math.prod(w.shape[1:]))
        results = _grouped(y, groups)
        for part, columns in _laid_out(x, *sizes):
            np.matmul(weights, columns, out=results[part])
        return y

    columns = Columns(x, *sizes, max_samples=8)
    weights = columns.weights(w)
    for part, matrices in columns.matrices():
        columns.store(np.matmul(weights, matrices), y[part])
    return y


def _conv_input_vjp_y(g, _out, _y, w, *, shape, **p):
    return conv(g, w, **p)


def _conv_input_vjp_w(g, _out, y, _w, *, shape, **p):
    return conv_weight(g, y, shape=_w.shape, **p)


@primitive(_conv_input_vjp_y, _conv_input_vjp_w, whole=True)
def conv_input(y, w, *, shape, stride, padding, dilation, groups, out=None):
    """The cotangent of a convolution's input, of this shape, from that of its result."""
    kernel, places = w.shape[2:], y.shape[2:]
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    back = tuple((r - a, r - b) for r, (a, b) in zip(reach, padding, strict=True))

    # a convolution with the kernel turned round
    if max(stride) == 1 and min(map(min, back)) >= 0:
        turned = _turned(w, groups)
        params = {"stride": stride, "dilation": dilation, "groups": groups}
        return conv.function(y, turned, padding=back, **params, out=out)

    # (groups, C/groups * taps, out/groups) @ (n, groups, out/groups, places)
    weights = w.reshape(groups, len(w) // groups, -1)
    weights = weights.swapaxes(-1, -2)
    columns = np.matmul(weights, _grouped(y, groups))
    columns = columns.reshape(*shape[:2], -1, *places)

    x = _zeros_around(y, shape, padding, out)
    for i, tap in enumerate(_taps(kernel, places, stride, dilation)):
        x[tap] += columns[:, :, i]
    return _without_padding(x, padding, shape, out)


def _turned(w, groups):
    """Return the weights (C, out/groups, *kernel) of the convolution that goes back."""
    flipped = np.flip(w, tuple(range(2, w.ndim)))
    grouped = flipped.reshape(groups, -1, *w.shape[1:]).swapaxes(1, 2)
    return grouped.reshape(groups * w.shape[1], -1, *w.shape[2:])


def _conv_weight_vjp_x(g, _out, _x, y, *, shape, **p):
    return conv_input(y, g, shape=_x.shape, **p)


def _conv_weight_vjp_y(g, _out, x, _y, *, shape, **p):
    return conv(x, g, **p)


@primitive(_conv_weight_vjp_x, _conv_weight_vjp_y, whole=True)
def conv_weight(x, y, *, shape, stride, padding, dilation, groups, out=None):
    """The cotangent of a convolution's weight, of this shape, from its input and its result's."""
    sizes = (shape[2:], y.shape[2:], stride, padding, dilation, groups)
    if not _is_laid_out_in_full(x, shape, groups):
        columns = Columns(x, *sizes, max_samples=16)
        return _weight_from_columns(columns, y, shape, out)

    rows = _grouped(y, groups)
    height = math.prod(shape[1:])
    total = _zeros(y, (groups, shape[0] // groups, height), out)
    for part, columns in _laid_out(x, *sizes):
        products = np.matmul(rows[part], columns.swapaxes(-1, -2))
        total += np.add.reduce(products, 0)
    return total.reshape(shape)


def _weight_from_columns(columns, y, shape, out):
    """Return the cotangent of a weight of this shape by products with columns, in quick shares."""
    groups, height = columns.groups, columns.height
    results = shape[0] // groups
    shares = quick_shares(height, results * columns.width)
    total = np.zeros_like(y, shape=(groups, shares, height // shares, results))
    for (_, matrices), rows in zip(
        columns.matrices(shares),
        columns.transposed_results(y),
        strict=True,
    ):
        products = np.matmul(matrices, rows)
        total += np.add.reduce(products, (0, 3))

    total = total.reshape(groups, *shape[2:], shape[1], results)
    total = np.moveaxis(total, (-1, -2), (1, 2))
    return stored(total.reshape(shape), out)


# ---- pooling ------------------------------------------------------------------------------------
def _max_pool_vjp(g, out, x, **p):
    winner = argmax_windows(x, out, **p)
    return scatter_windows(g, winner, shape=x.shape, **p)


@primitive(_max_pool_vjp, whole=True, recomputes=True)
def max_pool(x, *, kernel, stride, padding, dilation, out=None):
    """The maximum of each window; padding never wins."""
    places = windows(x.shape[2:], kernel, stride, padding, dilation)
    best = _padded(x, padding, -math.inf)

    # rows first: they lie together in memory
    for axis, slices in enumerate(_tap_slices(kernel, places, stride, dilation), 2):
        lead = (slice(None),) * axis
        parts = [best[(*lead, tap)] for tap in slices]
        best = functools.reduce(np.maximum, parts)

    if out is not None:
        return stored(best, out)
    if best.base is not None:
        best = best.copy()
    return best if channels_last(x) else in_c_order(best)


@primitive(None, None, whole=True)
def argmax_windows(x, best, *, kernel, stride, padding, dilation, out=None):
    """Which element of each window is its maximum: the first of ties; the last NaN, if any.

    Padding is NaN here, which equals nothing: it does not win where all else is -inf, either.
    """
    taps = _taps(kernel, best.shape[2:], stride, dilation)
    bad = np.isnan(best)
    x, plain = _padded(x, padding, math.nan), x
    winner = out
    if winner is None:
        winner = np.empty_like(best, dtype=np.uint8 if len(taps) <= 256 else np.intp)
    winner[...] = 0
    lost = np.ones_like(best, dtype=bool)
    for tap in taps[:-1]:  # counts the elements before the first that is the maximum
        lost &= x[tap] != best
        winner += lost

    if type(bad) is not np.ndarray or bad.any():
        x = np.isnan(_padded(plain, padding))
        for i, tap in enumerate(taps):
            winner = np.where(bad & x[tap], i, winner)
    return winner if out is None else stored(winner, out)


@primitive(
    lambda g, _out, _y, winner, *, shape, **p: gather_windows(g, winner, **p), None, whole=True
)
def scatter_windows(y, winner, *, shape, kernel, stride, padding, dilation, out=None):
    """Zeros of this shape with each window's value added where its winner stands."""
    padded = _padded_shape(shape, padding)
    taps = _taps(kernel, y.shape[2:], stride, dilation)

    # no element is in two windows; and if there are as many, each is in one
    sizes = zip(kernel, stride, dilation, strict=True)
    disjoint = all(s > d * (k - 1) for k, s, d in sizes)
    covers = len(taps) * y.size == math.prod(padded)

    x = out
    if x is None or padded != tuple(shape):
        x = np.empty_like(y, shape=padded)
    if not (disjoint and covers):
        x[...] = 0
    for i, tap in enumerate(taps):
        if disjoint:
            np.multiply(y, winner == i, out=x[tap])
        else:
            x[tap] += y * (winner == i)
    return _without_padding(x, padding, shape, out)


@primitive(
    lambda g, _out, _x, winner, **p: scatter_windows(g, winner, shape=_x.shape, **p),
    None,
    whole=True,
)
def gather_windows(x, winner, *, kernel, stride, padding, dilation, out=None):
    """The element of each window that stands where its winner does."""
    x = _padded(x, padding)
    y = _zeros(x, winner.shape, out)
    taps = _taps(kernel, winner.shape[2:], stride, dilation)
    for i, tap in enumerate(taps):
        chosen = winner == i
        y += x[tap] * chosen
    return y


@primitive(lambda g, _out, _x, **p: window_spread(g, shape=_x.shape, **p), whole=True)
def window_sum(x, *, kernel, stride, padding, out=None):
    """The sum of each window, zeros around: linear, with ``window_spread`` as its adjoint."""
    ones = (1,) * len(kernel)
    places = windows(x.shape[2:], kernel, stride, padding, ones)
    x = _padded(x, padding)
    total = out
    if total is None:
        order = "K" if channels_last(x) else "C"
        total = np.empty_like(x, shape=(*x.shape[:2], *places), order=order)
    total[...] = 0
    for tap in _taps(kernel, places, stride, ones):
        total += x[tap]
    return total


@primitive(lambda g, _out, _g, *, shape, **p: window_sum(g, **p), whole=True)
def window_spread(g, *, shape, kernel, stride, padding, out=None):
    """Each window's cotangent added to every element of the window."""
    ones = (1,) * len(kernel)
    taps = _taps(kernel, g.shape[2:], stride, ones)
    x = _zeros_around(g, shape, padding, out)
    for tap in taps:
        x[tap] += g
    return _without_padding(x, padding, shape, out)
