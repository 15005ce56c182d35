"""Powers, exponentials, logarithms, and what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.engine.recording import Recorded
from minigrad.functions.arguments import (
    Numbers,
    accepts_numbers,
    accepts_out,
    as_number,
    binary,
    check_operands,
    unary,
)
from minigrad.ops import elementwise as ops
from minigrad.ops import floats, special

__all__ = [
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "float_power",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "logit",
    "pow",
    "rsqrt",
    "sigmoid",
    "softplus",
    "sqrt",
    "square",
    "xlogy",
]  # fmt: skip

_NUMBERS = (int, float)
T = Any  # a Tensor, which this floor does not know


@accepts_numbers
def pow(input: T, exponent: T) -> T:
    """Return input ** exponent, either of them a number.

    https://docs.pytorch.org/docs/stable/generated/torch.pow.html

    >>> import minigrad as mg
    >>> mg.pow(mg.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    if not isinstance(input, Recorded) or type(exponent) not in _NUMBERS:
        exponent = as_number(exponent)
        check_operands("pow", Numbers.EITHER, input, exponent)
    if isinstance(exponent, _NUMBERS):
        if isinstance(exponent, bool) and input.dtype.kind == "b":
            return ops.pow_scalar(input, exponent=int(exponent)).bool()
        if isinstance(exponent, float) and input.dtype.kind != "f":
            input = input.float()
        elif exponent < 0 and input.dtype.kind != "f":
            raise RuntimeError(
                f"Integers to negative integer powers are not allowed. Got the exponent {exponent}"
            )
        return ops.pow_scalar(input, exponent=exponent)
    return ops.pow(input, exponent)


@accepts_out
def square(input: T) -> T:
    """Return input ** 2.

    https://docs.pytorch.org/docs/stable/generated/torch.square.html

    >>> import minigrad as mg
    >>> mg.square(mg.tensor([1.0, 2.0, 3.0]))
    tensor([1., 4., 9.])
    """
    return ops.square(input.long() if input.dtype.kind == "b" else input)


@accepts_numbers
def float_power(input: T, exponent: T) -> T:
    """Return input ** exponent computed in float64.

    https://docs.pytorch.org/docs/stable/generated/torch.float_power.html

    >>> import minigrad as mg
    >>> mg.float_power(mg.tensor([2, 3]), 2)
    tensor([4., 9.], dtype=minigrad.float64)
    """
    check_operands("float_power", Numbers.EITHER, input, exponent)
    return pow(*(x.to(np.float64) if hasattr(x, "to") else x for x in (input, exponent)))


@unary(ops.sqrt)
def sqrt(input: T) -> T:
    """Return the square root of each element: NaN below 0.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.sqrt.html

    >>> import minigrad as mg
    >>> mg.sqrt(mg.tensor([4.0, 2.0]))
    tensor([2.0000, 1.4142])
    """


@unary(ops.rsqrt)
def rsqrt(input: T) -> T:
    """Return 1 / sqrt(input) of each element: NaN below 0, inf at 0.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.rsqrt.html

    >>> import minigrad as mg
    >>> mg.rsqrt(mg.tensor([4.0, 0.25]))
    tensor([0.5000, 2.0000])
    """


@unary(ops.exp)
def exp(input: T) -> T:
    """Return e to the power of each element.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.exp.html

    >>> import minigrad as mg
    >>> mg.exp(mg.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """


@unary(ops.exp2)
def exp2(input: T) -> T:
    """Return 2 to the power of each element.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.exp2.html

    >>> import minigrad as mg
    >>> mg.exp2(mg.tensor([0.0, 3.0]))
    tensor([1., 8.])
    """


@unary(ops.expm1)
def expm1(input: T) -> T:
    """Return exp(input) - 1 of each element, exact where input is near 0.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.expm1.html

    >>> import minigrad as mg
    >>> mg.expm1(mg.tensor([0.0, 1e-6]))
    tensor([0.0000e+00, 1.0000e-06])
    """


@unary(ops.log)
def log(input: T) -> T:
    """Return the natural logarithm of each element: NaN below 0, -inf at 0.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.log.html

    >>> import minigrad as mg
    >>> mg.log(mg.tensor([1.0, 10.0]))
    tensor([0.0000, 2.3026])
    """


@unary(ops.log2)
def log2(input: T) -> T:
    """Return the logarithm to base 2 of each element: NaN below 0, -inf at 0.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.log2.html

    >>> import minigrad as mg
    >>> mg.log2(mg.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """


@unary(ops.log10)
def log10(input: T) -> T:
    """Return the logarithm to base 10 of each element: NaN below 0, -inf at 0.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.log10.html

    >>> import minigrad as mg
    >>> mg.log10(mg.tensor([1.0, 1000.0]))
    tensor([0.0000, 3.0000])
    """


@unary(ops.log1p)
def log1p(input: T) -> T:
    """Return log(1 + input) of each element, exact where input is near 0.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.log1p.html

    >>> import minigrad as mg
    >>> mg.log1p(mg.tensor([0.0, 1e-6]))
    tensor([0.0000e+00, 1.0000e-06])
    """


@binary(special.logaddexp)
def logaddexp(input: T, other: T) -> T:
    """Return log(exp(input) + exp(other)), without overflow.

    Shapes broadcast. NotImplementedError for integers and bools. RuntimeError where shapes do
    not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.logaddexp.html

    >>> import minigrad as mg
    >>> mg.logaddexp(mg.tensor([0.0, 1000.0]), mg.tensor([0.0, 1000.0]))
    tensor([6.9315e-01, 1.0007e+03])
    """


@binary(floats.logaddexp2)
def logaddexp2(input: T, other: T) -> T:
    """Return log2(2 ** input + 2 ** other), without overflow.

    Shapes broadcast. NotImplementedError for integers and bools. RuntimeError where shapes do
    not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/generated/torch.logaddexp2.html

    >>> import minigrad as mg
    >>> mg.logaddexp2(mg.tensor([0.0, 3.0]), mg.tensor([0.0, 3.0]))
    tensor([1., 4.])
    """


@binary(special.xlogy, Numbers.EITHER)
def xlogy(input: T, other: T) -> T:
    """Return input * log(other), 0 where input is 0 unless other is NaN.

    Shapes broadcast. Either may be a number. Integers and bools give the default float dtype.
    RuntimeError where shapes do not fit, TypeError for other types.
    https://docs.pytorch.org/docs/stable/special.html#torch.special.xlogy

    >>> import minigrad as mg
    >>> mg.xlogy(mg.tensor([0.0, 2.0]), mg.tensor([0.0, 3.0]))
    tensor([0.0000, 2.1972])
    """


@unary(ops.sigmoid)
def sigmoid(input: T) -> T:
    """Return 1 / (1 + exp(-input)) of each element, without overflow.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.sigmoid.html

    >>> import minigrad as mg
    >>> mg.sigmoid(mg.tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """


@accepts_out
def logit(input: T, eps: float | None = None) -> T:
    """Return log(input / (1 - input)), input first held between eps and 1 - eps.

    https://docs.pytorch.org/docs/stable/generated/torch.logit.html

    >>> import minigrad as mg
    >>> mg.logit(mg.tensor([0.5, 0.9]))
    tensor([0.0000, 2.1972])
    """
    return special.logit(input, eps=eps)


@unary(ops.softplus)
def softplus(input: T) -> T:
    """Return log(1 + exp(input)) of each element, without overflow.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softplus.html

    >>> import minigrad as mg
    >>> mg.softplus(mg.tensor([0.0, 1000.0]))
    tensor([6.9315e-01, 1.0000e+03])
    """


@unary(special.erf)
def erf(input: T) -> T:
    """Return the error function of each element.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/special.html#torch.special.erf

    >>> import minigrad as mg
    >>> mg.erf(mg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8427])
    """


@unary(special.erfc)
def erfc(input: T) -> T:
    """Return 1 - erf(input) of each element, exact where erf is near 1.

    Any shape. Integers and bools give the default float dtype. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/special.html#torch.special.erfc

    >>> import minigrad as mg
    >>> mg.erfc(mg.tensor([0.0, 5.0]))
    tensor([1.0000e+00, 1.5375e-12])
    """
