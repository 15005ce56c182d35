"""Transforms of vectors and matrices, and of their parts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from minigrad import linalg
from minigrad.distributions import constraints
from minigrad.distributions.elementwise_transforms import clipped_sigmoid
from minigrad.distributions.transform import Shape, Transform, check_dims
from minigrad.distributions.utils import (
    limits,
    sum_rightmost,
    tril_matrix_to_vec,
    vec_to_tril_matrix,
)
from minigrad.functions.diagonals import diag_embed
from minigrad.functions.elementwise import softplus
from minigrad.functions.joining import cat, stack
from minigrad.functions.return_types import Size
from minigrad.functions.splitting import split
from minigrad.tensor.tensor import Tensor


class SoftmaxTransform(Transform):
    """y = exp(x) / sum exp(x): many x have the same y."""

    domain, codomain = constraints.real_vector, constraints.simplex
    _compared = ()

    def _call(self, x: Tensor) -> Tensor:
        return x.softmax(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def forward_shape(self, shape: Shape) -> Shape:
        check_dims(shape, 1)
        return shape

    inverse_shape = forward_shape


class StickBreakingTransform(Transform):
    """Each x breaks its share off what is left of a stick of length one; y is one longer."""

    domain, codomain = constraints.real_vector, constraints.simplex
    bijective, _compared = True, ()

    def _call(self, x: Tensor) -> Tensor:
        share = clipped_sigmoid(_shifted(x))
        left = (1 - share).cumprod(-1)
        return _append_one(share) * _prepend_one(left)

    def _inverse(self, y: Tensor) -> Tensor:
        parts = y[..., :-1]
        left = (1 - parts.cumsum(-1)).clamp(min=float(limits(y).tiny))
        return parts.log() - left.log() + _offsets(parts)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        x = _shifted(x)
        return (-x - softplus(-x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Shape) -> Shape:
        check_dims(shape, 1)
        return Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape: Shape) -> Shape:
        check_dims(shape, 1)
        return Size((*shape[:-1], shape[-1] - 1))


def _offsets(x: Tensor) -> Tensor:
    """Return log n, ..., log 1: x = 0 then breaks equal shares."""
    n = x.shape[-1]
    return Tensor._wrap(np.log(np.arange(n, 0, -1).astype(x.dtype)))


def _shifted(x: Tensor) -> Tensor:
    return x - _offsets(x)


def _ones_column(x: Tensor) -> Tensor:
    return x.new_ones((*x.shape[:-1], 1))


def _append_one(x: Tensor) -> Tensor:
    return cat([x, _ones_column(x)], -1)


def _prepend_one(x: Tensor) -> Tensor:
    return cat([_ones_column(x), x], -1)


def _eye_like(x: Tensor) -> Tensor:
    return Tensor._wrap(np.eye(x.shape[-1], dtype=x.dtype))


class CorrCholeskyTransform(Transform):
    """A vector of n (n - 1) / 2 numbers as the Cholesky factor of a correlation matrix (n, n)."""

    domain, codomain = constraints.real_vector, constraints.corr_cholesky
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        eps = float(limits(x).eps)
        r = vec_to_tril_matrix(x.tanh().clamp(min=-1 + eps, max=1 - eps), diag=-1)
        left = (1 - r**2).sqrt().cumprod(-1)
        return (r + _eye_like(r)) * _prepend_one(left[..., :-1])

    def _inverse(self, y: Tensor) -> Tensor:
        left = 1 - (y * y).cumsum(-1)
        before = _prepend_one(left[..., :-1])
        t = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(before, diag=-1).sqrt()
        return (t.log1p() - (-t).log1p()) / 2

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        left = tril_matrix_to_vec(1 - (y * y).cumsum(-1), diag=-2)
        of_tanh = -2 * (x + softplus(-2 * x) - math.log(2.0)).sum(-1)
        return 0.5 * left.log().sum(-1) + of_tanh

    def forward_shape(self, shape: Shape) -> Shape:
        check_dims(shape, 1)
        *batch, length = shape
        n = math.isqrt(2 * length) + 1
        if n * (n - 1) // 2 != length:
            raise ValueError(f"Input is not a flattened lower-diagonal number, got {length}")
        return Size((*batch, n, n))

    def inverse_shape(self, shape: Shape) -> Shape:
        check_dims(shape, 2)
        *batch, rows, n = shape
        if rows != n:
            raise ValueError(f"Input is not square, got {rows} by {n}")
        length = n * (n - 1) // 2
        return Size((*batch, length))


class LowerCholeskyTransform(Transform):
    """A matrix's lower triangle with exp of its diagonal."""

    domain, codomain = constraints.independent(constraints.real, 2), constraints.lower_cholesky
    _compared = ()

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + diag_embed(x.diagonal(dim1=-2, dim2=-1).exp())

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + diag_embed(y.diagonal(dim1=-2, dim2=-1).log())


class PositiveDefiniteTransform(Transform):
    """L L^T of :class:`LowerCholeskyTransform`'s L."""

    domain, codomain = constraints.independent(constraints.real, 2), constraints.positive_definite
    _compared = ()

    def _call(self, x: Tensor) -> Tensor:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Tensor) -> Tensor:
        return LowerCholeskyTransform().inv(linalg.cholesky(y))


def _cached(transforms: Sequence[Transform], cache_size: int) -> list[Transform]:
    return [t.with_cache(cache_size) if cache_size else t for t in transforms]


class CatTransform(Transform):
    """Pieces along a dimension, of these lengths, by one transform each."""

    def __init__(
        self,
        tseq: Sequence[Transform],
        dim: int = 0,
        lengths: Sequence[int] | None = None,
        cache_size: int = 0,
    ) -> None:
        super().__init__(cache_size)
        self.transforms = _cached(tseq, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        assert len(self.lengths) == len(self.transforms)
        self.dim, self.length = dim, sum(self.lengths)

    bijective = property(lambda self: all(t.bijective for t in self.transforms))  # type: ignore[assignment]

    @property
    def event_dim(self) -> int:
        return max(t.event_dim for t in self.transforms)

    @property
    def domain(self) -> constraints.Constraint:  # type: ignore[override]
        """Those of the parts."""
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @property
    def codomain(self) -> constraints.Constraint:  # type: ignore[override]
        """Those of the parts."""
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)

    def _pieces(self, x: Tensor) -> Iterator[tuple[Transform, Tensor]]:
        pieces = split(x, self.lengths, self.dim)
        yield from zip(self.transforms, pieces, strict=True)

    def _call(self, x: Tensor) -> Tensor:
        return cat([transform(piece) for transform, piece in self._pieces(x)], self.dim)

    def _inverse(self, y: Tensor) -> Tensor:
        return cat([transform.inv(piece) for transform, piece in self._pieces(y)], self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        before, after = (split(z, self.lengths, self.dim) for z in (x, y))
        terms = list(map(self._change, self.transforms, before, after))
        dim = self.dim % x.ndim - x.ndim + self.event_dim
        return cat(terms, dim) if dim < 0 else sum(terms)  # type: ignore[return-value]

    def _change(self, transform: Transform, x: Tensor, y: Tensor) -> Tensor:
        change = transform.log_abs_det_jacobian(x, y)
        return sum_rightmost(change, self.event_dim - transform.event_dim)


class StackTransform(Transform):
    """Slices along a dimension, by one transform each."""

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.transforms = _cached(tseq, cache_size)
        self.dim = dim

    bijective = property(lambda self: all(t.bijective for t in self.transforms))  # type: ignore[assignment]

    @property
    def domain(self) -> constraints.Constraint:  # type: ignore[override]
        """Those of the parts."""
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @property
    def codomain(self) -> constraints.Constraint:  # type: ignore[override]
        """Those of the parts."""
        return constraints.stack([t.codomain for t in self.transforms], self.dim)

    def _slices(self, x: Tensor) -> list[Tensor]:
        assert x.shape[self.dim] == len(self.transforms)
        return [x.select(self.dim, i) for i in range(len(self.transforms))]

    def _call(self, x: Tensor) -> Tensor:
        pairs = zip(self.transforms, self._slices(x), strict=True)
        return stack([transform(part) for transform, part in pairs], self.dim)

    def _inverse(self, y: Tensor) -> Tensor:
        pairs = zip(self.transforms, self._slices(y), strict=True)
        return stack([transform.inv(part) for transform, part in pairs], self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        parts = zip(self.transforms, self._slices(x), self._slices(y), strict=True)
        terms = [transform.log_abs_det_jacobian(a, b) for transform, a, b in parts]
        return stack(terms, self.dim)
