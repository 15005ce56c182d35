"""The methods and operators of Tensor: the functions of this folder, under the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import linalg
from minigrad.engine.recording import Recorded, record_binary, record_unary
from minigrad.functions import (
    calculus,
    distances,
    histograms,
    p_norm,
    scan,
    softmax,
    sorting,
    statistics,
    variance,
)
from minigrad.functions import comparison as c
from minigrad.functions import elementwise as e
from minigrad.functions import products as p
from minigrad.functions import reduction as r
from minigrad.functions import scaled_products as sp
from minigrad.functions.linalg import older_names
from minigrad.ops import comparison
from minigrad.ops import elementwise as ops
from minigrad.primitive import Primitive
from minigrad.tensor.dtype_methods import DtypeMethods
from minigrad.tensor.plain_methods import PlainMethods
from minigrad.tensor.random_methods import RandomFillMethods
from minigrad.tensor.shape_methods import ShapeMethods

_OURS = (Recorded, np.ndarray, np.generic, complex)  # none of these would do it better


def _operator(primitive: Primitive) -> tuple[Any, Any]:
    """Return the operator and its reflection.

    What is no tensor, array or number gets its own turn, then TypeError.
    """

    def operator(self: Any, other: Any) -> Any:
        try:
            return record_binary(primitive, self, other)
        except TypeError:
            if isinstance(other, _OURS):
                raise
            return NotImplemented

    def reflected(self: Any, other: Any) -> Any:
        try:
            return record_binary(primitive, other, self)
        except TypeError:
            if isinstance(other, _OURS):
                raise
            return NotImplemented

    return operator, reflected


class OperatorMethods(ShapeMethods, DtypeMethods, RandomFillMethods, PlainMethods):
    """PyTorch's methods; whoever mixes this in is ``Recorded`` and has ``shape`` and ``dtype``."""

    matmul, mm, bmm, mv, dot, inner, outer, ger = (
        p.matmul,
        p.mm,
        p.bmm,
        p.mv,
        p.dot,
        p.inner,
        p.outer,
        p.ger,
    )
    addmm, addmv, addr = sp.addmm, sp.addmv, sp.addr
    baddbmm, addbmm = sp.baddbmm, sp.addbmm
    kron, trace, cross, vdot = p.kron, p.trace, p.cross, p.vdot
    diff, histogram = calculus.diff, histograms.histogram
    det, inverse, slogdet, logdet = linalg.det, linalg.inv, linalg.slogdet, linalg.logdet
    matrix_power, pinverse, cholesky = linalg.matrix_power, linalg.pinverse, linalg.cholesky

    shape: Any
    dtype: Any
    ndim: Any
    if TYPE_CHECKING:  # most methods are entered below

        def __getattr__(self, name: str) -> Any: ...

    # ---- operators ---------------------------------------------------------------------------
    __add__, __radd__ = _operator(ops.add)
    __sub__, __rsub__ = _operator(ops.sub)
    __mul__, __rmul__ = _operator(ops.mul)
    __truediv__, __rtruediv__ = _operator(ops.div)
    __floordiv__, __rfloordiv__ = _operator(ops.floor_divide)
    __mod__, __rmod__ = _operator(ops.remainder)
    __and__, __rand__ = _operator(comparison.bitwise_and)
    __or__, __ror__ = _operator(comparison.bitwise_or)
    __xor__, __rxor__ = _operator(comparison.bitwise_xor)
    __lshift__, __rlshift__ = _operator(comparison.bitwise_left_shift)
    __rshift__, __rrshift__ = _operator(comparison.bitwise_right_shift)
    __eq__, _ = _operator(comparison.eq)
    __ne__, _ = _operator(comparison.ne)
    __lt__, _ = _operator(comparison.lt)
    __le__, _ = _operator(comparison.le)
    __gt__, _ = _operator(comparison.gt)
    __ge__, _ = _operator(comparison.ge)
    _, __rpow__ = _operator(ops.pow)
    del _

    def __pow__(self, exponent: Any) -> Any:
        try:
            return e.pow(self, exponent)
        except TypeError:
            if isinstance(exponent, _OURS):
                raise
            return NotImplemented

    def __matmul__(self, other: Any) -> Any:
        return p.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return p.matmul(other, self)

    def __neg__(self) -> Any:
        return record_unary(ops.neg, self)

    def __pos__(self) -> Any:
        return e.positive(self)

    def __abs__(self) -> Any:
        return record_unary(ops.abs, self)

    def __invert__(self) -> Any:
        if self.dtype.kind == "f":
            raise TypeError(
                "~ (operator.invert) is only implemented on integer and Boolean-type tensors, got "
                f"{self.dtype}"
            )
        return c.bitwise_not(self)

    __hash__ = object.__hash__  # tensors are keys by identity; == compares elements


_NOT_METHODS = {
    "chain_matmul",
    "lu_unpack",
    "bucketize",
    "cdist",
    "polygamma",
    "rsub",
    "searchsorted",
    "softplus",
    "std_mean",
    "var_mean",
}  # as in PyTorch
for _module in (
    e,
    c,
    r,
    variance,
    statistics,
    distances,
    older_names,
    p_norm,
    scan,
    softmax,
    sorting,
):
    for _name in _module.__all__:
        if _name not in _NOT_METHODS:
            setattr(OperatorMethods, _name, getattr(_module, _name))


def _where(self: Any, condition: Any, other: Any) -> Any:
    """Return self where condition is True, other elsewhere."""
    return e.where(condition, self, other)


def _polygamma(self: Any, n: int) -> Any:
    """Return the n-th derivative of ``digamma``; RuntimeError for a negative n."""
    return e.polygamma(n, self)


OperatorMethods.where = _where  # type: ignore[attr-defined]
OperatorMethods.polygamma = _polygamma  # type: ignore[attr-defined]
