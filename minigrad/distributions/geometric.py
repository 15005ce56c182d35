"""The number of failures before a success."""

from __future__ import annotations

from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.binary import BinaryDistribution
from minigrad.distributions.utils import broadcast_all, constant_like, limits, uniform
from minigrad.functions.elementwise import softplus, where
from minigrad.modes import no_grad
from minigrad.tensor.tensor import Tensor


class Geometric(BinaryDistribution):
    """How often it fails before the first success, of probability ``probs``.

    https://docs.pytorch.org/docs/stable/distributions.html#geometric

    >>> import minigrad as mg
    >>> mg.distributions.Geometric(0.5).log_prob(mg.tensor(1.0)).exp()
    tensor(0.2500)
    """

    support = constraints.nonnegative_integer  # type: ignore[assignment]

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._set_probability(probs, logits)
        super().__init__(self.param_shape, validate_args=validate_args)
        if self._validate_args and probs is not None:
            self._check_parameter("probs", constraints.positive)

    @property
    def mean(self) -> Tensor:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Tensor:
        return constant_like(self.probs, 0)

    @property
    def variance(self) -> Tensor:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            tiny = float(limits(self.probs).tiny)
            u = uniform(self._extended_shape(sample_shape), self.probs.dtype, tiny, 1)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        probs = where((probs == 1) & (value == 0), 0.0, probs)
        return value * (-probs).log1p() + self.probs.log()

    def entropy(self) -> Tensor:
        cross_entropy = (1 - self.probs) * self.logits + softplus(-self.logits)
        return cross_entropy / self.probs
