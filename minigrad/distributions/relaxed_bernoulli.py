"""Bernoulli distributions that have gradients: numbers near 0 and 1."""

from __future__ import annotations

from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.binary import BinaryDistribution
from minigrad.distributions.transformed_distribution import TransformedDistribution
from minigrad.distributions.transforms import SigmoidTransform
from minigrad.distributions.utils import broadcast_all, probs_to_logits, uniform
from minigrad.tensor.tensor import Tensor


class LogitRelaxedBernoulli(BinaryDistribution):
    """The logits of a RelaxedBernoulli's draws.

    Maddison et al., The Concrete Distribution, 2017.
    """

    has_rsample = True
    support = constraints.real  # type: ignore[assignment]

    def __init__(
        self,
        temperature: Tensor,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self.temperature = temperature
        self._set_probability(probs, logits)
        super().__init__(self.param_shape, validate_args=validate_args)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        noise = probs_to_logits(uniform(shape, self.probs.dtype), is_binary=True)
        return (noise + probs_to_logits(self.probs, is_binary=True)) / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        diff = logits - value * self.temperature
        return self.temperature.log() + diff - 2 * diff.exp().log1p()


class RelaxedBernoulli(TransformedDistribution):
    """Numbers in (0, 1), the nearer to 0 and 1 the lower the ``temperature``, a tensor.

    https://docs.pytorch.org/docs/stable/distributions.html#relaxedbernoulli
    """

    base_dist: LogitRelaxedBernoulli
    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval  # type: ignore[assignment]

    def __init__(
        self,
        temperature: Tensor,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        base = LogitRelaxedBernoulli(temperature, probs, logits)
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)

    @property
    def temperature(self) -> Tensor:
        """How far from 0 and 1 the draws are."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """log(p / (1 - p))."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """The probability of 1."""
        return self.base_dist.probs
