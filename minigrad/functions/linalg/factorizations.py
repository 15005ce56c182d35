"""Matrices as products: Cholesky, QR, singular values, eigenvalues.

https://docs.pytorch.org/docs/stable/linalg.html#decompositions
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minigrad.functions.arguments import accepts_arrays
from minigrad.functions.linalg.checks import check_matrix, dtype_word
from minigrad.ops import linalg as ops
from minigrad.primitive import primitive

T = Any  # a Tensor, which this floor does not know


class QR(NamedTuple):
    """What :func:`qr` returns."""

    Q: Any
    R: Any


class SVD(NamedTuple):
    """What :func:`svd` returns."""

    U: Any
    S: Any
    Vh: Any


class Eigh(NamedTuple):
    """What :func:`eigh` returns."""

    eigenvalues: Any
    eigenvectors: Any


def cholesky(A: T, *, upper: bool = False) -> T:
    """Return the lower L of L Lᵀ = A (with ``upper`` its transpose): (..., n, n) -> (..., n, n).

    Raises LinAlgError where A is not positive definite.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.cholesky.html

    >>> import minigrad as mg
    >>> mg.linalg.cholesky(mg.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    check_matrix(A, "linalg.cholesky", square=True)
    L = ops.cholesky(ops.mT(A) if upper else A)
    return ops.mT(L) if upper else L


_QR_MODES = ("reduced", "complete", "r")
_NO_GRADIENT_OF_R = (
    "The derivative of linalg.qr depends on Q, which is not computed when in mode='r'. "
    "Please use linalg.qr(A, mode='reduced') if you are going to require gradients."
)
_NO_GRADIENT_OF_COMPLETE = (
    "The QR decomposition is not differentiable when mode='complete' and nrows > ncols."
)


def qr(A: T, mode: str = "reduced") -> QR:
    """Return (Q, R), Q with orthonormal columns and R upper triangular.

    (..., n, m) -> (..., n, k), (..., k, m), k the lesser of n and m.
    ``mode="complete"`` (n > m) and ``"r"`` have no gradient, as in PyTorch.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.qr.html

    >>> import minigrad as mg
    >>> q, r = mg.linalg.qr(mg.eye(2))
    >>> q.shape, r.shape
    ((2, 2), (2, 2))
    """
    check_matrix(A, "linalg.qr")
    if mode not in _QR_MODES:
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of "
            "'reduced' (default), 'r', or 'complete'"
        )
    if mode == "r":
        no_Q = A.detach().reshape(-1)[:0]
        return QR(no_Q, _without_gradient(A, factor=_only_R, reason=_NO_GRADIENT_OF_R))
    if mode == "complete" and A.shape[-2] > A.shape[-1]:
        reason = _NO_GRADIENT_OF_COMPLETE
        Q = _without_gradient(A, factor=_complete_Q, reason=reason)
        R = _without_gradient(A, factor=_complete_R, reason=reason)
        return QR(Q, R)
    return QR(*ops.unpack(ops.qr(A), *ops.qr_shapes(A)))


def _refuse_gradient(_g: Any, _out: Any, _x: Any, *, factor: Any, reason: str) -> Any:
    raise RuntimeError(reason)


@primitive(_refuse_gradient)
def _without_gradient(x: np.ndarray, *, factor: Any, reason: str) -> np.ndarray:
    """A factor of x that is not unique: computed, and its gradient refused with the reason."""
    return np.ascontiguousarray(factor(x))


def _only_R(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.qr(x, mode="r"))


def _complete_Q(x: np.ndarray) -> np.ndarray:
    return np.linalg.qr(x, mode="complete")[0]


def _complete_R(x: np.ndarray) -> np.ndarray:
    return np.linalg.qr(x, mode="complete")[1]


def svd(A: T, full_matrices: bool = True) -> SVD:
    """Return (U, S, Vh) of A = U diag(S) Vh, singular values falling.

    Gradients of U and Vh are infinite where singular values are equal. What ``full_matrices`` adds
    to them, vectors of the null space, is not unique and so a constant to the gradient, as in
    PyTorch. https://docs.pytorch.org/docs/stable/generated/torch.linalg.svd.html

    >>> import minigrad as mg
    >>> _, s, _ = mg.linalg.svd(mg.tensor([[3.0, 0.0], [0.0, 4.0]]))
    >>> s
    tensor([4., 3.])
    """
    check_matrix(A, "linalg.svd")
    U, S, Vh = ops.unpack(ops.svd(A), *ops.svd_shapes(A))
    n, m = A.shape[-2:]
    if full_matrices and n != m:
        left, _, right = np.linalg.svd(A.detach()._data)
        if n > m:
            U = np.concatenate([U, left[..., m:]], axis=-1)
        else:
            Vh = np.concatenate([Vh, right[..., n:, :]], axis=-2)
    return SVD(U, S, Vh)


@accepts_arrays
def svdvals(A: T) -> T:
    """Return the singular values (..., min(n, m)) of matrices (..., n, m), falling.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.svdvals.html

    >>> import minigrad as mg
    >>> mg.linalg.svdvals(mg.tensor([[0.0, 2.0], [1.0, 0.0]]))
    tensor([2., 1.])
    """
    check_matrix(A, "linalg.svd")
    return ops.unpack(ops.svd(A), *ops.svd_shapes(A))[1]


@accepts_arrays
def eigh(A: T, UPLO: str = "L") -> Eigh:
    """Return (eigenvalues, eigenvectors) of symmetric matrices, rising; one triangle of A is read.

    (..., n, n) -> (..., n), (..., n, n).
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.eigh.html

    >>> import minigrad as mg
    >>> values, _ = mg.linalg.eigh(mg.tensor([[2.0, 0.0], [0.0, 1.0]]))
    >>> values
    tensor([1., 2.])
    """
    is_square = A.ndim >= 2 and A.shape[-1] == A.shape[-2]
    if is_square and A.dtype.kind != "f":
        raise NotImplementedError(f"linalg.eigh: not implemented for '{dtype_word(A.dtype)}'")
    check_matrix(A, "linalg.eigh", square=True)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    n = A.shape[-1]
    packed = ops.eigh(A, lower=UPLO.upper() == "L")
    return Eigh(*ops.unpack(packed, (n,), (n, n)))


def eigvalsh(A: T, UPLO: str = "L") -> T:
    """Return the eigenvalues (..., n) of symmetric matrices, rising; see :func:`eigh`.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.eigvalsh.html

    >>> import minigrad as mg
    >>> mg.linalg.eigvalsh(mg.tensor([[2.0, 1.0], [1.0, 2.0]]))
    tensor([1., 3.])
    """
    return eigh(A, UPLO).eigenvalues
