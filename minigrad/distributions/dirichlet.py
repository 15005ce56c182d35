"""The Dirichlet distribution of vectors of sum one."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import rejection
from minigrad.autograd.function import Function, once_differentiable
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution
from minigrad.distributions.implicit import beta_gradient
from minigrad.functions.elementwise import digamma, lgamma, where, xlogy
from minigrad.random import default_generator
from minigrad.tensor.tensor import Tensor


class _Dirichlet(Function):
    """Gamma draws over their sum, with the gradient of beta quantiles."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        x = Tensor._wrap(_shares(concentration.detach().numpy()))
        ctx.save_for_backward(concentration, x)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        concentration, x = (saved.detach() for saved in ctx.saved_tensors)
        total = concentration.sum(-1, keepdim=True).expand(concentration.shape)
        slope = beta_gradient(x.numpy(), concentration.numpy(), total.numpy())
        return Tensor._wrap(slope) * (gradient - (x * gradient).sum(-1, keepdim=True))


def _shares(concentration: np.ndarray) -> np.ndarray:
    """Return draws strictly between 0 and 1."""
    dtype = concentration.dtype
    double = concentration.astype(np.float64)
    parts = rejection.gamma(default_generator, double)
    parts[parts == 0] = np.finfo(np.float64).tiny
    total = parts.sum(-1, keepdims=True)
    share = parts / total
    share = share.astype(dtype)
    limits = np.finfo(dtype)
    below_one = 1 - limits.epsneg
    return np.clip(share, limits.tiny, below_one)


class Dirichlet(Distribution):
    """Shares of a whole, (..., n), drawn as gamma numbers of ``concentration`` over their sum.

    Draws and the gradients of ``rsample`` are PyTorch's, as :class:`Gamma`'s.
    https://docs.pytorch.org/docs/stable/distributions.html#dirichlet

    >>> import minigrad as mg
    >>> mg.distributions.Dirichlet(mg.tensor([1.0, 3.0])).mean
    tensor([0.2500, 0.7500])
    """

    has_rsample = True
    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex  # type: ignore[assignment]

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ValueError(
                f"`concentration` parameter must be at least one-dimensional, got {concentration}"
            )
        self.concentration = concentration
        *batch_shape, n = concentration.shape
        super().__init__(batch_shape, (n,), validate_args)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return _Dirichlet.apply(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        powers = xlogy(self.concentration - 1.0, value).sum(-1)
        total = lgamma(self.concentration.sum(-1))
        return powers + total - lgamma(self.concentration).sum(-1)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    @property
    def mode(self) -> Tensor:
        """The likeliest; one corner where all concentrations are below 1."""
        above = (self.concentration - 1).clamp(min=0.0)
        mode = above / above.sum(-1, keepdim=True)
        in_a_corner = (self.concentration < 1).all(-1, keepdim=True)
        return where(in_a_corner, _corner(mode), mode)

    @property
    def variance(self) -> Tensor:
        total = self.concentration.sum(-1, keepdim=True)
        rest = total - self.concentration
        return self.concentration * rest / (total**2 * (total + 1))

    def entropy(self) -> Tensor:
        a, total = self.concentration, self.concentration.sum(-1)
        each = lgamma(a) - (a - 1.0) * digamma(a)
        return each.sum(-1) - lgamma(total) - (a.shape[-1] - total) * digamma(total)


def _corner(mode: Tensor) -> Tensor:
    """Return vectors that are 1 at the greatest element."""
    rows = np.eye(mode.shape[-1], dtype=mode.dtype)
    return Tensor._wrap(rows[mode.argmax(-1).numpy()])
