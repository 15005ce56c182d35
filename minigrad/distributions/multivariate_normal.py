"""The normal distribution of vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import linalg
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution
from minigrad.distributions.utils import lazy_property, standard_normal
from minigrad.functions.products import matmul
from minigrad.tensor.tensor import Tensor

_FORMS = ("covariance_matrix", "precision_matrix", "scale_tril")


class MultivariateNormal(Distribution):
    """Vectors of mean ``loc`` (..., n) and a covariance (..., n, n).

    One of three is given: the covariance, its inverse, or its Cholesky factor.
    https://docs.pytorch.org/docs/stable/distributions.html#multivariatenormal
    """

    has_rsample = True
    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector  # type: ignore[assignment]

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.ndim < 1:
            raise ValueError(f"loc must be at least one-dimensional. Got shape {tuple(loc.shape)}")
        forms = zip(_FORMS, (covariance_matrix, precision_matrix, scale_tril), strict=True)
        matrices = [(name, matrix) for name, matrix in forms if matrix is not None]
        if len(matrices) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                f"specified. Got {len(matrices)}"
            )
        ((name, matrix),) = matrices
        if matrix.ndim < 2:
            raise ValueError(
                f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch_shape = np.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self.loc = loc.expand((*batch_shape, -1))
        setattr(self, name, matrix.expand((*batch_shape, -1, -1)))
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args=validate_args)
        self._factor = matrix if name == "scale_tril" else _cholesky_factor(matrix, name)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor L of the covariance, (..., n, n)."""
        return self._expanded(self._factor)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """L L^T, (..., n, n)."""
        return self._expanded(matmul(self._factor, self._factor.mT))

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance, (..., n, n)."""
        return self._expanded(linalg.inv(matmul(self._factor, self._factor.mT)))

    def _expanded(self, matrix: Tensor) -> Tensor:
        return matrix.expand((*self.batch_shape, -1, -1))

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        return (self._factor**2).sum(-1).expand(self.batch_shape + self.event_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        eps = standard_normal(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc + matmul(self._factor, eps.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        constant = self.event_shape[0] * math.log(2 * math.pi)
        distance = mahalanobis(self._factor, value - self.loc)
        return -0.5 * (constant + distance) - half_log_det(self)

    def entropy(self) -> Tensor:
        constant = 0.5 * self.event_shape[0] * (1 + math.log(2 * math.pi))
        return (constant + half_log_det(self)).expand(self.batch_shape)


def _cholesky_factor(matrix: Tensor, name: str) -> Tensor:
    if name == "covariance_matrix":
        return linalg.cholesky(matrix)
    flipped = linalg.cholesky(matrix.flip(-2, -1)).flip(-2, -1).mT  # U of U U^T = the precision
    return linalg.inv(flipped)


def mahalanobis(factor: Tensor, diff: Tensor) -> Tensor:
    """Return diff^T (L L^T)^-1 diff of vectors (..., n) and factors L (..., n, n)."""
    whitened = linalg.solve_triangular(factor, diff.unsqueeze(-1), upper=False)
    return (whitened**2).sum((-2, -1))


def half_log_det(distribution: MultivariateNormal) -> Tensor:
    """Return half the logarithm of the covariance's determinant."""
    factor = distribution._factor
    eye = Tensor._wrap(np.eye(factor.shape[-1], dtype=factor.dtype))
    return (factor * eye).sum(-1).log().sum(-1)
