"""The norms of vectors, of any order."""

from __future__ import annotations

import math

import numpy as np

from minigrad.layout import c_ordered
from minigrad.ops.reduction import restore_axes
from minigrad.ops.shape import astype
from minigrad.ops.summation import in_float32, sum_axes
from minigrad.primitive import primitive


def _masked_power(x, exponent):
    """x to a power, and 0 where x is 0: the subgradient PyTorch takes."""
    zero = x == 0
    return np.power(np.where(zero, 1.0, x), exponent) * np.logical_not(zero)


def _norm_vjp(g, out, x, *, order, axis, keepdims):
    g = restore_axes(g, axis, keepdims)
    out = restore_axes(out, axis, keepdims)
    size = np.abs(x)
    if order == 0:
        return g * np.zeros(x.shape, x.dtype)
    if order == 1:
        return g * np.sign(x)
    if order == 2:
        return x * (g * _masked_power(out, -1.0))
    if math.isinf(order):
        hit = size == out
        ties = np.sum(hit * 1, axis=axis, keepdims=True)
        ties = np.maximum(ties, 1)  # NaN equals nothing
        wide = np.result_type(g.dtype, np.float32)
        return np.sign(x) * hit * (g / astype(ties, dtype=wide))
    return np.sign(x) * _masked_power(size, order - 1.0) * (g * _masked_power(out, 1.0 - order))


@primitive(_norm_vjp, name="linalg_vector_norm")
@c_ordered
@in_float32
def vector_norm(x, *, order, axis, keepdims):
    """sum(|x|**order) ** (1/order) along axes.

    Order 0 counts, ±inf take the largest and the smallest.
    """
    size = np.abs(x)
    if math.isinf(order):
        best = np.maximum if order > 0 else np.minimum
        reduced = best.reduce(size, axis=axis, keepdims=keepdims)
    elif order == 0:
        reduced = np.sum(x != 0, axis=axis, keepdims=keepdims).astype(x.dtype)
    elif order == 1:
        reduced = sum_axes(size, axis, keepdims)
    elif order == 2:
        reduced = np.sqrt(sum_axes(x * x, axis, keepdims))
    else:
        with np.errstate(divide="ignore"):
            total = sum_axes(np.power(size, order), axis, keepdims)
            reduced = np.power(total, 1 / order)  # of a scalar ** may round otherwise
    if isinstance(reduced, np.generic):
        return np.asarray(reduced, x.dtype)
    return reduced.astype(x.dtype, copy=False)
