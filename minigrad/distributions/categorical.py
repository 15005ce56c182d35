"""The distribution of an index, by probabilities or by their logits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.distributions import constraints
from minigrad.distributions.bernoulli import enumerate_values
from minigrad.distributions.distribution import Distribution
from minigrad.distributions.utils import (
    broadcast_tensors,
    check_one_given,
    lazy_property,
    limits,
    logits_to_probs,
    probs_to_logits,
)
from minigrad.functions.return_types import Size
from minigrad.random import default_generator
from minigrad.tensor.tensor import Tensor


class Categorical(Distribution):
    """An index into the last dimension of ``probs`` (divided by their sum) or ``logits``.

    https://docs.pytorch.org/docs/stable/distributions.html#categorical

    >>> import minigrad as mg
    >>> mg.distributions.Categorical(mg.tensor([1.0, 3.0])).probs
    tensor([0.2500, 0.7500])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        name = check_one_given(probs, logits)
        parameter = logits if probs is None else probs
        if parameter.ndim < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if name == "probs":
            total = probs.sum(-1, keepdim=True)
            self.probs = probs / total
        else:
            log_of_total = logits.logsumexp(-1, keepdim=True)
            self.logits = logits - log_of_total
        *batch_shape, self._num_events = parameter.shape
        super().__init__(batch_shape, validate_args=validate_args)

    @lazy_property
    def probs(self) -> Tensor:
        """The probabilities, (..., n), of sum one."""
        return logits_to_probs(self.logits)

    @lazy_property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities, (..., n)."""
        return probs_to_logits(self.probs)

    @constraints.dependent_property(is_discrete=True)
    def support(self) -> constraints.Constraint:
        """The indices."""
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def _param(self) -> Tensor:
        return self.__dict__["probs" if "probs" in self.__dict__ else "logits"]

    @property
    def param_shape(self) -> Size:
        """The shape of the probabilities."""
        return self._param.shape

    @property
    def mean(self) -> Tensor:
        """There is none: nan."""
        return Tensor._wrap(np.full(self.batch_shape, math.nan, self._param.dtype))

    variance = mean

    @property
    def mode(self) -> Tensor:
        """The likeliest index."""
        return self.probs.argmax(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        rows = self.probs.detach().numpy().reshape(-1, self._num_events)
        draws = default_generator.multinomial(rows, math.prod(sample_shape), replacement=True)
        return Tensor._wrap(draws.T.reshape(self._extended_shape(sample_shape)).copy())

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        value, *_ = broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return self.logits.expand(value.shape).gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        logits = self.logits.clamp(min=float(limits(self.logits).min))
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return all indices, (n, *batch_shape), or (n, 1, ...) without ``expand``."""
        return enumerate_values(self._num_events, self.batch_shape, np.int64, expand)
