"""LU and LDLᵀ factors, and systems solved with them.

https://docs.pytorch.org/docs/stable/linalg.html#matrix-decompositions
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.functions import permutation, shape
from minigrad.functions.arguments import accepts_arrays
from minigrad.functions.linalg.checks import check_floats, check_square, dtype_word
from minigrad.functions.linalg.systems import solve, solve_triangular
from minigrad.functions.return_types import RETURN_TYPES
from minigrad.ops import indexing
from minigrad.ops import lu as ops

T = Any  # a Tensor, which this floor does not know


@accepts_arrays
def lu(A: T, *, pivot: bool = True) -> T:
    """Return (P, L, U) of A = P L U: rows in another order, L with ones on its diagonal.

    (..., n, m) -> (..., n, n), (..., n, k), (..., k, m), k the lesser of n and m.
    Raises RuntimeError for ``pivot=False``, which PyTorch has on GPUs.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.lu.html

    >>> import minigrad as mg
    >>> mg.linalg.lu(mg.tensor([[1.0, 2.0], [2.0, 2.0]])).U
    tensor([[2., 2.],
            [0., 1.]])
    """
    packed, pivots, _ = _factored(A, pivot)
    return RETURN_TYPES["linalg_lu"](*_unpacked(packed, pivots))


@accepts_arrays
def lu_factor(A: T, *, pivot: bool = True) -> T:
    """Return (LU, pivots): both factors in one matrix, L without its ones, and the exchanges.

    Row i was exchanged with row pivots[i] - 1, int32. Raises RuntimeError where U has a 0 on its
    diagonal. https://docs.pytorch.org/docs/stable/generated/torch.linalg.lu_factor.html

    >>> import minigrad as mg
    >>> mg.linalg.lu_factor(mg.tensor([[1.0, 2.0], [2.0, 2.0]])).LU
    tensor([[2.0000, 2.0000],
            [0.5000, 1.0000]])
    """
    packed, pivots, _ = lu_factor_ex(A, pivot=pivot, check_errors=True)
    return RETURN_TYPES["linalg_lu_factor"](packed, pivots)


@accepts_arrays
def lu_factor_ex(A: T, *, pivot: bool = True, check_errors: bool = False) -> T:
    """Return (LU, pivots, info); info is the first 0 on U's diagonal, counted from 1, or 0.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.lu_factor_ex.html

    >>> import minigrad as mg
    >>> mg.linalg.lu_factor_ex(mg.zeros(2, 2)).info
    tensor(1, dtype=minigrad.int32)
    """
    packed, pivots, info = _factored(A, pivot)
    if check_errors and info.any():
        place = np.flatnonzero(info)[0]
        number = info.flat[place]
        which = f"(Batch element {place}): " if info.ndim else ""
        raise RuntimeError(
            f"torch.linalg.lu_factor: {which}U[{number},{number}] is zero and using it on lu_solve "
            "would result in a division by zero. If you still want to perform the factorization, "
            "consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
        )
    wrap = packed._wrap
    pivots = pivots + 1
    numbers = wrap(pivots.astype(np.int32))
    return RETURN_TYPES["linalg_lu_factor_ex"](packed, numbers, wrap(info))


def _factored(A: T, pivot: bool) -> tuple[T, np.ndarray, np.ndarray]:
    """Return the packed factors, the exchanges from 0, and the first zeros."""
    if A.ndim < 2:
        raise RuntimeError(
            "torch.lu_factor: Expected tensor with 2 or more dimensions. "
            f"Got size: {list(A.shape)} instead"
        )
    if A.dtype.kind != "f" or A.dtype == np.float16:
        raise NotImplementedError(f"\"lu_cpu\" not implemented for '{dtype_word(A.dtype)}'")
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    *lead, n, m = A.shape
    pivots = np.zeros((*lead, min(n, m)), np.int64)
    values, info = ops.eliminate(A._data, pivots)
    if A._node is None:
        return A._wrap(values), pivots, info
    return ops.lu(_rows(A, ops.order_of_rows(pivots, n))), pivots, info


def _rows(A: T, order: np.ndarray) -> T:
    """Return the rows of matrices (..., n, m) in another order, (..., n)."""
    indices = np.broadcast_to(order[..., None], A.shape)
    return indexing.take_along_axis(A, indices=indices, axis=-2)


def _unpacked(packed: T, pivots: np.ndarray) -> tuple[T, T, T]:
    n = packed.shape[-2]
    order = ops.order_of_rows(pivots, n)
    eye = np.eye(n, dtype=packed.dtype)
    came_from = eye[order]  # row i has its one where it came from
    P = np.swapaxes(came_from, -1, -2)
    P = packed._wrap(np.ascontiguousarray(P))
    return P, ops.lower_factor(packed), ops.upper_factor(packed)


@accepts_arrays
def lu_unpack(LU_data: T, LU_pivots: T, unpack_data: bool = True, unpack_pivots: bool = True) -> T:
    """Return (P, L, U) of what :func:`lu_factor` returned; what is not asked for is empty.

    https://docs.pytorch.org/docs/stable/generated/torch.lu_unpack.html

    >>> import minigrad as mg
    >>> factors = mg.linalg.lu_factor(mg.tensor([[1.0, 2.0], [2.0, 2.0]]))
    >>> mg.lu_unpack(*factors).L
    tensor([[1.0000, 0.0000],
            [0.5000, 1.0000]])
    """
    exchanges = LU_pivots._data - 1
    P, L, U = _unpacked(LU_data, exchanges)
    nothing = np.zeros(0, LU_data.dtype)
    nothing = LU_data._wrap(nothing)
    if not unpack_data:
        L = U = nothing
    if not unpack_pivots:
        P = nothing
    return RETURN_TYPES["lu_unpack"](P, L, U)


@accepts_arrays
def lu_solve(LU: T, pivots: T, B: T, *, left: bool = True, adjoint: bool = False) -> T:
    """Return the X of A X = B from the factors of A that :func:`lu_factor` returned.

    With ``left=False`` of X A = B, with ``adjoint`` of Aᵀ X = B. Raises RuntimeError for shapes
    that do not fit. https://docs.pytorch.org/docs/stable/generated/torch.linalg.lu_solve.html

    >>> import minigrad as mg
    >>> factors = mg.linalg.lu_factor(mg.tensor([[2.0, 0.0], [0.0, 4.0]]))
    >>> mg.linalg.lu_solve(*factors, mg.ones(2, 1)).flatten()
    tensor([0.5000, 0.2500])
    """
    _check_lu_solve(LU, pivots, B, left)
    if not left:
        turned = permutation.transpose(B, -2, -1)
        X = lu_solve(LU, pivots, turned, adjoint=not adjoint)
        return permutation.transpose(X, -2, -1)

    n, k = B.shape[-2:]
    lead = np.broadcast_shapes(LU.shape[:-2], B.shape[:-2])
    B = shape.expand(B, (*lead, n, k))
    order = ops.order_of_rows(pivots._data - 1, n)
    order = np.broadcast_to(order, (*lead, n))
    if adjoint:
        turned = permutation.transpose(LU, -2, -1)
        half = solve_triangular(turned, B, upper=False)
        X = solve_triangular(turned, half, upper=True, unitriangular=True)
        return _rows(X, np.argsort(order, axis=-1))
    half = solve_triangular(LU, _rows(B, order), upper=False, unitriangular=True)
    return solve_triangular(LU, half, upper=True)


def _check_lu_solve(LU: T, pivots: T, B: T, left: bool) -> None:
    name = "linalg.lu_solve"
    check_floats(LU, name)
    if LU.dtype != B.dtype:
        raise RuntimeError(
            f"{name}: Expected LU and B to have the same dtype, but found LU of type "
            f"{dtype_word(LU.dtype)} and B of type {dtype_word(B.dtype)} instead"
        )
    if pivots.dtype != np.int32:
        raise RuntimeError(
            f"{name}: pivots should be a Tensor of scalar type torch.int32, got {pivots.dtype}"
        )
    check_square(LU, name)
    if B.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor B must have at least 2 dimensions, got {B.ndim}"
        )
    n = LU.shape[-1]
    if B.shape[-2 if left else -1] != n:
        equation = "AX = B" if left else "XA = B"
        size_of_B = "x".join(map(str, B.shape[-2:]))
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {equation} "
            f"({n}x{n} and {size_of_B})"
        )


@accepts_arrays
def ldl_factor(A: T, *, hermitian: bool = False) -> T:
    """Return (LD, pivots) of symmetric matrices, by Bunch and Kaufman; the lower triangle is read.

    As LAPACK packs them. There is no gradient, as in PyTorch. Raises RuntimeError where D is
    singular. https://docs.pytorch.org/docs/stable/generated/torch.linalg.ldl_factor.html

    >>> import minigrad as mg
    >>> mg.linalg.ldl_factor(mg.tensor([[4.0, 2.0], [2.0, 5.0]])).LD
    tensor([[4.0000, 0.0000],
            [0.5000, 4.0000]])
    """
    LD, pivots, _ = ldl_factor_ex(A, hermitian=hermitian, check_errors=True)
    return RETURN_TYPES["linalg_ldl_factor"](LD, pivots)


@accepts_arrays
def ldl_factor_ex(A: T, *, hermitian: bool = False, check_errors: bool = False) -> T:
    """Return (LD, pivots, info); info is the first 0 of D, counted from 1, or 0.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.ldl_factor_ex.html

    >>> import minigrad as mg
    >>> mg.linalg.ldl_factor_ex(mg.zeros(2, 2)).info
    tensor(1, dtype=minigrad.int32)
    """
    name = "torch.linalg.ldl_factor_ex"
    check_square(A, name)
    check_floats(A, name)
    lead = A.shape[:-2]
    LD = np.empty(A.shape, A.dtype)
    pivots = np.empty(A.shape[:-1], np.int32)
    info = np.empty(lead, np.int32)
    for place in np.ndindex(lead):
        LD[place], pivots[place], info[place] = ops.ldl(A._data[place])
    if check_errors and info.any():
        raise RuntimeError(
            f"torch.linalg.ldl_factor: D[{info.max()},{info.max()}] is zero: the matrix is singular"
        )
    return RETURN_TYPES["linalg_ldl_factor_ex"](*map(A._wrap, (LD, pivots, info)))


@accepts_arrays
def ldl_solve(LD: T, pivots: T, B: T, *, hermitian: bool = False) -> T:
    """Return the X of A X = B from the factors of A that :func:`ldl_factor` returned.

    There is a gradient for B.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.ldl_solve.html

    >>> import minigrad as mg
    >>> factors = mg.linalg.ldl_factor(mg.tensor([[4.0, 2.0], [2.0, 5.0]]))
    >>> mg.linalg.ldl_solve(*factors, mg.tensor([[4.0], [2.0]])).flatten()
    tensor([1., 0.])
    """
    check_square(LD, "torch.linalg.ldl_solve")
    packed = LD._data
    exchanges = pivots._data
    A = np.empty(packed.shape, packed.dtype)
    for place in np.ndindex(packed.shape[:-2]):
        A[place] = ops.ldl_product(packed[place], exchanges[place])
    return solve(LD._wrap(A), B)
