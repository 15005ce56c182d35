"""Bernoulli and categorical distributions, by probabilities or by their logits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution, broadcast_all
from minigrad.functions.elementwise import softplus, where
from minigrad.random import default_generator
from minigrad.ranges import arange
from minigrad.tensor.tensor import Tensor


def _check_one_given(probs: Any, logits: Any) -> None:
    if (probs is None) == (logits is None):
        count = sum(x is not None for x in (probs, logits))
        raise ValueError(
            f"Either `probs` or `logits` must be specified, but not both. Got {count} of them"
        )


def _clamp_probs(probs: Tensor) -> Tensor:
    """Keep probabilities away from 0 and 1, where logits are infinite."""
    eps = float(np.finfo(probs.dtype).eps)
    return probs.clamp(min=eps, max=1 - eps)


class Bernoulli(Distribution):
    """1 with probability ``probs`` (or the sigmoid of ``logits``), else 0.

    https://docs.pytorch.org/docs/stable/distributions.html#bernoulli
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        _check_one_given(probs, logits)
        self._parameters = ("probs",) if logits is None else ("logits",)
        (parameter,) = broadcast_all(logits if probs is None else probs)
        self._probs: Any = parameter if logits is None else None
        self._logits: Any = parameter if probs is None else None
        super().__init__(parameter.shape, validate_args=validate_args)

    @property
    def probs(self) -> Tensor:
        """The probability of 1."""
        if self._probs is None:
            self._probs = self._logits.sigmoid()
        return self._probs

    @property
    def logits(self) -> Tensor:
        """log(p / (1 - p))."""
        if self._logits is None:
            probs = _clamp_probs(self._probs)
            self._logits = probs.log() - (-probs).log1p()
        return self._logits

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

    def expand(self, batch_shape: Any) -> Bernoulli:
        (name,) = self._parameters
        parameter = getattr(self, name).expand(tuple(batch_shape))
        return Bernoulli(**{name: parameter}, validate_args=self._validate_args)

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
        return _enumerate(2, self.batch_shape, self.probs.dtype, expand)


class Categorical(Distribution):
    """An index into the last dimension of ``probs`` (divided by their sum) or ``logits``.

    https://docs.pytorch.org/docs/stable/distributions.html#categorical

    >>> import minigrad as mg
    >>> mg.distributions.Categorical(mg.tensor([1.0, 3.0])).probs
    tensor([0.2500, 0.7500])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        _check_one_given(probs, logits)
        self._parameters = ("probs",) if logits is None else ("logits",)
        parameter = logits if probs is None else probs
        if parameter.ndim < 1:
            raise ValueError(f"`{self._parameters[0]}` parameter must be at least one-dimensional.")
        self._probs: Any = None
        self._logits: Any = None
        if probs is not None:
            self._probs = probs / probs.sum(-1, keepdim=True)
        else:
            self._logits = logits - logits.logsumexp(-1, keepdim=True)
        self._num_events = parameter.shape[-1]
        super().__init__(parameter.shape[:-1], validate_args=validate_args)

    @property
    def probs(self) -> Tensor:
        """The probabilities, (..., n), of sum one."""
        if self._probs is None:
            self._probs = self._logits.softmax(-1)
        return self._probs

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities, (..., n)."""
        if self._logits is None:
            self._logits = _clamp_probs(self._probs).log()
        return self._logits

    @property
    def support(self) -> constraints.Constraint:  # type: ignore[override]
        """The indices."""
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def param_shape(self) -> tuple[int, ...]:
        """The shape of the probabilities."""
        return (*self.batch_shape, self._num_events)

    @property
    def mean(self) -> Tensor:
        """There is none: nan."""
        return Tensor._wrap(np.full(self.batch_shape, math.nan, self._parameter.dtype))

    variance = mean

    @property
    def _parameter(self) -> Tensor:
        return getattr(self, self._parameters[0])

    @property
    def mode(self) -> Tensor:
        """The likeliest index."""
        return self.probs.argmax(-1)

    def expand(self, batch_shape: Any) -> Categorical:
        (name,) = self._parameters
        parameter = self._parameter.expand((*batch_shape, self._num_events))
        return Categorical(**{name: parameter}, validate_args=self._validate_args)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        rows = self.probs.detach().numpy().reshape(-1, self._num_events)
        draws = default_generator.multinomial(rows, math.prod(sample_shape), replacement=True)
        return Tensor._wrap(draws.T.reshape(self._extended_shape(sample_shape)).copy())

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        shape = np.broadcast_shapes(value.shape, self.batch_shape)
        index = value.long().unsqueeze(-1).expand((*shape, 1))
        logits = self.logits.expand((*shape, self._num_events))
        return logits.gather(-1, index).squeeze(-1)

    def entropy(self) -> Tensor:
        logits = self.logits.clamp(min=float(np.finfo(self.logits.dtype).min))
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return all indices, (n, *batch_shape), or (n, 1, ...) without ``expand``."""
        return _enumerate(self._num_events, self.batch_shape, np.int64, expand)


def _enumerate(n: int, batch_shape: tuple[int, ...], dtype: Any, expand: bool) -> Tensor:
    values = arange(n).to(dtype).view(n, *(1,) * len(batch_shape))
    return values.expand((n, *batch_shape)) if expand else values
