"""What each primitive is in ONNX: a name for one node, or a formula in a few.

https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

import functools
import math
import string
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.dtypes import promote_types
from minigrad.onnx.graph import Call, Value

Operator = Callable[[Call], Value]
OPERATORS: dict[str, Operator] = {}


def mapped(*names: str) -> Callable[[Operator], Operator]:
    """Enter an operator under the names of primitives."""

    def enter(operator: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, operator))
        return operator

    return enter


def _common_dtype(call: Call) -> np.dtype:
    """Return the dtype the operands have in common; that of the result where it is a float."""
    if call.dtype.kind == "f":
        return call.dtype
    arrays = [x for x in call.site.operands if not isinstance(x, (int, float))]
    dtypes = [call.graph.operand(x).dtype for x in arrays]
    common = functools.reduce(promote_types, dtypes)
    has_fraction = any(isinstance(x, float) for x in call.site.operands)
    if has_fraction and common.kind != "f":
        return np.dtype(np.float32)
    return np.dtype(common)


def _promoted(call: Call) -> list[Value]:
    """Return the operands in their common dtype."""
    dtype = _common_dtype(call)
    values = [call.graph.operand(x, dtype) for x in call.site.operands]
    return [value.cast(dtype) for value in values]


def _formula(formula: Callable[..., Any]) -> Operator:
    """Return the operator of a formula of the operands and parameters."""
    return lambda call: formula(*_promoted(call), **call.params)


def _node(kind: str, dtype: Any = None) -> Callable[..., Value]:
    """Return the formula that is one node."""
    return lambda x, *others: x.op(kind, *others, dtype=dtype)


def _where(condition: Value, x: Any, y: Any) -> Value:
    x = x if isinstance(x, Value) else condition.graph.number(x, y.dtype)
    return condition.op("Where", x, y, dtype=x.dtype)


def _reduced(kind: str) -> Callable[..., Value]:
    def formula(x: Value, axis: tuple[int, ...], keepdims: bool) -> Value:
        if not axis:
            return x
        shape = _without(x.shape, axis, keepdims)
        return x.op(kind, axes=axis, keepdims=keepdims, shape=shape)

    return formula


def _without(shape: tuple[int, ...], axis: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """Return a shape whose axes are reduced."""
    if keepdims:
        return tuple(1 if i in axis else size for i, size in enumerate(shape))
    return tuple(size for i, size in enumerate(shape) if i not in axis)


def _sum(
    x: Value,
    axis: tuple[int, ...],
    keepdims: bool,
) -> Value:
    if not axis:
        return x
    axes = x.graph.integers(*axis)
    shape = _without(
        x.shape,
        axis,
        keepdims,
    )
    return x.op(
        "ReduceSum",
        axes,
        keepdims=keepdims,
        shape=shape,
    )


def _norm(
    x: Value,
    order: float,
    axis: tuple[int, ...],
    keepdims: bool,
) -> Value:
    if order in _NORMS:
        return _reduced(_NORMS[order])(
            x,
            axis,
            keepdims,
        )
    size = x.op("Abs")
    if order in _EXTREMES:
        return _reduced(_EXTREMES[order])(
            size,
            axis,
            keepdims,
        )
    if order == 0:
        return _sum(
            size.op("Sign"),
            axis,
            keepdims,
        )
    total = _sum(
        size.op("Pow", order),
        axis,
        keepdims,
    )
    return total.op("Pow", 1 / order)


_NORMS: dict[float, str] = {1: "ReduceL1", 2: "ReduceL2"}
_EXTREMES: dict[float, str] = {math.inf: "ReduceMax", -math.inf: "ReduceMin"}


_mean = _reduced("ReduceMean")
_equal = _node("Equal", bool)
_less = _node("Less", bool)


def _clipped(x: Value, min: Any = None, max: Any = None) -> Value:
    low = x if min is None else x.op("Max", min)
    return low if max is None else low.op("Min", max)


def _huber(d: Value, delta: float) -> Value:
    size = d.op("Abs")
    return _where(_less(size, delta), d * d * 0.5, (size - 0.5 * delta) * delta)


def _remainder(x: Value, y: Value) -> Value:
    if x.dtype.kind == "f":
        return x - (x / y).op("Floor") * y
    return x.op("Mod", y)


def _floor_divide(x: Value, y: Value) -> Value:
    if x.dtype.kind == "f":
        return (x / y).op("Floor")
    return (x - x.op("Mod", y)) / y  # ONNX's division of integers rounds towards zero


def _cross_entropy_of_logits(x: Value, t: Value, weight: Value) -> Value:
    return (1.0 - t) * x.op("Softplus") + weight * t * (-x).op("Softplus")


def _masked_softmax(scores: Value, mask: Value) -> Value:
    x = scores + mask
    ends = np.finfo(x.dtype)
    axis = (len(x.shape) - 1,)
    top = _reduced("ReduceMax")(x, axis, True).op("Max", ends.min)
    exponentials = (x - top).op("Exp")
    sums = _sum(exponentials, axis, True)
    return exponentials / sums.op("Max", ends.tiny)  # 0 where all of a row is hidden


_NODES = {
    "abs": "Abs", "acos": "Acos", "acosh": "Acosh", "asin": "Asin", "asinh": "Asinh",
    "atan": "Atan", "atanh": "Atanh", "ceil": "Ceil", "cos": "Cos", "cosh": "Cosh", "erf": "Erf",
    "exp": "Exp", "floor": "Floor", "log": "Log", "neg": "Neg", "reciprocal": "Reciprocal",
    "relu": "Relu", "sigmoid": "Sigmoid", "sign": "Sign", "sin": "Sin", "sinh": "Sinh",
    "softplus": "Softplus", "sqrt": "Sqrt", "tan": "Tan", "tanh": "Tanh", "add": "Add",
    "sub": "Sub", "sub_mean": "Sub", "mul": "Mul", "div": "Div", "maximum": "Max",
    "minimum": "Min", "clamp_min": "Max", "clamp_max": "Min",
}  # fmt: skip
_TESTS = {
    "eq": "Equal", "gt": "Greater", "ge": "GreaterOrEqual", "lt": "Less", "le": "LessOrEqual",
    "isnan": "IsNaN", "isinf": "IsInf", "logical_and": "And", "logical_or": "Or",
    "logical_xor": "Xor", "logical_not": "Not",
}  # fmt: skip
_FORMULAS: dict[str, Callable[..., Any]] = {
    "addcmul": lambda c, x, y: x * y + c,
    "amax": lambda x, axis, keepdims, nans=False: _reduced("ReduceMax")(x, axis, keepdims),
    "amin": lambda x, axis, keepdims, nans=False: _reduced("ReduceMin")(x, axis, keepdims),
    "binary_cross_entropy_of_logits": _cross_entropy_of_logits,
    "centred": lambda x, axis: x - _mean(x, axis, True),
    "clamp": _clipped,
    "contiguous": lambda x: x,
    "copy": lambda x: x,
    "detach": lambda x: x,
    "div_sqrt": lambda x, y, eps: x / (y + eps).op("Sqrt"),
    "erfc": lambda x: 1.0 - x.op("Erf"),
    "exp2": lambda x: (x * math.log(2)).op("Exp"),
    "expm1": lambda x: x.op("Exp") - 1,
    "floor_divide": _floor_divide,
    "hardtanh": _clipped,
    "huber": _huber,
    "linalg_vector_norm": _norm,
    "log10": lambda x: x.op("Log") * (1 / math.log(10)),
    "log1p": lambda x: (x + 1).op("Log"),
    "log2": lambda x: x.op("Log") * (1 / math.log(2)),
    "log_softmax": lambda x, axis: x.op("LogSoftmax", axis=axis),
    "logsumexp": _reduced("ReduceLogSumExp"),
    "masked": lambda x, mask: x * mask,
    "masked_softmax": _masked_softmax,
    "mean": _mean,
    "mean_square": lambda x, axis, keepdims: _mean(x * x, axis, keepdims),
    "ne": lambda x, y: _equal(x, y).op("Not"),
    "positive": lambda x: x,
    "pow": lambda x, y=None, exponent=None: x.op("Pow", exponent if y is None else y),
    "prod": _reduced("ReduceProd"),
    "remainder": _remainder,
    "round": lambda x, decimals=0: (x * 10.0**decimals).op("Round") / 10.0**decimals,
    "rsqrt": lambda x: x.op("Sqrt").op("Reciprocal"),
    "softmax": lambda x, axis: x.op("Softmax", axis=axis),
    "square": lambda x: x * x,
    "sum": _sum,
    "xlogy": lambda x, y: _where(_equal(x, 0), 0, x * y.op("Log")),
}
OPERATORS.update((name, _formula(_node(kind))) for name, kind in _NODES.items())
OPERATORS.update((name, _formula(_node(kind, bool))) for name, kind in _TESTS.items())
OPERATORS.update((name, _formula(formula)) for name, formula in _FORMULAS.items())


@mapped("where")
def where(call: Call) -> Value:
    condition, x, y = call.operands
    x, y = x.cast(call.dtype), y.cast(call.dtype)
    return _where(condition.cast(bool), x, y)


@mapped("astype")
def astype(call: Call) -> Value:
    return call.x.cast(call.dtype)


# ---- products ----------------------------------------------------------------------------------
@mapped("linear")
def linear(call: Call) -> Value:
    x, weight, *bias = call.operands
    if len(x.shape) == 2:
        return x.op(
            "Gemm",
            weight,
            *bias,
            transB=1,
            shape=call.shape,
        )
    rows, columns = weight.shape
    turned = weight.op(
        "Transpose",
        perm=[1, 0],
        shape=(columns, rows),
    )
    product = x.op(
        "MatMul",
        turned,
        shape=call.shape,
    )
    for each in bias:
        product = product + each
    return product


@mapped("matmul")
def matmul(call: Call) -> Value:
    x, y = _promoted(call)
    return x.op("MatMul", y, shape=call.shape)


@mapped("einsum")
def einsum(call: Call) -> Value:
    x, *others = _promoted(call)
    inputs = ",".join(call.params["inputs"])
    equation = f"{inputs}->{call.params['output']}"
    equation = _plain_letters(equation)
    return x.op(
        "Einsum",
        *others,
        equation=equation,
        shape=call.shape,
    )


def _plain_letters(equation: str) -> str:
    """Return an equation with letters in place of signs that ONNX does not know."""
    used = set(equation)
    unused = iter(sorted(set(string.ascii_letters) - used))
    signs = used - set(string.ascii_letters) - set(",->")
    return equation.translate({ord(sign): next(unused) for sign in sorted(signs)})


# ---- losses ------------------------------------------------------------------------------------
@mapped("cross_entropy")
def cross_entropy(call: Call) -> Value:
    how = call.params["reduction"]
    classes = call.param("classes")
    return call.x.op("SoftmaxCrossEntropyLoss", classes, reduction=how, shape=call.shape)


@mapped("nll")
def nll(call: Call) -> Value:
    classes = call.param("classes")
    return call.x.op("NegativeLogLikelihoodLoss", classes, reduction="none", shape=call.shape)
