"""The absolute value of a Cauchy number."""

from __future__ import annotations

import math
from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.cauchy import Cauchy
from minigrad.distributions.half import HalfDistribution
from minigrad.distributions.utils import constant_like
from minigrad.tensor.tensor import Tensor


class HalfCauchy(HalfDistribution):
    """|x| of Cauchy numbers x around 0 of this ``scale``.

    https://docs.pytorch.org/docs/stable/distributions.html#halfcauchy
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative  # type: ignore[assignment]

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Cauchy(0, scale, validate_args=False), validate_args)

    @property
    def mean(self) -> Tensor:
        return constant_like(self.scale, math.inf)

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance
