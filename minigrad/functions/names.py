"""What the functions of this folder share in reading their arguments."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

_SPELLINGS = {"axis": "dim", "axes": "dims", "keepdims": "keepdim", "x": "input", "a": "input"}


def numpy_names(function: Callable[..., Any]) -> Callable[..., Any]:
    """Accept NumPy's ``axis`` for ``dim`` and ``x`` for ``input``, as PyTorch does."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            kwargs = {_SPELLINGS.get(key, key): value for key, value in kwargs.items()}
        return function(*args, **kwargs)

    return wrapper


def integers(sizes: tuple[Any, ...], function: str = "size") -> tuple[int, ...]:
    """Take integers as one sequence or as separate arguments; raise TypeError for anything else."""
    if len(sizes) == 1 and isinstance(sizes[0], (list, tuple)):
        sizes = tuple(sizes[0])
    try:
        return tuple(map(operator.index, sizes))
    except TypeError as error:
        raise TypeError(f"{function}(): expected integers, but got {list(sizes)} ({error})") from None


def several(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let the last argument be one sequence, several integers, or a keyword of this name."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(input: Any, *sizes: Any, **named: Any) -> Any:
            if named:
                sizes = _named(function.__name__, name, sizes, named)
            return function(input, integers(sizes, function.__name__))

        return wrapper

    return decorate


def _named(function: str, name: str, sizes: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    if sizes or set(named) != {name}:
        raise TypeError(f"{function}(): expected {name}, but got the keywords {sorted(named)}")
    value = named[name]
    return (value,)
