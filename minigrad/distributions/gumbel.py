"""The Gumbel distribution of numbers."""

from __future__ import annotations

import math
from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.transformed_distribution import TransformedDistribution
from minigrad.distributions.transforms import AffineTransform, ExpTransform
from minigrad.distributions.uniform import Uniform
from minigrad.distributions.utils import broadcast_all, constant_like, euler_constant, limits
from minigrad.tensor.tensor import Tensor

_LOG = ExpTransform().inv
_LOG_OF_LOG = (_LOG, AffineTransform(0, -1), _LOG)


def _inside_of_one(like: Tensor) -> Uniform:
    """Return a uniform distribution of this shape without 0 and 1, whose logarithms are no use."""
    bounds = limits(like)
    low, high = float(bounds.tiny), 1 - float(bounds.eps)
    return Uniform(constant_like(like, low), constant_like(like, high))


class Gumbel(TransformedDistribution):
    """loc - scale log(-log u) of uniform u: like the greatest of many numbers.

    https://docs.pytorch.org/docs/stable/distributions.html#gumbel
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real  # type: ignore[assignment]

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        scaled = AffineTransform(self.loc, -self.scale)
        super().__init__(_inside_of_one(self.loc), [*_LOG_OF_LOG, scaled], validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        y = (self.loc - value) / self.scale
        return y - y.exp() - self.scale.log()

    @property
    def mean(self) -> Tensor:
        return self.loc + self.scale * euler_constant

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def stddev(self) -> Tensor:
        return math.pi / math.sqrt(6) * self.scale

    @property
    def variance(self) -> Tensor:
        return self.stddev**2

    def entropy(self) -> Tensor:
        return self.scale.log() + (1 + euler_constant)
