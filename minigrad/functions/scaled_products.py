"""A matrix and a product added up, each times a number: beta * input + alpha * product.

https://docs.pytorch.org/docs/stable/torch.html#blas-and-lapack-operations
"""

from __future__ import annotations

from typing import Any

from minigrad.functions.arguments import accepts_out
from minigrad.functions.products import bmm, check_same_dtype, mm, mv, outer
from minigrad.functions.shape import expand
from minigrad.ops import reduction

__all__ = ["addbmm", "addmm", "addmv", "addr", "baddbmm"]

T = Any  # a Tensor, which this floor does not know


def _scaled_sum(input: T, product: T, beta: float, alpha: float) -> T:
    """Return beta * input + alpha * product; with beta 0 the input is not looked at."""
    check_same_dtype(input, product, "self and mat2 must have the same dtype, but got")
    if product.dtype.kind in "iu":
        beta, alpha = int(beta), int(alpha)
    product = product if alpha == 1 else product * alpha
    input = expand(input, product.shape)
    if beta == 0:
        return product
    return (input if beta == 1 else input * beta) + product


@accepts_out
def addmm(input: T, mat1: T, mat2: T, *, beta: float = 1, alpha: float = 1) -> T:
    """Return beta * input + alpha * (mat1 @ mat2); input (broadcast to (n, p)), (n, m), (m, p).

    https://docs.pytorch.org/docs/stable/generated/torch.addmm.html

    >>> import minigrad as mg
    >>> mg.addmm(mg.zeros(2), mg.tensor([[1.0, 2.0], [3.0, 4.0]]), mg.eye(2))
    tensor([[1., 2.],
            [3., 4.]])
    """
    return _scaled_sum(input, mm(mat1, mat2), beta, alpha)


@accepts_out
def addmv(input: T, mat: T, vec: T, *, beta: float = 1, alpha: float = 1) -> T:
    """Return beta * input + alpha * (mat @ vec).

    https://docs.pytorch.org/docs/stable/generated/torch.addmv.html

    >>> import minigrad as mg
    >>> mg.addmv(mg.zeros(2), mg.tensor([[1.0, 2.0], [3.0, 4.0]]), mg.ones(2))
    tensor([3., 7.])
    """
    return _scaled_sum(input, mv(mat, vec), beta, alpha)


@accepts_out
def addr(input: T, vec1: T, vec2: T, *, beta: float = 1, alpha: float = 1) -> T:
    """Return beta * input + alpha * the outer product of two vectors.

    https://docs.pytorch.org/docs/stable/generated/torch.addr.html

    >>> import minigrad as mg
    >>> mg.addr(mg.zeros(2, 2), mg.ones(2), mg.ones(2))
    tensor([[1., 1.],
            [1., 1.]])
    """
    return _scaled_sum(input, outer(vec1, vec2), beta, alpha)


@accepts_out
def baddbmm(input: T, batch1: T, batch2: T, *, beta: float = 1, alpha: float = 1) -> T:
    """Return beta * input + alpha * (batch1 @ batch2), matrix by matrix.

    https://docs.pytorch.org/docs/stable/generated/torch.baddbmm.html

    >>> import minigrad as mg
    >>> mg.baddbmm(mg.zeros(1), mg.ones(2, 1, 3), mg.ones(2, 3, 1)).shape
    (2, 1, 1)
    """
    return _scaled_sum(input, bmm(batch1, batch2), beta, alpha)


@accepts_out
def addbmm(input: T, batch1: T, batch2: T, *, beta: float = 1, alpha: float = 1) -> T:
    """Return beta * input + alpha * the sum over the batch of batch1 @ batch2.

    https://docs.pytorch.org/docs/stable/generated/torch.addbmm.html

    >>> import minigrad as mg
    >>> mg.addbmm(mg.zeros(1), mg.ones(2, 1, 3), mg.ones(2, 3, 1))
    tensor([[6.]])
    """
    total = reduction.sum(bmm(batch1, batch2), axis=(0,), keepdims=False)
    return _scaled_sum(input, total.to(batch1.dtype), beta, alpha)
