"""A mixture of distributions of one family."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.distributions import constraints
from minigrad.distributions.categorical import Categorical
from minigrad.distributions.distribution import Distribution
from minigrad.tensor.tensor import Tensor


class MixtureSameFamily(Distribution):
    """Draws of the component that a Categorical chooses.

    The components are the last batch dimension of ``component_distribution``. ValueError where the
    two do not go together.
    https://docs.pytorch.org/docs/stable/distributions.html#mixturesamefamily

    >>> import minigrad as mg
    >>> D = mg.distributions
    >>> weights = D.Categorical(mg.ones(2))
    >>> D.MixtureSameFamily(weights, D.Normal(mg.tensor([-1.0, 1.0]), 1.0)).mean
    tensor(0.)
    """

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        _check_family(mixture_distribution, component_distribution)
        self.mixture_distribution = mixture_distribution
        self.component_distribution = component_distribution
        self._num_component = mixture_distribution.param_shape[-1]
        event_shape = component_distribution.event_shape
        self._event_ndims = len(event_shape)
        batch_shape = component_distribution.batch_shape[:-1]
        super().__init__(batch_shape, event_shape, validate_args=validate_args)

    @constraints.dependent_property
    def support(self) -> constraints.Constraint:
        """What every component may give."""
        return constraints.MixtureSameFamilyConstraint(self.component_distribution.support)

    @property
    def mean(self) -> Tensor:
        return self._average(self.component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        components = self.component_distribution
        between = (components.mean - self._pad(self.mean)) ** 2
        return self._average(components.variance) + self._average(between)

    def _average(self, x: Tensor) -> Tensor:
        """Return the mean over the components, (..., n, *event_shape), by their weights."""
        probs = self.mixture_distribution.probs
        probs = probs.reshape((*probs.shape, *(1,) * self._event_ndims))
        return (probs * x).sum(-1 - self._event_ndims)

    def cdf(self, x: Tensor) -> Tensor:
        each = self.component_distribution.cdf(self._pad(x))
        return (each * self.mixture_distribution.probs).sum(-1)

    def log_prob(self, x: Tensor) -> Tensor:
        self._validate_sample(x)
        each = self.component_distribution.log_prob(self._pad(x))
        return (each + self.mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        choice = self.mixture_distribution.sample(sample_shape)
        draws = self.component_distribution.sample(sample_shape)
        return self._chosen(draws.numpy(), choice.numpy(), (*sample_shape, *self.batch_shape))

    def _chosen(self, draws: Any, choice: Any, shape: tuple[int, ...]) -> Tensor:
        axis = len(shape)
        index = np.broadcast_to(choice, shape)
        while index.ndim < draws.ndim:
            index = index[..., None]
        chosen = np.take_along_axis(draws, index, axis)
        return Tensor._wrap(chosen.squeeze(axis))

    def _pad(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1 - self._event_ndims)

    def expand(self, batch_shape: Any, _instance: Any = None) -> MixtureSameFamily:
        components = self.component_distribution.expand((*batch_shape, self._num_component))
        mixture = self.mixture_distribution.expand(batch_shape)
        return MixtureSameFamily(mixture, components, validate_args=self._validate_args)

    def __repr__(self) -> str:
        parts = f"{self.mixture_distribution},\n  {self.component_distribution}"
        return f"MixtureSameFamily(\n  {parts})"


def _check_family(mixture: Any, components: Any) -> None:
    if not isinstance(mixture, Categorical):
        raise ValueError(
            f"The Mixture distribution needs to be an instance of Categorical, got {mixture!r}"
        )
    if not isinstance(components, Distribution):
        raise ValueError(
            "The Component distribution needs to be an instance of Distribution, got "
            f"{components!r}"
        )
    batch = components.batch_shape[:-1]
    for a, b in zip(reversed(mixture.batch_shape), reversed(batch), strict=False):
        if a != b and 1 not in (a, b):
            raise ValueError(
                f"`mixture_distribution.batch_shape` ({mixture.batch_shape}) is not compatible "
                f"with `component_distribution.batch_shape`({batch})"
            )
    n, count = mixture.param_shape[-1], components.batch_shape[-1]
    if n != count:
        raise ValueError(
            f"`mixture_distribution component` ({n}) does not equal "
            f"`component_distribution.batch_shape[-1]` ({count})"
        )
