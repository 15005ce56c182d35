"""How functions take their arguments: by PyTorch's names or NumPy's, and tensors only where PyTorch wants tensors."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.dtypes import result_type
from minigrad.engine.recording import Recorded, record_binary, record_unary
from minigrad.primitive import Primitive

_SPELLINGS = {
    "axis": "dim", "axes": "dims", "keepdims": "keepdim", "x": "input", "x1": "input", "a": "input", "x2": "other",
    "split_size": "split_size_or_sections", "sections": "indices_or_sections", "indices": "indices_or_sections",
}  # fmt: skip
_NUMBERS = (int, float, np.generic)


def numpy_names(function: Callable[..., Any], also: tuple[type, ...] = ()) -> Callable[..., Any]:
    """Accept NumPy's ``axis`` for ``dim`` and ``x`` for ``input``, as PyTorch does.

    TypeError where the first operand is no tensor, nor of the types in ``also``.
    """
    parameters = list(inspect.signature(function).parameters)
    spellings = {
        theirs: ours
        for theirs, ours in _SPELLINGS.items()
        if ours in parameters and theirs not in parameters
    }
    first = parameters[0] if parameters[0] in _OPERANDS else ""
    taken = (Recorded, *also)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            kwargs = {spellings.get(key, key): value for key, value in kwargs.items()}
        if first and (args or first in kwargs):
            operand = args[0] if args else kwargs[first]
            if not isinstance(operand, taken):
                raise no_tensor(function.__name__, first, 1, operand)
        try:
            return function(*args, **kwargs)
        except AttributeError as error:
            for place, (name, value) in enumerate(
                {**dict(zip(parameters, args, strict=False)), **kwargs}.items(), 1
            ):
                if value is error.obj and not isinstance(
                    value, Recorded
                ):  # it was asked for what tensors have
                    raise no_tensor(function.__name__, name, place, value) from None
            raise

    return wrapper


_OPERANDS = (
    "input",
    "A",
    "x",
    "condition",
    "sorted_sequence",
    "tensor",
)  # what the first operand is called
or_number = functools.partial(numpy_names, also=(np.ndarray, *_NUMBERS))
or_array = functools.partial(numpy_names, also=(np.ndarray,))


def no_tensor(function: str, name: str, place: int, value: Any) -> TypeError:
    return TypeError(
        f"{function}(): argument '{name}' (position {place}) must be Tensor, not {type(value).__name__}"
    )


def of_one(made: Primitive) -> Callable[..., Any]:
    """Return PyTorch's function of one tensor, ``input``, for a primitive."""

    def function(input: Any) -> Any:
        if not isinstance(input, Recorded):
            raise no_tensor(made.name, "input", 1, input)
        return record_unary(made, input)

    return _called(function, made, made.name)


BOTH, EITHER = "input and other", "input, other"


def of_two(made: Primitive, numbers: str = "", name: str | None = None) -> Callable[..., Any]:
    """Return PyTorch's function of two tensors, ``input`` and ``other``, for a primitive.

    ``numbers`` names which of them may be a number instead; arrays are taken beside a tensor, as everywhere.
    """

    def function(input: Any, other: Any) -> Any:
        if not (isinstance(input, Recorded) and isinstance(other, Recorded)):
            check_pair(name or made.name, numbers, input, other)
            input = lifted(input, other)
        return record_binary(made, input, other)

    return _called(function, made, name or made.name)


def check_pair(function: str, numbers: str, input: Any, other: Any) -> None:
    """Raise TypeError for what is no tensor, and no number where one may stand."""
    for place, name, x in ((1, "input", input), (2, "other", other)):
        number = isinstance(x, _NUMBERS) and name in numbers
        if not (number or isinstance(x, (Recorded, np.ndarray))):
            raise no_tensor(function, name, place, x)
    if numbers != BOTH and not any(isinstance(x, Recorded) for x in (input, other)):
        raise no_tensor(function, "input", 1, input)


def as_number(x: Any) -> Any:
    """Return NumPy's scalars as numbers, which leave a dtype as it is."""
    return x.item() if isinstance(x, np.generic) else x


def lifted(input: Any, other: Any) -> Any:
    """Return the first of two numbers as a tensor of their common dtype; anything else as it is."""
    if isinstance(input, Recorded) or not (
        isinstance(input, _NUMBERS) and isinstance(other, _NUMBERS)
    ):
        return input
    input, other = as_number(input), as_number(other)
    return Recorded._wrap(np.array(input, result_type(input, other)))


def _called(function: Callable[..., Any], made: Primitive, name: str) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = made.__doc__
    return function


def integers(sizes: tuple[Any, ...], function: str = "size") -> tuple[int, ...]:
    """Take integers as one sequence or as separate arguments; raise TypeError for anything else."""
    if len(sizes) == 1 and isinstance(sizes[0], (list, tuple)):
        sizes = tuple(sizes[0])
    try:
        return tuple(map(operator.index, sizes))
    except TypeError as error:
        raise TypeError(
            f"{function}(): expected integers, but got {list(sizes)} ({error})"
        ) from None


def several(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let the last argument be one sequence, several integers, or a keyword of this name."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(input: Any, *sizes: Any, **named: Any) -> Any:
            if not isinstance(input, Recorded):
                raise no_tensor(function.__name__, "input", 1, input)
            if named:
                sizes = _named(function.__name__, name, sizes, named)
            return function(input, integers(sizes, function.__name__))

        return wrapper

    return decorate


def _named(
    function: str, name: str, sizes: tuple[Any, ...], named: dict[str, Any]
) -> tuple[Any, ...]:
    if sizes or set(named) != {name}:
        raise TypeError(f"{function}(): expected {name}, but got the keywords {sorted(named)}")
    value = named[name]
    return (value,)
