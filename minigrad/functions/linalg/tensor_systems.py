"""Tensors as linear maps, and products of Householder's reflections.

https://docs.pytorch.org/docs/stable/linalg.html#tensor-operations
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.functions import diagonals, permutation, products, shape
from minigrad.functions.arguments import accepts_arrays
from minigrad.functions.linalg.checks import check_floats, dtype_word
from minigrad.functions.linalg.systems import inv, solve

T = Any  # a Tensor, which this floor does not know


@accepts_arrays
def tensorinv(A: T, ind: int = 2) -> T:
    """Return the inverse of A, a map of tensors of its last dimensions to the first ``ind``.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.tensorinv.html

    >>> import minigrad as mg
    >>> mg.linalg.tensorinv(mg.eye(4).reshape(2, 2, 4)).shape
    (4, 2, 2)
    """
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    rows = A.shape[:ind]
    columns = A.shape[ind:]
    height = math.prod(rows)
    width = math.prod(columns)
    if width != height:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {width} != {height}"
        )
    matrix = shape.reshape(A, (height, width))
    inverse = inv(matrix)
    return shape.reshape(inverse, (*columns, *rows))


@accepts_arrays
def tensorsolve(A: T, B: T, dims: Any = None) -> T:
    """Return the X of tensordot(A, X, X.ndim) = B; ``dims`` of A come last first.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.tensorsolve.html

    >>> import minigrad as mg
    >>> mg.linalg.tensorsolve(mg.eye(4).reshape(2, 2, 4), mg.ones(2, 2))
    tensor([1., 1., 1., 1.])
    """
    if dims is not None:
        first = A.ndim - len(dims)
        last = tuple(range(first, A.ndim))
        A = permutation.movedim(A, tuple(dims), last)
    n = B.ndim
    columns = A.shape[n:]
    width = math.prod(columns)
    height = math.prod(A.shape[:n])
    if height != width:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {width} != {height}"
        )
    matrix = shape.reshape(A, (height, width))
    vector = shape.reshape(B, (-1,))
    X = solve(matrix, vector)
    return shape.reshape(X, columns)


@accepts_arrays
def householder_product(A: T, tau: T) -> T:
    """Return the first m columns of H1 H2 … Hk, (..., n, m), (..., k) -> (..., n, m).

    Hi = I - tau[i] v vᵀ, where v has zeros, a one in place i and column i of A below. Raises
    RuntimeError unless n >= m >= k.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.householder_product.html

    >>> import minigrad as mg
    >>> mg.linalg.householder_product(mg.tensor([[1.0], [0.0]]), mg.tensor([2.0]))
    tensor([[-1.],
            [ 0.]])
    """
    _check_reflections(A, tau)
    n, m = A.shape[-2:]
    ones = A._wrap(np.eye(n, m, dtype=A.dtype))
    vectors = diagonals.tril(A, -1) + ones
    result = ones
    for i in reversed(range(tau.shape[-1])):
        v = vectors[..., i : i + 1]  # (..., n, 1)
        row = permutation.transpose(v, -2, -1)
        along = products.matmul(row, result)  # (..., 1, m)
        scale = tau[..., i : i + 1, None]
        result = result - scale * v * along
    return shape.expand(result, A.shape)


def _check_reflections(A: T, tau: T) -> None:
    name = "torch.linalg.householder_product"
    if A.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    check_floats(A, name)
    n, m = A.shape[-2:]
    if n < m:
        raise RuntimeError(
            f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]"
        )
    if tau.shape[-1] > m:
        raise RuntimeError(
            f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]"
        )
    if tau.ndim != A.ndim - 1:
        raise RuntimeError(
            f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal "
            f"to {tau.ndim} and input.ndim is equal to {A.ndim}"
        )
    if tau.dtype != A.dtype:
        raise RuntimeError(
            f"{name}: tau dtype {dtype_word(tau.dtype)} does not match input dtype "
            f"{dtype_word(A.dtype)}"
        )
