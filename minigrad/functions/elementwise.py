"""Elementwise functions with PyTorch's names; most are a primitive as it stands.

https://docs.pytorch.org/docs/stable/torch.html#pointwise-ops
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.dtypes import get_default_dtype
from minigrad.ops import elementwise as ops
from minigrad.ops.elementwise import abs, ceil, exp, exp2, expm1, floor, fmax, fmin, fmod, frac, log, log2, log10, log1p
from minigrad.ops.elementwise import maximum, minimum, reciprocal, relu, remainder, rsqrt, sigmoid, softplus, sqrt
from minigrad.ops.elementwise import floor_divide, sign, trunc
from minigrad.ops.special import erf, erfc, logaddexp, xlogy
from minigrad.ops.special import nan_to_num as _nan_to_num
from minigrad.ops.trigonometric import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cos,
    cosh,
    hypot,
    sin,
    sinh,
    tan,
    tanh,
)

__all__ = [
    "abs",
    "absolute",
    "acos",
    "acosh",
    "add",
    "addcdiv",
    "addcmul",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "ceil",
    "clamp",
    "clamp_max",
    "clamp_min",
    "clip",
    "cos",
    "cosh",
    "div",
    "divide",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "float_power",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "frac",
    "hypot",
    "lerp",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logit",
    "masked_fill",
    "maximum",
    "minimum",
    "mul",
    "multiply",
    "nan_to_num",
    "neg",
    "negative",
    "positive",
    "pow",
    "reciprocal",
    "relu",
    "remainder",
    "round",
    "rsqrt",
    "sgn",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "softplus",
    "sqrt",
    "square",
    "sub",
    "subtract",
    "tan",
    "tanh",
    "true_divide",
    "trunc",
    "where",
    "xlogy",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know
_NUMBERS = (int, float)

absolute, negative, sgn = abs, ops.neg, sign
arcsin, arccos, arctan, arctan2, arcsinh, arccosh, arctanh = asin, acos, atan, atan2, asinh, acosh, atanh
mul = multiply = ops.mul
true_divide = ops.div
neg = ops.neg


def positive(input: T) -> T:
    """Return input; raise RuntimeError for bools."""
    if input.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


def _scaled(name: str, other: T, alpha: float, input: T) -> T:
    if alpha == 1:
        return other
    whole = not any(getattr(x, "dtype", np.dtype(int)).kind == "f" for x in (input, other))
    if isinstance(alpha, float) and whole:
        raise RuntimeError(f"{name}(): For integral input tensors, argument alpha must be an integral number.")
    return ops.mul(other, alpha) if hasattr(other, "dtype") else other * alpha


def add(input: T, other: T, *, alpha: float = 1) -> T:
    """Return input + alpha * other."""
    return ops.add(input, _scaled("add", other, alpha, input))


def sub(input: T, other: T, *, alpha: float = 1) -> T:
    """Return input - alpha * other; raise RuntimeError for two bool tensors."""
    return ops.sub(input, _scaled("sub", other, alpha, input))


subtract = sub


def div(input: T, other: T, *, rounding_mode: str | None = None) -> T:
    """Return input / other, exact or rounded: ``"trunc"`` towards zero, ``"floor"`` down.

    >>> import minigrad as mg
    >>> mg.div(mg.tensor([-7, 7]), 2, rounding_mode="trunc")
    tensor([-3,  3])
    """
    if rounding_mode is None:
        return ops.div(input, other)
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    return (ops.trunc_divide if rounding_mode == "trunc" else ops.floor_divide)(input, other)


divide = div


def pow(input: T, exponent: T) -> T:
    """Return input ** exponent, either of them a number."""
    if isinstance(exponent, _NUMBERS):
        if isinstance(exponent, float) and input.dtype.kind != "f":
            input = input.float()
        elif exponent < 0 and input.dtype.kind != "f":
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        return ops.pow_scalar(input, exponent=exponent)
    return ops.pow(input, exponent)


def square(input: T) -> T:
    """Return input ** 2."""
    return ops.square(input.long() if input.dtype.kind == "b" else input)


def float_power(input: T, exponent: T) -> T:
    """Return input ** exponent computed in float64."""
    wide = [x if isinstance(x, _NUMBERS) else x.to(np.float64) for x in (input, exponent)]
    return pow(*wide)


def round(input: T, *, decimals: int = 0) -> T:
    """Return rounded to ``decimals``, halves to the even neighbour."""
    return ops.rint(input, decimals=decimals) if decimals else ops.rint(input)


def logit(input: T, eps: float | None = None) -> T:
    """Return log(input / (1 - input)), input first held between eps and 1 - eps."""
    input = input if input.dtype.kind == "f" else input.to(get_default_dtype())
    x = input if eps is None else clamp(input, eps, 1 - eps)
    return log(x / (1 - x))


def lerp(input: T, end: T, weight: T) -> T:
    """Return input + weight * (end - input); raise NotImplementedError for integers."""
    if input.dtype.kind != "f":
        raise NotImplementedError(f'"lerp" not implemented for {input.dtype}; convert first: x.float()')
    return input + weight * (end - input)


def addcmul(input: T, tensor1: T, tensor2: T, *, value: float = 1) -> T:
    """Return input + value * tensor1 * tensor2."""
    return ops.addcmul(input, tensor1 if value == 1 else value * tensor1, tensor2)


def addcdiv(input: T, tensor1: T, tensor2: T, *, value: float = 1) -> T:
    """Return input + value * tensor1 / tensor2; raise RuntimeError where both are integers."""
    if tensor1.dtype.kind != "f" and tensor2.dtype.kind != "f":
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported. Use input + value * torch.trunc(tensor1 / tensor2) "
            "or divide floats."
        )
    return input + value * (tensor1 / tensor2)


def where(condition: T, input: T = None, other: T = None) -> T:
    """Return input where condition is True, other elsewhere; with condition alone its places, one tensor a dimension."""
    if input is None and other is None:
        return tuple(condition._plain(part) for part in np.nonzero(np.atleast_1d(condition.numpy())))
    if condition.dtype.kind != "b":
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}"
        )
    return ops.where(condition, input, other)


def masked_fill(input: T, mask: T, value: float) -> T:
    """Return input with value, a number or a 0-d tensor, where mask is True; the dtype stays."""
    if mask.dtype.kind != "b":
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype}")
    if getattr(value, "ndim", 0) > 0:
        raise RuntimeError(
            f"masked_fill only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    whole = not isinstance(value, float) or value.is_integer()
    if input.dtype.kind != "f" and (value.dtype.kind == "f" if hasattr(value, "dtype") else not whole):
        raise RuntimeError(f"value cannot be converted to type {input.dtype} without overflow")
    return ops.where(mask, value if input.dtype.kind == "f" or hasattr(value, "dtype") else int(value), input)


def nan_to_num(input: T, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> T:
    """Return input with numbers in place of NaN (0) and the infinities (the ends of the dtype)."""
    return _nan_to_num(input, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


def clamp(input: T, min: Any = None, max: Any = None) -> T:
    """Return input held between min and max, numbers or tensors."""
    if min is None and max is None:
        raise RuntimeError("clamp: At least one of 'min' or 'max' must not be None")
    if _all_numbers(min, max):
        whole = input.dtype.kind != "f" and any(isinstance(b, float) for b in (min, max))
        return ops.clamp(input.float() if whole else input, min=min, max=max)
    lower = input if min is None else ops.clamp_min(input, min)
    return lower if max is None else ops.clamp_max(lower, max)


clip = clamp


def clamp_min(input: T, min: Any) -> T:
    """Return input, and no less than min."""
    return clamp(input, min=min)


def clamp_max(input: T, max: Any) -> T:
    """Return input, and no more than max."""
    return clamp(input, max=max)


def _all_numbers(*bounds: Any) -> bool:
    return not [b for b in bounds if b is not None and not isinstance(b, _NUMBERS)]
