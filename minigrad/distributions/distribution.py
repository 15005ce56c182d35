"""What all distributions share: shapes, validation, sampling without a graph."""

from __future__ import annotations

import copy
from typing import Any

from minigrad.distributions.constraints import Constraint, is_dependent
from minigrad.distributions.utils import lazy_property
from minigrad.functions.return_types import Size
from minigrad.modes import no_grad
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor

Shape = tuple[int, ...]


class Distribution:
    """Distributions of shape ``batch_shape``, each over values of shape ``event_shape``.

    Arguments are validated unless ``validate_args=False``: ValueError names the parameter or the
    value, the constraint and what broke it.
    https://docs.pytorch.org/docs/stable/distributions.html
    """

    has_rsample = False
    has_enumerate_support = False
    arg_constraints: dict[str, Any] = {}
    _validate_args = __debug__

    def __init__(
        self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None
    ) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Validate arguments by default, or not."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: expected True or False, got {value!r}")
        Distribution._validate_args = value

    @property
    def batch_shape(self) -> Size:
        """The shape of the parameters."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one draw."""
        return self._event_shape

    @property
    def support(self) -> Constraint:
        """Where the values lie."""
        raise NotImplementedError(f"{type(self).__name__}.support")

    # ---- validation --------------------------------------------------------------------------
    def _check_parameters(self) -> None:
        for name, constraint in self.arg_constraints.items():
            computed = isinstance(getattr(type(self), name, None), lazy_property)
            if is_dependent(constraint) or (computed and name not in self.__dict__):
                continue
            self._check_parameter(name, constraint)

    def _check_parameter(self, name: str, constraint: Constraint) -> None:
        value = getattr(self, name)
        if not _holds(constraint, value):
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
        self._check_shape(value.shape)
        try:
            support = self.support
        except NotImplementedError:
            hint = "initialize it with `validate_args=False` to turn off validation."
            warn(f"{type(self)} does not define `support`; {hint}")
            return
        if not _holds(support, value):
            raise ValueError(
                f"Expected value argument (Tensor of shape {tuple(value.shape)}) to be within the "
                f"support ({support!r}) of the distribution {self!r}, "
                f"but found invalid values:\n{value.detach()}"
            )

    def _check_shape(self, shape: Size) -> None:
        n = len(self.event_shape)
        if n and shape[-n:] != self.event_shape:
            raise ValueError(
                "The right-most size of value must match event_shape: "
                f"{shape} vs {self.event_shape}."
            )
        expected = self.batch_shape + self.event_shape
        for i, j in zip(reversed(shape), reversed(expected), strict=False):
            if i != j and 1 not in (i, j):
                raise ValueError(
                    "Value is not broadcastable with batch_shape+event_shape: "
                    f"{shape} vs {expected}."
                )

    # ---- sampling ----------------------------------------------------------------------------
    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        return Size(sample_shape) + self.batch_shape + self.event_shape

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Return a draw of shape sample_shape + batch_shape + event_shape, without a gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def sample_n(self, n: int) -> Tensor:
        """Return ``n`` draws; PyTorch's older name of ``sample((n,))``."""
        return self.sample((n,))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Return a draw through which gradients reach the parameters.

        This is the reparametrization trick; NotImplementedError where there is none.
        """
        raise NotImplementedError(
            f"{type(self).__name__}.rsample: there is no such gradient; use sample()"
        )

    # ---- what a family tells -----------------------------------------------------------------
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

    def perplexity(self) -> Tensor:
        """Return exp(entropy)."""
        return self.entropy().exp()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return all values of a discrete distribution along a new first dimension."""
        raise NotImplementedError(f"{type(self).__name__}.enumerate_support")

    @property
    def mean(self) -> Tensor:
        """The mean."""
        raise NotImplementedError(f"{type(self).__name__}.mean")

    @property
    def mode(self) -> Tensor:
        """The likeliest value."""
        raise NotImplementedError(f"{type(self).__name__} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError(f"{type(self).__name__}.variance")

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    # ---- the same in other shapes ------------------------------------------------------------
    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the same distribution with its batch broadcast to ``batch_shape``."""
        other = copy.copy(self)
        other._batch_shape = Size(batch_shape)
        for name, constraint in self.arg_constraints.items():
            if name in self.__dict__:
                parameter = self.__dict__[name]
                event = parameter.shape[parameter.ndim - constraint.event_dim :]
                setattr(other, name, parameter.expand((*other._batch_shape, *event)))
        return other

    def __repr__(self) -> str:
        parameters = {k: self.__dict__[k] for k in self.arg_constraints if k in self.__dict__}
        shown = (f"{k}: {v if v.numel() == 1 else v.shape}" for k, v in parameters.items())
        return f"{type(self).__name__}({', '.join(shown)})"


def _holds(constraint: Constraint, value: Tensor) -> bool:
    with no_grad():
        return bool(constraint.check(value).all())
