"""The Kumaraswamy distribution of numbers."""

from __future__ import annotations

import math
from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.transformed_distribution import TransformedDistribution
from minigrad.distributions.transforms import AffineTransform, PowerTransform
from minigrad.distributions.uniform import Uniform
from minigrad.distributions.utils import broadcast_all, constant_like, euler_constant
from minigrad.functions.elementwise import digamma, lgamma, where
from minigrad.tensor.tensor import Tensor


class Kumaraswamy(TransformedDistribution):
    """Numbers in (0, 1), much like the beta distribution's, in closed form.

    https://docs.pytorch.org/docs/stable/distributions.html#kumaraswamy
    """

    arg_constraints = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval  # type: ignore[assignment]

    def __init__(
        self, concentration1: Any, concentration0: Any, validate_args: bool | None = None
    ) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        base = Uniform(constant_like(self.concentration0, 0), 1)
        inner = PowerTransform(self.concentration0.reciprocal())
        outer = PowerTransform(self.concentration1.reciprocal())
        flipped = AffineTransform(1.0, -1.0)
        super().__init__(base, [inner, flipped, outer], validate_args)

    def _moment(self, n: int) -> Tensor:
        a, b = 1 + n / self.concentration1, self.concentration0
        return b * (lgamma(a) + lgamma(b) - lgamma(a + b)).exp()

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        """There is none where a concentration is below 1: nan."""
        a, b = self.concentration1, self.concentration0
        mode = b.reciprocal() * (-b).log1p() - (-b * a).log1p()
        return where((a < 1) | (b < 1), math.nan, mode).exp()

    @property
    def variance(self) -> Tensor:
        return self._moment(2) - self.mean**2

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        harmonic = digamma(b + 1) + euler_constant
        return (1 - b.reciprocal()) + (1 - a.reciprocal()) * harmonic - a.log() - b.log()
