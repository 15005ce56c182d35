"""What parameters and values must satisfy, checked per element, vector or matrix.

https://docs.pytorch.org/docs/stable/distributions.html#module-torch.distributions.constraints
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.functions.joining import cat as cat_tensors
from minigrad.functions.joining import stack as stack_tensors
from minigrad.functions.splitting import split
from minigrad.tensor.tensor import Tensor

__all__ = [
    "Constraint",
    "MixtureSameFamilyConstraint",
    "boolean",
    "cat",
    "corr_cholesky",
    "dependent",
    "dependent_property",
    "greater_than",
    "greater_than_eq",
    "half_open_interval",
    "independent",
    "integer_interval",
    "interval",
    "is_dependent",
    "less_than",
    "lower_cholesky",
    "lower_triangular",
    "multinomial",
    "nonnegative",
    "nonnegative_integer",
    "one_hot",
    "positive",
    "positive_definite",
    "positive_integer",
    "positive_semidefinite",
    "real",
    "real_vector",
    "simplex",
    "square",
    "stack",
    "symmetric",
    "unit_interval",
]

Condition = Callable[[Any], Any]


class Constraint:
    """A region in which a variable is valid.

    ``event_dim`` last dimensions together are one event; ``check`` answers per event.
    """

    is_discrete = False
    event_dim = 0

    def check(self, value: Tensor) -> Tensor:
        """Return, per event, whether it lies in the region."""
        raise NotImplementedError(f"{type(self).__name__}.check")

    def __repr__(self) -> str:
        return type(self).__name__.lstrip("_") + "()"


class _Condition(Constraint):
    """A named condition; what it was built of are its attributes."""

    def __init__(self, name: str, holds: Condition, event_dim: int = 0, **bounds: Any) -> None:
        self._holds, self._name, self.event_dim = holds, name, event_dim
        self.is_discrete = bounds.pop("is_discrete", False)
        self._bounds = bounds
        self.__dict__.update(bounds)

    def check(self, value: Tensor) -> Tensor:
        return self._holds(value)

    def __repr__(self) -> str:
        bounds = ", ".join(f"{name}={bound}" for name, bound in self._bounds.items())
        return f"{self._name}({bounds})"


# ---- numbers ---------------------------------------------------------------------------------
def interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Between two bounds, both included."""
    bounds = {"lower_bound": lower_bound, "upper_bound": upper_bound}
    return _Condition("Interval", lambda x: (lower_bound <= x) & (x <= upper_bound), **bounds)


def half_open_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Between two bounds, the upper one excluded."""
    bounds = {"lower_bound": lower_bound, "upper_bound": upper_bound}
    return _Condition(
        "HalfOpenInterval", lambda x: (lower_bound <= x) & (x < upper_bound), **bounds
    )


def greater_than(lower_bound: Any) -> Constraint:
    """Above a bound."""
    return _Condition("GreaterThan", lambda x: lower_bound < x, lower_bound=lower_bound)


def greater_than_eq(lower_bound: Any) -> Constraint:
    """Above a bound, or the bound."""
    return _Condition("GreaterThanEq", lambda x: lower_bound <= x, lower_bound=lower_bound)


def less_than(upper_bound: Any) -> Constraint:
    """Below a bound."""
    return _Condition("LessThan", lambda x: x < upper_bound, upper_bound=upper_bound)


def integer_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """A whole number between two bounds, both included."""

    def holds(x: Any) -> Any:
        return (x % 1 == 0) & (lower_bound <= x) & (x <= upper_bound)

    bounds = {"lower_bound": lower_bound, "upper_bound": upper_bound}
    return _Condition("IntegerInterval", holds, is_discrete=True, **bounds)


def _integer_from(lower_bound: int) -> Constraint:
    def holds(x: Any) -> Any:
        return (x % 1 == 0) & (x >= lower_bound)

    return _Condition("IntegerGreaterThan", holds, is_discrete=True, lower_bound=lower_bound)


# ---- vectors and matrices --------------------------------------------------------------------
def multinomial(upper_bound: Any) -> Constraint:
    """Counts that add up to ``upper_bound``."""

    def holds(x: Any) -> Any:
        return (x >= 0).all(-1) & (x.sum(-1) <= upper_bound)

    return _Condition("Multinomial", holds, 1, is_discrete=True)


def _is_one_hot(x: Any) -> Any:
    return ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1)


def _is_on_the_simplex(x: Any) -> Any:
    return (x >= 0).all(-1) & ((x.sum(-1) - 1).abs() < 1e-6)


def _is_square(x: Any) -> Any:
    same = x.shape[-1] == x.shape[-2]
    return Tensor._wrap(np.full(x.shape[:-2], same))


def _is_symmetric(x: Any) -> Any:
    if x.shape[-1] != x.shape[-2]:
        return _is_square(x)
    array = x.detach().numpy()
    return Tensor._wrap(np.isclose(array, np.swapaxes(array, -1, -2), atol=1e-6).all((-2, -1)))


def _smallest_eigenvalue(x: Any) -> Any:
    """Return it of matrices, nan of those that are not symmetric."""
    if x.shape[-1] != x.shape[-2]:
        return Tensor._wrap(np.full(x.shape[:-2], np.nan))
    eigenvalues = np.linalg.eigvalsh(x.detach().numpy()).min(-1)
    return Tensor._wrap(np.where(_is_symmetric(x).numpy(), eigenvalues, np.nan))


def _is_lower_triangular(x: Any) -> Any:
    return (x.tril() == x).flatten(-2).all(-1)


def _is_cholesky_factor(x: Any) -> Any:
    positive_diagonal = (x.diagonal(dim1=-2, dim2=-1) > 0).all(-1)
    return _is_lower_triangular(x) & positive_diagonal


def _is_correlation_factor(x: Any) -> Any:
    tolerance = float(np.finfo(x.dtype).eps) * x.shape[-1] * 10
    length = (x**2).sum(-1).sqrt()
    return _is_cholesky_factor(x) & ((length - 1).abs() < tolerance).all(-1)


# ---- of other constraints --------------------------------------------------------------------
class _IndependentConstraint(Constraint):
    """An event is valid only if all of it along the last dimensions is."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        self.base_constraint = base_constraint
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        self.is_discrete = base_constraint.is_discrete
        self.event_dim = base_constraint.event_dim + reinterpreted_batch_ndims

    def check(self, value: Tensor) -> Tensor:
        valid = self.base_constraint.check(value)
        n = self.reinterpreted_batch_ndims
        if valid.ndim < n:
            raise too_few_dimensions(self, value)
        return valid.flatten(-n).all(-1) if n else valid

    def __repr__(self) -> str:
        return f"IndependentConstraint({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


def too_few_dimensions(constraint: Constraint, value: Tensor) -> ValueError:
    """Return the error of a value that has no whole event."""
    return ValueError(f"Expected value.dim() >= {constraint.event_dim} but got {value.ndim}")


class MixtureSameFamilyConstraint(Constraint):
    """A value that every component of a mixture may have."""

    def __init__(self, base_constraint: Constraint) -> None:
        self.base_constraint = base_constraint
        self.is_discrete = base_constraint.is_discrete
        self.event_dim = base_constraint.event_dim

    def check(self, value: Tensor) -> Tensor:
        batch_ndims = value.ndim - self.event_dim
        if batch_ndims < 0:
            raise too_few_dimensions(self, value)
        valid = self.base_constraint.check(value.unsqueeze(batch_ndims))
        return valid.flatten(batch_ndims).all(-1)

    def __repr__(self) -> str:
        return f"MixtureSameFamilyConstraint({self.base_constraint!r})"


class _Cat(Constraint):
    """Along a dimension, each piece of its length satisfies its own constraint."""

    def __init__(self, cseq: Any, dim: int = 0, lengths: Any = None) -> None:
        self.cseq, self.dim = list(cseq), dim
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)
        self.is_discrete = any(c.is_discrete for c in self.cseq)
        self.event_dim = max(c.event_dim for c in self.cseq)

    def check(self, value: Tensor) -> Tensor:
        pieces = split(value, self.lengths, self.dim)
        checked = map(lambda c, piece: c.check(piece), self.cseq, pieces)
        return cat_tensors(list(checked), self.dim)


class _Stack(Constraint):
    """Along a dimension, each slice satisfies its own constraint."""

    def __init__(self, cseq: Any, dim: int = 0) -> None:
        self.cseq, self.dim = list(cseq), dim
        self.is_discrete = any(c.is_discrete for c in self.cseq)
        dim_of_slices = max(c.event_dim for c in self.cseq)
        self.event_dim = dim_of_slices + (dim + dim_of_slices < 0)

    def check(self, value: Tensor) -> Tensor:
        slices = value.unbind(self.dim)
        checked = map(lambda c, piece: c.check(piece), self.cseq, slices)
        return stack_tensors(list(checked), self.dim)


class _Dependent(Constraint):
    """Stands for a region that depends on other variables."""

    def __call__(self, *, is_discrete: bool = False, event_dim: int = 0) -> _Dependent:
        other = _Dependent()
        other.is_discrete, other.event_dim = is_discrete, event_dim
        return other

    def check(self, value: Tensor) -> Tensor:
        raise ValueError(f"Cannot determine validity of dependent constraint {self!r}")


class dependent_property(property, _Dependent):  # PyTorch's name
    """A property which, asked of the class, is a constraint that depends on the instance."""

    def __init__(self, fn: Any = None, *, is_discrete: bool = False, event_dim: int = 0) -> None:
        super().__init__(fn)
        self.is_discrete, self.event_dim = is_discrete, event_dim

    def __call__(self, fn: Any) -> Any:  # type: ignore[override]
        return dependent_property(fn, is_discrete=self.is_discrete, event_dim=self.event_dim)


def is_dependent(constraint: Any) -> bool:
    """Return whether the region depends on other variables."""
    return isinstance(constraint, _Dependent)


independent = _IndependentConstraint
cat, stack = _Cat, _Stack
dependent = _Dependent()

real = _Condition("Real", lambda x: x == x)
real_vector = independent(real, 1)
positive = greater_than(0.0)
nonnegative = greater_than_eq(0.0)
unit_interval = interval(0.0, 1.0)
boolean = _Condition("Boolean", lambda x: (x == 0) | (x == 1), is_discrete=True)
nonnegative_integer, positive_integer = _integer_from(0), _integer_from(1)
one_hot = _Condition("OneHot", _is_one_hot, 1, is_discrete=True)
simplex = _Condition("Simplex", _is_on_the_simplex, 1)
square = _Condition("Square", _is_square, 2)
symmetric = _Condition("Symmetric", _is_symmetric, 2)
positive_definite = _Condition("PositiveDefinite", lambda x: _smallest_eigenvalue(x) > 0, 2)
positive_semidefinite = _Condition(
    "PositiveSemidefinite", lambda x: _smallest_eigenvalue(x) >= 0, 2
)
lower_triangular = _Condition("LowerTriangular", _is_lower_triangular, 2)
lower_cholesky = _Condition("LowerCholesky", _is_cholesky_factor, 2)
corr_cholesky = _Condition("CorrCholesky", _is_correlation_factor, 2)
