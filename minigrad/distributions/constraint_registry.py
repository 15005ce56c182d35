"""From numbers without bounds to a constraint: ``biject_to`` one to one, ``transform_to`` simply.

https://docs.pytorch.org/docs/stable/distributions.html#module-torch.distributions.constraint_registry
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.distributions import constraints as c
from minigrad.distributions import transforms as t

Factory = Callable[[Any], t.Transform]
_NUMBERS = (int, float)


class ConstraintRegistry:
    """Which transform leads to which kind of constraint.

    >>> import minigrad as mg
    >>> to_positive = mg.distributions.transform_to(mg.distributions.constraints.positive)
    >>> to_positive(mg.tensor(0.0))
    tensor(1.)
    """

    def __init__(self, name: str = "") -> None:
        self._name = name  # by which it is pickled
        self._factories: dict[Any, Factory] = {}

    def __reduce__(self) -> Any:
        return self._name or object.__reduce__(self)

    def register(self, constraint: Any, factory: Factory | None = None) -> Any:
        """Take the factory, called with the constraint, for constraints of this kind.

        ``constraint`` is a class or one of its instances; without ``factory`` it is a decorator.
        Raises TypeError for anything else.
        """
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        self._factories[_kind(constraint)] = factory
        return factory

    def __call__(self, constraint: c.Constraint) -> t.Transform:
        """Return the transform; raise NotImplementedError where none is registered."""
        kind = _kind(constraint)
        if kind not in self._factories:
            name = repr(constraint).partition("(")[0]
            raise NotImplementedError(f"Cannot transform {name} constraints")
        return self._factories[kind](constraint)


def _kind(constraint: Any) -> Any:
    """Return the class, or for one of the conditions of this package its name."""
    if isinstance(constraint, c.Constraint):
        return getattr(constraint, "_name", type(constraint))
    if isinstance(constraint, type) and issubclass(constraint, c.Constraint):
        return constraint
    if getattr(constraint, "__module__", "") == c.__name__:  # a function that makes conditions
        return "".join(part.title() for part in constraint.__name__.split("_"))
    raise TypeError(
        f"Expected constraint to be either a Constraint subclass or instance, but got {constraint}"
    )


biject_to = ConstraintRegistry("biject_to")
transform_to = ConstraintRegistry("transform_to")


def _above(constraint: Any) -> t.Transform:
    return t.ComposeTransform([t.ExpTransform(), t.AffineTransform(constraint.lower_bound, 1)])


def _below(constraint: Any) -> t.Transform:
    return t.ComposeTransform([t.ExpTransform(), t.AffineTransform(constraint.upper_bound, -1)])


def _between(constraint: Any) -> t.Transform:
    low, high = constraint.lower_bound, constraint.upper_bound
    of_numbers = isinstance(low, _NUMBERS) and isinstance(high, _NUMBERS)
    if of_numbers and (low, high) == (0, 1):
        return t.SigmoidTransform()
    stretch = t.AffineTransform(low, high - low)
    return t.ComposeTransform([t.SigmoidTransform(), stretch])


def _register_parts(registry: ConstraintRegistry) -> None:
    """Register what is made of other constraints."""

    def independent(constraint: Any) -> t.Transform:
        base = registry(constraint.base_constraint)
        return t.IndependentTransform(base, constraint.reinterpreted_batch_ndims)

    def cat(constraint: Any) -> t.Transform:
        parts = [registry(part) for part in constraint.cseq]
        return t.CatTransform(parts, constraint.dim, constraint.lengths)

    def stack(constraint: Any) -> t.Transform:
        parts = [registry(part) for part in constraint.cseq]
        return t.StackTransform(parts, constraint.dim)

    registry.register(c.independent, independent)
    registry.register(c.cat, cat)
    registry.register(c.stack, stack)


_BOTH: dict[Any, Factory] = {
    c.real: lambda constraint: t.identity_transform,
    c.greater_than: _above,
    c.greater_than_eq: _above,
    c.less_than: _below,
    c.interval: _between,
    c.half_open_interval: _between,
    c.corr_cholesky: lambda constraint: t.CorrCholeskyTransform(),
}
for _registry in (biject_to, transform_to):
    _register_parts(_registry)
    for _constraint, _factory in _BOTH.items():
        _registry.register(_constraint, _factory)
biject_to.register(c.simplex, lambda constraint: t.StickBreakingTransform())
transform_to.register(c.simplex, lambda constraint: t.SoftmaxTransform())
transform_to.register(c.lower_cholesky, lambda constraint: t.LowerCholeskyTransform())
for _constraint in (c.positive_definite, c.positive_semidefinite):
    transform_to.register(_constraint, lambda constraint: t.PositiveDefiniteTransform())
