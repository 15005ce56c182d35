"""Elementwise primitives. Broadcasting is undone by the sweep, so no rule mentions it."""

from __future__ import annotations

import math

import numpy as np

from minigrad.layout import channels_last, in_c_order, stored
from minigrad.ops.guards import checks_division, kind_of, refuse_bools, requires_kinds, restrict
from minigrad.ops.reduction import mul_and_unbroadcast, unbroadcast
from minigrad.ops.shape import expand_channels
from minigrad.ops.workspace import working_in
from minigrad.primitive import Primitive, alias, primitive, register

_LN2, _LN10 = 0.6931471805599453, 2.302585092994046


# ---- arithmetic -------------------------------------------------------------------------------
PROMOTE = {"promotes": 0}
add = register(np.add, lambda g, _out, _x, _y: g, lambda g, _out, _x, _y: g, **PROMOTE)
sub = register(
    np.subtract,
    lambda g, _out, _x, _y: g,
    # summed first: the smaller one is negated
    lambda g, _out, _x, _y: -(g if g.shape == _y.shape else unbroadcast(g, _y.shape)),
    name="sub",
    guard=refuse_bools,
    **PROMOTE,
)


@primitive(*sub.vjps, promotes=0)
def sub_mean(x, y):
    """x - y, as ``sub``, where y has one number per channel; in C order or with channels last."""
    d = x - expand_channels(y, x)
    return d if d.flags.c_contiguous or channels_last(d) else in_c_order(d)


mul = register(
    np.multiply,
    lambda g, _out, _x, y: mul_and_unbroadcast(g, y, _x),
    lambda g, _out, x, _y: mul_and_unbroadcast(g, x, _y),
    name="mul",
    **PROMOTE,
)


@primitive(
    lambda g, _out, _c, _x, _y: g,
    lambda g, _out, _c, _x, y: mul_and_unbroadcast(g, y, _x),
    lambda g, _out, _c, x, _y: mul_and_unbroadcast(g, x, _y),
    promotes=0,
)
def addcmul(c, x, y):
    """c + x * y in one step of the graph."""
    out = x * expand_channels(y, x)
    stretched = expand_channels(c, out)
    try:
        return np.add(out, stretched, out=out)
    except (ValueError, TypeError):
        # c is the larger, or the product a scalar
        return out + c


@primitive(
    lambda g, _out, _x, y: g / y,
    lambda g, out, x, y: -g * out / y,
    name="div",
    promotes=0,
    floats=True,
    recomputes=True,
)
def div(x, y):
    return np.true_divide(x, y)


def _pow_vjp_x(g, _out, x, y):
    zero = y == 0
    exponent = np.where(zero, 1.0, y - 1)
    return np.where(zero, 0.0, g * y * np.power(x, exponent))


def _pow_vjp_y(g, out, x, y):
    no_log = np.logical_and(x == 0, y >= 0)
    return g * np.where(no_log, 0.0, out * np.log(x))


@primitive(_pow_vjp_x, _pow_vjp_y, name="pow", promotes=0)
def pow(x, y):
    """x to the power y; an integer to a negative integer is 0, unless its inverse is an integer."""
    if kind_of(x) == kind_of(y) == "b":
        raise NotImplementedError('"pow" not implemented for bool; convert first: x.long()')
    integers = kind_of(y) in "iu" and np.result_type(x, y).kind in "iu"
    if integers and np.any(np.less(y, 0)):
        return _integer_pow(x, y)
    return np.power(x, y)


def _integer_pow(x, y):
    """x to the power y, where some of y are negative."""
    inverse = np.where(np.absolute(x) == 1, np.power(x, np.absolute(y)), 0)
    power = np.power(x, np.maximum(y, 0))
    return np.where(np.less(y, 0), inverse, power)


@primitive(
    lambda g, _out, x, *, exponent: (
        g * (exponent * x ** (exponent - 1)) if exponent else np.where(False, g, 0.0)
    ),
    name="pow",
)
def pow_scalar(x, *, exponent):
    """x to a Python number: no logarithm of a base that may be negative."""
    return np.power(x, exponent)


alias(div, np.true_divide)
alias(pow, np.power)


_BITS = {np.dtype(f"f{n}"): np.dtype(f"i{n}") for n in (2, 4, 8)}


@primitive(lambda g, _out, _x, mask: masked(g, mask), None, whole=True)
def masked(x, mask, *, out=None, workspace=None):
    """x where the mask is True, else 0, whatever x is there.

    A product would make NaN of infinity times 0, as in the gradient of sqrt(relu(x)). Of large
    arrays the bits are masked, in the time of a product and a tenth of where's.
    """
    bits = _BITS.get(x.dtype)
    if type(x) is not np.ndarray or bits is None or x.size < 2048 or x.shape != mask.shape:
        return stored(np.where(mask, x, 0), out)

    # a bool is 0 or 1; minus it has no bits or all bits
    ones = mask.view(np.int8)
    memory = working_in(workspace).out(ones.shape, ones.dtype)
    minus = np.negative(ones, out=memory)
    all_bits = minus.astype(bits) if out is None else stored(minus, out.view(bits))
    np.bitwise_and(x.view(bits), all_bits, out=all_bits)
    return all_bits.view(x.dtype)


def _unless(lost, g, x, y):
    """What comes to an operand that has not lost: ties halve it; with NaN both get all of it."""
    return np.where(x == y, g / 2, masked(g, np.logical_not(lost)))


maximum = register(
    np.maximum,
    lambda g, _out, x, y: _unless(x < y, g, x, y),
    lambda g, _out, x, y: _unless(y < x, g, x, y),
    **PROMOTE,
)
minimum = register(
    np.minimum,
    lambda g, _out, x, y: _unless(y < x, g, x, y),
    lambda g, _out, x, y: _unless(x < y, g, x, y),
    **PROMOTE,
)


def _over(won, y):
    """Where the other operand is the result: it has won, or y is NaN."""
    return np.logical_or(won, np.isnan(y))


fmax = register(
    np.fmax,
    lambda g, _out, x, y: _unless(np.logical_not(_over(x >= y, y)), g, x, y),
    lambda g, _out, x, y: _unless(_over(x >= y, y), g, x, y),
    **PROMOTE,
)
fmin = register(
    np.fmin,
    lambda g, _out, x, y: _unless(np.logical_not(_over(x <= y, y)), g, x, y),
    lambda g, _out, x, y: _unless(_over(x <= y, y), g, x, y),
    **PROMOTE,
)

# ---- division with a remainder ------------------------------------------------------------------


def zero_grad_rule(g, _out, _x, **_params):
    """The rule of steps: a gradient, and it is 0."""
    return np.where(False, g, 0.0)


def zero_grad_rule_binary(g, _out, _x, _y):
    return np.where(False, g, 0.0)


@primitive(zero_grad_rule_binary, zero_grad_rule_binary, promotes=0)
@checks_division
def floor_divide(x, y):
    return np.floor_divide(x, y)


@primitive(zero_grad_rule_binary, zero_grad_rule_binary, promotes=0)
@checks_division
def trunc_divide(x, y):
    """x / y rounded towards zero."""
    out = np.floor_divide(x, y)
    if out.dtype.kind == "f":
        return np.trunc(np.true_divide(x, y))
    return out + np.logical_and(out < 0, out * y != x)


@primitive(lambda g, _out, _x, _y: g, lambda g, _out, x, y: -g * floor_divide(x, y), promotes=0)
@checks_division
def remainder(x, y):
    return np.remainder(x, y)


@primitive(lambda g, _out, _x, _y: g, lambda g, _out, x, y: -g * trunc_divide(x, y), promotes=0)
@checks_division
def fmod(x, y):
    return np.fmod(x, y)


alias(floor_divide, np.floor_divide)
alias(remainder, np.remainder)
alias(fmod, np.fmod)

# ---- one operand ------------------------------------------------------------------------------
FLOAT = {"floats": True}
neg = register(np.negative, lambda g, _out, _x: -g, name="neg")
positive = register(np.positive, lambda g, _out, _x: g)
abs = register(np.absolute, lambda g, _out, x: g * np.sign(x), name="abs")
square = register(np.square, lambda g, _out, x: g * (2 * x))
exp = register(np.exp, lambda g, out, _x: g * out, **FLOAT)
# not out + 1, which loses what is small compared with 1
expm1 = register(np.expm1, lambda g, _out, x: g * np.exp(x), **FLOAT)
log = register(np.log, lambda g, _out, x: g / x, **FLOAT)
log1p = register(np.log1p, lambda g, _out, x: g / (1 + x), **FLOAT)
exp2 = register(np.exp2, lambda g, out, _x: g * (out * _LN2), **FLOAT)
log2 = register(np.log2, lambda g, _out, x: g / (x * _LN2), **FLOAT)
log10 = register(np.log10, lambda g, _out, x: g / (x * _LN10), **FLOAT)
sqrt = register(np.sqrt, lambda g, out, _x: g / (2 * out), **FLOAT)


@primitive(lambda g, out, _x: -g * out * out, floats=True)
def reciprocal(x):
    return np.true_divide(1, x)


alias(reciprocal, np.reciprocal)


@primitive(
    lambda g, out, _x: g * np.where(out == 0, 0.0, 0.5 / np.where(out == 0, 1.0, out)),
    name="root",
    floats=True,
)
def safe_sqrt(x):
    """sqrt(x) for norms: the gradient at 0 is 0."""
    return np.sqrt(x)


@primitive(lambda g, out, _x: g * (-0.5 * out * out * out), floats=True)
def rsqrt(x):
    """1/sqrt(x)."""
    return np.reciprocal(np.sqrt(x))


@primitive(
    lambda g, _out, _x, y, *, eps: mul_and_unbroadcast(g, rsqrt(y + eps), _x),
    lambda g, out, x, y, *, eps: mul_and_unbroadcast(g, out, y) / ((y + eps) * -2),
    promotes=0,
    floats=True,
    recomputes=True,
)
def div_sqrt(x, y, *, eps):
    """x / √(y + eps) in one step of the graph: what normalising by a variance is."""
    return x * expand_channels(np.reciprocal(np.sqrt(y + eps)), x)


@primitive(lambda g, out, _x: g * out * (1 - out), floats=True)
def sigmoid(x):
    """1/(1 + exp(-x)): where exp overflows the result is 0, as it should be."""
    if x.dtype.char == "e":  # float16 is rounded once
        wide = sigmoid.function(x.astype(np.float32))
        return wide.astype(x.dtype)
    out = np.exp(-x)
    out += 1
    return np.reciprocal(out, out=out if out.ndim else None)


@primitive(lambda g, out, _x: masked(g, out != 0))
def relu(x):
    """max(x, 0); the gradient at 0 is 0, as PyTorch's. NaN stays NaN, with its gradient."""
    # maximum with a number is not vectorised, clip is: 133 and 55 us for 400,000 of float32
    if x.size > 1 << 14 and x.dtype.kind == "f":
        return np.clip(x, 0, math.inf)
    return np.maximum(x, 0)


@primitive(lambda g, _out, x: g * sigmoid(x), floats=True)
def softplus(x):
    """log(1 + exp(x)), without overflow."""
    return np.logaddexp(x, 0.0)


@primitive(lambda g, _out, x, *, min=None, max=None: masked(g, _inside(x, min, max)))
def clamp(x, *, min=None, max=None):
    """x held between two numbers; gradient at a bound and of NaN is 0, as since PyTorch 2.14."""
    return np.clip(x, min, max)


@primitive(lambda g, _out, x, *, min, max: masked(g, np.logical_not((x <= min) | (x >= max))))
def hardtanh(x, *, min, max):
    """x held between min and max; the gradient at a bound is 0, as PyTorch's, and passes NaN."""
    return np.clip(x, min, max)


clamp_min = Primitive(np.maximum, maximum.vjps, name="clamp_min", promotes=0)
clamp_max = Primitive(np.minimum, minimum.vjps, name="clamp_max", promotes=0)


@primitive(
    lambda g, _out, x, low, high: np.where(
        ((x == low) | (x == high)) & (low < high),
        g / 2,
        masked(g, np.logical_not((x < low) | (x > high))),
    ),
    lambda g, _out, x, low, high: np.where(
        (x == low) & (low < high), g / 2, masked(g, (x < low) & (low <= high))
    ),
    lambda g, _out, x, low, high: np.where(
        (x == high) & (low < high), g / 2, masked(g, ((x > high) & (low <= high)) | (low > high))
    ),
    name="clamp",
    promotes=0,
)
def clamp_between(x, low, high):
    """x held between two operands; NaN in any stays.

    x halves the gradient with the bound it equals, unless the bounds are equal; where they are
    crossed, high has it all.
    """
    return np.minimum(np.maximum(x, low), high)


def _inside(x, low, high):
    if low is None:
        return x < high
    return x > low if high is None else (x > low) & (x < high)


@primitive(
    None,
    lambda g, _out, condition, _x, _y: np.where(condition, g, 0.0),
    lambda g, _out, condition, _x, _y: np.where(condition, 0.0, g),
    promotes=1,
)
def where(condition, x, y):
    return np.where(condition, x, y)


# ---- steps ------------------------------------------------------------------------------------
@primitive(zero_grad_rule)
def sign(x):
    """-1, 0 or 1; 0 of NaN, as PyTorch's."""
    if x.dtype.kind == "b":
        return np.copy(x)
    return np.where(x == x, np.sign(x), 0)


alias(sign, np.sign)
floor = register(np.floor, zero_grad_rule)
ceil = register(np.ceil, zero_grad_rule)
trunc = register(np.trunc, zero_grad_rule)
restrict("iuf", abs, floor, ceil, trunc)


@primitive(zero_grad_rule, name="round")
def rint(x, *, decimals=0):
    """x rounded, halves to the even neighbour; integers as they are."""
    return requires_kinds(np.round, "f" if decimals else "iuf")(x, decimals)


@primitive(lambda g, _out, _x: g)
def frac(x):
    """What follows the decimal point, with the sign of x."""
    return x - requires_kinds(np.trunc, "f")(x)


alias(rint, np.rint, np.round)
