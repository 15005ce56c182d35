"""Sums, products and quotients of elements, and their signs."""

from __future__ import annotations

from typing import Any

from minigrad.dtypes import result_type
from minigrad.engine.recording import Recorded
from minigrad.functions.arguments import (
    Numbers,
    accepts_numbers,
    accepts_out,
    as_number,
    binary,
    check_operands,
    unary,
    wrap_if_both_numbers,
)
from minigrad.ops import elementwise as ops

__all__ = [
    "abs", "absolute", "add", "addcdiv", "addcmul", "div", "divide", "floor_divide", "fmod",
    "lerp", "mul", "multiply", "neg", "negative", "positive", "reciprocal", "remainder", "rsub",
    "sub", "subtract", "true_divide",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


@accepts_numbers
def add(input: T, other: T, *, alpha: float = 1) -> T:
    """Return input + alpha * other.

    https://docs.pytorch.org/docs/stable/generated/torch.add.html

    >>> import minigrad as mg
    >>> mg.add(mg.tensor([1.0, 2.0, 3.0]), 1, alpha=2)
    tensor([3., 4., 5.])
    """
    input = wrap_if_both_numbers(input, other)
    return ops.add(input, _times_alpha("add", input, other, alpha))


def _times_alpha(name: str, input: T, other: T, alpha: Any) -> T:
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


@accepts_numbers
def sub(input: T, other: T, *, alpha: float = 1) -> T:
    """Return input - alpha * other; raise RuntimeError for two bool tensors.

    https://docs.pytorch.org/docs/stable/generated/torch.sub.html

    >>> import minigrad as mg
    >>> mg.sub(mg.tensor([1.0, 2.0, 3.0]), 1)
    tensor([0., 1., 2.])
    """
    input = wrap_if_both_numbers(input, other)
    if type(alpha) is not int or alpha != 1:
        ops.refuse_bools(input, other)
    return ops.sub(input, _times_alpha("sub", input, other, alpha))


subtract = sub


@accepts_out
def rsub(input: T, other: T, alpha: Any = 1) -> T:
    """Return other - alpha * input.

    https://docs.pytorch.org/docs/stable/generated/torch.rsub.html

    >>> import minigrad as mg
    >>> mg.rsub(mg.tensor([1.0, 2.0, 3.0]), 1)
    tensor([ 0., -1., -2.])
    """
    check_operands("rsub", Numbers.OTHER, input, other)
    return sub(other, input, alpha=alpha)


@binary(ops.mul, Numbers.BOTH)
def mul(input: T, other: T) -> T:
    """Return input * other.

    Shapes broadcast. Either or both may be numbers. RuntimeError where shapes do not fit,
    TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.mul.html

    >>> import minigrad as mg
    >>> mg.mul(mg.tensor([1.0, 2.0]), 10)
    tensor([10., 20.])
    """


multiply = mul


@accepts_numbers
def div(input: T, other: T, *, rounding_mode: str | None = None) -> T:
    """Return input / other, exact or rounded: ``"trunc"`` towards zero, ``"floor"`` down.

    https://docs.pytorch.org/docs/stable/generated/torch.div.html

    >>> import minigrad as mg
    >>> mg.div(mg.tensor([-7, 7]), 2, rounding_mode="trunc")
    tensor([-3,  3])
    """
    input = wrap_if_both_numbers(input, other)
    if rounding_mode is None:
        return ops.div(input, other)
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' "
            f"but found '{rounding_mode}'"
        )
    primitive = ops.trunc_divide if rounding_mode == "trunc" else ops.floor_divide
    return primitive(input, other)


divide = div


@binary(ops.div, Numbers.BOTH)
def true_divide(input: T, other: T) -> T:
    """Return input / other, exact: ±inf or NaN where other is 0.

    Shapes broadcast. Either or both may be numbers. Integers and bools give the default float
    dtype. RuntimeError where shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.true_divide.html

    >>> import minigrad as mg
    >>> mg.true_divide(mg.tensor([7, -7]), 2)
    tensor([ 3.5000, -3.5000])
    """


@binary(ops.floor_divide, Numbers.BOTH)
def floor_divide(input: T, other: T) -> T:
    """Return input / other rounded down; its gradient is 0.

    Shapes broadcast. Either or both may be numbers. Two bools are a NotImplementedError,
    integers over 0 a RuntimeError. RuntimeError where shapes do not fit, TypeError for other
    types.
    https://docs.pytorch.org/docs/stable/generated/torch.floor_divide.html

    >>> import minigrad as mg
    >>> mg.floor_divide(mg.tensor([7, -7]), 2)
    tensor([ 3, -4])
    """


@binary(ops.remainder, Numbers.EITHER)
def remainder(input: T, other: T) -> T:
    """Return the rest of input / other rounded down; it has the sign of other.

    Shapes broadcast. Either may be a number. Two bools are a NotImplementedError, integers over
    0 a RuntimeError. RuntimeError where shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.remainder.html

    >>> import minigrad as mg
    >>> mg.remainder(mg.tensor([7, -7]), 3)
    tensor([1, 2])
    """


@binary(ops.fmod, Numbers.OTHER)
def fmod(input: T, other: T) -> T:
    """Return the rest of input / other rounded towards 0; it has the sign of input.

    Shapes broadcast. ``other`` may be a number. Two bools are a NotImplementedError, integers
    over 0 a RuntimeError. RuntimeError where shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.fmod.html

    >>> import minigrad as mg
    >>> mg.fmod(mg.tensor([7, -7]), 3)
    tensor([ 1, -1])
    """


@unary(ops.reciprocal)
def reciprocal(input: T) -> T:
    """Return 1 / input of each element: inf at 0.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.reciprocal.html

    >>> import minigrad as mg
    >>> mg.reciprocal(mg.tensor([2.0, -4.0]))
    tensor([ 0.5000, -0.2500])
    """


@accepts_out
def positive(input: T) -> T:
    """Return input; raise RuntimeError for bools.

    https://docs.pytorch.org/docs/stable/generated/torch.positive.html

    >>> import minigrad as mg
    >>> mg.positive(mg.tensor([1.0, 2.0, 3.0]))
    tensor([1., 2., 3.])
    """
    if input.dtype.kind == "b":
        raise RuntimeError(
            f"The `+` operator, on a bool tensor is not supported. Got {input.dtype}; try x.long()"
        )
    return input


@unary(ops.neg)
def neg(input: T) -> T:
    """Return -input.

    Any shape. The dtype stays; NotImplementedError for bools. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.neg.html

    >>> import minigrad as mg
    >>> mg.neg(mg.tensor([-1.5, 2.0]))
    tensor([ 1.5000, -2.0000])
    """


negative = neg


@unary(ops.abs)
def abs(input: T) -> T:
    """Return the absolute value of each element; the gradient at 0 is 0.

    Any shape. The dtype stays; NotImplementedError for bools. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.abs.html

    >>> import minigrad as mg
    >>> mg.abs(mg.tensor([-1.5, 2.0]))
    tensor([1.5000, 2.0000])
    """


absolute = abs


@accepts_out
def lerp(input: T, end: T, weight: T) -> T:
    """Return input + weight * (end - input); raise NotImplementedError for integers.

    https://docs.pytorch.org/docs/stable/generated/torch.lerp.html

    >>> import minigrad as mg
    >>> mg.lerp(mg.tensor([1.0, 2.0, 3.0]), mg.zeros(3), 0.5)
    tensor([0.5000, 1.0000, 1.5000])
    """
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


@accepts_out
def addcmul(input: T, tensor1: T, tensor2: T, *, value: float = 1) -> T:
    """Return input + value * tensor1 * tensor2.

    https://docs.pytorch.org/docs/stable/generated/torch.addcmul.html

    >>> import minigrad as mg
    >>> mg.addcmul(mg.zeros(3), mg.tensor([1.0, 2.0, 3.0]), mg.tensor([1.0, 2.0, 3.0]))
    tensor([1., 4., 9.])
    """
    check_operands("addcmul", Numbers.NONE, tensor1, tensor2)
    if input.dtype == bool and tensor1.dtype == bool and tensor2.dtype == bool:
        raise NotImplementedError(
            f"addcmul(): not implemented for {input.dtype}; convert first: x.long()"
        )
    if type(value) is not int or value != 1:
        dtype = result_type(input, tensor1, tensor2)
        if tensor1.dtype.kind != dtype.kind:
            tensor1 = tensor1.to(dtype)
        # the kind of ``value`` does not count for the dtype
        value = as_number(value) if dtype.kind == "f" else int(value)
        tensor1 = ops.mul(tensor1, value)
    return ops.addcmul(input, tensor1, tensor2)


@accepts_out
def addcdiv(input: T, tensor1: T, tensor2: T, *, value: float = 1) -> T:
    """Return input + value * tensor1 / tensor2; raise RuntimeError where both are integers.

    https://docs.pytorch.org/docs/stable/generated/torch.addcdiv.html

    >>> import minigrad as mg
    >>> mg.addcdiv(mg.zeros(3), mg.tensor([1.0, 2.0, 3.0]), mg.tensor([1.0, 2.0, 3.0]))
    tensor([1., 1., 1.])
    """
    check_operands("addcdiv", Numbers.NONE, tensor1, tensor2)
    if tensor1.dtype.kind != "f" and tensor2.dtype.kind != "f":
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and both are integers: "
            f"{tensor1.dtype} and {tensor2.dtype}. Use input + value * (tensor1 / tensor2).trunc() "
            "or divide floats."
        )
    return input + value * (tensor1 / tensor2)
