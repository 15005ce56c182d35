"""The generalized Pareto distribution of numbers: the tails of others."""

from __future__ import annotations

import math
from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution
from minigrad.distributions.utils import broadcast_all, uniform
from minigrad.functions.comparison import isclose
from minigrad.functions.elementwise import where
from minigrad.tensor.tensor import Tensor


class GeneralizedPareto(Distribution):
    """Numbers from ``loc`` on: exponential, or with a tail of power -1 / ``concentration``.

    https://docs.pytorch.org/docs/stable/distributions.html#generalizedpareto

    >>> import minigrad as mg
    >>> mg.distributions.GeneralizedPareto(0.0, 1.0, 0.0).log_prob(mg.tensor(2.0))
    tensor(-2.)
    """

    has_rsample = True
    arg_constraints = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }

    def __init__(
        self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None
    ) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        """From ``loc`` on, up to a bound where the concentration is negative."""
        bound = self.loc - self.scale / self.concentration
        upper = where(self.concentration < 0, bound, math.inf)
        return constraints.interval(self.loc, upper)

    def _safe(self) -> tuple[Tensor, Tensor]:
        """Return where the concentration is 0, and it with 1 there."""
        is_zero = isclose(self.concentration, self.concentration * 0)
        return is_zero, where(is_zero, 1.0, self.concentration)

    @property
    def mean(self) -> Tensor:
        """Nan from concentration 1 on."""
        valid = self.concentration < 1
        k = where(valid, self.concentration, 0.5)
        return where(valid, self.loc + self.scale / (1 - k), math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        """Nan from concentration 1/2 on."""
        valid = self.concentration < 0.5
        k = where(valid, self.concentration, 0.25)
        variance = self.scale**2 / ((1 - k) ** 2 * (1 - 2 * k))
        return where(valid, variance, math.nan)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.icdf(uniform(shape, self.loc.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        z = (value - self.loc) / self.scale
        is_zero, k = self._safe()
        power = 1 / k + z * 0 + 1
        decay = where(power == 0, power, power * (k * z).log1p())
        return -self.scale.log() - where(is_zero, z, decay)

    def log_survival_function(self, value: Tensor) -> Tensor:
        """Return the logarithm of how much lies above ``value``."""
        self._validate_sample(value)
        z = (value - self.loc) / self.scale
        is_zero, k = self._safe()
        return where(is_zero, -z, -(k * z).log1p() / k)

    def log_cdf(self, value: Tensor) -> Tensor:
        """Return the logarithm of how much lies below ``value``."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        return self.log_cdf(value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        is_zero, k = self._safe()
        log_above = (-value).log1p()
        tail = self.loc + self.scale / k * (-k * log_above).expm1()
        return where(is_zero, self.loc - self.scale * log_above, tail)

    def entropy(self) -> Tensor:
        return self.scale.log() + self.concentration + 1
