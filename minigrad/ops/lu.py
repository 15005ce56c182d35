"""Triangular factors of matrices, with rows exchanged, and of symmetric ones; the exponential.

NumPy has none of them. The rules are those of PyTorch's documentation; Golub and Van Loan, "Matrix
Computations", 3.4 and 4.4; Higham, "The scaling and squaring method for the matrix exponential
revisited" (2005).
"""

from __future__ import annotations

import math

import numpy as np

from minigrad.ops.linalg import mT, solve
from minigrad.primitive import primitive


# ---- LU -----------------------------------------------------------------------------------------
def eliminate(x, pivots=None):
    """Return L below the diagonal and U, packed in one array like x, and where U is 0 first.

    (..., n, m) -> (..., n, m), (...,): the number of the first diagonal element of U that is 0,
    counted from 1, or 0. Rows are exchanged where an array of ``pivots``, (..., min(n, m)), is
    there to note it.
    """
    out = np.array(_as_batch(x))  # (b, n, m)
    noted = None if pivots is None else _as_batch(pivots, 1)
    first_zero = np.zeros(len(out), np.int32)
    for k in range(min(out.shape[1:])):
        if noted is not None:
            noted[:, k] = _exchange_rows(out, k)
        diagonal = out[:, k, k]
        is_zero = diagonal == 0
        is_first = is_zero & (first_zero == 0)
        first_zero[is_first] = k + 1
        divisor = np.where(is_zero, 1, diagonal)
        below = out[:, k + 1 :, k]  # (b, n - k - 1)
        below /= divisor[:, None]
        right = out[:, k, k + 1 :]  # (b, m - k - 1)
        rest = out[:, k + 1 :, k + 1 :]
        rest -= below[:, :, None] * right[:, None, :]
    return out.reshape(x.shape), first_zero.reshape(x.shape[:-2])


def _as_batch(x, dims=2):
    """Return (..., n, m) as (b, n, m), or with one dimension behind the batch."""
    behind = x.shape[x.ndim - dims :]
    count = math.prod(x.shape[: x.ndim - dims])
    return x.reshape(count, *behind)


def _exchange_rows(out, k):
    """Bring the largest of column k to the diagonal; return its row."""
    size = np.abs(out[:, k:, k])
    largest = np.argmax(size, axis=1) + k
    _exchange(out, k, largest)
    return largest


def _exchange(out, k, others):
    """Exchange row k of each matrix with its own other one."""
    matrices = np.arange(len(out))
    kept = out[:, k].copy()
    out[:, k] = out[matrices, others]
    out[matrices, others] = kept


def order_of_rows(pivots, n):
    """Return the rows in the order that the exchanges, (..., k), put them: (..., n)."""
    exchanges = _as_batch(pivots, 1)
    order = np.empty((len(exchanges), n), np.intp)
    order[:] = np.arange(n)
    for k in range(exchanges.shape[1]):
        _exchange(order, k, exchanges[:, k])
    return order.reshape(*pivots.shape[:-1], n)


def lower_factor(packed):
    """Return L, (..., n, k), of what ``eliminate`` packed."""
    n, m = packed.shape[-2:]
    k = min(n, m)
    return np.tril(packed[..., :k], -1) + np.eye(n, k, dtype=packed.dtype)


def upper_factor(packed):
    """Return U, (..., k, m), of what ``eliminate`` packed."""
    k = min(packed.shape[-2:])
    return np.triu(packed[..., :k, :])


def _solve_right(a, b):
    """Return the x of x @ a.T = b."""
    return mT(solve(a, mT(b)))


def _lu_vjp(g, out, _x):
    n, m = _x.shape[-2:]
    k = min(n, m)
    lower, upper = lower_factor(out), upper_factor(out)
    g_lower = np.tril(g[..., :k], -1)
    g_upper = np.triu(g[..., :k, :])
    top, left = lower[..., :k, :], upper[..., :k]

    of_lower = np.matmul(mT(lower), g_lower)
    of_upper = np.matmul(g_upper, mT(upper))
    if m > k:  # what is right of the square counts against L, what is below it against U
        right = g_upper[..., k:]
        of_lower = of_lower - np.matmul(right, mT(upper[..., k:]))
        of_upper = np.matmul(g_upper[..., :k], mT(left))
    if n > k:
        bottom = g_lower[..., k:, :]
        of_upper = of_upper - np.matmul(mT(lower[..., k:, :]), bottom)
        of_lower = np.matmul(mT(top), g_lower[..., :k, :])
    inner = np.tril(of_lower, -1) + np.triu(of_upper)
    result = _solve_right(left, solve(mT(top), inner))
    if m > k:
        beside = solve(mT(top), right)
        result = np.concatenate([result, beside], axis=-1)
    if n > k:
        beneath = _solve_right(left, bottom)
        result = np.concatenate([result, beneath], axis=-2)
    return result


@primitive(_lu_vjp, whole=True)
def lu(x):
    """L and U of x, whose rows are in their order already, packed in one matrix."""
    return eliminate(x)[0]


# ---- LDLᵀ ---------------------------------------------------------------------------------------
_ALPHA = (1 + math.sqrt(17)) / 8


def ldl(x):
    """Return (LD, pivots, first zero) of a symmetric matrix (n, n), by Bunch and Kaufman.

    As LAPACK's sytrf: L below blocks of D of one or two; a pivot is the row exchanged with, counted
    from 1, both of a block of two negative.
    """
    a = np.tril(x) + np.tril(x, -1).T
    n = len(a)
    pivots, first_zero = np.zeros(n, np.int32), 0
    k = 0
    while k < n:
        row, width = _choose_pivot(a, k)
        last = k + width - 1
        if row != last:
            _exchange_symmetrically(a, k, last, row)
        pivots[k : last + 1] = row + 1 if width == 1 else -(row + 1)
        block = a[k : last + 1, k : last + 1]
        if width == 1 and block[0, 0] == 0:
            first_zero = first_zero or k + 1
        else:
            _eliminate_block(a, k, last + 1, block)
        k += width
    return np.tril(a), pivots, first_zero


def ldl_product(packed, pivots):
    """Return the symmetric matrix that ``ldl`` took apart, from its last block to its first."""
    n = len(packed)
    starts, k = [], 0
    while k < n:
        starts.append(k)
        k += 1 if pivots[k] > 0 else 2
    a = np.zeros_like(packed)
    stop = n
    for start in reversed(starts):
        block = packed[start:stop, start:stop]
        block = np.tril(block) + np.tril(block, -1).T
        factor = packed[stop:, start:stop]
        beneath = factor @ block
        a[stop:, stop:] += beneath @ factor.T
        a[stop:, start:stop] = beneath
        a[start:stop, stop:] = beneath.T
        a[start:stop, start:stop] = block
        row = abs(int(pivots[start])) - 1
        if row != stop - 1:
            _exchange_symmetrically(a, start, stop - 1, row)
        stop = start
    return a


def _choose_pivot(a, k):
    """Return the row that comes to step k, and how many rows are eliminated at once."""
    own = abs(a[k, k])
    below = np.abs(a[k + 1 :, k])
    column_most = below.max(initial=0)
    if column_most == 0:
        return k, 1
    row = int(below.argmax()) + k + 1
    others = np.abs(a[row, k:])
    others[row - k] = 0
    row_most = others.max()
    if own * max(1, row_most / column_most) >= _ALPHA * column_most:
        return k, 1
    is_large = abs(a[row, row]) >= _ALPHA * row_most
    return row, 1 if is_large else 2


def _exchange_symmetrically(a, k, i, j):
    a[[i, j], k:] = a[[j, i], k:]
    a[k:, [i, j]] = a[k:, [j, i]]


def _eliminate_block(a, start, stop, block):
    beneath = a[stop:, start:stop]
    factor = np.linalg.solve(block, beneath.T)
    a[stop:, stop:] -= beneath @ factor
    a[stop:, start:stop] = factor.T


# ---- the exponential ----------------------------------------------------------------------------
_PADE = [  # of order 13, the constant first
    math.factorial(26 - j) * math.factorial(13)
    / (math.factorial(26) * math.factorial(j) * math.factorial(13 - j))
    for j in range(14)
]  # fmt: skip
_PADE_IN_SQUARES = list(zip(_PADE[::2], _PADE[1::2], strict=True))[::-1]
_MOST = 5.371920351148152  # the norm up to which it has the digits of float64


def _matrix_exp_vjp(g, _out, x):
    n = x.shape[-1]
    turned = mT(x)
    zeros = np.zeros(x.shape, x.dtype)
    above = np.concatenate([turned, g], axis=-1)
    below = np.concatenate([zeros, turned], axis=-1)
    both = np.concatenate([above, below], axis=-2)
    return matrix_exp(both)[..., :n, n:]


@primitive(_matrix_exp_vjp, whole=True)
def matrix_exp(x):
    """The sum of x ** k / k!, (..., n, n) -> (..., n, n), by scaling and squaring."""
    wide = x.astype(np.float64)
    halvings = _halvings(wide)
    out = _pade(wide * np.exp2(-halvings))
    most = int(halvings.max(initial=0))
    for i in range(most):
        square = np.matmul(out, out)
        out = np.where(i < halvings, square, out)
    return out.astype(x.dtype)


def _halvings(x):
    """Return how often each matrix is halved until its norm is small, (..., 1, 1)."""
    sums = np.sum(np.abs(x), axis=-2, keepdims=True)
    norms = np.max(sums, axis=-1, keepdims=True, initial=0.0)
    ratio = np.maximum(norms / _MOST, 1)
    halvings = np.ceil(np.log2(ratio))
    return np.where(np.isfinite(norms), halvings, 0)


def _pade(x):
    """Return Padé's approximation of order 13 to the exponential."""
    eye = np.eye(x.shape[-1])
    square = np.matmul(x, x)
    even = odd = 0 * eye
    for a, b in _PADE_IN_SQUARES:
        even = np.matmul(even, square) + a * eye
        odd = np.matmul(odd, square) + b * eye
    odd = np.matmul(x, odd)
    return np.linalg.solve(even - odd, even + odd)
