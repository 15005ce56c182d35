"""What parameters and values must satisfy, checked per element, vector or matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class Constraint:
    """A named condition on arrays."""

    def __init__(self, name: str, holds: Callable[[np.ndarray], Any]) -> None:
        self.name, self.holds = name, holds

    def check(self, value: Any) -> bool:
        """Return whether all of the tensor satisfies the condition."""
        return bool(np.all(self.holds(value.detach().numpy())))

    def __repr__(self) -> str:
        return self.name


def _as_array(bound: Any) -> Any:
    array = bound.detach().numpy() if hasattr(bound, "detach") else np.asarray(bound)
    return array if array.ndim else array.item()


def interval(low: Any, high: Any) -> Constraint:
    """Between two bounds, both included."""
    low, high = _as_array(low), _as_array(high)
    return Constraint(
        f"Interval(lower_bound={low}, upper_bound={high})", lambda x: (low <= x) & (x <= high)
    )


def less_than(bound: Any) -> Constraint:
    """Below a bound."""
    bound = _as_array(bound)
    return Constraint(f"LessThan(upper_bound={bound})", lambda x: x < bound)


def integer_interval(low: int, high: int) -> Constraint:
    """A whole number between two bounds, both included."""
    name = f"IntegerInterval(lower_bound={low}, upper_bound={high})"
    return Constraint(name, lambda x: (x % 1 == 0) & (low <= x) & (x <= high))


def _positive_definite(x: np.ndarray) -> bool:
    if not np.allclose(x, np.swapaxes(x, -1, -2), atol=1e-6):
        return False
    try:
        np.linalg.cholesky(x)
    except np.linalg.LinAlgError:
        return False
    return True


def _lower_cholesky(x: np.ndarray) -> bool:
    return bool((np.tril(x) == x).all() and (np.diagonal(x, axis1=-2, axis2=-1) > 0).all())


real = Constraint("Real()", lambda x: x == x)
real_vector = Constraint("IndependentConstraint(Real(), 1)", lambda x: x == x)
positive = Constraint("GreaterThan(lower_bound=0.0)", lambda x: x > 0)
unit_interval = interval(0.0, 1.0)
boolean = Constraint("Boolean()", lambda x: (x == 0) | (x == 1))
simplex = Constraint("Simplex()", lambda x: (x >= 0).all(-1) & (abs(x.sum(-1) - 1) < 1e-6))
positive_definite = Constraint("PositiveDefinite()", _positive_definite)
lower_cholesky = Constraint("LowerCholesky()", _lower_cholesky)
