"""The continuous Bernoulli distribution of numbers between 0 and 1 (Loaiza-Ganem, 2019)."""

from __future__ import annotations

import math
from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.binary import BinaryDistribution
from minigrad.distributions.utils import (
    broadcast_all,
    clamp_probs,
    lazy_property,
    logits_to_probs,
    uniform,
)
from minigrad.functions.elementwise import softplus, where
from minigrad.tensor.tensor import Tensor


class ContinuousBernoulli(BinaryDistribution):
    """The density C pˣ (1 - p)¹⁻ˣ on [0, 1]; between ``lims`` of p it is a Taylor series.

    https://docs.pytorch.org/docs/stable/distributions.html#continuousbernoulli;
    https://arxiv.org/abs/1907.06845

    >>> import minigrad as mg
    >>> mg.distributions.ContinuousBernoulli(mg.tensor(0.5)).mean
    tensor(0.5000)
    """

    support = constraints.unit_interval  # type: ignore[assignment]
    has_rsample = True

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._set_probability(probs, logits)
        if probs is not None:
            if validate_args and not constraints.unit_interval.check(self.probs).all():
                raise ValueError(f"The parameter probs has invalid values, got {self.probs}")
            self.probs = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(self.param_shape, validate_args=validate_args)

    @lazy_property
    def probs(self) -> Tensor:
        """p, which is not the probability of 1."""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _stable(self) -> tuple[Tensor, Tensor]:
        """Return where p is outside the limits, and p with the lower limit within them."""
        outside = (self.probs <= self._lims[0]) | (self.probs > self._lims[1])
        return outside, where(outside, self.probs, self._lims[0])

    def _log_constant(self) -> Tensor:
        outside, p = self._stable()
        log_odds = (-p).log1p() - p.log()
        size, distance = log_odds.abs(), (1 - 2 * p).abs()
        exact = size.log() - distance.log()
        x = (self.probs - 0.5) ** 2
        series = 4 / 3 + 104 / 45 * x
        taylor = math.log(2) + series * x
        return where(outside, exact, taylor)

    @property
    def mean(self) -> Tensor:
        outside, p = self._stable()
        log_odds = (-p).log1p() - p.log()
        exact = p / (2 * p - 1) + 1 / log_odds
        x = self.probs - 0.5
        series = 1 / 3 + 16 / 45 * x**2
        taylor = 0.5 + series * x
        return where(outside, exact, taylor)

    @property
    def variance(self) -> Tensor:
        outside, p = self._stable()
        log_odds = (-p).log1p() - p.log()
        ratio = p * (p - 1) / (1 - 2 * p) ** 2
        exact = ratio + 1 / log_odds**2
        x = (self.probs - 0.5) ** 2
        series = 1 / 15 - 128 / 945 * x
        taylor = 1 / 12 - series * x
        return where(outside, exact, taylor)

    @property
    def stddev(self) -> Tensor:
        return self.variance.sqrt()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.icdf(uniform(shape, self.probs.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        cross_entropy = (1 - value) * logits + softplus(-logits)
        return self._log_constant() - cross_entropy

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        outside, p = self._stable()
        product = p**value * (1 - p) ** (1 - value)
        unnormalised = product + p - 1
        inside = where(outside, unnormalised / (2 * p - 1), value)
        up_to_one = where(value >= 1, 1.0, inside)
        return where(value <= 0, 0.0, up_to_one)

    def icdf(self, value: Tensor) -> Tensor:
        outside, p = self._stable()
        log_other = (-p).log1p()
        above = (value * (2 * p - 1) - p).log1p() - log_other
        return where(outside, above / (p.log() - log_other), value)

    def entropy(self) -> Tensor:
        log_other, log_p = (-self.probs).log1p(), self.probs.log()
        return self.mean * (log_other - log_p) - self._log_constant() - log_other
