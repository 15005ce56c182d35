"""The methods and operators of Tensor: the functions of this folder, under the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad import linalg
from minigrad.functions import comparison as c
from minigrad.functions import elementwise as e
from minigrad.functions import product as p
from minigrad.functions import reduction as r
from minigrad.functions import scan, sorting
from minigrad.functions.arranging import Arranging
from minigrad.functions.converting import Converting
from minigrad.functions.filling import Filling
from minigrad.ops import elementwise as ops
from minigrad.recording import one, two


class Methods(Arranging, Converting, Filling):
    """PyTorch's methods; whoever mixes this in is ``Recorded`` and has ``shape`` and ``dtype``."""

    matmul, mm, bmm, mv, dot, inner, outer, ger = p.matmul, p.mm, p.bmm, p.mv, p.dot, p.inner, p.outer, p.ger
    addmm, addmv, baddbmm, addbmm = p.addmm, p.addmv, p.baddbmm, p.addbmm
    kron, trace, cross = p.kron, p.trace, p.cross
    det, inverse, slogdet, logdet = linalg.det, linalg.inv, linalg.slogdet, linalg.logdet
    matrix_power, pinverse, cholesky = linalg.matrix_power, linalg.pinv, linalg.cholesky

    shape: Any
    dtype: Any
    ndim: Any
    if TYPE_CHECKING:  # most methods are entered below

        def __getattr__(self, name: str) -> Any: ...

    # ---- operators ---------------------------------------------------------------------------
    def __add__(self, other: Any) -> Any:
        return two(ops.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return two(ops.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return two(ops.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        if self.dtype.kind == "b":
            raise RuntimeError(
                "Subtraction, the `-` operator, with a bool tensor is not supported; use ~ to invert a mask."
            )
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
        return p.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return p.matmul(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return two(ops.floor_divide, self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return two(ops.floor_divide, other, self)

    def __mod__(self, other: Any) -> Any:
        return two(ops.remainder, self, other)

    def __rmod__(self, other: Any) -> Any:
        return two(ops.remainder, other, self)

    def __neg__(self) -> Any:
        return one(ops.neg, self)

    def __pos__(self) -> Any:
        return e.positive(self)

    def __abs__(self) -> Any:
        return ops.abs(self)

    def __invert__(self) -> Any:
        if self.dtype.kind == "f":
            raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
        return c.bitwise_not(self)

    def __and__(self, other: Any) -> Any:
        return c.bitwise_and(self, other)

    def __rand__(self, other: Any) -> Any:
        return c.bitwise_and(other, self)

    def __or__(self, other: Any) -> Any:
        return c.bitwise_or(self, other)

    def __ror__(self, other: Any) -> Any:
        return c.bitwise_or(other, self)

    def __xor__(self, other: Any) -> Any:
        return c.bitwise_xor(self, other)

    def __rxor__(self, other: Any) -> Any:
        return c.bitwise_xor(other, self)

    def __lshift__(self, other: Any) -> Any:
        return c.bitwise_left_shift(self, other)

    def __rlshift__(self, other: Any) -> Any:
        return c.bitwise_left_shift(other, self)

    def __rshift__(self, other: Any) -> Any:
        return c.bitwise_right_shift(self, other)

    def __rrshift__(self, other: Any) -> Any:
        return c.bitwise_right_shift(other, self)

    def __eq__(self, other: object) -> Any:
        return False if other is None else c.eq(self, other)

    def __ne__(self, other: object) -> Any:
        return True if other is None else c.ne(self, other)

    def __lt__(self, other: Any) -> Any:
        return c.lt(self, other)

    def __le__(self, other: Any) -> Any:
        return c.le(self, other)

    def __gt__(self, other: Any) -> Any:
        return c.gt(self, other)

    def __ge__(self, other: Any) -> Any:
        return c.ge(self, other)

    __hash__ = object.__hash__  # tensors are keys by identity; == compares elements


_NOT_METHODS = {"bucketize", "searchsorted", "softplus", "std_mean", "var_mean"}  # as in PyTorch
for _module in (e, c, r, scan, sorting):
    for _name in _module.__all__:
        if _name not in _NOT_METHODS:
            setattr(Methods, _name, getattr(_module, _name))


def _where(self: Any, condition: Any, other: Any) -> Any:
    """Return self where condition is True, other elsewhere."""
    return e.where(condition, self, other)


Methods.where = _where  # type: ignore[attr-defined]
