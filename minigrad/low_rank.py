"""Few singular values of a large matrix, by random projection.

Halko, Martinsson and Tropp, "Finding structure with randomness" (2009), algorithms 4.4 and 5.1.
"""

from __future__ import annotations

from minigrad import linalg
from minigrad.sampling import randn
from minigrad.tensor.tensor import Tensor


def _approximate_basis(A: Tensor, q: int, niter: int) -> Tensor:
    """Return q orthonormal columns whose span holds nearly all of A: (..., n, m) -> (..., n, q)."""
    directions = randn(A.shape[-1], q, dtype=A.dtype)
    Q = linalg.qr(A @ directions).Q
    for _ in range(niter):
        Q = linalg.qr(A.mT @ Q).Q
        Q = linalg.qr(A @ Q).Q
    return Q


def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (U, S, V), the q greatest singular values of A - M and their vectors, nearly.

    (..., n, m) -> (..., n, q), (..., q), (..., m, q). The default generator draws the projection;
    ``niter`` steps of subspace iteration refine it.
    https://docs.pytorch.org/docs/stable/generated/torch.svd_lowrank.html

    >>> import minigrad as mg
    >>> U, S, V = mg.svd_lowrank(mg.eye(4) * 3, q=2)
    >>> [round(s, 3) for s in S.tolist()]
    [3.0, 3.0]
    """
    q = 6 if q is None else q
    niter = 2 if niter is None else niter
    if M is not None:
        A = A - M
    is_wide = A.shape[-2] < A.shape[-1]
    tall = A.mT if is_wide else A
    Q = _approximate_basis(tall, q, niter)
    U, S, Vh = linalg.svd(Q.mT @ tall, full_matrices=False)
    left, right = Q @ U, Vh.mT
    return (right, S, left) if is_wide else (left, S, right)


def pca_lowrank(
    A: Tensor, q: int | None = None, center: bool = True, niter: int = 2
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (U, S, V) of A less the mean of its rows: V's columns are the principal directions.

    q is min(6, n, m) by default; see :func:`svd_lowrank`. Raises ValueError for a q beyond n or m.
    https://docs.pytorch.org/docs/stable/generated/torch.pca_lowrank.html

    >>> import minigrad as mg
    >>> U, S, V = mg.pca_lowrank(mg.eye(4), q=2)
    >>> [round(s, 3) for s in S.tolist()]
    [1.0, 1.0]
    """
    smaller = min(A.shape[-2:])
    if q is None:
        q = min(6, smaller)
    if not 0 <= q <= smaller:
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)={smaller}"
        )
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    if center:
        A = A - A.mean(dim=-2, keepdim=True)
    return svd_lowrank(A, q, niter)
