"""Linear algebra, batched: ``minigrad.linalg`` is what ``torch.linalg`` is there.

Every function takes (..., n, m) and is differentiable to any order but where it says so.
https://docs.pytorch.org/docs/stable/linalg.html
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.functions import diagonals, reduction, shape
from minigrad.functions import products as product
from minigrad.functions.arguments import accepts_arrays, not_a_tensor_error
from minigrad.functions.norm import called
from minigrad.functions.norm import matrix_norm as matrix_norm
from minigrad.functions.norm import norm as norm
from minigrad.functions.norm import svdvals as svdvals
from minigrad.functions.norm import vector_norm as vector_norm
from minigrad.ops import linalg as ops
from minigrad.ops.elementwise import where
from minigrad.ops.linalg import LinAlgError as LinAlgError
from minigrad.primitive import primitive

__all__ = [
    "LinAlgError", "cholesky", "cross", "det", "eigh", "eigvalsh", "inv", "logdet", "lstsq", "matmul",
    "matrix_norm", "matrix_power", "multi_dot", "norm", "pinv", "pinverse", "qr", "slogdet", "solve",
    "solve_triangular", "svd", "svdvals", "vector_norm",
]  # fmt: skip

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


def _checked(A: T, name: str, square: bool = False, half: bool = False) -> None:
    """Refuse what is no float matrix, with PyTorch's words."""
    if not hasattr(A, "ndim"):
        raise not_a_tensor_error(name, "A", 1, A)
    if A.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions.")
    if square and A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} matrices"
        )
    if A.dtype.kind != "f":
        raise NotImplementedError(
            f"{name}: Expected a floating point or complex tensor as input. Got {called(A.dtype)}"
        )
    if A.dtype == np.float16 and not half:
        raise NotImplementedError(f"{name}: Low precision dtypes not supported. Got Half")


# ---- determinants, inverses, systems ----------------------------------------------------------
def det(A: T) -> T:
    """Return the determinants (...,) of square matrices; of singular ones the gradient, too, is right.

    >>> import minigrad as mg
    >>> mg.linalg.det(mg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.)
    """
    _checked(A, "linalg.det", square=True)
    return ops.det(A)


def slogdet(A: T) -> SlogDet:
    """Return (sign, logabsdet) of square matrices; the sign has no gradient."""
    _checked(A, "linalg.slogdet", square=True)
    return SlogDet(ops.sign_of_det(A), ops.logabsdet(A))


def logdet(A: T) -> T:
    """Return the logarithm of the determinant: nan where that is negative, -inf where it is 0."""
    sign, logabsdet = slogdet(A)
    return where(sign < 0, math.nan, logabsdet)


def inv(A: T) -> T:
    """Return the inverses of square matrices; raise LinAlgError for a singular one."""
    _checked(A, "linalg.inv", square=True)
    return ops.inv(A)


def solve(A: T, B: T, *, left: bool = True) -> T:
    """Return the X of A X = B (of X A = B with ``left=False``): (..., n, n) with (..., n, k), (n,) or (..., n).

    Raises LinAlgError for a singular A, RuntimeError for shapes that do not fit and for two dtypes.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.solve.html
    """
    _checked(A, "linalg.solve", square=True)
    if A.dtype != B.dtype:
        raise RuntimeError(
            "linalg.solve: Expected A and B to have the same dtype, but found A of type "
            f"{called(A.dtype)} and B of type {called(B.dtype)} instead"
        )
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1])
    if vector:
        B = shape.unsqueeze(B, -1)
    if A.shape[-1] != B.shape[-2 if left else -1] and not (vector and A.shape[-1] == B.shape[-2]):
        sizes = "x".join(map(str, A.shape[-2:])), "x".join(map(str, B.shape[-2:]))
        equation = "AX = B" if left else "XA = B"
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation {equation} ({sizes[0]} and {sizes[1]})"
        )
    if left:
        X = ops.solve(A, B)
    elif vector:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for left=False."
        )
    else:
        X = ops.mT(ops.solve(ops.mT(A), ops.mT(B)))
    return shape.squeeze(X, -1) if vector else X


def solve_triangular(
    A: T, B: T, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> T:
    """Return the X of A X = B, where one triangle of A counts: (..., n, n), (..., n, k) -> (..., n, k).

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.solve_triangular.html
    """
    _checked(A, "linalg.solve_triangular", square=True)
    if B.ndim < 2 or A.shape[-1] != B.shape[-2 if left else -1]:
        raise RuntimeError(
            "linalg.solve_triangular: Incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({list(A.shape)} and {list(B.shape)})"
        )
    ones = np.ones(A.shape[-2:], A.dtype)
    A = A * (np.triu(ones, int(unitriangular)) if upper else np.tril(ones, -int(unitriangular)))
    A = A + np.eye(A.shape[-1], dtype=A.dtype) if unitriangular else A
    return ops.solve(A, B) if left else ops.mT(ops.solve(ops.mT(A), ops.mT(B)))


@accepts_arrays
def matrix_power(A: T, n: int) -> T:
    """Return A to an integer power, by squaring; negative powers are those of the inverse."""
    if A.ndim < 2:
        raise RuntimeError(
            "linalg.matrix_power: The input tensor A must have at least 2 dimensions."
        )
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"linalg.matrix_power: A must be batches of square matrices, but they are {A.shape[-2]} by "
            f"{A.shape[-1]} matrices"
        )
    if n < 0:
        A, n = inv(A), -n
    if n == 0:  # infinities, too, have a gradient of 0
        return where(np.ones(A.shape, bool), np.eye(A.shape[-1], dtype=A.dtype), A)
    if n == 1:
        return shape.clone(A)
    result = None
    while True:
        if n % 2:
            result = A if result is None else product.matmul(result, A)
        n //= 2
        if not n:
            return result
        A = product.matmul(A, A)


def multi_dot(tensors: Sequence[T]) -> T:
    """Return the product of two matrices or more in the cheapest order; the ends may be vectors."""
    xs = list(tensors)
    if len(xs) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(xs)}")
    for which, i in (("first", 0), ("last", -1)):
        if xs[i].ndim not in (1, 2):
            raise RuntimeError(
                f"multi_dot(): the {which} tensor must be 1D or 2D but got {xs[i].ndim}D"
            )
    front, back = xs[0].ndim == 1, xs[-1].ndim == 1
    xs[0] = shape.unsqueeze(xs[0], 0) if front else xs[0]
    xs[-1] = shape.unsqueeze(xs[-1], -1) if back else xs[-1]
    for i, x in enumerate(xs):
        if x.ndim != 2:
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D but got {x.ndim}D")
        if i and xs[i - 1].shape[1] != x.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {i - 1} and {i} with shapes {list(xs[i - 1].shape)} and {list(x.shape)} "
                "cannot be multiplied"
            )
    result = _chain(xs, [x.shape[0] for x in xs] + [xs[-1].shape[1]])
    return (
        reduction.sum(result, tuple(i for i, gone in ((0, front), (1, back)) if gone))
        if front or back
        else result
    )


def _chain(xs: list[T], sizes: list[int]) -> T:
    """Multiply in the order that costs least (dynamic programming over where to cut)."""

    @functools.lru_cache(None)
    def best(i: int, j: int) -> tuple[int, int]:
        if i == j:
            return 0, i
        return min(
            (best(i, k)[0] + best(k + 1, j)[0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
            for k in range(i, j)
        )

    def made(i: int, j: int) -> T:
        if i == j:
            return xs[i]
        cut = best(i, j)[1]
        return product.mm(made(i, cut), made(cut + 1, j))

    return made(0, len(xs) - 1)


# ---- factors ----------------------------------------------------------------------------------
def cholesky(A: T, *, upper: bool = False) -> T:
    """Return the lower L of L L^T = A (upper: its transpose); LinAlgError where A is not positive definite."""
    _checked(A, "linalg.cholesky", square=True)
    L = ops.cholesky(ops.mT(A) if upper else A)
    return ops.mT(L) if upper else L


def qr(A: T, mode: str = "reduced") -> QR:
    """Return (Q, R). ``mode="complete"`` (n > m) and ``"r"`` have no gradient, as in PyTorch.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.qr.html
    """
    _checked(A, "linalg.qr")
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    if mode == "r":
        return QR(A.detach().reshape(-1)[:0], _one_way(A, what=_r, why=_QR_R))
    if mode == "complete" and A.shape[-2] > A.shape[-1]:
        return QR(*(_one_way(A, what=f, why=_QR_COMPLETE) for f in (_complete_q, _complete_r)))
    return QR(*ops.unpack(ops.qr(A), *ops.qr_shapes(A)))


def _refused(_g: Any, _out: Any, _x: Any, *, what: Any, why: str) -> Any:
    raise RuntimeError(why)


@primitive(_refused)
def _one_way(x: np.ndarray, *, what: Any, why: str) -> np.ndarray:
    """A factor of x that is not unique: computed, and its gradient refused with the reason."""
    return np.ascontiguousarray(what(x))


def _r(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.qr(x, mode="r"))


def _complete_q(x: np.ndarray) -> np.ndarray:
    return np.linalg.qr(x, mode="complete")[0]


def _complete_r(x: np.ndarray) -> np.ndarray:
    return np.linalg.qr(x, mode="complete")[1]


_QR_R = "The derivative of linalg.qr depends on Q, which is not computed when in mode='r'. Please use linalg.qr(A, mode='reduced') if you are going to require gradients."
_QR_COMPLETE = "The QR decomposition is not differentiable when mode='complete' and nrows > ncols."


def svd(A: T, full_matrices: bool = True) -> SVD:
    """Return (U, S, Vh), singular values falling.

    Gradients of U and Vh are infinite where singular values are equal; what ``full_matrices`` adds to them, vectors of
    the null space, which are not unique, is a constant to the gradient, as in PyTorch.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.svd.html
    """
    _checked(A, "linalg.svd")
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
def eigh(A: T, UPLO: str = "L") -> Eigh:
    """Return (eigenvalues, eigenvectors) of symmetric matrices, rising; one triangle of A is read."""
    if A.ndim >= 2 and A.dtype.kind != "f" and A.shape[-1] == A.shape[-2]:
        raise NotImplementedError(f"\"linalg_eigh_cpu\" not implemented for '{called(A.dtype)}'")
    _checked(A, "linalg.eigh", square=True)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    n = A.shape[-1]
    return Eigh(*ops.unpack(ops.eigh(A, lower=UPLO.upper() == "L"), (n,), (n, n)))


def eigvalsh(A: T, UPLO: str = "L") -> T:
    """Return the eigenvalues of symmetric matrices, rising."""
    return eigh(A, UPLO).eigenvalues


@accepts_arrays
def pinv(A: T, rcond: float | None = None, hermitian: bool = False, *, atol: float | None = None,
         rtol: float | None = None) -> T:  # fmt: skip
    """Return the pseudoinverse (..., m, n); singular values up to max(atol, rtol * largest) count as 0.

    ``rtol`` (``rcond`` of old) is max(n, m) eps by default, 0 where atol > 0 is given. With ``hermitian`` only the
    lower triangle is read.
    """
    rtol = rcond if rtol is None else rtol
    if A.ndim < 2 or A.dtype.kind != "f" or A.dtype == np.float16:
        raise RuntimeError(
            f"linalg.pinv({called(A.dtype)}{{{list(A.shape)}}}): expected a tensor with 2 or more dimensions of "
            "float, double, cfloat or cdouble types"
        )
    if hermitian:
        _checked(A, "linalg.pinv", square=True)
        mean, lower = (A + ops.mT(A)) * 0.5, diagonals.tril(A.detach())
        A = mean + (
            lower + ops.mT(diagonals.tril(A.detach(), -1)) - mean.detach()
        )  # the gradient is symmetric
    if rtol is None:
        rtol = 0.0 if atol else max(A.shape[-2:]) * float(np.finfo(A.dtype).eps)
    return ops.pinv(A, atol=float(atol or 0.0), rtol=float(rtol))


@accepts_arrays
def pinverse(input: T, rcond: float = 1e-15) -> T:
    """Return the pseudoinverse of matrices; see :func:`pinv`."""
    return pinv(input, rcond)


def lstsq(A: T, B: T, rcond: float | None = None, *, driver: str | None = None) -> Lstsq:
    """Return the X that makes ||A X - B|| least, by the pseudoinverse: (..., n, m), (..., n, k) -> (..., m, k).

    ``residuals`` are there where n > m and every A has full rank, ``singular_values`` with driver "gelss"
    or "gelsd". Raises RuntimeError for shapes that do not fit.
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.lstsq.html
    """
    _checked(A, "torch.linalg.lstsq")
    vector = B.ndim == 1 or (A.ndim - 1 == B.ndim and B.shape == A.shape[:-1])
    if A.shape[-2] != B.shape[-1 if vector else -2]:
        raise RuntimeError(
            f"torch.linalg.lstsq: input.size(-2) should match other.size({-1 if vector else -2}), got "
            f"{list(A.shape)} and {list(B.shape)}"
        )
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            f"torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got {driver}"
        )
    B = shape.unsqueeze(B, -1) if vector else B
    rtol = max(A.shape[-2:]) * float(np.finfo(A.dtype).eps) if rcond is None else rcond
    X = product.matmul(pinv(A, rtol=rtol), B)
    values = svdvals(A.detach())
    rank = (values > values[..., :1] * rtol).sum(-1)
    full = bool((rank == A.shape[-1]).all()) and A.shape[-2] > A.shape[-1]
    empty = A.detach().reshape(-1)[:0]
    residuals = (
        reduction.sum((product.matmul(A, X) - B) ** 2, -2)
        if full and driver != "gelsy" and driver
        else empty
    )
    return Lstsq(
        shape.squeeze(X, -1) if vector else X,
        residuals,
        rank if driver != "gels" else rank[..., :0].reshape(-1)[:0] if rank.ndim else empty.long(),
        values if driver in ("gelss", "gelsd") else empty,
    )


def cross(input: T, other: T, *, dim: int = -1) -> T:
    """Return the vector product along ``dim``, of length 3."""
    return product.cross(input, other, dim)


matmul = product.matmul
