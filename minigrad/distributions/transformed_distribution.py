"""A distribution of transformed draws."""

from __future__ import annotations

import copy
from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution
from minigrad.distributions.independent import Independent
from minigrad.distributions.transform import ComposeTransform, Transform
from minigrad.distributions.utils import sum_rightmost
from minigrad.functions.return_types import Size
from minigrad.modes import no_grad
from minigrad.tensor.tensor import Tensor


class TransformedDistribution(Distribution):
    """y = f(x) of draws x of ``base_distribution``, f a transform or a list of them in turn.

    ``log_prob`` is the base's at the inverse, less the logarithm of the Jacobian's determinant.
    ValueError for transforms of another kind, or a base of too few dimensions.
    https://docs.pytorch.org/docs/stable/distributions.html#transformeddistribution

    >>> import minigrad as mg
    >>> D = mg.distributions
    >>> logistic = D.TransformedDistribution(D.Uniform(0.0, 1.0), [D.SigmoidTransform().inv])
    >>> logistic.log_prob(mg.tensor(0.0))
    tensor(-1.3863)
    """

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | list[Transform],
        validate_args: bool | None = None,
    ) -> None:
        self.transforms = [transforms] if isinstance(transforms, Transform) else transforms
        _check_transforms(self.transforms)
        transform = ComposeTransform(self.transforms)
        self.base_dist, shape = _coupled_base(base_distribution, transform)
        coupled_by_base = len(base_distribution.event_shape) - transform.domain.event_dim
        event_dim = transform.codomain.event_dim
        event_dim += max(0, coupled_by_base)
        cut = len(shape) - event_dim
        super().__init__(shape[:cut], shape[cut:], validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether the base has."""
        return self.base_dist.has_rsample

    @constraints.dependent_property
    def support(self) -> constraints.Constraint:
        """Where the last transform leads."""
        last = self.transforms[-1].codomain if self.transforms else self.base_dist.support
        more = len(self.event_shape) - last.event_dim
        return constraints.independent(last, more) if more > 0 else last

    def expand(self, batch_shape: Any, _instance: Any = None) -> TransformedDistribution:
        shape = Size(batch_shape) + self.event_shape
        other = copy.copy(self)
        other._batch_shape = Size(batch_shape)
        for transform in reversed(self.transforms):
            shape = Size(transform.inverse_shape(shape))
        cut = len(shape) - len(self.base_dist.event_shape)
        other.base_dist = self.base_dist.expand(shape[:cut])
        for name in self.arg_constraints:
            if name in self.__dict__:
                setattr(other, name, self.__dict__[name].expand(other._batch_shape))
        return other

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return self._transformed(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self._transformed(self.base_dist.rsample(sample_shape))

    def _transformed(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        event_dim, y = len(self.event_shape), value
        log_prob: Any = 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            change = transform.log_abs_det_jacobian(x, y)
            log_prob = log_prob - sum_rightmost(change, event_dim - transform.domain.event_dim)
            y = x
        of_base = self.base_dist.log_prob(y)
        return log_prob + sum_rightmost(of_base, event_dim - len(self.base_dist.event_shape))

    def _rising(self, probability: Tensor) -> Tensor:
        """Flip a probability where the transforms turn the order around."""
        sign = ComposeTransform(self.transforms).sign
        if isinstance(sign, int) and sign == 1:
            return probability
        return sign * (probability - 0.5) + 0.5

    def cdf(self, value: Tensor) -> Tensor:
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        self.base_dist._validate_sample(value)
        return self._rising(self.base_dist.cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self._transformed(self.base_dist.icdf(self._rising(value)))


def _check_transforms(transforms: Any) -> None:
    if not isinstance(transforms, list):
        raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
    if not all(isinstance(t, Transform) for t in transforms):
        raise ValueError(
            f"transforms must be a Transform or a list of Transforms, got {transforms}"
        )


def _coupled_base(base: Distribution, transform: Transform) -> tuple[Distribution, Size]:
    """Return the base in the shape that the transform needs, and the shape of what comes out."""
    base_shape = base.batch_shape + base.event_shape
    event_dim, needed = len(base.event_shape), transform.domain.event_dim
    if len(base_shape) < needed:
        raise ValueError(
            "base_distribution needs to have shape with size at least "
            f"{needed}, but got {base_shape}."
        )
    shape = Size(transform.forward_shape(base_shape))
    expanded = Size(transform.inverse_shape(shape))
    if expanded != base_shape:
        base = base.expand(expanded[: len(expanded) - event_dim])
    more = needed - event_dim
    return (Independent(base, more) if more > 0 else base), shape
