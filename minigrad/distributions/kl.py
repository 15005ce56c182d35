"""Kullback-Leibler divergences, pair by pair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.distributions.distribution import Distribution
from minigrad.tensor.tensor import Tensor

_RULES: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Any], Any]:
    """Register the decorated function ``(p, q)`` as the divergence of these two classes.

    Raises TypeError for anything that is not a subclass of Distribution.
    """
    for kind in (type_p, type_q):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"register_kl: expected subclasses of Distribution, got {kind}")

    def decorate(function: Any) -> Any:
        _RULES[type_p, type_q] = function
        return function

    return decorate


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """Return the expectation under p of log p - log q, of shape batch_shape.

    Raises NotImplementedError for a pair without a rule.
    https://docs.pytorch.org/docs/stable/distributions.html#module-torch.distributions.kl

    >>> import minigrad as mg
    >>> N = mg.distributions.Normal
    >>> mg.distributions.kl_divergence(N(1.0, 1.0), N(0.0, 1.0))
    tensor(0.5000)
    """
    for a in type(p).__mro__:
        for b in type(q).__mro__:
            if (a, b) in _RULES:
                return _RULES[a, b](p, q)
    raise NotImplementedError(
        f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
    )
