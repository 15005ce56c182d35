"""How functions take arguments: PyTorch's names or NumPy's; tensors where PyTorch wants tensors."""

from __future__ import annotations

import enum
import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.dtypes import result_type
from minigrad.engine.recording import Recorded, record_binary, record_unary
from minigrad.functions.out import call_into
from minigrad.primitive import Primitive

Function = Callable[..., Any]

_NUMPY_TO_PYTORCH = {
    "a": "input",
    "axes": "dims",
    "axis": "dim",
    "indices": "indices_or_sections",
    "keepdims": "keepdim",
    "sections": "indices_or_sections",
    "split_size": "split_size_or_sections",
    "x": "input",
    "x1": "input",
    "x2": "other",
}
_FIRST_OPERANDS = ("input", "A", "x", "condition", "sorted_sequence", "tensor")
_NUMBERS = (int, float, np.generic)


def accepts_numpy_names(
    function: Function, also: tuple[type, ...] = (), out: bool = False
) -> Function:
    """Accept NumPy's ``axis`` for ``dim`` and ``x`` for ``input``, as PyTorch does.

    TypeError where the first operand is neither a tensor nor of the types in ``also``. ``out`` says
    whether there is an ``out=``.
    """
    parameters = list(inspect.signature(function).parameters)
    renamed = {
        numpy_name: name
        for numpy_name, name in _NUMPY_TO_PYTORCH.items()
        if name in parameters and numpy_name not in parameters
    }
    first = parameters[0] if parameters[0] in _FIRST_OPERANDS else ""
    accepted = (Recorded, *also)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            kwargs = {renamed.get(key, key): value for key, value in kwargs.items()}
            if out and "out" in kwargs:
                target = kwargs.pop("out")
                if target is not None:
                    return call_into(target, wrapper, args, kwargs)
        if first and (args or first in kwargs):
            operand = args[0] if args else kwargs[first]
            if not isinstance(operand, accepted):
                raise not_a_tensor_error(function.__name__, first, 1, operand)
        try:
            return function(*args, **kwargs)
        except AttributeError as error:
            arguments = {**dict(zip(parameters, args, strict=False)), **kwargs}
            for place, (name, value) in enumerate(arguments.items(), 1):
                # an argument was asked for what only tensors have
                if value is error.obj and not isinstance(value, Recorded):
                    raise not_a_tensor_error(function.__name__, name, place, value) from None
            raise

    return with_out(wrapper) if out else wrapper


def with_out(function: Any) -> Function:
    """Show ``out=`` in the signature of a function that takes it."""
    signature = inspect.signature(function)
    parameter = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)
    parameters = [*signature.parameters.values(), parameter.replace(annotation="T")]
    parameters.sort(key=lambda parameter: parameter.kind)
    function.__signature__ = signature.replace(parameters=parameters)
    return function  # type: ignore[no-any-return]


accepts_numbers = functools.partial(accepts_numpy_names, also=(np.ndarray, *_NUMBERS), out=True)
accepts_out = functools.partial(accepts_numpy_names, out=True)
accepts_arrays_and_out = functools.partial(accepts_numpy_names, also=(np.ndarray,), out=True)
accepts_arrays = functools.partial(accepts_numpy_names, also=(np.ndarray,))


def not_a_tensor_error(function: str, name: str, place: int, value: Any) -> TypeError:
    """Return PyTorch's error for an argument that has to be a tensor."""
    kind = type(value).__name__
    return TypeError(
        f"{function}(): argument '{name}' (position {place}) must be Tensor, not {kind}"
    )


def unary(primitive: Primitive) -> Callable[[Function], Function]:
    """Make the decorated declaration, ``def exp(input)``, record a primitive.

    Name, signature and docstring are the declaration's; it has no body of its own, so a call costs
    no more than the primitive.
    """

    def decorate(declaration: Function) -> Function:
        name = declaration.__name__

        def function(input: Any, *, out: Any = None) -> Any:
            if not isinstance(input, Recorded):
                raise not_a_tensor_error(name, "input", 1, input)
            if out is not None:
                return call_into(out, function, (input,), {})
            return record_unary(primitive, input)

        return with_out(functools.update_wrapper(function, declaration))

    return decorate


class Numbers(enum.Enum):
    """Which operands of a function of two tensors may be numbers instead."""

    NONE = enum.auto()
    OTHER = enum.auto()
    EITHER = enum.auto()  # but not both
    BOTH = enum.auto()


def binary(primitive: Primitive, numbers: Numbers = Numbers.NONE) -> Callable[[Function], Function]:
    """Make the decorated declaration, ``def mul(input, other)``, record a primitive.

    An array is accepted beside a tensor, as everywhere.
    """

    def decorate(declaration: Function) -> Function:
        name = declaration.__name__

        def function(input: Any, other: Any, *, out: Any = None) -> Any:
            if out is not None:
                return call_into(out, function, (input, other), {})
            if not (isinstance(input, Recorded) and isinstance(other, Recorded)):
                check_operands(name, numbers, input, other)
                input = wrap_if_both_numbers(input, other)
            return record_binary(primitive, input, other)

        return with_out(functools.update_wrapper(function, declaration))

    return decorate


def check_operands(function: str, numbers: Numbers, input: Any, other: Any) -> None:
    """Raise TypeError for what is not a tensor, nor a number where ``numbers`` allows one."""
    allowed = {
        "input": numbers in (Numbers.EITHER, Numbers.BOTH),
        "other": numbers is not Numbers.NONE,
    }
    for place, (name, operand) in enumerate((("input", input), ("other", other)), 1):
        is_number = isinstance(operand, _NUMBERS) and allowed[name]
        if not (is_number or isinstance(operand, (Recorded, np.ndarray))):
            raise not_a_tensor_error(function, name, place, operand)
    has_tensor = isinstance(input, Recorded) or isinstance(other, Recorded)
    if numbers is not Numbers.BOTH and not has_tensor:
        raise not_a_tensor_error(function, "input", 1, input)


def as_number(x: Any) -> Any:
    """Return NumPy's scalars as Python numbers, which leave a dtype as it is."""
    return x.item() if isinstance(x, np.generic) else x


def wrap_if_both_numbers(input: Any, other: Any) -> Any:
    """Return the first of two numbers as a tensor of their common dtype; anything else as it is."""
    if isinstance(input, Recorded):
        return input
    if not (isinstance(input, _NUMBERS) and isinstance(other, _NUMBERS)):
        return input
    input, other = as_number(input), as_number(other)
    return Recorded._wrap(np.array(input, result_type(input, other)))


def integers(sizes: tuple[Any, ...], function: str = "size") -> tuple[int, ...]:
    """Return integers that came as one sequence or as separate arguments; else TypeError."""
    if len(sizes) == 1 and isinstance(sizes[0], (list, tuple)):
        sizes = tuple(sizes[0])
    try:
        return tuple(map(operator.index, sizes))
    except TypeError as error:
        came = f"expected integers, but got {list(sizes)}"
        raise TypeError(f"{function}(): {came} ({error})") from None


def varargs(name: str) -> Callable[[Function], Function]:
    """Let the last argument be one sequence, separate integers, or a keyword of this name."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def wrapper(input: Any, *sizes: Any, **keywords: Any) -> Any:
            if not isinstance(input, Recorded):
                raise not_a_tensor_error(function.__name__, "input", 1, input)
            if keywords:
                sizes = _from_keyword(function.__name__, name, sizes, keywords)
            return function(input, integers(sizes, function.__name__))

        return wrapper

    return decorate


def _from_keyword(
    function: str, name: str, sizes: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[Any, ...]:
    if sizes or set(keywords) != {name}:
        raise TypeError(f"{function}(): expected {name}, but got the keywords {sorted(keywords)}")
    return (keywords[name],)
