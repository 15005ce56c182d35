"""Places and counts: int64 to a user, as wide as a pointer to NumPy.

The two differ on 32-bit machines, such as a browser's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])

# where the two are the same, nothing is added to a call
_SAME = np.dtype(np.intp) == np.int64

# kinds whose sum NumPy does not give in int64 by itself
SUMMED_AS_INT64 = "u" if _SAME else "bui"


def as_int64(places: np.ndarray) -> np.ndarray:
    """Return the places as a user gets them."""
    return places.astype(np.int64, copy=False)


def int64_places(function: Function) -> Function:
    """Make a function that returns places or counts return int64 on every machine."""
    if _SAME:
        return function

    @functools.wraps(function)
    def widened(*args: Any, **kwargs: Any) -> Any:
        return as_int64(function(*args, **kwargs))

    return widened  # type: ignore[return-value]


def count_places(places: np.ndarray, weights: Any = None, minlength: int = 0) -> np.ndarray:
    """Return how often each number occurs, or the sums of its weights: ``np.bincount`` of int64."""
    return np.bincount(places.astype(np.intp, copy=False), weights, minlength)
