"""Determinants, inverses and systems of linear equations.

https://docs.pytorch.org/docs/stable/linalg.html#solvers
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from minigrad.functions import diagonals, products, reduction, shape
from minigrad.functions.arguments import accepts_arrays
from minigrad.functions.linalg.checks import check_matrix, dtype_word
from minigrad.functions.linalg.factorizations import svdvals
from minigrad.ops import linalg as ops
from minigrad.ops.elementwise import where

T = Any  # a Tensor, which this floor does not know


class SlogDet(NamedTuple):
    """What :func:`slogdet` returns."""

    sign: Any
    logabsdet: Any


class Lstsq(NamedTuple):
    """What :func:`lstsq` returns."""

    solution: Any
    residuals: Any
    rank: Any
    singular_values: Any


def det(A: T) -> T:
    """Return the determinants (...,) of square matrices.

    The gradient of singular ones is right, too.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.det.html

    >>> import minigrad as mg
    >>> mg.linalg.det(mg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.)
    """
    check_matrix(A, "linalg.det", square=True)
    return ops.det(A)


def slogdet(A: T) -> SlogDet:
    """Return (sign, logabsdet) of square matrices, each (...,); the sign has no gradient.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.slogdet.html

    >>> import minigrad as mg
    >>> mg.linalg.slogdet(mg.eye(2)).sign
    tensor(1.)
    """
    check_matrix(A, "linalg.slogdet", square=True)
    return SlogDet(ops.sign_of_det(A), ops.logabsdet(A))


def logdet(A: T) -> T:
    """Return the logarithm of the determinant: NaN where that is negative, -inf where it is 0.

    https://docs.pytorch.org/docs/stable/generated/torch.logdet.html

    >>> import minigrad as mg
    >>> mg.logdet(mg.eye(2))
    tensor(0.)
    """
    sign, logabsdet = slogdet(A)
    return where(sign < 0, math.nan, logabsdet)


def inv(A: T) -> T:
    """Return the inverses of square matrices, (..., n, n); raise LinAlgError for a singular one.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.inv.html

    >>> import minigrad as mg
    >>> mg.linalg.inv(mg.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    check_matrix(A, "linalg.inv", square=True)
    return ops.inv(A)


def solve(A: T, B: T, *, left: bool = True) -> T:
    """Return the X of A X = B, of X A = B with ``left=False``.

    A is (..., n, n), B is (..., n, k), (n,) or (..., n). Raises LinAlgError for a singular A,
    RuntimeError for shapes that do not fit and for two dtypes.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.solve.html

    >>> import minigrad as mg
    >>> mg.linalg.solve(mg.tensor([[2.0, 0.0], [0.0, 4.0]]), mg.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    check_matrix(A, "linalg.solve", square=True)
    if A.dtype != B.dtype:
        raise RuntimeError(
            "linalg.solve: Expected A and B to have the same dtype, but found A of type "
            f"{dtype_word(A.dtype)} and B of type {dtype_word(B.dtype)} instead"
        )
    is_vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1])
    if is_vector:
        B = shape.unsqueeze(B, -1)
    n = A.shape[-1]
    fits = n == B.shape[-2 if left else -1] or (is_vector and n == B.shape[-2])
    if not fits:
        equation = "AX = B" if left else "XA = B"
        size_of_A, size_of_B = ("x".join(map(str, x.shape[-2:])) for x in (A, B))
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation {equation} "
            f"({size_of_A} and {size_of_B})"
        )
    if is_vector and not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for "
            f"left=False, got B of shape {list(B.shape[:-1])}"
        )
    X = _solve(A, B, left)
    return shape.squeeze(X, -1) if is_vector else X


def _solve(A: T, B: T, left: bool) -> T:
    return ops.solve(A, B) if left else ops.mT(ops.solve(ops.mT(A), ops.mT(B)))


def solve_triangular(
    A: T, B: T, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> T:
    """Return the X of A X = B, where one triangle of A counts.

    (..., n, n), (..., n, k) -> (..., n, k), with ``left=False`` the X of X A = B.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.solve_triangular.html

    >>> import minigrad as mg
    >>> lower = mg.tensor([[2.0, 0.0], [1.0, 1.0]])
    >>> mg.linalg.solve_triangular(lower, mg.ones(2, 1), upper=False).flatten()
    tensor([0.5000, 0.5000])
    """
    check_matrix(A, "linalg.solve_triangular", square=True)
    if B.ndim < 2 or A.shape[-1] != B.shape[-2 if left else -1]:
        equation = "AX = B" if left else "XA = B"
        raise RuntimeError(
            "linalg.solve_triangular: Incompatible shapes of A and B for the equation "
            f"{equation} ({list(A.shape)} and {list(B.shape)})"
        )
    ones, offset = np.ones(A.shape[-2:], A.dtype), int(unitriangular)
    A = A * (np.triu(ones, offset) if upper else np.tril(ones, -offset))
    if unitriangular:
        A = A + np.eye(A.shape[-1], dtype=A.dtype)
    return _solve(A, B, left)


@accepts_arrays
def pinv(
    A: T,
    rcond: float | None = None,
    hermitian: bool = False,
    *,
    atol: float | None = None,
    rtol: float | None = None,
) -> T:
    """Return the pseudoinverse, (..., n, m) -> (..., m, n).

    Singular values up to max(atol, rtol * largest) count as 0. ``rtol`` (formerly ``rcond``) is
    max(n, m) eps by default, 0 where atol > 0 is given. With ``hermitian`` only the lower triangle
    is read. https://docs.pytorch.org/docs/stable/generated/torch.linalg.pinv.html

    >>> import minigrad as mg
    >>> mg.linalg.pinv(mg.tensor([[2.0, 0.0], [0.0, 0.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.0000]])
    """
    rtol = rcond if rtol is None else rtol
    if A.ndim < 2 or A.dtype.kind != "f" or A.dtype == np.float16:
        raise RuntimeError(
            f"linalg.pinv({dtype_word(A.dtype)}{{{list(A.shape)}}}): expected a tensor with "
            "2 or more dimensions of float, double, cfloat or cdouble types"
        )
    if hermitian:
        check_matrix(A, "linalg.pinv", square=True)
        A = _symmetric(A)
    if rtol is None:
        rtol = 0.0 if atol else _default_rtol(A)
    return ops.pinv(A, atol=float(atol or 0.0), rtol=float(rtol))


def _symmetric(A: T) -> T:
    """Return the lower triangle, mirrored; the gradient is symmetric, too."""
    mean = (A + ops.mT(A)) * 0.5
    values = A.detach()
    mirrored = diagonals.tril(values) + ops.mT(diagonals.tril(values, -1))
    return mean + (mirrored - mean.detach())


def _default_rtol(A: T) -> float:
    return max(A.shape[-2:]) * float(np.finfo(A.dtype).eps)


@accepts_arrays
def pinverse(input: T, rcond: float = 1e-15) -> T:
    """Return the pseudoinverse of matrices; see :func:`pinv`.

    https://docs.pytorch.org/docs/stable/generated/torch.pinverse.html

    >>> import minigrad as mg
    >>> mg.pinverse(mg.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return pinv(input, rcond)


_DRIVERS = (None, "gels", "gelsy", "gelsd", "gelss")


def lstsq(A: T, B: T, rcond: float | None = None, *, driver: str | None = None) -> Lstsq:
    """Return the X that makes ||A X - B|| least, by the pseudoinverse.

    (..., n, m), (..., n, k) -> (..., m, k). ``residuals`` are there where n > m and every A has
    full rank, ``singular_values`` with driver "gelss" or "gelsd". Raises RuntimeError for shapes
    that do not fit. https://docs.pytorch.org/docs/stable/generated/torch.linalg.lstsq.html

    >>> import minigrad as mg
    >>> mg.linalg.lstsq(mg.eye(2), mg.ones(2, 1)).solution.flatten()
    tensor([1., 1.])
    """
    check_matrix(A, "linalg.lstsq")
    is_vector = B.ndim == 1 or (A.ndim - 1 == B.ndim and B.shape == A.shape[:-1])
    rows_axis = -1 if is_vector else -2
    if A.shape[-2] != B.shape[rows_axis]:
        raise RuntimeError(
            f"linalg.lstsq: input.size(-2) should match other.size({rows_axis}), got "
            f"{list(A.shape)} and {list(B.shape)}"
        )
    if driver not in _DRIVERS:
        raise RuntimeError(
            "linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), "
            f"got {driver}"
        )
    B = shape.unsqueeze(B, -1) if is_vector else B
    rtol = _default_rtol(A) if rcond is None else rcond
    X = products.matmul(pinv(A, rtol=rtol), B)
    singular_values = svdvals(A.detach())
    rank = (singular_values > singular_values[..., :1] * rtol).sum(-1)
    nothing = A.detach().reshape(-1)[:0]
    residuals = nothing
    has_full_rank = bool((rank == A.shape[-1]).all())
    if has_full_rank and A.shape[-2] > A.shape[-1] and driver not in (None, "gelsy"):
        residuals = reduction.sum((products.matmul(A, X) - B) ** 2, -2)
    if driver == "gels":
        rank = nothing.long()
    if driver not in ("gelss", "gelsd"):
        singular_values = nothing
    solution = shape.squeeze(X, -1) if is_vector else X
    return Lstsq(solution, residuals, rank, singular_values)
