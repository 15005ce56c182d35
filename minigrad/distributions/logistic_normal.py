"""The logistic-normal distribution of vectors of sum one."""

from __future__ import annotations

from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.independent import Independent
from minigrad.distributions.normal import Normal
from minigrad.distributions.transformed_distribution import TransformedDistribution
from minigrad.distributions.transforms import StickBreakingTransform
from minigrad.tensor.tensor import Tensor


class LogisticNormal(TransformedDistribution):
    """Normal vectors of n numbers, broken into n + 1 shares of a whole.

    https://docs.pytorch.org/docs/stable/distributions.html#logisticnormal
    """

    base_dist: Independent
    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex  # type: ignore[assignment]

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base: Any = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand((1,))
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    @property
    def loc(self) -> Tensor:
        """The mean of the normal numbers."""
        return self.base_dist.base_dist.mean

    @property
    def scale(self) -> Tensor:
        """The standard deviation of the normal numbers."""
        return self.base_dist.base_dist.stddev
