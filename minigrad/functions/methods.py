"""The methods and operators of Tensor: the functions of this folder, under the same names."""

from __future__ import annotations

from typing import Any

from minigrad.functions import elementwise as e
from minigrad.functions import reduction as r
from minigrad.functions import shape as s
from minigrad.functions.arranging import Arranging
from minigrad.functions.converting import Converting
from minigrad.functions.filling import Filling
from minigrad.ops import elementwise as ops
from minigrad.ops import matmul
from minigrad.recording import one, two


class Methods(Arranging, Converting, Filling):
    """PyTorch's methods; whoever mixes this in is ``Recorded`` and has ``shape`` and ``dtype``."""

    abs, clamp, clip, cos, erf, exp, expm1 = e.abs, e.clamp, e.clip, e.cos, e.erf, e.exp, e.expm1
    log, log1p, maximum, minimum, neg = e.log, e.log1p, e.maximum, e.minimum, e.neg
    reciprocal, relu, rsqrt, sigmoid, sign = e.reciprocal, e.relu, e.rsqrt, e.sigmoid, e.sign
    sin, sqrt, square, tanh, floor, ceil = e.sin, e.sqrt, e.square, e.tanh, e.floor, e.ceil
    trunc, round, isnan, isinf, isfinite = e.trunc, e.round, e.isnan, e.isinf, e.isfinite
    add, sub, mul, div, pow, lerp = e.add, e.sub, e.mul, e.div, e.pow, e.lerp
    addcmul, addcdiv, masked_fill = e.addcmul, e.addcdiv, e.masked_fill
    eq, ne, lt, le, gt, ge = e.eq, e.ne, e.lt, e.le, e.gt, e.ge
    logical_and, logical_or, logical_not = e.logical_and, e.logical_or, e.logical_not

    sum, mean, var, std, amax, amin, max, min = r.sum, r.mean, r.var, r.std, r.amax, r.amin, r.max, r.min
    argmax, argmin, all, any, logsumexp = r.argmax, r.argmin, r.all, r.any, r.logsumexp
    softmax, log_softmax, cumsum, norm = r.softmax, r.log_softmax, r.cumsum, r.norm

    matmul = mm = bmm = s.matmul

    shape: Any
    dtype: Any
    ndim: Any

    # ---- operators ---------------------------------------------------------------------------
    def __add__(self, other: Any) -> Any:
        return two(ops.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return two(ops.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return two(ops.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        return two(ops.sub, other, self)

    def __mul__(self, other: Any) -> Any:
        return two(ops.mul, self, other)

    def __rmul__(self, other: Any) -> Any:
        return two(ops.mul, other, self)

    def __truediv__(self, other: Any) -> Any:
        return two(ops.div, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return two(ops.div, other, self)

    def __pow__(self, exponent: Any) -> Any:
        return e.pow(self, exponent)

    def __rpow__(self, base: Any) -> Any:
        return two(ops.pow, base, self)

    def __matmul__(self, other: Any) -> Any:
        return two(matmul.matmul, self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return two(matmul.matmul, other, self)

    def __floordiv__(self, other: Any) -> Any:
        return e.floor_divide(self, other)

    def __mod__(self, other: Any) -> Any:
        return e.remainder(self, other)

    def __neg__(self) -> Any:
        return one(ops.neg, self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return ops.abs(self)

    def __invert__(self) -> Any:
        return e.bitwise_not(self)

    def __and__(self, other: Any) -> Any:
        return e.bitwise_and(self, other)

    def __or__(self, other: Any) -> Any:
        return e.bitwise_or(self, other)

    def __xor__(self, other: Any) -> Any:
        return e.bitwise_xor(self, other)

    def __eq__(self, other: object) -> Any:
        return False if other is None else e.eq(self, other)

    def __ne__(self, other: object) -> Any:
        return True if other is None else e.ne(self, other)

    def __lt__(self, other: Any) -> Any:
        return e.lt(self, other)

    def __le__(self, other: Any) -> Any:
        return e.le(self, other)

    def __gt__(self, other: Any) -> Any:
        return e.gt(self, other)

    def __ge__(self, other: Any) -> Any:
        return e.ge(self, other)

    __hash__ = object.__hash__  # tensors are keys by identity; == compares elements
