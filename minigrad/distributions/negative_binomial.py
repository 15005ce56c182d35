"""The negative binomial distribution of counts."""

from __future__ import annotations

from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.binary import BinaryDistribution
from minigrad.distributions.gamma import Gamma
from minigrad.functions.elementwise import lgamma, softplus, where
from minigrad.sampling import poisson
from minigrad.tensor.tensor import Tensor


class NegativeBinomial(BinaryDistribution):
    """The number of successes, of probability ``probs``, before ``total_count`` failures.

    https://docs.pytorch.org/docs/stable/distributions.html#negativebinomial
    """

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer  # type: ignore[assignment]

    def __init__(
        self,
        total_count: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        (self.total_count,) = self._set_probability(probs, logits, total_count)
        super().__init__(self.param_shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        return self.mean / (-self.logits).sigmoid()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        rates = Gamma(self.total_count, (-self.logits).exp(), validate_args=False)
        return poisson(rates.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        failures = self.total_count * softplus(self.logits)
        return self._log_ways(value) - failures - value * softplus(-self.logits)

    def _log_ways(self, value: Tensor) -> Tensor:
        n = self.total_count
        log_ways = lgamma(n + value) - lgamma(1.0 + value) - lgamma(n)
        return where(n + value == 0.0, 0.0, log_ways)
