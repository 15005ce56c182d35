"""Arguments that must be tensors: arrays of NumPy's are taken as such, anything else is a TypeError that names it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from minigrad.functions.names import no_tensor
from minigrad.tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])


def tensor_arguments(function: F) -> F:
    """Take what is annotated as Tensor as such: arrays as copies, as nobody would see that they were written.

    Raises TypeError that names function, argument and type.
    """
    return _checked(function, as_tensor_argument)


def no_arrays(function: F) -> F:
    """As :func:`tensor_arguments`, for functions that write: TypeError for arrays, too."""
    return _checked(function, _refused)


def _checked(function: F, taken: Callable[..., Any]) -> F:
    hints = {name: parameter.annotation for name, parameter in inspect.signature(function).parameters.items()}
    wanted = {name: hint for name, hint in hints.items() if hint in ("Tensor", "Tensor | None")}
    names, first = list(hints), 0 if "self" in hints else 1
    places = {name: place for place, name in enumerate(hints, first)}
    said = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]
    known: set[tuple[type, ...]] = set()  # types of positional arguments that were right before

    def fitted(name: str, value: Any) -> Any:
        if name not in wanted or isinstance(value, Tensor) or (value is None and wanted[name] != "Tensor"):
            return value
        return taken(value, said, name, places[name])

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        types = (*map(type, args),)
        if types not in known:
            found = [fitted(name, value) for name, value in zip(names, args, strict=False)]
            if all(map(lambda a, b: a is b, found, args)):
                known.add(types)
            args = (*found, *args[len(found) :])
        if kwargs:
            kwargs = {name: fitted(name, value) for name, value in kwargs.items()}
        return function(*args, **kwargs)

    return wrapper  # type: ignore[return-value]


def as_tensor_argument(value: Any, function: str, name: str = "input", place: int = 1) -> Tensor:
    """Return a tensor as it is, an array of numbers as a copy; raise TypeError for anything else."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biuf":
        array: Tensor = Tensor._wrap(np.array(value))
        return array
    raise _no_tensor(function, name, place, value)


def _refused(value: Any, function: str, name: str, place: int) -> Any:
    raise _no_tensor(function, name, place, value)


def _no_tensor(function: str, name: str, place: int, value: Any) -> TypeError:
    error = no_tensor(function, name, place, value)
    dtype = f" of {value.dtype}" if isinstance(value, np.ndarray) else ""
    return TypeError(f"{error}{dtype}")
