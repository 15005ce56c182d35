"""The Fisher-Snedecor distribution of numbers."""

from __future__ import annotations

import math
from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution
from minigrad.distributions.gamma import Gamma
from minigrad.distributions.utils import broadcast_all, limits
from minigrad.functions.elementwise import lgamma, where
from minigrad.tensor.tensor import Tensor


class FisherSnedecor(Distribution):
    """The ratio of two chi-squared numbers, each per degree of freedom.

    https://docs.pytorch.org/docs/stable/distributions.html#fishersnedecor
    """

    has_rsample = True
    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive  # type: ignore[assignment]

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = broadcast_all(df1, df2)
        super().__init__(self.df1.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """There is none for df2 up to 2: nan."""
        return where(self.df2 <= 2, math.nan, self.df2 / (self.df2 - 2))

    @property
    def mode(self) -> Tensor:
        """There is none for df1 up to 2: nan."""
        mode = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return where(self.df1 <= 2, math.nan, mode)

    @property
    def variance(self) -> Tensor:
        """There is none for df2 up to 4: nan."""
        a, b = self.df1, self.df2
        variance = 2 * b**2 * (a + b - 2) / (a * (b - 2) ** 2 * (b - 4))
        return where(b <= 4, math.nan, variance)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        tiny = float(limits(self.df1).tiny)
        above = Gamma(self.df1 * 0.5, self.df1).rsample(sample_shape)
        below = Gamma(self.df2 * 0.5, self.df2).rsample(sample_shape)
        return (above / below.clamp(min=tiny)).clamp(min=tiny)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        a, b = self.df1 * 0.5, self.df2 * 0.5
        power = a * (a / b).log() + (a - 1) * value.log()
        return power - (a + b) * (a / b * value).log1p() - _log_beta(a, b)


def _log_beta(a: Tensor, b: Tensor) -> Tensor:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
