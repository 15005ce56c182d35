"""Losses that are primitives: for their ends, where a logarithm is held, or for one pass fewer."""

from __future__ import annotations

import math

import numpy as np

from minigrad.ops.elementwise import hardtanh, sigmoid, softplus
from minigrad.ops.indexing import arange_column, put_along_axis
from minigrad.ops.kept import leave, take
from minigrad.ops.reduction import divide_by_count, softmax, softmax_vjp, subtract_max
from minigrad.ops.summation import in_float32, row_sums
from minigrad.primitive import primitive

_LEAST_LOG = -100.0  # PyTorch's: a certain and wrong answer costs 100, not inf
_LEAST = 1e-12


@primitive(
    lambda g, _out, p, t: g * (p - t) / np.maximum((1 - p) * p, _LEAST),
    lambda g, _out, p, _t: g * (np.log1p(-p) - np.log(p)),
    promotes=0,
    floats=True,
)
def binary_cross_entropy(p, t):
    """-(t log p + (1 - t) log(1 - p)), no logarithm below -100."""
    return (t - 1) * np.maximum(np.log1p(-p), _LEAST_LOG) - t * np.maximum(np.log(p), _LEAST_LOG)


def _of_logits(g, x, t, weight):
    # at t of 0 or 1 one of the two terms is all: nothing cancels
    return g * ((1 - t) * sigmoid(x) - t * weight * sigmoid(-x))


@primitive(
    lambda g, _out, x, t, weight: _of_logits(g, x, t, weight),
    lambda g, _out, x, _t, weight: g * (weight * softplus(-x) - softplus(x)),
    lambda g, _out, x, t, _weight: g * t * softplus(-x),
    promotes=0,
    floats=True,
)
def binary_cross_entropy_of_logits(x, t, weight):
    """-(weight t log p + (1 - t) log(1 - p)) of p = sigmoid(x), exact at both ends."""
    rest = np.log1p(np.exp(-np.abs(x)))  # softplus(x) is max(x, 0) and this
    return (1 - t) * (np.maximum(x, 0) + rest) + weight * t * (np.maximum(-x, 0) + rest)


@primitive(lambda g, _out, d, *, delta: g * hardtanh(d, min=-delta, max=delta))
def huber(d, *, delta):
    """d²/2 where |d| < delta, delta (|d| - delta/2) elsewhere."""
    size = np.abs(d)
    return np.where(size < delta, 0.5 * d * d, delta * (size - 0.5 * delta))


@primitive(
    lambda g, _out, _x, *, classes: put_along_axis(
        np.expand_dims(-g, 1), indices=np.expand_dims(classes, 1), axis=1, shape=_x.shape
    )
)
def nll(x, *, classes):
    """Minus the element of each class: of (N, C, *) and (N, *), (N, *)."""
    first, *others = (arange_column(n, classes.ndim - i - 1) for i, n in enumerate(classes.shape))
    return -x[(first, classes, *others)]


def _cross_entropy_vjp(g, _out, x, *, classes, reduction, kept=None):
    rows = _row_cotangents(g, x, reduction)
    left = take(kept, g, x)
    if left is None:
        return softmax_minus_onehot(x, classes=classes) * rows

    error = np.divide(*left, order="C")
    error[arange_column(len(x), 0), classes] -= 1
    error *= rows
    return error


@primitive(_cross_entropy_vjp, floats=True)
@in_float32
def cross_entropy(x, *, classes, reduction, kept=None):
    """Minus the log-probability that the logits (N, C) give to N classes.

    ``reduction`` is 'none', 'sum' or 'mean'.
    """
    # what the exponentials add up to is at least 1
    shifted = subtract_max(x, 1)
    exponentials = np.exp(shifted)
    sums = row_sums(exponentials, 1)
    leave(kept, x, exponentials, sums)
    losses = np.log(sums[:, 0]) - shifted[arange_column(len(x), 0), classes]
    if reduction == "none":
        return losses

    total = np.add.reduce(losses)
    return total / (len(x) or math.nan) if reduction == "mean" else total / 1


def _row_cotangents(g, x, reduction):
    """Return the cotangent of each row's loss."""
    if reduction == "none":
        return np.expand_dims(g, 1)
    if reduction == "mean":
        return divide_by_count(g, max(len(x), 1))
    return g


@primitive(
    lambda g, _out, x, *, classes: softmax_vjp(g, softmax(x, axis=1), x, axis=1), floats=True
)
def softmax_minus_onehot(x, *, classes):
    """softmax(x) of the logits (N, C), less 1 at the N classes: the error of each probability."""
    out = softmax.function(x, axis=1)
    out[arange_column(len(x), 0), classes] -= 1
    return out
