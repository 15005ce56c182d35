"""Weights that stay orthogonal matrices, as maps of skew-symmetric or triangular ones."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from minigrad import linalg
from minigrad.functions.joining import cat
from minigrad.modes import no_grad
from minigrad.nn.module import Module
from minigrad.nn.utils.parametrize import register_parametrization, tensor_of
from minigrad.random import default_generator
from minigrad.tensor.tensor import Tensor

M = TypeVar("M", bound=Module)
MAPS = ("matrix_exp", "cayley", "householder")


def _householder(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return the reflections of the QR decomposition, (n, k) and (k,)."""
    reflections, tau = np.linalg.qr(matrix._data, mode="raw")
    return Tensor._wrap(np.swapaxes(reflections, -2, -1).copy()), Tensor._wrap(tau)


def _diagonal(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1)


def _is_orthogonal(q: Tensor) -> bool:
    n, k = q.shape[-2:]
    identity = np.eye(k, dtype=q.dtype)
    tolerance = 10.0 * n * float(np.finfo(q.dtype).eps)
    product = (q.mT @ q)._data
    return bool(np.allclose(product, identity, atol=tolerance))


def _made_orthogonal(matrix: Tensor) -> Tensor:
    reflections, tau = _householder(matrix)
    q = linalg.householder_product(reflections, tau)
    return q * _diagonal(reflections).sign().unsqueeze(-2)


class _Orthogonal(Module):
    def __init__(self, weight: Tensor, orthogonal_map: str, *, use_trivialization: bool) -> None:
        super().__init__()
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        is_wide = X.shape[-2] < X.shape[-1]
        X = X.mT if is_wide else X
        Q = self._reflected(X) if self.orthogonal_map == "householder" else self._rotated(X)
        if hasattr(self, "base"):
            Q = self.base @ Q
        return Q.mT if is_wide else Q

    def _rotated(self, X: Tensor) -> Tensor:
        """Return the exponential, or Cayley's transform, of the skew-symmetric matrix of X."""
        n, k = X.shape[-2:]
        X = X.tril()
        if n != k:
            zeros = X.new_zeros(*X.shape[:-1], n - k)
            X = cat([X, zeros], -1)
        A = X - X.mT
        if self.orthogonal_map == "matrix_exp":
            Q = linalg.matrix_exp(A)
        else:
            identity = Tensor._wrap(np.eye(n, dtype=A.dtype))
            Q = linalg.solve(identity - A / 2, identity + A / 2)
        return Q[..., :k] if n != k else Q

    def _reflected(self, X: Tensor) -> Tensor:
        """Return the product of the reflections whose vectors are the columns of X."""
        A = X.tril(-1)
        tau = 2.0 / (1.0 + (A * A).sum(-2))
        Q = linalg.householder_product(A, tau)
        signs = _diagonal(X).int().to(X.dtype)
        return Q * signs.unsqueeze(-2)

    @no_grad()
    def right_inverse(self, Q: Tensor) -> Tensor:
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. "
                f"Got a tensor of shape {Q.shape}."
            )
        is_wide = Q.shape[-2] < Q.shape[-1]
        matrix = Q.detach().mT if is_wide else Q.detach()
        if hasattr(self, "base"):
            self.base = _completed(matrix)
            negative = np.zeros(Q.shape, Q.dtype)
            diagonal = np.arange(min(Q.shape[-2:]))
            negative[..., diagonal, diagonal] = -1
            return Tensor._wrap(negative)
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley "
                "parametrizations when use_trivialization=False, and orthogonal_map is "
                f"{self.orthogonal_map!r}"
            )
        A, tau = _householder(matrix)
        signs = _diagonal(A).sign()
        signs = signs * (1 - 2 * (tau == 0).to(A.dtype))
        diagonal = np.arange(A.shape[-1])
        A._data[..., diagonal, diagonal] = signs._data
        return A.mT if is_wide else A


def _completed(matrix: Tensor) -> Tensor:
    """Return an orthogonal square matrix whose first columns span those of ``matrix``."""
    n, k = matrix.shape[-2:]
    if n != k:
        shape = (*matrix.shape[:-1], n - k)
        drawn = default_generator.normal(shape, dtype=matrix.dtype)
        matrix = cat([matrix, Tensor._wrap(drawn)], -1)
    elif _is_orthogonal(matrix):
        return matrix.clone()
    return _made_orthogonal(matrix)


def orthogonal(
    module: M,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> M:
    """Keep a weight orthogonal: its rows, or its columns if it is tall, are of length 1 and square.

    ``orthogonal_map`` is "matrix_exp" (of square matrices the default), "cayley" or "householder".
    With ``use_trivialization`` the weight is a matrix times the map of the original, which begins
    as that of the identity. Raises ValueError for another map, and for a tensor without a matrix.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.orthogonal.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> layer = orthogonal(nn.Linear(3, 2))
    >>> bool(mg.allclose(layer.weight @ layer.weight.T, mg.eye(2), atol=1e-6))
    True
    """
    weight = tensor_of(module, name)
    if weight.ndim < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions."
        )
    if orthogonal_map is None:
        is_square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if is_square else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
            f"Got: {orthogonal_map}"
        )
    parametrization = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    register_parametrization(module, name, parametrization, unsafe=True)
    return module
