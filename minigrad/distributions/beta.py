"""The beta distribution of numbers."""

from __future__ import annotations

from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.dirichlet import Dirichlet
from minigrad.distributions.distribution import Distribution
from minigrad.distributions.utils import broadcast_all
from minigrad.functions.joining import stack
from minigrad.tensor.tensor import Tensor


class Beta(Distribution):
    """The first of two Dirichlet shares of ``concentration1`` and ``concentration0``.

    https://docs.pytorch.org/docs/stable/distributions.html#beta

    >>> import minigrad as mg
    >>> mg.distributions.Beta(2.0, 2.0).log_prob(mg.tensor(0.5)).exp()
    tensor(1.5000)
    """

    has_rsample = True
    arg_constraints = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval  # type: ignore[assignment]

    def __init__(
        self, concentration1: Any, concentration0: Any, validate_args: bool | None = None
    ) -> None:
        both = broadcast_all(concentration1, concentration0)
        concentration = stack(both, -1)
        self._dirichlet = Dirichlet(concentration, validate_args)
        super().__init__(self._dirichlet.batch_shape, validate_args=validate_args)

    @property
    def concentration1(self) -> Tensor:
        """That of the share itself."""
        return self._dirichlet.concentration[..., 0]

    @property
    def concentration0(self) -> Tensor:
        """That of the rest."""
        return self._dirichlet.concentration[..., 1]

    @property
    def mean(self) -> Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self) -> Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total**2 * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self._dirichlet.rsample(sample_shape)[..., 0]

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return self._dirichlet.log_prob(stack([value, 1.0 - value], -1))

    def entropy(self) -> Tensor:
        return self._dirichlet.entropy()

    def expand(self, batch_shape: Any, _instance: Any = None) -> Beta:
        other = super().expand(batch_shape)
        other._dirichlet = self._dirichlet.expand(batch_shape)
        return other
