"""The gamma distribution of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import rejection
from minigrad.autograd.function import Function, once_differentiable
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution
from minigrad.distributions.implicit import gamma_gradient
from minigrad.distributions.utils import broadcast_all, limits
from minigrad.functions.elementwise import digamma, lgamma, xlogy
from minigrad.random import default_generator
from minigrad.special import gammainc
from minigrad.tensor.tensor import Tensor


class _StandardGamma(Function):
    """Draws of rate 1, with the gradient of their quantiles."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        array = concentration.detach().numpy()
        draws = rejection.gamma(default_generator, array).astype(array.dtype)
        x = Tensor._wrap(np.maximum(draws, limits(concentration).tiny))
        ctx.save_for_backward(concentration, x)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        concentration, x = ctx.saved_tensors
        slope = gamma_gradient(concentration.detach().numpy(), x.detach().numpy())
        return gradient * Tensor._wrap(slope)


class Gamma(Distribution):
    """The time until ``concentration`` events that come ``rate`` times per unit of time.

    Draws are PyTorch's for the same seed, and so are the gradients of ``rsample``, which PyTorch
    approximates to about three digits; they have none of their own.
    https://docs.pytorch.org/docs/stable/distributions.html#gamma

    >>> import minigrad as mg
    >>> mg.distributions.Gamma(2.0, 1.0).log_prob(mg.tensor(1.0))
    tensor(-1.)
    """

    has_rsample = True
    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative  # type: ignore[assignment]

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate**2

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        draws = _StandardGamma.apply(self.concentration.expand(shape)) / self.rate
        return draws.clamp(min=float(limits(draws).tiny))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        powers = xlogy(self.concentration, self.rate) + xlogy(self.concentration - 1, value)
        return powers - self.rate * value - lgamma(self.concentration)

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return gammainc(self.concentration, self.rate * value)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a - self.rate.log() + lgamma(a) + (1.0 - a) * digamma(a)
