"""Products of many matrices: powers, and chains in the cheapest order.

https://docs.pytorch.org/docs/stable/linalg.html#matrix-products
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.functions import joining, products, reduction, scan, shape
from minigrad.functions.arguments import accepts_arrays
from minigrad.functions.linalg.checks import check_ndim, check_square
from minigrad.functions.linalg.systems import inv
from minigrad.ops.elementwise import where

T = Any  # a Tensor, which this floor does not know


@accepts_arrays
def matrix_power(A: T, n: int) -> T:
    """Return A to an integer power, by squaring; negative powers are those of the inverse.

    (..., k, k) -> (..., k, k). RuntimeError for matrices that are not square.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.matrix_power.html

    >>> import minigrad as mg
    >>> mg.linalg.matrix_power(mg.tensor([[1.0, 1.0], [0.0, 1.0]]), 5)
    tensor([[1., 5.],
            [0., 1.]])
    """
    check_ndim(A, "linalg.matrix_power")
    check_square(A, "linalg.matrix_power")
    if n < 0:
        A, n = inv(A), -n
    if n == 0:  # infinities, too, have a gradient of 0
        return where(np.ones(A.shape, bool), np.eye(A.shape[-1], dtype=A.dtype), A)
    if n == 1:
        return shape.clone(A)
    result = None
    while True:
        if n % 2:
            result = A if result is None else products.matmul(result, A)
        n //= 2
        if not n:
            return result
        A = products.matmul(A, A)


def multi_dot(tensors: Sequence[T]) -> T:
    """Return the product of two matrices or more in the cheapest order; the ends may be vectors.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.multi_dot.html

    >>> import minigrad as mg
    >>> mg.linalg.multi_dot([mg.ones(2), mg.ones(2, 3), mg.ones(3)])
    tensor(6.)
    """
    matrices = list(tensors)
    if len(matrices) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(matrices)}")
    for which, x in (("first", matrices[0]), ("last", matrices[-1])):
        if x.ndim not in (1, 2):
            raise RuntimeError(
                f"multi_dot(): the {which} tensor must be 1D or 2D but got {x.ndim}D"
            )
    added_axes = []  # of the result, for vectors at the ends
    if matrices[0].ndim == 1:
        matrices[0] = shape.unsqueeze(matrices[0], 0)
        added_axes.append(0)
    if matrices[-1].ndim == 1:
        matrices[-1] = shape.unsqueeze(matrices[-1], -1)
        added_axes.append(1)
    _check_chain(matrices)
    result = _multiply_chain(matrices)
    return reduction.sum(result, tuple(added_axes)) if added_axes else result


def _check_chain(matrices: list[T]) -> None:
    for i, x in enumerate(matrices):
        if x.ndim != 2:
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D but got {x.ndim}D")
        if i and matrices[i - 1].shape[1] != x.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {i - 1} and {i} with shapes "
                f"{list(matrices[i - 1].shape)} and {list(x.shape)} cannot be multiplied"
            )


def _multiply_chain(matrices: list[T]) -> T:
    """Multiply in the order that costs least (dynamic programming over where to cut)."""
    sizes = [x.shape[0] for x in matrices] + [matrices[-1].shape[1]]

    @functools.lru_cache(None)
    def cheapest(first: int, last: int) -> tuple[int, int]:
        """Return (cost, cut) of the product of the matrices from first to last."""
        if first == last:
            return 0, first
        options = []
        for cut in range(first, last):
            left, right = cheapest(first, cut)[0], cheapest(cut + 1, last)[0]
            joining = sizes[first] * sizes[cut + 1] * sizes[last + 1]
            options.append((left + right + joining, cut))
        return min(options)

    def multiply(first: int, last: int) -> T:
        if first == last:
            return matrices[first]
        cut = cheapest(first, last)[1]
        return products.mm(multiply(first, cut), multiply(cut + 1, last))

    return multiply(0, len(matrices) - 1)


def vander(x: T, *, N: int | None = None) -> T:
    """Return the powers 0, 1, …, N - 1 of each element, (..., n) -> (..., n, N), by default N = n.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.vander.html

    >>> import minigrad as mg
    >>> mg.linalg.vander(mg.tensor([2, 3]), N=3)
    tensor([[1, 2, 4],
            [1, 3, 9]])
    """
    if N is not None and N <= 1:
        raise RuntimeError(f"N must be greater than 1, got {N}")
    return powers(x, x.shape[-1] if N is None else N)


def powers(x: T, count: int) -> T:
    """Return the powers 0, 1, …, count - 1 of each element as a last dimension."""
    x = x.long() if x.dtype.kind == "b" else x
    ones = x._wrap(np.ones((*x.shape, min(count, 1)), x.dtype))
    factors = shape.expand(shape.unsqueeze(x, -1), (*x.shape, max(count - 1, 0)))
    return scan.cumprod(joining.cat([ones, factors], -1), -1)
