"""Elementwise functions with PyTorch's names; most are a primitive as it stands.

https://docs.pytorch.org/docs/stable/torch.html#pointwise-ops
"""

from __future__ import annotations

import builtins
import operator
from typing import Any

import numpy as np

from minigrad.dtypes import fitted, get_default_dtype, result_type
from minigrad.functions.arguments import (
    BOTH,
    EITHER,
    as_number,
    check_pair,
    lifted,
    numpy_names,
    or_number,
    of_one,
    of_two,
)
from minigrad.functions.shape import contiguous
from minigrad.ops import elementwise as ops
from minigrad.ops import special
from minigrad.ops import trigonometric as angles
from minigrad.engine.recording import Recorded

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
    "fix",
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
    "rsub",
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

exp, exp2, expm1, log, log2, log10, log1p = map(
    of_one, (ops.exp, ops.exp2, ops.expm1, ops.log, ops.log2, ops.log10, ops.log1p)
)
abs, neg, sign, floor, ceil, trunc, frac = map(
    of_one, (ops.abs, ops.neg, ops.sign, ops.floor, ops.ceil, ops.trunc, ops.frac)
)
sqrt, rsqrt, reciprocal = map(of_one, (ops.sqrt, ops.rsqrt, ops.reciprocal))
sigmoid, relu, softplus, erf, erfc = map(
    of_one, (ops.sigmoid, ops.relu, ops.softplus, special.erf, special.erfc)
)
sin, cos, tan, sinh, cosh, tanh = map(
    of_one, (angles.sin, angles.cos, angles.tan, angles.sinh, angles.cosh, angles.tanh)
)
asin, acos, atan, asinh, acosh, atanh = map(
    of_one, (angles.asin, angles.acos, angles.atan, angles.asinh, angles.acosh, angles.atanh)
)
absolute, negative, sgn, fix = abs, neg, sign, trunc
arcsin, arccos, arctan, arcsinh, arccosh, arctanh = asin, acos, atan, asinh, acosh, atanh
maximum, minimum, fmax, fmin = map(of_two, (ops.maximum, ops.minimum, ops.fmax, ops.fmin))
atan2, hypot, logaddexp = map(of_two, (angles.atan2, angles.hypot, special.logaddexp))
arctan2 = atan2
mul = multiply = of_two(ops.mul, BOTH)
true_divide = of_two(ops.div, BOTH, "true_divide")
floor_divide = of_two(ops.floor_divide, BOTH)
remainder, xlogy = of_two(ops.remainder, EITHER), of_two(special.xlogy, EITHER)
fmod = of_two(ops.fmod, "other")


@numpy_names
def positive(input: T) -> T:
    """Return input; raise RuntimeError for bools."""
    if input.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


def _scaled(name: str, input: T, other: T, alpha: Any) -> T:
    """Return alpha * other; alpha has no say in the dtype of the sum."""
    if alpha == 1 and type(alpha) is int:
        return other
    dtype, alpha = result_type(input, other), as_number(alpha)
    if isinstance(alpha, float) and dtype.kind != "f":
        raise RuntimeError(
            f"{name}(): For integral input tensors, argument alpha must be an integral number."
        )
    if isinstance(alpha, bool) and dtype.kind != "b":
        raise RuntimeError(f"{name}(): Boolean alpha only supported for Boolean results.")
    alpha = bool(alpha) if dtype.kind == "b" else alpha
    if not isinstance(other, Recorded):
        return bool(other * alpha) if dtype.kind == "b" else other * alpha
    return ops.mul(other.to(dtype) if other.dtype.kind != dtype.kind else other, alpha)


@or_number
def add(input: T, other: T, *, alpha: float = 1) -> T:
    """Return input + alpha * other."""
    input = lifted(input, other)
    return ops.add(input, _scaled("add", input, other, alpha))


@or_number
def sub(input: T, other: T, *, alpha: float = 1) -> T:
    """Return input - alpha * other; raise RuntimeError for two bool tensors."""
    input = lifted(input, other)
    if type(alpha) is not int or alpha != 1:
        ops.refuse_bools(input, other)
    return ops.sub(input, _scaled("sub", input, other, alpha))


subtract = sub


@numpy_names
def rsub(input: T, other: T, alpha: Any = 1) -> T:
    """Return other - alpha * input."""
    check_pair("rsub", "other", input, other)
    return sub(other, input, alpha=alpha)


@or_number
def div(input: T, other: T, *, rounding_mode: str | None = None) -> T:
    """Return input / other, exact or rounded: ``"trunc"`` towards zero, ``"floor"`` down.

    >>> import minigrad as mg
    >>> mg.div(mg.tensor([-7, 7]), 2, rounding_mode="trunc")
    tensor([-3,  3])
    """
    input = lifted(input, other)
    if rounding_mode is None:
        return ops.div(input, other)
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    return (ops.trunc_divide if rounding_mode == "trunc" else ops.floor_divide)(input, other)


divide = div


@or_number
def pow(input: T, exponent: T) -> T:
    """Return input ** exponent, either of them a number."""
    if not isinstance(input, Recorded) or type(exponent) not in _NUMBERS:
        exponent = as_number(exponent)
        check_pair("pow", EITHER, input, exponent)
    if isinstance(exponent, _NUMBERS):
        if isinstance(exponent, bool) and input.dtype.kind == "b":
            return ops.pow_scalar(input, exponent=int(exponent)).bool()
        if isinstance(exponent, float) and input.dtype.kind != "f":
            input = input.float()
        elif exponent < 0 and input.dtype.kind != "f":
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        return ops.pow_scalar(input, exponent=exponent)
    return ops.pow(input, exponent)


@numpy_names
def square(input: T) -> T:
    """Return input ** 2."""
    return ops.square(input.long() if input.dtype.kind == "b" else input)


@or_number
def float_power(input: T, exponent: T) -> T:
    """Return input ** exponent computed in float64."""
    check_pair("float_power", EITHER, input, exponent)
    return pow(*(x.to(np.float64) if hasattr(x, "to") else x for x in (input, exponent)))


@numpy_names
def round(input: T, *, decimals: int = 0) -> T:
    """Return rounded to ``decimals``, halves to the even neighbour."""
    decimals = operator.index(decimals)
    return ops.rint(input, decimals=decimals) if decimals else ops.rint(input)


@numpy_names
def logit(input: T, eps: float | None = None) -> T:
    """Return log(input / (1 - input)), input first held between eps and 1 - eps."""
    return special.logit(input, eps=eps)


@numpy_names
def lerp(input: T, end: T, weight: T) -> T:
    """Return input + weight * (end - input); raise NotImplementedError for integers."""
    if input.dtype.kind != "f":
        raise NotImplementedError(
            f'"lerp" not implemented for {input.dtype}; convert first: x.float()'
        )
    for name, x in (("end", end), ("weight", weight)):
        if getattr(x, "dtype", input.dtype) != input.dtype and (x.ndim or name == "end"):
            raise RuntimeError(
                f"lerp: expected dtype {input.dtype} for `{name}` but got dtype {x.dtype}"
            )
    return input + weight * (end - input)


@numpy_names
def addcmul(input: T, tensor1: T, tensor2: T, *, value: float = 1) -> T:
    """Return input + value * tensor1 * tensor2."""
    check_pair("addcmul", "", tensor1, tensor2)
    if input.dtype == bool and tensor1.dtype == bool and tensor2.dtype == bool:
        raise NotImplementedError(
            "\"addcmul_cpu_out\" not implemented for 'Bool'; convert first: x.long()"
        )
    if type(value) is not int or value != 1:
        dtype, value = result_type(input, tensor1, tensor2), as_number(value)
        value = value if dtype.kind == "f" else int(value)  # of no say in the dtype
        tensor1 = ops.mul(tensor1.to(dtype) if tensor1.dtype.kind != dtype.kind else tensor1, value)
    return ops.addcmul(input, tensor1, tensor2)


@numpy_names
def addcdiv(input: T, tensor1: T, tensor2: T, *, value: float = 1) -> T:
    """Return input + value * tensor1 / tensor2; raise RuntimeError where both are integers."""
    check_pair("addcdiv", "", tensor1, tensor2)
    if tensor1.dtype.kind != "f" and tensor2.dtype.kind != "f":
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported. Use input + value * torch.trunc(tensor1 / tensor2) "
            "or divide floats."
        )
    return input + value * (tensor1 / tensor2)


@numpy_names
def where(condition: T, input: T = None, other: T = None) -> T:
    """Return input where condition is True, other elsewhere; with condition alone its places, one tensor a dimension."""
    if input is None and other is None:
        return tuple(condition._wrap(part) for part in np.nonzero(np.atleast_1d(condition.numpy())))
    if condition.dtype == np.uint8:  # PyTorch's masks of old
        condition = condition.bool()
    if condition.dtype.kind != "b":
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}"
        )
    return ops.where(condition, lifted(input, other), other)


@numpy_names
def masked_fill(input: T, mask: T, value: Any) -> T:
    """Return input with value, a number or a 0-d tensor, where mask is True; the dtype stays."""
    if mask.dtype.kind != "b":
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype}"
        )
    if getattr(value, "ndim", 0) > 0:
        raise RuntimeError(
            f"masked_fill only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    value = as_number(value)
    if hasattr(value, "to"):
        value = value.to(input.dtype)
    elif input.dtype.kind != "f":
        value = fitted(value, input.dtype)
    return contiguous(ops.where(mask, value, input))


@numpy_names
def nan_to_num(
    input: T, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> T:
    """Return input with numbers in place of NaN (0) and the infinities (the ends of the dtype)."""
    nan, posinf, neginf = (
        None if end is None else float(end) for end in (nan or 0.0, posinf, neginf)
    )
    return special.nan_to_num(input, nan=nan, posinf=posinf, neginf=neginf)


_BOUNDS = (float, int, type(None))


@numpy_names
def clamp(input: T, min: Any = None, max: Any = None) -> T:
    """Return input held between min and max, numbers or tensors."""
    if input.dtype.kind == "f" and type(min) in _BOUNDS and type(max) in _BOUNDS and min is not max:
        return ops.clamp(input, min=min, max=max)
    min, max = as_number(min), as_number(max)
    if min is None and max is None:
        raise RuntimeError("clamp: At least one of 'min' or 'max' must not be None")
    bounds = [bound for bound in (min, max) if bound is not None]
    if len(bounds) == 2 and result_type(input, *bounds).kind == "b":
        raise NotImplementedError(
            "\"clamp_cpu\" not implemented for 'Bool'; convert first: x.long()"
        )
    if not all(
        hasattr(bound, "ndim") for bound in bounds
    ):  # beside a number a tensor of no dimensions is one
        min, max = (
            b.item() if getattr(b, "ndim", 1) == 0 and not b.requires_grad else b
            for b in (min, max)
        )
    if not any(hasattr(bound, "ndim") for bound in (min, max)):
        return _held(input, min, max)
    if min is None or max is None:
        return ops.clamp_max(input, max) if min is None else ops.clamp_min(input, min)
    return ops.clamp_between(input, min, max)


clip = clamp


def _held(input: T, min: Any, max: Any) -> T:
    """Hold input between numbers: of an integer dtype those beyond its ends do not bind, or leave nothing and are refused."""
    bounds = [bound for bound in (min, max) if bound is not None]
    for bound in bounds:
        fitted(bound, get_default_dtype())
    input = input.to(result_type(input, *bounds))
    if input.dtype.kind in "iu":
        ends = np.iinfo(input.dtype)
        for name, bound, beyond in (
            ("min", min, lambda x: x > ends.max),
            ("max", max, lambda x: x < ends.min),
        ):
            if bound is not None and beyond(bound):
                raise RuntimeError(
                    f"Clamp {name} value {bound} is outside the representable range of {input.dtype}"
                )
        min = None if min is None else builtins.max(min, int(ends.min))
        max = None if max is None else builtins.min(max, int(ends.max))
    return ops.clamp(input, min=min, max=max)


@numpy_names
def clamp_min(input: T, min: Any) -> T:
    """Return input, and no less than min."""
    return clamp(input, min=min)


@numpy_names
def clamp_max(input: T, max: Any) -> T:
    """Return input, and no more than max."""
    return clamp(input, max=max)
