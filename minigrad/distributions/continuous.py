"""Normal and uniform distributions of numbers."""

from __future__ import annotations

import math
from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution, broadcast_all, standard_normal
from minigrad.ops.erfinv import erfinv
from minigrad.random import default_generator
from minigrad.tensor.tensor import Tensor


class Normal(Distribution):
    """The normal distribution of mean ``loc`` and standard deviation ``scale``, numbers or tensors.

    https://docs.pytorch.org/docs/stable/distributions.html#normal

    >>> import minigrad as mg
    >>> mg.distributions.Normal(0.0, 1.0).log_prob(mg.tensor(0.0))
    tensor(-0.9189)
    """

    has_rsample = True
    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    _parameters = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def stddev(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        return self.scale**2

    def expand(self, batch_shape: Any) -> Normal:
        shape = tuple(batch_shape)
        return Normal(
            self.loc.expand(shape), self.scale.expand(shape), validate_args=self._validate_args
        )

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        eps = standard_normal(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc + eps * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return (
            -((value - self.loc) ** 2) / (2 * self.scale**2)
            - self.scale.log()
            - math.log(math.sqrt(2 * math.pi))
        )

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return 0.5 * (1 + ((value - self.loc) * self.scale.reciprocal() / math.sqrt(2)).erf())

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self) -> Tensor:
        return 0.5 + 0.5 * math.log(2 * math.pi) + self.scale.log()


class Uniform(Distribution):
    """The uniform distribution on [low, high), numbers or tensors.

    https://docs.pytorch.org/docs/stable/distributions.html#uniform
    """

    has_rsample = True
    _parameters = ("low", "high")

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)
        if self._validate_args:
            self._check_parameter("low", constraints.less_than(self.high))

    @property
    def support(self) -> constraints.Constraint:  # type: ignore[override]
        """Between low and high."""
        return constraints.interval(self.low, self.high)

    @property
    def mean(self) -> Tensor:
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Tensor:
        """There is none: nan."""
        return math.nan * self.high

    @property
    def stddev(self) -> Tensor:
        return (self.high - self.low) / 12**0.5

    @property
    def variance(self) -> Tensor:
        return (self.high - self.low) ** 2 / 12

    def expand(self, batch_shape: Any) -> Uniform:
        shape = tuple(batch_shape)
        return Uniform(
            self.low.expand(shape), self.high.expand(shape), validate_args=self._validate_args
        )

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        rand = Tensor._wrap(
            default_generator.uniform(self._extended_shape(sample_shape), dtype=self.low.dtype)
        )
        return self.low + rand * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        inside = (self.low <= value).to(self.low.dtype) * (self.high > value).to(self.low.dtype)
        return inside.log() - (self.high - self.low).log()

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return ((value - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def icdf(self, value: Tensor) -> Tensor:
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        return (self.high - self.low).log()
