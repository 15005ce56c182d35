"""Elementwise functions with PyTorch's names; most are a primitive as it stands."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.ops import elementwise as ops
from minigrad.primitive import TABLE

from minigrad.ops.elementwise import (  # isort: skip
    abs, cos, erf, exp, expm1, log, log1p, maximum, minimum, neg, reciprocal,
    relu, rsqrt, sigmoid, sin, softplus, sqrt, square, tanh, where,
)  # fmt: skip

__all__ = [
    "abs", "add", "addcdiv", "addcmul", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor",
    "ceil", "clamp", "clip", "cos", "div", "divide", "eq", "erf", "exp", "expm1", "floor",
    "floor_divide", "ge", "gt", "isfinite", "isinf", "isnan", "le", "lerp", "log", "log1p",
    "logical_and", "logical_not", "logical_or", "lt", "masked_fill", "maximum", "minimum", "mul",
    "multiply", "ne", "neg", "pow", "reciprocal", "relu", "remainder", "round", "rsqrt",
    "sigmoid", "sign", "sin", "softplus", "sqrt", "square", "sub", "tanh", "true_divide", "trunc",
    "where",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know

sign, floor, ceil, trunc, round = (TABLE[f] for f in (np.sign, np.floor, np.ceil, np.trunc, np.rint))
isnan, isinf, isfinite = (TABLE[f] for f in (np.isnan, np.isinf, np.isfinite))
logical_not, bitwise_not = TABLE[np.logical_not], TABLE[np.invert]
eq, ne, lt, le, gt, ge = (
    TABLE[f] for f in (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
)
logical_and, logical_or = TABLE[np.logical_and], TABLE[np.logical_or]
bitwise_and, bitwise_or, bitwise_xor = (TABLE[f] for f in (np.bitwise_and, np.bitwise_or, np.bitwise_xor))
floor_divide, remainder = TABLE[np.floor_divide], TABLE[np.remainder]
mul = multiply = ops.mul
div = divide = true_divide = ops.div


def add(input: T, other: T, *, alpha: float = 1) -> T:
    """Return input + alpha * other."""
    return ops.add(input, other if alpha == 1 else ops.mul(other, alpha))


def sub(input: T, other: T, *, alpha: float = 1) -> T:
    """Return input - alpha * other."""
    return ops.sub(input, other if alpha == 1 else ops.mul(other, alpha))


def pow(input: T, exponent: T) -> T:
    """Return input ** exponent, either of them a number."""
    if isinstance(exponent, (int, float)):
        if isinstance(exponent, float) and input.dtype.kind != "f":
            input = input.float()
        elif exponent < 0 and input.dtype.kind != "f":
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        return ops.pow_scalar(input, exponent=exponent)
    return ops.pow(input, exponent)


def lerp(input: T, end: T, weight: T) -> T:
    """Return input + weight * (end - input)."""
    return input + weight * (end - input)


def addcmul(input: T, tensor1: T, tensor2: T, *, value: float = 1) -> T:
    """Return input + value * tensor1 * tensor2."""
    return ops.addcmul(input, tensor1 if value == 1 else value * tensor1, tensor2)


def addcdiv(input: T, tensor1: T, tensor2: T, *, value: float = 1) -> T:
    """Return input + value * tensor1 / tensor2."""
    return input + value * (tensor1 / tensor2)


def masked_fill(input: T, mask: T, value: float) -> T:
    """Return input with value where mask is True."""
    return where(mask, value, input)


def clamp(input: T, min: Any = None, max: Any = None) -> T:
    """Return input held between min and max, numbers or tensors; the gradient at a bound is 0."""
    if min is None and max is None:
        raise RuntimeError("clamp: At least one of 'min' or 'max' must not be None")
    if _all_numbers(min, max):
        return ops.clamp(input, min=min, max=max)
    lower = input if min is None else where(input > min, input, min)
    return lower if max is None else where(lower < max, lower, max)


def _all_numbers(*bounds: Any) -> bool:
    return not [b for b in bounds if b is not None and not isinstance(b, (int, float))]


clip = clamp
