"""The absolute value of a normal number."""

from __future__ import annotations

import math
from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.half import HalfDistribution
from minigrad.distributions.normal import Normal
from minigrad.tensor.tensor import Tensor


class HalfNormal(HalfDistribution):
    """|x| of normal x with mean 0 and standard deviation ``scale``.

    https://docs.pytorch.org/docs/stable/distributions.html#halfnormal
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative  # type: ignore[assignment]

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(0, scale, validate_args=False), validate_args)

    @property
    def mean(self) -> Tensor:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Tensor:
        return self.scale**2 * (1 - 2 / math.pi)
