"""The multinomial distribution of counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.distributions import constraints
from minigrad.distributions.binomial import Binomial
from minigrad.distributions.of_categorical import OfCategorical
from minigrad.functions.elementwise import lgamma, where
from minigrad.tensor.tensor import Tensor


class Multinomial(OfCategorical):
    """How often each index comes in ``total_count`` draws of a Categorical.

    NotImplementedError for a ``total_count`` that is not one int.
    https://docs.pytorch.org/docs/stable/distributions.html#multinomial
    """

    def __init__(
        self,
        total_count: int = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError(
                f"inhomogeneous total_count is not supported, got {total_count!r}"
            )
        self.total_count = total_count
        super().__init__(probs, logits, validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> constraints.Constraint:
        """Counts that add up."""
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        draws = self._categorical.sample((self.total_count, *sample_shape))
        values = np.arange(self.event_shape[0])
        counts = (draws.numpy()[..., None] == values).sum(0)
        return Tensor._wrap(counts.astype(self.probs.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        powers = where(value == 0, 0.0, self.logits * value).sum(-1)
        orders = lgamma(value + 1).sum(-1)
        return lgamma(value.sum(-1) + 1) - orders + powers

    def entropy(self) -> Tensor:
        n = self.total_count
        of_draws = n * self._categorical.entropy()
        return of_draws - math.lgamma(n + 1) + self._expected_orders()

    def _expected_orders(self) -> Tensor:
        binomial = Binomial(self.total_count, self.probs)
        counts = binomial.enumerate_support(expand=False)[1:]
        orders = binomial.log_prob(counts).exp() * lgamma(counts + 1)
        return orders.sum((0, -1))
