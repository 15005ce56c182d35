"""The normal distribution of vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import linalg
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution, standard_normal
from minigrad.functions.products import matmul
from minigrad.tensor.tensor import Tensor

_FORMS = ("covariance_matrix", "precision_matrix", "scale_tril")


class MultivariateNormal(Distribution):
    """Vectors of mean ``loc`` (..., n), and one of: their covariance, its inverse, or its Cholesky factor (..., n, n).

    https://docs.pytorch.org/docs/stable/distributions.html#multivariatenormal
    """

    has_rsample = True
    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        given = {
            n: m
            for n, m in zip(_FORMS, (covariance_matrix, precision_matrix, scale_tril), strict=True)
            if m is not None
        }
        if len(given) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
            )
        ((name, matrix),) = given.items()
        if matrix.ndim < 2:
            raise ValueError(
                f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch_shape = np.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self._parameters = ("loc", name)
        self.loc = loc.expand((*batch_shape, -1))
        self._matrices = {name: matrix.expand((*batch_shape, -1, -1))}
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args=validate_args)
        self._factor = matrix if name == "scale_tril" else _factor_of(matrix, name)

    def __getattr__(self, name: str) -> Any:
        """The three forms of the covariance, made when first asked for."""
        if name not in _FORMS:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        if name not in self._matrices:
            L = self._factor
            made = L if name == "scale_tril" else matmul(L, L.mT)
            made = linalg.inv(made) if name == "precision_matrix" else made
            self._matrices[name] = made.expand((*self.batch_shape, -1, -1))
        return self._matrices[name]

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        return (self._factor**2).sum(-1).expand(self.batch_shape + self.event_shape)

    def expand(self, batch_shape: Any) -> MultivariateNormal:
        loc = self.loc.expand((*batch_shape, -1))
        name = self._parameters[1]
        matrix = self._matrices[name].expand((*batch_shape, -1, -1))
        return MultivariateNormal(loc, **{name: matrix}, validate_args=self._validate_args)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        eps = standard_normal(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc + matmul(self._factor, eps.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        n = self.event_shape[0]
        return -0.5 * (
            n * math.log(2 * math.pi) + mahalanobis(self._factor, value - self.loc)
        ) - half_log_det(self)

    def entropy(self) -> Tensor:
        found = 0.5 * self.event_shape[0] * (1 + math.log(2 * math.pi)) + half_log_det(self)
        return found.expand(self.batch_shape)


def _factor_of(matrix: Tensor, name: str) -> Tensor:
    if name == "covariance_matrix":
        return linalg.cholesky(matrix)
    flipped = linalg.cholesky(matrix.flip(-2, -1)).flip(-2, -1).mT  # U of U U^T = the precision
    return linalg.inv(flipped)


def mahalanobis(factor: Tensor, diff: Tensor) -> Tensor:
    """Return diff^T (L L^T)^-1 diff of vectors (..., n) and factors L (..., n, n)."""
    return (linalg.solve_triangular(factor, diff.unsqueeze(-1), upper=False) ** 2).sum((-2, -1))


def half_log_det(distribution: MultivariateNormal) -> Tensor:
    """Return half the logarithm of the covariance's determinant."""
    factor = distribution._factor
    eye = Tensor._wrap(np.eye(factor.shape[-1], dtype=factor.dtype))
    return (factor * eye).sum(-1).log().sum(-1)
