"""What NumPy has no function for, in NumPy alone: copied into an exported file where it is needed.

Plain and short; equal to the library's own to rounding.
"""

import math

import numpy as np


def erf(x, out=None):
    """The error function, number by number."""
    values = [math.erf(v) for v in np.asarray(x, np.float64).ravel()]
    result = np.array(values).reshape(x.shape).astype(x.dtype)
    return result if out is None else np.add(result, 0, out=out)


def erfc(x, out=None):
    """1 less the error function, number by number."""
    values = [math.erfc(v) for v in np.asarray(x, np.float64).ravel()]
    result = np.array(values).reshape(x.shape).astype(x.dtype)
    return result if out is None else np.add(result, 0, out=out)


def windows(x, kernel, stride, padding, dilation, value=0.0):
    """(N, C, *size) -> (N, C, *places, *kernel): a view of each window."""
    around = ((0, 0), (0, 0), *padding)
    x = np.pad(x, around, constant_values=value)
    sizes = zip(kernel, dilation, strict=True)
    reach = [d * (k - 1) + 1 for k, d in sizes]
    axes = tuple(range(2, x.ndim))
    view = np.lib.stride_tricks.sliding_window_view(x, reach, axes)
    everything = slice(None)
    steps = [slice(None, None, step) for step in (*stride, *dilation)]
    return view[(everything, everything, *steps)]


def conv(x, w, stride, padding, dilation, groups, out=None):
    """Cross-correlation of (N, C, *) with (O, C/groups, *kernel) -> (N, O, *)."""
    kernel = w.shape[2:]
    view = windows(x, kernel, stride, padding, dilation)
    parts = []
    inputs = np.split(view, groups, axis=1)
    weights = np.split(w, groups)
    for part, weight in zip(inputs, weights, strict=True):
        taps = range(part.ndim - len(kernel), part.ndim)
        own = range(1, weight.ndim)
        product = np.tensordot(part, weight, ([1, *taps], own))  # (N, *places, O)
        parts.append(np.moveaxis(product, -1, 1))
    result = np.concatenate(parts, axis=1)
    return result if out is None else np.add(result, 0, out=out)


def conv_input(y, w, shape, stride, padding, dilation, groups, out=None):
    """Each number of (N, O, *) spreads its kernel (O, C/groups, *): a transposed convolution."""
    kernel, places = w.shape[2:], y.shape[2:]
    everything = slice(None)
    sizes = []
    inside = [everything, everything]
    for n, (before, after) in zip(shape[2:], padding, strict=True):
        sizes.append(before + n + after)
        inside.append(slice(before, before + n))
    padded = np.zeros((*shape[:2], *sizes), y.dtype)
    results = np.split(padded, groups, axis=1)  # views
    parts = np.split(y, groups, axis=1)
    weights = np.split(w, groups)
    for result, part, weight in zip(results, parts, weights, strict=True):
        product = np.tensordot(part, weight, ([1], [0]))  # (N, *places, C/groups, *kernel)
        product = np.moveaxis(product, 1 + len(places), 1)
        for tap in np.ndindex(*kernel):
            where = [everything, everything]
            axes = zip(tap, dilation, stride, places, strict=True)
            for i, apart, step, n in axes:
                first = i * apart
                end = first + step * (n - 1) + 1
                where.append(slice(first, end, step))
            result[tuple(where)] += product[(..., *tap)]
    result = padded[tuple(inside)]
    return np.ascontiguousarray(result) if out is None else np.add(result, 0, out=out)


def max_pool(x, kernel, stride, padding, dilation, out=None):
    """The maximum of each window; padding never wins."""
    view = windows(x, kernel, stride, padding, dilation, -math.inf)
    return np.max(view, axis=tuple(range(-len(kernel), 0)), out=out)


def argmax_windows(x, best, kernel, stride, padding, dilation, out=None):
    """Which number of each window is its maximum: the first of ties, the last NaN."""
    sizes = kernel, stride, padding, dilation
    lying = (*best.shape, -1)
    numbers = windows(x, *sizes, math.nan).reshape(lying)
    is_best = numbers == best[..., None]
    bad = np.isnan(x)
    is_bad = windows(bad, *sizes).reshape(lying)
    from_behind = is_bad[..., ::-1]

    count = numbers.shape[-1]
    last = count - 1 - from_behind.argmax(-1)
    winner = np.where(np.isnan(best), last, is_best.argmax(-1))
    dtype = np.uint8 if count <= 256 else np.intp
    winner = winner.astype(dtype)
    return winner if out is None else np.add(winner, 0, out=out)


def setitem(x, value, index, within=None, out=None):
    """A copy with a value at an index, of the view ``within`` if one is named."""
    result = np.empty_like(x) if out is None else out
    np.copyto(result, x)
    part = result if within is None else result[within]
    part[index] = value
    return result


def window_sum(x, kernel, stride, padding, out=None):
    """The sum of each window, zeros around."""
    view = windows(x, kernel, stride, padding, (1,) * len(kernel))
    return np.sum(view, axis=tuple(range(-len(kernel), 0)), out=out)
