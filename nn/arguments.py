"""Arguments that must be tensors: NumPy arrays are converted, anything else is a TypeError."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from minigrad.functions.arguments import not_a_tensor_error
from minigrad.nn.module import Module
from minigrad.tensor.tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])


def tensor_arguments(function: F) -> F:
    """Check the arguments annotated as Tensor; arrays are copied, since writes to them go unseen.

    Raises TypeError that names function, argument and type.
    """
    return _checked(function, as_tensor_argument)


def no_arrays(function: F) -> F:
    """As :func:`tensor_arguments`, for functions that write: TypeError for arrays, too."""
    return _checked(function, _require_tensor)


# The check of each function is written out and compiled: it takes 0.07 microseconds per call, and
# one with ``*args, **kwargs`` 0.2 to 0.3, a sixth of a small activation. For ``linear`` it reads
#
#     def checked(input, weight, bias=None):
#         if not (isinstance(input, Tensor) and … and (bias is None or isinstance(bias, Tensor))):
#             input, weight, bias, = converted(input, weight, bias)
#         return function(input, weight, bias)
_CHECKED = """
def checked({parameters}):
    if not ({are_tensors}):
        {tensors}, = converted({tensors})
    return function({names})
"""
_IS_TENSOR = {
    "Tensor": "isinstance({name}, Tensor)",
    "Tensor | None": "({name} is None or isinstance({name}, Tensor))",
}


def _checked(function: F, convert: Callable[..., Any]) -> F:
    """Return a function that has ``convert`` look at tensor arguments that are not tensors."""
    parameters = list(inspect.signature(function).parameters.values())
    tensors = {p.name: p.annotation for p in parameters if p.annotation in _IS_TENSOR}
    if not tensors or any(p.kind is not p.POSITIONAL_OR_KEYWORD for p in parameters):
        return function
    first = 0 if parameters[0].name == "self" else 1
    positions = {p.name: position for position, p in enumerate(parameters, first)}
    function_name = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]

    def converted(*values: Any) -> list[Any]:
        results = []
        for (name, annotation), value in zip(tensors.items(), values, strict=True):
            if value is not None or annotation == "Tensor":
                value = convert(value, function_name, name, positions[name])
            results.append(value)
        return results

    source = _CHECKED.format(
        parameters=", ".join(
            p.name if p.default is p.empty else f"{p.name}=None" for p in parameters
        ),
        are_tensors=" and ".join(_IS_TENSOR[hint].format(name=n) for n, hint in tensors.items()),
        tensors=", ".join(tensors),
        names=", ".join(p.name for p in parameters),
    )
    names: dict[str, Any] = {"function": function, "converted": converted, "Tensor": Tensor}
    names |= {"__name__": __name__, "__spec__": __spec__}  # warnings pass over frames of ours
    exec(compile(source, __file__, "exec"), names)
    checked = names["checked"]
    checked.__defaults__ = tuple(p.default for p in parameters if p.default is not p.empty)
    return functools.wraps(function)(checked)  # type: ignore[return-value]


def as_tensor_argument(value: Any, function: str, name: str = "input", place: int = 1) -> Tensor:
    """Return a tensor as it is, an array of numbers as a copy; TypeError for anything else."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biuf":
        array: Tensor = Tensor._wrap(np.array(value))
        return array
    raise _type_error(function, name, place, value)


def check_module(
    value: Any, function: str, name: str = "model", kind: type[Module] = Module
) -> None:
    """Raise TypeError for anything that is not a module of that kind."""
    if not isinstance(value, kind):
        raise TypeError(
            f"{function}(): argument '{name}' must be a {kind.__name__}, not {type(value).__name__}"
        )


def tensor_list(values: Any, function: str, name: str = "parameters") -> list[Tensor]:
    """Return a tensor, or several, as a list; raise TypeError for anything that is not a tensor."""
    is_single = isinstance(values, (Tensor, np.ndarray)) or not isinstance(values, Iterable)
    tensors: list[Any] = [values] if is_single else list(values)
    for value in tensors:
        _require_tensor(value, function, name, 1)
    return tensors


def _require_tensor(value: Any, function: str, name: str, place: int) -> Any:
    if isinstance(value, Tensor):
        return value
    raise _type_error(function, name, place, value)


def _type_error(function: str, name: str, place: int, value: Any) -> TypeError:
    error = not_a_tensor_error(function, name, place, value)
    dtype = f" of {value.dtype}" if isinstance(value, np.ndarray) else ""
    return TypeError(f"{error}{dtype}")


def check_floats(function: str, input: Tensor) -> None:
    """Raise NotImplementedError unless the input holds floats."""
    if not input.is_floating_point():
        raise NotImplementedError(
            f"{function}: not implemented for {input.dtype}; convert it first: x.float()"
        )
