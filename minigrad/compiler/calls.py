"""Calls: what two of them have in common that may share a program, and what they return."""

from __future__ import annotations

import inspect
import itertools
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.compiler.guards.guards import layout_of
from minigrad.compiler.guards.held import attributes_of
from minigrad.modes import MODES, RESULTS
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_leaves

PLAIN = {type(None), bool, int, float, str}  # that say what they are


def asks_for_gradients(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    for x in (*args, *kwargs.values()) if kwargs else args:
        if type(x) is Tensor:
            if x._node is not None:
                return True
        elif any(isinstance(y, Tensor) and y._node is not None for y in tree_leaves(x)):
            return True
    return False


def nobody_looks() -> bool:
    """Whether nobody else looks at what happens on this thread."""
    modes = MODES
    if modes.tape is not None or modes.links is not None:
        return False
    if modes.observers or modes.on_result is not None:
        return False
    return not (modes.hold_statistics or modes.eager_inside)


def arrays_in(tree: Any, kept: Any = ()) -> list[Any]:
    """Return the arrays of arguments or results.

    Tensors in ``kept`` by id, as those of the state, are handed out as they are: they are left out.
    """
    arrays = []
    for x in tree_leaves(tree):
        if isinstance(x, (Tensor, np.ndarray)) and id(x) not in kept:
            arrays.append(getattr(x, "_data", x))
    return arrays


def names_of(parameters: list[str], leaves: list[Any]) -> list[str]:
    """Return what a page calls its arguments: as the function does, where each is one array."""
    names = list(parameters)
    if len(names) != len(leaves):
        numbers = range(len(leaves))
        names = [f"x{i}" for i in numbers]
    is_array = [isinstance(x, (Tensor, np.ndarray)) for x in leaves]
    return list(itertools.compress(names, is_array))


def in_words(x: Any) -> str:
    """Return what an argument is: of a tensor or an array how it lies, else itself."""
    if isinstance(x, (Tensor, np.ndarray)):
        array = getattr(x, "_data", x)
        return f"{type(x).__name__} {array.shape} {array.dtype.name}"
    return " ".join(repr(x)[:30].split())


def parameters_of(function: Any) -> list[str]:
    """Return the names of a function's parameters, none where Python does not know them."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


def digest(leaves: Any) -> int:
    """Return a number that follows from the numbers of the arguments."""
    return hash(tuple(array.tobytes() for array in arrays_in(leaves)))


def key_of(tree: Any) -> Any:
    """Return what two calls have in common that may share a program."""
    default = dtypes.get_default_dtype()
    modes = MODES.grad_enabled, MODES.inference, RESULTS.hooked
    return default.char, modes, _signature(tree), _repeated(tree)


def key_of_tensors(tensors: tuple[Any, ...]) -> Any:
    """Return the same of a call with tensors alone, quickly; None of another call."""
    if len(tensors) > 1 and len(set(map(id, tensors))) < len(tensors):
        return None
    key: list[Any] = [dtypes._default, MODES.grad_enabled, MODES.inference, RESULTS.hooked]
    for x in tensors:
        if type(x) is not Tensor:
            return None
        array = x._data
        asks = None if x._node is None else asks_of(x._node)
        key += array.shape, array.strides, array.dtype, asks
    return key


def _repeated(tree: Any) -> tuple[int, ...]:
    """Return at which place each tensor or array stood first, () where none stands twice."""
    arrays = [id(x) for x in tree_leaves(tree) if isinstance(x, (Tensor, np.ndarray))]
    if len(set(arrays)) == len(arrays):
        return ()
    return tuple(map(arrays.index, arrays))


def asks_of(node: Any) -> Any:
    """Return what an argument that asks for a gradient brings: a graph, a gradient, hooks."""
    is_hooked = bool(node.hooks or node.after_hooks)
    return node.primitive is None, layout_of(node.grad), is_hooked


def _signature(x: Any) -> Any:
    if isinstance(x, Tensor):
        array = x._data
        asks = None if x._node is None else asks_of(x._node)
        return "tensor", array.shape, array.strides, array.dtype.str, asks
    if isinstance(x, np.ndarray):
        return "array", x.shape, x.strides, x.dtype.str
    if isinstance(x, (tuple, list)):
        return type(x), attributes_of(x), tuple(map(_signature, x))
    if isinstance(x, dict):
        items = tuple(map(_signature, x.values()))
        return type(x), attributes_of(x), tuple(x), items
    if type(x) in PLAIN or isinstance(x, np.generic):
        return type(x), repr(x)
    return type(x), id(x)
