"""The normal distribution of vectors whose covariance is a diagonal and a factor of low rank."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import linalg
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution
from minigrad.distributions.multivariate_normal import mahalanobis
from minigrad.distributions.utils import lazy_property, standard_normal
from minigrad.functions.diagonals import diag_embed, diagonal
from minigrad.functions.products import matmul
from minigrad.tensor.tensor import Tensor


class LowRankMultivariateNormal(Distribution):
    """Vectors of mean ``loc`` (..., n) and covariance W Wᵀ + diag(D), W (..., n, m), D (..., n).

    Its inverse and its determinant take those of an m × m matrix only (Woodbury's identity).
    https://docs.pytorch.org/docs/stable/distributions.html#lowrankmultivariatenormal
    """

    has_rsample = True
    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector  # type: ignore[assignment]

    def __init__(
        self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None
    ) -> None:
        _check_shapes(loc, cov_factor, cov_diag)
        batches = (loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        try:
            batch_shape = np.broadcast_shapes(*batches)
        except ValueError as error:
            shapes = f"loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag {cov_diag.shape}"
            raise ValueError(f"Incompatible batch shapes: {shapes}") from error
        self.loc = loc.expand((*batch_shape, -1))
        self.cov_factor = cov_factor.expand((*batch_shape, -1, -1))
        self.cov_diag = cov_diag.expand((*batch_shape, -1))
        super().__init__(batch_shape, loc.shape[-1:], validate_args=validate_args)

    @lazy_property
    def _capacitance(self) -> Tensor:
        """The Cholesky factor of I + Wᵀ D⁻¹ W, (..., m, m)."""
        W = self.cov_factor
        scaled = W / self.cov_diag.unsqueeze(-1)
        return linalg.cholesky(matmul(scaled.mT, W) + _eye_like(W, W.shape[-1]))

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @lazy_property
    def variance(self) -> Tensor:  # type: ignore[override]
        """The covariance's diagonal, (..., n)."""
        return (self.cov_factor**2).sum(-1) + self.cov_diag

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """W Wᵀ + diag(D), (..., n, n)."""
        W = self.cov_factor
        return matmul(W, W.mT) + diag_embed(self.cov_diag)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The covariance's Cholesky factor, (..., n, n)."""
        root = self.cov_diag.sqrt().unsqueeze(-1)
        W = self.cov_factor / root
        return root * linalg.cholesky(matmul(W, W.mT) + _eye_like(W, W.shape[-2]))

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The covariance's inverse, (..., n, n)."""
        scaled = self.cov_factor / self.cov_diag.unsqueeze(-1)
        A = linalg.solve_triangular(self._capacitance, scaled.mT, upper=False)
        return diag_embed(self.cov_diag.reciprocal()) - matmul(A.mT, A)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        dtype = self.loc.dtype
        rank = self.cov_factor.shape[-1:]
        common = standard_normal(shape[:-1] + rank, dtype)
        own = standard_normal(shape, dtype)
        shared = matmul(self.cov_factor, common.unsqueeze(-1))
        spread = self.cov_diag.sqrt() * own
        return self.loc + shared.squeeze(-1) + spread

    def _log_det(self) -> Tensor:
        of_capacitance = diagonal(self._capacitance, dim1=-2, dim2=-1).log().sum(-1)
        return 2 * of_capacitance + self.cov_diag.log().sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        diff = value - self.loc
        scaled = diff / self.cov_diag
        projected = matmul(self.cov_factor.mT, scaled.unsqueeze(-1))
        along = (diff * scaled).sum(-1)
        common = mahalanobis(self._capacitance, projected.squeeze(-1))
        distance = along - common
        constant = self.event_shape[0] * math.log(2 * math.pi)
        return -0.5 * (constant + self._log_det() + distance)

    def entropy(self) -> Tensor:
        constant = self.event_shape[0] * (1 + math.log(2 * math.pi))
        return 0.5 * (constant + self._log_det())


def _eye_like(x: Tensor, n: int) -> Tensor:
    return Tensor._wrap(np.eye(n, dtype=x.dtype))


def _check_shapes(loc: Tensor, cov_factor: Tensor, cov_diag: Tensor) -> None:
    if loc.ndim < 1:
        raise ValueError(f"loc must be at least one-dimensional, got {loc}")
    event_shape = loc.shape[-1:]
    if cov_factor.ndim < 2:
        raise ValueError(
            "cov_factor must be at least two-dimensional, with optional leading batch dimensions; "
            f"got shape {cov_factor.shape}"
        )
    if cov_factor.shape[-2:-1] != event_shape:
        n = event_shape[0]
        raise ValueError(f"cov_factor must be a batch of matrices with shape {n} x m")
    if cov_diag.shape[-1:] != event_shape:
        raise ValueError(f"cov_diag must be a batch of vectors with shape {event_shape}")
