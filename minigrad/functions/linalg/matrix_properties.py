"""Rank, condition, exponential; diagonals and products of vectors; what reports instead of raising.

https://docs.pytorch.org/docs/stable/linalg.html#matrix-properties
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.functions import diagonals, reduction
from minigrad.functions.arguments import accepts_arrays
from minigrad.functions.linalg.checks import (
    check_floats,
    check_ndim,
    check_square,
    dtype_word,
)
from minigrad.functions.linalg.factorizations import svdvals
from minigrad.functions.linalg.norms import matrix_norm
from minigrad.functions.linalg.systems import inv
from minigrad.ops import lu as ops
from minigrad.ops.linalg import LinAlgError

T = Any  # a Tensor, which this floor does not know


@accepts_arrays
def matrix_exp(A: T) -> T:
    """Return the sum of A ** k / k! over k = 0, 1, … of square matrices, (..., n, n).

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.matrix_exp.html

    >>> import minigrad as mg
    >>> mg.linalg.matrix_exp(mg.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    check_ndim(A, "linalg.matrix_exp")
    check_square(A, "linalg.matrix_exp")
    check_floats(A, "linalg.matrix_exp")
    return ops.matrix_exp(A)


@accepts_arrays
def matrix_rank(
    A: T, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> T:
    """Return how many singular values count: more than max(atol, rtol * largest), (..., n, m).

    ``rtol`` is max(n, m) eps by default, 0 where atol > 0 is given; ``tol`` is ``atol`` as of old.
    With ``hermitian`` the lower triangle is read.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.matrix_rank.html

    >>> import minigrad as mg
    >>> mg.linalg.matrix_rank(mg.tensor([[1.0, 2.0], [2.0, 4.0]]))
    tensor(1)
    """
    if A.ndim < 2:
        raise RuntimeError(
            "torch.linalg.matrix_rank: The input tensor input must have at least 2 dimensions, "
            f"got {A.ndim}"
        )
    A = A.detach()
    if hermitian:
        lower = diagonals.tril(A)
        A = lower + diagonals.tril(A, -1).mT
    atol = _number_or_array(tol if atol is None else atol)
    if rtol is None:
        eps = np.finfo(A.dtype).eps
        size = max(A.shape[-2:])
        rtol = np.where(atol > 0, 0, size * eps)
    sizes = svdvals(A)._data
    largest = sizes.max(-1, initial=0)
    relative = _number_or_array(rtol) * largest
    least = np.maximum(atol, relative)
    counts = sizes > least[..., None]
    return A._wrap(np.asarray(counts.sum(-1)))


def _number_or_array(x: Any) -> np.ndarray:
    """Return a tolerance, 0 where there is none."""
    return np.asarray(0 if x is None else getattr(x, "_data", x))


@accepts_arrays
def cond(A: T, p: Any = None) -> T:
    """Return the condition numbers of matrices in a norm, by default 2: see :func:`matrix_norm`.

    2 and -2 take any (..., n, m), the others square matrices; inf for singular ones.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.cond.html

    >>> import minigrad as mg
    >>> mg.linalg.cond(mg.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor(2.)
    """
    if A.ndim < 2:
        raise RuntimeError(
            f"linalg.cond: The input tensor must have at least 2 dimensions, got {A.ndim}"
        )
    if p not in (None, "fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if not A.numel():
        return A._wrap(np.zeros(A.shape[:-2], A.dtype))
    if p in (None, 2, -2):
        sizes = svdvals(A)
        largest, least = sizes[..., 0], sizes[..., -1]
        return least / largest if p == -2 else largest / least
    check_square(A, f"linalg.cond(ord={p})")
    return matrix_norm(A, p) * matrix_norm(_inverse_or_infinite(A), p)


def _inverse_or_infinite(A: T) -> T:
    try:
        return inv(A)
    except LinAlgError:
        return A._wrap(np.full(A.shape, math.inf, A.dtype))


@accepts_arrays
def vecdot(x: T, y: T, *, dim: int = -1) -> T:
    """Return the products of vectors along ``dim``; other dimensions broadcast.

    Raises RuntimeError for two dtypes, NotImplementedError for integers.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.vecdot.html

    >>> import minigrad as mg
    >>> mg.linalg.vecdot(mg.ones(2, 3), mg.ones(3))
    tensor([3., 3.])
    """
    check_floats(x, "linalg.vecdot")
    if x.dtype != y.dtype:
        raise RuntimeError(
            "linalg.vecdot: Expected x and y to have the same dtype, but found x of type "
            f"{dtype_word(x.dtype)} and y of type {dtype_word(y.dtype)} instead"
        )
    return reduction.sum(x * y, dim)


@accepts_arrays
def diagonal(A: T, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> T:
    """Return the diagonal of the last two dimensions, a view; see :func:`minigrad.diagonal`.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.diagonal.html

    >>> import minigrad as mg
    >>> mg.linalg.diagonal(mg.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return diagonals.diagonal(A, offset, dim1, dim2)
