"""Matrix products."""

from __future__ import annotations

import math

import numpy as np

from minigrad.ops.shape import reshape, transpose
from minigrad.primitive import primitive, register


def _mT(x):
    return np.swapaxes(x, -1, -2)


def _left(g, _out, _x, y):
    if y.ndim == 1:  # (..., n, m) @ (m,) -> (..., n)
        return np.expand_dims(g, -1) * y
    if _x.ndim == 1:  # (n,) @ (..., n, m) -> (..., m)
        return np.matmul(y, np.expand_dims(g, -1))[..., 0]
    return np.matmul(g, _mT(y))


def _right(g, _out, x, _y):
    if x.ndim == 1 and _y.ndim == 1:
        return np.expand_dims(g, -1) * x
    if _y.ndim == 1:
        return np.matmul(_mT(x), np.expand_dims(g, -1))[..., 0]
    if x.ndim == 1:
        return np.expand_dims(x, -1) * np.expand_dims(g, -2)
    return np.matmul(_mT(x), g)


matmul = register(np.matmul, _left, _right, promotes=0)


def _rows(x):
    return x if x.ndim == 2 else reshape(x, shape=(math.prod(x.shape[:-1]), x.shape[-1]))


@primitive(
    lambda g, _out, _x, weight: np.matmul(g, weight),
    lambda g, _out, x, _weight: np.matmul(transpose(_rows(g), axes=(1, 0)), _rows(x)),
    promotes=0,
    name="linear",
)
def matmul_t(x, weight):
    """x @ weight.T: (..., in), (out, in) -> (..., out)."""
    return np.matmul(x, weight.T)


@primitive(
    lambda g, _out, _x, weight, _bias: np.matmul(g, weight),
    lambda g, _out, x, _weight, _bias: np.matmul(transpose(_rows(g), axes=(1, 0)), _rows(x)),
    lambda g, _out, _x, _weight, _bias: g,  # the sweep sums over the rows
)
def linear(x, weight, bias):
    """x @ weight.T + bias in one step: (..., in), (out, in), (out,) -> (..., out)."""
    out = np.matmul(x, weight.T)
    out += bias
    return out
