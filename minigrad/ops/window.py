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

from minigrad.layout import channels_last, in_c_order, stored
from minigrad.ops.columns import (
    BLOCK,
    Columns,
    inside,
    is_laid_out_in_full,
    padded,
    padded_shape,
    quick_shares,
    window_view,
)
from minigrad.ops.workspace import working_in
from minigrad.primitive import primitive

BOOL = np.dtype(bool)


def windows(spatial, kernel, stride, padding, dilation):
    """Return how many windows fit along each axis."""
    sizes = zip(spatial, kernel, stride, padding, dilation, strict=True)
    return tuple((n + sum(p) - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in sizes)


def _zeros(like, shape, out=None):
    """Return zeros of this shape: in the memory of ``out``, if there is one."""
    if out is None:
        return np.zeros_like(like, shape=shape)
    zeros = out.reshape(shape)
    zeros[...] = 0
    return zeros


def _zeros_around(like, shape, padding, out=None):
    """Return zeros of this shape with padding around, in ``out`` where there is none."""
    whole = padded_shape(shape, padding)
    return _zeros(like, whole, out if whole == tuple(shape) else None)


def _without_padding(x, padding, shape, out=None):
    """Return what lies inside the padding, in memory of its own or in ``out``."""
    if x.shape == tuple(shape):
        return x if out is None else out
    return stored(np.copy(x[inside(padding, shape[2:])], order="C"), out)


def _tap_slices(kernel, out, stride, dilation):
    """Return per axis, for each place along the kernel, the slice of the padded input it meets."""
    sizes = zip(kernel, out, stride, dilation, strict=True)
    return [[slice(i * d, i * d + s * (n - 1) + 1, s) for i in range(k)] for k, n, s, d in sizes]


def _taps(kernel, out, stride, dilation):
    """Return for each element of the kernel the slices of the padded input it meets."""
    slices = _tap_slices(kernel, out, stride, dilation)
    return [(..., *tap) for tap in itertools.product(*slices)]


# ---- convolution --------------------------------------------------------------------------------
def _laid_out(x, kernel, out, stride, padding, dilation, groups, workspace):
    """Yield slices of the samples and their windows: (n, groups, C/groups * taps, places).

    The windows are gone with the next slice.
    """
    taps, places = math.prod(kernel), math.prod(out)
    n, channels = x.shape[:2]
    height = channels // groups * taps
    copies = type(x) is np.ndarray and max(*kernel, *stride) > 1
    if not copies:
        seen = window_view(padded(x, padding), kernel, out, stride, dilation)
        yield slice(0, max(1, n)), seen.reshape(n, groups, height, places)
        return

    samples = max(1, min(n, BLOCK // max(1, channels * taps * places)))
    zeros = workspace.zeros(x, padded_shape((samples, *x.shape[1:]), padding))
    middle = zeros[inside(padding, x.shape[2:])]
    columns = workspace.empty(x, (samples, groups, height, places))
    for start in range(0, n, samples):
        part = slice(start, start + samples)
        count = len(x[part])
        middle[:count] = x[part]
        seen = window_view(zeros[:count], kernel, out, stride, dilation)
        block = columns[:count]
        block.reshape(seen.shape)[...] = seen
        yield part, block


def _grouped(x, groups):
    """(N, C, *) -> (N, groups, C/groups, places)."""
    return x.reshape(len(x), groups, x.shape[1] // groups, math.prod(x.shape[2:]))


@primitive(
    lambda g, _out, _x, w, **p: conv_input(g, w, shape=_x.shape, **p),
    lambda g, _out, x, _w, **p: conv_weight(x, g, shape=_w.shape, **p),
    promotes=0,
    whole=True,
)
def conv(x, w, *, stride, padding, dilation, groups, out=None, workspace=None):
    """Cross-correlation of (N, C, *) with (out, C/groups, *kernel) -> (N, out, *)."""
    kernel = w.shape[2:]
    places = windows(x.shape[2:], kernel, stride, padding, dilation)
    sizes = (kernel, places, stride, padding, dilation, groups)
    workspace = working_in(workspace)
    y = out
    if y is None:
        y = np.empty_like(x, shape=(len(x), len(w), *places), order="C")

    if is_laid_out_in_full(x, w.shape, groups):
        weights = w.reshape(groups, len(w) // groups, math.prod(w.shape[1:]))
        results = _grouped(y, groups)
        for part, columns in _laid_out(x, *sizes, workspace):
            np.matmul(weights, columns, out=results[part])
        return y

    columns = Columns(x, *sizes, 8, workspace)
    weights = columns.weights(w)
    for part, matrices in columns.matrices():
        products = columns.products(weights, matrices)
        columns.store(products, y[part])
    return y


def _conv_input_vjp_y(g, _out, _y, w, *, shape, **p):
    return conv(g, w, **p)


def _conv_input_vjp_w(g, _out, y, _w, *, shape, **p):
    return conv_weight(g, y, shape=_w.shape, **p)


@primitive(_conv_input_vjp_y, _conv_input_vjp_w, whole=True)
def conv_input(y, w, *, shape, stride, padding, dilation, groups, out=None, workspace=None):
    """The cotangent of a convolution's input, of this shape, from that of its result."""
    kernel, places = w.shape[2:], y.shape[2:]
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    back = tuple((r - a, r - b) for r, (a, b) in zip(reach, padding, strict=True))
    workspace = working_in(workspace)

    # a convolution with the kernel turned round
    if max(stride) == 1 and min(map(min, back)) >= 0:
        turned = _turned(w, groups)
        params = {"stride": stride, "dilation": dilation, "groups": groups}
        return conv.function(y, turned, padding=back, **params, out=out, workspace=workspace)

    # (groups, C/groups * taps, out/groups) @ (n, groups, out/groups, places)
    weights = w.reshape(groups, len(w) // groups, -1)
    weights = weights.swapaxes(-1, -2)
    rows = _grouped(y, groups)
    lead = (len(y), groups, weights.shape[-2], rows.shape[-1])
    columns = np.matmul(weights, rows, out=workspace.out(lead, y.dtype))
    taps = math.prod(kernel)
    columns = columns.reshape(*shape[:2], taps, *places)

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
def conv_weight(x, y, *, shape, stride, padding, dilation, groups, out=None, workspace=None):
    """The cotangent of a convolution's weight, of this shape, from its input and its result's."""
    sizes = (shape[2:], y.shape[2:], stride, padding, dilation, groups)
    workspace = working_in(workspace)
    if not is_laid_out_in_full(x, shape, groups):
        columns = Columns(x, *sizes, 16, workspace)
        return _weight_from_columns(columns, y, shape, out)

    rows = _grouped(y, groups)
    height = math.prod(shape[1:])
    total = _zeros(y, (groups, shape[0] // groups, height), out)
    for part, columns in _laid_out(x, *sizes, workspace):
        turned = columns.swapaxes(-1, -2)
        if part.start == 0:  # no later part is larger
            room = workspace.out((len(columns), *total.shape), y.dtype)
        out_of_part = None if room is None else room[: len(columns)]
        products = np.matmul(rows[part], turned, out=out_of_part)
        total += np.add.reduce(products, 0)
    return total.reshape(shape)


def _weight_from_columns(columns, y, shape, out):
    """Return the cotangent of a weight of this shape by products with columns, in quick shares."""
    groups, height = columns.groups, columns.height
    results = shape[0] // groups
    shares = quick_shares(height, results * columns.width)
    total = columns.workspace.zeros(y, (groups, shares, height // shares, results))
    part = columns.workspace.out(total.shape, total.dtype)
    for (_, matrices), rows in zip(
        columns.matrices(shares),
        columns.transposed_results(y),
        strict=True,
    ):
        products = columns.products(matrices, rows)
        total += np.add.reduce(products, (0, 3), out=part)

    total = total.reshape(groups, *shape[2:], shape[1], results)
    total = np.moveaxis(total, (-1, -2), (1, 2))
    return stored(total.reshape(shape), out)


# ---- pooling ------------------------------------------------------------------------------------
def _max_pool_vjp(g, out, x, **p):
    winner = argmax_windows(x, out, **p)
    return scatter_windows(g, winner, shape=x.shape, **p)


@primitive(_max_pool_vjp, whole=True, recomputes=True)
def max_pool(x, *, kernel, stride, padding, dilation, out=None, workspace=None):
    """The maximum of each window; padding never wins."""
    places = windows(x.shape[2:], kernel, stride, padding, dilation)
    workspace = working_in(workspace if x.flags.c_contiguous else None)
    best = padded(x, padding, -math.inf)

    # rows first: they lie together in memory
    for axis, slices in enumerate(_tap_slices(kernel, places, stride, dilation), 2):
        lead = (slice(None),) * axis
        parts = [best[(*lead, tap)] for tap in slices]
        is_last = axis == x.ndim - 1
        target = out if is_last else workspace.out(parts[0].shape, x.dtype)
        best = functools.reduce(functools.partial(np.maximum, out=target), parts)

    if out is not None:
        return out if best is out else stored(best, out)
    if best.base is not None:
        best = best.copy()
    return best if channels_last(x) else in_c_order(best)


@primitive(None, None, whole=True)
def argmax_windows(x, best, *, kernel, stride, padding, dilation, out=None, workspace=None):
    """Which element of each window is its maximum: the first of ties; the last NaN, if any.

    Padding is NaN here, which equals nothing: it does not win where all else is -inf, either.
    """
    taps = _taps(kernel, best.shape[2:], stride, dilation)
    workspace = working_in(workspace)
    bad, lost, differs = (workspace.out(best.shape, BOOL) for _ in range(3))
    bad = np.isnan(best, out=bad)
    x, plain = padded(x, padding, math.nan), x
    winner = out
    if winner is None:
        winner = np.empty_like(best, dtype=np.uint8 if len(taps) <= 256 else np.intp)
    winner[...] = 0
    if lost is None:
        lost = np.empty_like(best, dtype=bool)
    lost[...] = True
    for tap in taps[:-1]:  # counts the elements before the first that is the maximum
        lost &= np.not_equal(x[tap], best, out=differs)
        winner += lost

    if type(bad) is not np.ndarray or bad.any():
        x = np.isnan(padded(plain, padding))
        for i, tap in enumerate(taps):
            winner = np.where(bad & x[tap], i, winner)
    return winner if out is None else stored(winner, out)


@primitive(
    lambda g, _out, _y, winner, *, shape, **p: gather_windows(g, winner, **p), None, whole=True
)
def scatter_windows(
    y, winner, *, shape, kernel, stride, padding, dilation, out=None, workspace=None
):
    """Zeros of this shape with each window's value added where its winner stands."""
    whole = padded_shape(shape, padding)
    taps = _taps(kernel, y.shape[2:], stride, dilation)
    is_here = working_in(workspace).out(winner.shape, BOOL)

    # no element is in two windows; and if there are as many, each is in one
    sizes = zip(kernel, stride, dilation, strict=True)
    disjoint = all(s > d * (k - 1) for k, s, d in sizes)
    covers = len(taps) * y.size == math.prod(whole)

    x = out
    if x is None or whole != tuple(shape):
        x = np.empty_like(y, shape=whole)
    if not (disjoint and covers):
        x[...] = 0
    for i, tap in enumerate(taps):
        if disjoint:
            np.multiply(y, np.equal(winner, i, out=is_here), out=x[tap])
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
    x = padded(x, padding)
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
    x = padded(x, padding)
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
