"""The numbers in optimizers' formulas, which change from step to step and are asked for here."""

from __future__ import annotations

from typing import Any

import numpy as np

Numbers = tuple[Any, ...]  # of one step


def number_arrays(dtype: np.dtype[Any], values: Numbers) -> list[Any]:
    """Return numbers as arrays of no dimensions, those of Python in a dtype; bools as they are."""
    return [
        value if type(value) is bool else np.array(value, getattr(value, "dtype", dtype))
        for value in values
    ]


def note_of(p: Any) -> Any:
    """Return how an array that notes what is asked for has numbers asked for again, or None.

    ``__numbers__(p, numbers, group, state)`` gives the arrays of ``numbers(group, t)``, t the count
    in ``state`` and one more, 0.0 without a state.
    """
    return getattr(type(p), "__numbers__", None)


def weight_decay(group: dict[str, Any], t: float) -> Numbers:
    return (float(group["weight_decay"]),)
