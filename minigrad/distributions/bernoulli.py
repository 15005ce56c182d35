"""The distribution of 0 and 1, by the probability of 1 or by its logit."""

from __future__ import annotations

import math
from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.binary import BinaryDistribution
from minigrad.functions.elementwise import softplus, where
from minigrad.random import default_generator
from minigrad.ranges import arange
from minigrad.tensor.tensor import Tensor


class Bernoulli(BinaryDistribution):
    """1 with probability ``probs`` (or the sigmoid of ``logits``), else 0.

    https://docs.pytorch.org/docs/stable/distributions.html#bernoulli
    """

    support = constraints.boolean  # type: ignore[assignment]
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._set_probability(probs, logits)
        super().__init__(self.param_shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        """The likelier of 0 and 1, nan where they are equally likely."""
        return where(self.probs == 0.5, math.nan, (self.probs >= 0.5).to(self.probs.dtype))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        probs = self.probs.detach().numpy()
        draws = default_generator.bernoulli(probs, self._extended_shape(sample_shape))
        return Tensor._wrap(draws.astype(probs.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return -self._negative_log_prob(value)

    def _negative_log_prob(self, value: Tensor) -> Tensor:
        return (1 - value) * self.logits + softplus(-self.logits)

    def entropy(self) -> Tensor:
        return self._negative_log_prob(self.probs)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return both values, (2, *batch_shape), or (2, 1, ...) without ``expand``."""
        return enumerate_values(2, self.batch_shape, self._param.dtype, expand)


def enumerate_values(n: int, batch_shape: tuple[int, ...], dtype: Any, expand: bool) -> Tensor:
    """Return 0 to n - 1 along a new first dimension of a batch."""
    values = arange(n).to(dtype).view(n, *(1,) * len(batch_shape))
    return values.expand((n, *batch_shape)) if expand else values
