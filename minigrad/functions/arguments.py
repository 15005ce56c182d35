"""How functions take their arguments: NumPy's names beside PyTorch's."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def numpy_names(function: Callable[..., Any]) -> Callable[..., Any]:
    """Accept NumPy's ``axis`` and ``keepdims`` for ``dim`` and ``keepdim``, as PyTorch does."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            for theirs, ours in (("axis", "dim"), ("keepdims", "keepdim")):
                if theirs in kwargs:
                    kwargs[ours] = kwargs.pop(theirs)
        return function(*args, **kwargs)

    return wrapper
