"""Categorical distributions that have gradients: vectors near the one-hot ones."""

from __future__ import annotations

import math
from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.of_categorical import OfCategorical
from minigrad.distributions.transformed_distribution import TransformedDistribution
from minigrad.distributions.transforms import ExpTransform
from minigrad.distributions.utils import clamp_probs, uniform
from minigrad.tensor.tensor import Tensor


class ExpRelaxedCategorical(OfCategorical):
    """The logarithms of a RelaxedOneHotCategorical's draws.

    Maddison et al., The Concrete Distribution, 2017.
    """

    has_rsample = True
    support = constraints.real_vector  # type: ignore[assignment]

    def __init__(
        self,
        temperature: Tensor,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self.temperature = temperature
        super().__init__(probs, logits, validate_args)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        u = clamp_probs(uniform(self._extended_shape(sample_shape), self.logits.dtype))
        gumbels = -((-u.log()).log())
        return ((self.logits + gumbels) / self.temperature).log_softmax(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        score = (self.logits - value * self.temperature).log_softmax(-1)
        return score.sum(-1) + self._log_scale()

    def _log_scale(self) -> Tensor:
        n = self.event_shape[0]
        return math.lgamma(n) + (n - 1) * self.temperature.log()


class RelaxedOneHotCategorical(TransformedDistribution):
    """Vectors of sum one, the nearer to one-hot the lower the ``temperature``, a tensor.

    https://docs.pytorch.org/docs/stable/distributions.html#relaxedonehotcategorical
    """

    base_dist: ExpRelaxedCategorical
    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex  # type: ignore[assignment]

    def __init__(
        self,
        temperature: Tensor,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    @property
    def temperature(self) -> Tensor:
        """How far from one-hot the draws are."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """The probabilities, of sum one."""
        return self.base_dist.probs
