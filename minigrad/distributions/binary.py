"""Distributions by one probability: it, or its logit, is the parameter."""

from __future__ import annotations

from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution
from minigrad.distributions.utils import (
    broadcast_all,
    check_one_given,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
)
from minigrad.functions.return_types import Size
from minigrad.tensor.tensor import Tensor


class BinaryDistribution(Distribution):
    """Has ``probs`` and ``logits``, of which one is given and the other computed on access."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}

    def _set_probability(self, probs: Any, logits: Any, *others: Any) -> list[Tensor]:
        """Take the parameter that is given; return the others, broadcast with it."""
        name = check_one_given(probs, logits)
        *rest, parameter = broadcast_all(*others, logits if probs is None else probs)
        setattr(self, name, parameter)
        return [x.to(parameter.dtype) for x in rest]

    @lazy_property
    def probs(self) -> Tensor:
        """The probability of 1."""
        return logits_to_probs(self.logits, is_binary=True)

    @lazy_property
    def logits(self) -> Tensor:
        """log(p / (1 - p))."""
        return probs_to_logits(self.probs, is_binary=True)

    @property
    def _param(self) -> Tensor:
        """The parameter that was given."""
        return self.__dict__["probs" if "probs" in self.__dict__ else "logits"]

    @property
    def param_shape(self) -> Size:
        """The shape of the probabilities."""
        return self._param.shape
