"""What primitives refuse: dtypes that PyTorch has no such function for, and division by zero."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.primitive import Primitive

_FLOAT = np.dtype(float)


def requires_kinds(function: Callable[..., Any], kinds: str) -> Callable[..., Any]:
    """Refuse dtypes that PyTorch has no such function for."""

    @functools.wraps(function)
    def checked(*operands, **parameters):
        for x in operands:
            if getattr(x, "dtype", None) is not None and x.dtype.kind not in kinds:
                raise NotImplementedError(
                    f'"{function.__name__}" not implemented for {x.dtype}; convert first: x.float()'
                )
        return function(*operands, **parameters)

    checked.__module__ = getattr(function, "__module__", "numpy")  # ufuncs had none before 2.1
    return checked


def restrict(kinds: str, *primitives: Primitive) -> None:
    """Let the primitives refuse operands of other kinds."""
    for each in primitives:
        each.function = requires_kinds(each.function, kinds)


def refuse_bools(*operands):
    """Refuse to subtract bools, or from them: PyTorch asks what is meant."""
    if any(isinstance(x, bool) or getattr(x, "dtype", _FLOAT).kind == "b" for x in operands):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. "
            "If you are trying to invert a mask, "
            "use the `~` or `logical_not()` operator instead."
        )


def kind_of(x):
    """Return the kind of an operand's dtype; a Python number without one counts as a float."""
    return getattr(x, "dtype", _FLOAT).kind


def checks_division(function: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse integers divided by zero, which floats have an answer for."""

    @functools.wraps(function)
    def guarded(x, y):
        if all(isinstance(v, bool) or getattr(v, "dtype", _FLOAT).kind == "b" for v in (x, y)):
            raise NotImplementedError(
                f'"{function.__name__}" not implemented for bool; convert first: x.long()'
            )
        out = function(x, y)
        if out.dtype.kind in "iu" and not np.all(y):
            raise RuntimeError("ZeroDivisionError")
        return out

    return guarded
