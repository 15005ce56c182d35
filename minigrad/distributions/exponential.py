"""The exponential distribution of numbers."""

from __future__ import annotations

from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution
from minigrad.distributions.utils import broadcast_all, constant_like
from minigrad.tensor.tensor import Tensor


class Exponential(Distribution):
    """The time to the next of events that come ``rate`` times per unit of time.

    https://docs.pytorch.org/docs/stable/distributions.html#exponential

    >>> import minigrad as mg
    >>> mg.distributions.Exponential(2.0).mean
    tensor(0.5000)
    """

    has_rsample = True
    arg_constraints = {"rate": constraints.positive}
    support = constraints.nonnegative  # type: ignore[assignment]

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.rate.reciprocal()

    stddev = mean

    @property
    def mode(self) -> Tensor:
        return constant_like(self.rate, 0)

    @property
    def variance(self) -> Tensor:
        return self.rate**-2

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        time = self.rate.new_empty(self._extended_shape(sample_shape)).exponential_()
        return time / self.rate

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return self.rate.log() - self.rate * value

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return 1 - (-self.rate * value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        return -((-value).log1p()) / self.rate

    def entropy(self) -> Tensor:
        return 1.0 - self.rate.log()
