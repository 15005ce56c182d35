"""What all distributions share: shapes, validation, sampling without a graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.creation import tensor
from minigrad.distributions.constraints import Constraint
from minigrad.dtypes import get_default_dtype
from minigrad.functions.return_types import Size
from minigrad.modes import no_grad
from minigrad.random import default_generator
from minigrad.tensor.tensor import Tensor

Shape = tuple[int, ...]


class Distribution:
    """Distributions of shape ``batch_shape``, each over values of shape ``event_shape``.

    Arguments are validated unless ``validate_args=False``: ValueError names the parameter or the
    value, the constraint and what broke it.
    https://docs.pytorch.org/docs/stable/distributions.html
    """

    has_rsample = False
    arg_constraints: dict[str, Constraint] = {}
    support: Constraint
    _validate_args = __debug__
    _parameters: tuple[str, ...] = ()  # the arguments, as repr shows them

    def __init__(
        self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None
    ) -> None:
        self.batch_shape, self.event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name, constraint in self.arg_constraints.items():
                if name in self._parameters:
                    self._check_parameter(name, constraint)

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Validate arguments by default, or not."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: expected True or False, got {value!r}")
        Distribution._validate_args = value

    def _check_parameter(self, name: str, constraint: Constraint) -> None:
        value = getattr(self, name)
        if not constraint.check(value):
            raise ValueError(
                f"Expected parameter {name} (Tensor of shape {tuple(value.shape)}) of distribution "
                f"{self!r} to satisfy the constraint {constraint!r}, "
                f"but found invalid values:\n{value.detach()}"
            )

    def _validate_sample(self, value: Any) -> None:
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise ValueError(
                f"The value argument to log_prob must be a Tensor, got {type(value).__name__}"
            )
        n = len(self.event_shape)
        if n and value.shape[-n:] != self.event_shape:
            raise ValueError(
                "The right-most size of value must match event_shape: "
                f"{value.shape} vs {self.event_shape}."
            )
        expected = self.batch_shape + self.event_shape
        for i, j in zip(reversed(value.shape), reversed(expected), strict=False):
            if i != j and 1 not in (i, j):
                raise ValueError(
                    "Value is not broadcastable with batch_shape+event_shape: "
                    f"{value.shape} vs {expected}."
                )
        if not self.support.check(value):
            raise ValueError(
                f"Expected value argument (Tensor of shape {tuple(value.shape)}) to be within the "
                f"support ({self.support!r}) of the distribution {self!r}, "
                f"but found invalid values:\n{value.detach()}"
            )

    def _extended_shape(self, sample_shape: Any) -> Shape:
        return tuple(sample_shape) + self.batch_shape + self.event_shape

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Return a draw of shape sample_shape + batch_shape + event_shape, without a gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Return a draw through which gradients reach the parameters.

        This is the reparametrization trick; NotImplementedError where there is none.
        """
        raise NotImplementedError(
            f"{type(self).__name__}.rsample: there is no such gradient; use sample()"
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density (or of the probability) at ``value``."""
        raise NotImplementedError(f"{type(self).__name__}.log_prob")

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of being at most ``value``."""
        raise NotImplementedError(f"{type(self).__name__}.cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """Return the quantile: the inverse of :meth:`cdf`."""
        raise NotImplementedError(f"{type(self).__name__}.icdf")

    def entropy(self) -> Tensor:
        """Return the entropy in nats, of shape batch_shape."""
        raise NotImplementedError(f"{type(self).__name__}.entropy")

    def expand(self, batch_shape: Any) -> Distribution:
        """Return the same distribution with its batch broadcast to ``batch_shape``."""
        raise NotImplementedError(f"{type(self).__name__}.expand")

    def perplexity(self) -> Tensor:
        """Return exp(entropy)."""
        return self.entropy().exp()

    @property
    def mean(self) -> Tensor:
        """The mean."""
        raise NotImplementedError(f"{type(self).__name__}.mean")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError(f"{type(self).__name__}.variance")

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    def __repr__(self) -> str:
        values = ((name, getattr(self, name)) for name in self._parameters)
        shown = (f"{name}: {v.shape if v.numel() != 1 else v.item()}" for name, v in values)
        return f"{type(self).__name__}({', '.join(shown)})"


def broadcast_all(*values: Any) -> list[Tensor]:
    """Return the values, numbers too, as tensors of one shape; numbers take the tensors' dtype."""
    if not all(isinstance(v, (Tensor, int, float, np.number)) for v in values):
        kinds = ", ".join(type(v).__name__ for v in values)
        raise ValueError(f"Input arguments must all be instances of Number or Tensor, got {kinds}")
    dtypes = [v.dtype for v in values if isinstance(v, Tensor)]
    dtype = dtypes[0] if dtypes else get_default_dtype()
    tensors = []
    for value in values:
        if not isinstance(value, Tensor):
            value = tensor(value, dtype=dtype)
        tensors.append(value)
    shape = np.broadcast_shapes(*(t.shape for t in tensors))
    return [t if t.shape == shape else t.expand(shape) for t in tensors]


def standard_normal(shape: Shape, dtype: Any) -> Tensor:
    """Return standard normal numbers of the default stream."""
    return Tensor._wrap(default_generator.normal(shape, dtype=dtype))
