"""Linear algebra outside ``torch.linalg``: older names, other orders of arguments and of results.

https://docs.pytorch.org/docs/stable/torch.html#blas-and-lapack-operations
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.functions import permutation
from minigrad.functions.arguments import accepts_arrays
from minigrad.functions.linalg import factorizations, systems
from minigrad.functions.linalg import lu as factors
from minigrad.functions.linalg.lu import lu_unpack as lu_unpack
from minigrad.functions.linalg.matrix_products import multi_dot
from minigrad.functions.linalg.matrix_properties import matrix_exp as matrix_exp
from minigrad.functions.linalg.tensor_systems import householder_product
from minigrad.functions.return_types import RETURN_TYPES

__all__ = [
    "chain_matmul", "cholesky_inverse", "cholesky_solve", "lu", "lu_solve", "lu_unpack",
    "matrix_exp", "orgqr", "qr", "svd", "triangular_solve",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


@accepts_arrays
def svd(input: T, some: bool = True, compute_uv: bool = True) -> T:
    """Return (U, S, V) of input = U diag(S) Vᵀ; ``linalg.svd`` returns Vᵀ.

    Without ``some`` U and V are square, without ``compute_uv`` of zeros.
    https://docs.pytorch.org/docs/stable/generated/torch.svd.html

    >>> import minigrad as mg
    >>> mg.svd(mg.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    if compute_uv:
        U, S, Vh = factorizations.svd(input, full_matrices=not some)
        V = permutation.transpose(Vh, -2, -1)
    else:
        S = factorizations.svdvals(input)
        U, V = _square_zeros(input, -2), _square_zeros(input, -1)
    return RETURN_TYPES["svd"](U, S, V)


def _square_zeros(input: T, dim: int) -> T:
    n = input.shape[dim]
    zeros = np.zeros((*input.shape[:-2], n, n), input.dtype)
    return input._wrap(zeros)


@accepts_arrays
def qr(input: T, some: bool = True) -> T:
    """Return (Q, R) of input = Q R, Q square unless ``some``; see ``linalg.qr``.

    https://docs.pytorch.org/docs/stable/generated/torch.qr.html

    >>> import minigrad as mg
    >>> mg.qr(mg.ones(3, 2)).Q.shape
    (3, 2)
    """
    Q, R = factorizations.qr(input, "reduced" if some else "complete")
    return RETURN_TYPES["qr"](Q, R)


@accepts_arrays
def lu(A: T, pivot: bool = True, get_infos: bool = False) -> tuple[T, ...]:
    """Return (LU, pivots) of ``linalg.lu_factor``; ``get_infos`` adds infos instead of raising.

    https://docs.pytorch.org/docs/stable/generated/torch.lu.html

    >>> import minigrad as mg
    >>> mg.lu(mg.tensor([[1.0, 2.0], [2.0, 2.0]]))[1]
    tensor([2, 2], dtype=minigrad.int32)
    """
    if get_infos:
        return tuple(factors.lu_factor_ex(A, pivot=pivot))
    return tuple(factors.lu_factor(A, pivot=pivot))


@accepts_arrays
def lu_solve(input: T, LU_data: T, LU_pivots: T) -> T:
    """Return the X of A X = input from the factors of A; see ``linalg.lu_solve``.

    https://docs.pytorch.org/docs/stable/generated/torch.lu_solve.html

    >>> import minigrad as mg
    >>> mg.lu_solve(mg.ones(2, 1), *mg.lu(mg.tensor([[2.0, 0.0], [0.0, 4.0]]))).flatten()
    tensor([0.5000, 0.2500])
    """
    return factors.lu_solve(LU_data, LU_pivots, input)


@accepts_arrays
def triangular_solve(
    input: T, A: T, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> T:
    """Return (the X of A X = input, a copy of A), where one triangle of A counts.

    With ``transpose`` of Aᵀ X = input.
    https://docs.pytorch.org/docs/stable/generated/torch.triangular_solve.html

    >>> import minigrad as mg
    >>> mg.triangular_solve(mg.ones(2, 1), mg.tensor([[2.0, 0.0], [0.0, 4.0]])).solution.flatten()
    tensor([0.5000, 0.2500])
    """
    matrix = A
    if transpose:
        matrix = permutation.transpose(A, -2, -1)
        upper = not upper
    solution = systems.solve_triangular(matrix, input, upper=upper, unitriangular=unitriangular)
    return RETURN_TYPES["triangular_solve"](solution, A.clone())


@accepts_arrays
def cholesky_solve(input: T, L: T, upper: bool = False) -> T:
    """Return the X of L Lᵀ X = input (of Lᵀ L X = input with ``upper``).

    https://docs.pytorch.org/docs/stable/generated/torch.cholesky_solve.html

    >>> import minigrad as mg
    >>> mg.cholesky_solve(mg.ones(2, 1), mg.tensor([[2.0, 0.0], [0.0, 1.0]])).flatten()
    tensor([0.2500, 1.0000])
    """
    turned = permutation.transpose(L, -2, -1)
    lower, upper_factor = (turned, L) if upper else (L, turned)
    half = systems.solve_triangular(lower, input, upper=False)
    return systems.solve_triangular(upper_factor, half, upper=True)


@accepts_arrays
def cholesky_inverse(L: T, upper: bool = False) -> T:
    """Return the inverse of L Lᵀ (of Lᵀ L with ``upper``).

    https://docs.pytorch.org/docs/stable/generated/torch.cholesky_inverse.html

    >>> import minigrad as mg
    >>> mg.cholesky_inverse(mg.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([[0.2500, 0.0000],
            [0.0000, 1.0000]])
    """
    eye = L._wrap(np.broadcast_to(np.eye(L.shape[-1], dtype=L.dtype), L.shape))
    return cholesky_solve(eye, L, upper)


def chain_matmul(*matrices: T) -> T:
    """Return the product of matrices in the cheapest order; see ``linalg.multi_dot``.

    https://docs.pytorch.org/docs/stable/generated/torch.chain_matmul.html

    >>> import minigrad as mg
    >>> mg.chain_matmul(mg.ones(1, 2), mg.ones(2, 3), mg.ones(3, 1))
    tensor([[6.]])
    """
    if len(matrices) == 1:
        return matrices[0].clone()
    return multi_dot(list(matrices))


orgqr = householder_product
