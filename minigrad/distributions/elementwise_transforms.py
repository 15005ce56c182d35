"""Transforms of each element by itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.distributions import constraints
from minigrad.distributions.transform import Shape, Transform
from minigrad.distributions.utils import broadcast_all, constant_like, limits, sum_rightmost
from minigrad.functions.elementwise import atanh, softplus
from minigrad.functions.return_types import Size
from minigrad.tensor.tensor import Tensor


def clipped_sigmoid(x: Tensor) -> Tensor:
    """Return the sigmoid, kept away from 0 and 1, where its inverse is infinite."""
    bounds = limits(x)
    return x.sigmoid().clamp(min=float(bounds.tiny), max=1.0 - float(bounds.eps))


def _broadcast(shape: Shape, *parameters: Any) -> Size:
    return Size(np.broadcast_shapes(tuple(shape), *(getattr(p, "shape", ()) for p in parameters)))


class ExpTransform(Transform):
    """y = exp(x).

    >>> import minigrad as mg
    >>> mg.distributions.ExpTransform().inv(mg.tensor(1.0))
    tensor(0.)
    """

    domain, codomain = constraints.real, constraints.positive
    bijective, sign, _compared = True, 1, ()

    def _call(self, x: Tensor) -> Tensor:
        return x.exp()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x


class PowerTransform(Transform):
    """y = x**exponent of positive x."""

    domain, codomain = constraints.positive, constraints.positive
    bijective, _compared = True, ("exponent",)

    def __init__(self, exponent: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        (self.exponent,) = broadcast_all(exponent)

    @property
    def sign(self) -> Tensor:  # type: ignore[override]
        """That of the exponent."""
        return self.exponent.sign()

    def _call(self, x: Tensor) -> Tensor:
        return x**self.exponent

    def _inverse(self, y: Tensor) -> Tensor:
        return y ** (1 / self.exponent)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return (self.exponent * y / x).abs().log()

    def forward_shape(self, shape: Shape) -> Shape:
        return _broadcast(shape, self.exponent)

    inverse_shape = forward_shape


class SigmoidTransform(Transform):
    """y = 1 / (1 + exp(-x))."""

    domain, codomain = constraints.real, constraints.unit_interval
    bijective, sign, _compared = True, 1, ()

    def _call(self, x: Tensor) -> Tensor:
        return clipped_sigmoid(x)

    def _inverse(self, y: Tensor) -> Tensor:
        bounds = limits(y)
        y = y.clamp(min=float(bounds.tiny), max=1.0 - float(bounds.eps))
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -softplus(-x) - softplus(x)


class SoftplusTransform(Transform):
    """y = log(1 + exp(x))."""

    domain, codomain = constraints.real, constraints.positive
    bijective, sign, _compared = True, 1, ()

    def _call(self, x: Tensor) -> Tensor:
        return softplus(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return (-((-y).expm1())).log() + y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -softplus(-x)


class TanhTransform(Transform):
    """y = tanh(x); ``cache_size=1`` keeps its inverse finite where y rounds to 1."""

    domain, codomain = constraints.real, constraints.interval(-1.0, 1.0)
    bijective, sign, _compared = True, 1, ()

    def _call(self, x: Tensor) -> Tensor:
        return x.tanh()

    def _inverse(self, y: Tensor) -> Tensor:
        return atanh(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return 2.0 * (math.log(2.0) - x - softplus(-2.0 * x))


class AbsTransform(Transform):
    """y = |x|, which has no inverse but the positive one."""

    domain, codomain = constraints.real, constraints.positive
    _compared = ()

    def _call(self, x: Tensor) -> Tensor:
        return x.abs()

    def _inverse(self, y: Tensor) -> Tensor:
        return y


class AffineTransform(Transform):
    """y = loc + scale x, numbers or tensors; the last ``event_dim`` dimensions are one event.

    >>> import minigrad as mg
    >>> mg.distributions.AffineTransform(1.0, 2.0)(mg.tensor(3.0))
    tensor(7.)
    """

    bijective, _compared = True, ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc, self.scale, self._event_dim = loc, scale, event_dim

    @property
    def event_dim(self) -> int:
        return self._event_dim

    @property
    def domain(self) -> constraints.Constraint:  # type: ignore[override]
        """Real numbers, or vectors of them."""
        n = self._event_dim
        return constraints.independent(constraints.real, n) if n else constraints.real

    codomain = domain  # type: ignore[assignment]

    @property
    def sign(self) -> Any:  # type: ignore[override]
        """That of the scale."""
        tensor = isinstance(self.scale, Tensor)
        return self.scale.sign() if tensor else int(np.sign(self.scale))

    def _call(self, x: Tensor) -> Tensor:
        return self.loc + self.scale * x

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        if isinstance(self.scale, Tensor):
            each = self.scale.abs().log()
        else:
            each = constant_like(x, math.log(abs(self.scale)))
        n = self._event_dim
        return sum_rightmost(each, n).expand(x.shape[: x.ndim - n])

    def forward_shape(self, shape: Shape) -> Shape:
        return _broadcast(shape, self.loc, self.scale)

    inverse_shape = forward_shape


class CumulativeDistributionTransform(Transform):
    """y = the probability, under a distribution of numbers, of being at most x."""

    codomain = constraints.unit_interval
    bijective, sign = True, 1

    def __init__(self, distribution: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.distribution = distribution

    domain = property(lambda self: self.distribution.support)

    def _call(self, x: Tensor) -> Tensor:
        return self.distribution.cdf(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return self.distribution.log_prob(x)
