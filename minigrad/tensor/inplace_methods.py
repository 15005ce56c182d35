"""The methods with a trailing underscore: the method without it, written into the tensor.

Each takes what its sister takes. https://docs.pytorch.org/docs/stable/tensors.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.dtypes import checked_scalar
from minigrad.functions import elementwise as e
from minigrad.modes import enable_grad, is_grad_enabled
from minigrad.ops.shape import copy

ELEMENTWISE = [
    "abs", "absolute", "acos", "acosh", "add", "addbmm", "addcdiv", "addcmul", "addmm", "addmv",
    "addr", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "asin",
    "asinh", "atan", "atan2", "atanh", "baddbmm", "bitwise_and", "bitwise_left_shift",
    "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "ceil", "clamp", "clip",
    "copysign", "cos", "cosh", "cumprod", "cumsum", "deg2rad", "digamma", "div", "divide", "eq",
    "erf", "erfc", "erfinv", "exp", "exp2", "expm1", "fix", "float_power", "floor",
    "floor_divide", "fmod", "frac", "gcd", "ge", "greater", "greater_equal", "gt", "heaviside",
    "hypot", "i0", "igamma", "igammac", "index_add", "index_copy", "index_fill", "index_put",
    "index_reduce", "lcm", "ldexp", "le", "lerp", "less", "less_equal", "lgamma", "log",
    "log10", "log1p", "log2", "logical_and", "logical_not", "logical_or", "logical_xor",
    "logit", "lt", "masked_fill", "masked_scatter", "mul", "multiply", "mvlgamma", "nan_to_num",
    "ne", "neg", "negative", "nextafter", "not_equal", "polygamma", "pow", "put", "rad2deg",
    "reciprocal", "relu", "remainder", "renorm", "round", "rsqrt", "scatter", "scatter_add",
    "scatter_reduce", "sgn", "sigmoid", "sign", "sin", "sinc", "sinh", "sqrt", "square", "sub",
    "subtract", "tan", "tanh", "tril", "triu", "true_divide", "trunc", "xlogy",
]  # fmt: skip
REARRANGING = ["squeeze", "unsqueeze", "t", "transpose", "swapaxes", "swapdims"]


def _written(name: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        plain = getattr(type(self), name, None) or getattr(e, name)
        return self._computed(f"{name}_", plain, *args, **kwargs)

    method.__name__ = f"{name}_"
    method.__doc__ = f"Write the result of ``{name}`` into the tensor; return the tensor."
    return method


def _rearranged(name: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._check_writable(recorded=self._node is not None and is_grad_enabled())
        with enable_grad():  # what is recorded stays so
            value = getattr(self, name)(*args, **kwargs)
        return self._rearrange(value, f"{name}_")

    method.__name__ = f"{name}_"
    method.__doc__ = f"Give the tensor the shape that ``{name}`` gives; return the tensor."
    return method


class InPlaceMethods:
    """The ``_`` methods; whoever mixes this in has ``_assign`` and ``_rearrange``."""

    _data: Any
    _assign: Any
    _computed: Any
    shape: Any

    for _name in ELEMENTWISE:
        locals()[f"{_name}_"] = _written(_name)
    for _name in REARRANGING:
        locals()[f"{_name}_"] = _rearranged(_name)
    del _name

    def clamp_min_(self, min: Any) -> Any:
        """Raise what is below ``min`` to it, in place."""
        return self.clamp_(min=min)  # type: ignore[attr-defined]

    def clamp_max_(self, max: Any) -> Any:
        """Lower what is above ``max`` to it, in place."""
        return self.clamp_(max=max)  # type: ignore[attr-defined]

    def copy_(self, src: Any, non_blocking: bool = False) -> Any:
        """Copy the values of ``src`` (broadcast, cast) in place."""
        if isinstance(src, (int, float, complex, np.generic)):
            return self.fill_(src)
        value = src.to(self._data.dtype)
        return self._assign(copy(src) if value is src and src._node is not None else value, "copy_")

    def fill_(self, value: Any) -> Any:
        """Set every element to one value, a number or a 0-d tensor."""
        if hasattr(value, "shape") and value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} "
                "dimensions."
            )
        if hasattr(value, "_data"):
            return self.copy_(value)
        return self._assign(checked_scalar(value, self._data.dtype), "fill_")

    def zero_(self) -> Any:
        """Set every element to 0."""
        return self._assign(np.zeros((), self._data.dtype), "zero_")

    def fill_diagonal_(self, fill_value: float, wrap: bool = False) -> Any:
        """Set the diagonal to one value; with ``wrap`` of tall matrices again and again."""
        if len(self.shape) < 2:
            raise RuntimeError(f"dimensions must larger than 1, got a tensor of {len(self.shape)}")
        if len(set(self.shape)) > 1 and len(self.shape) > 2:
            raise RuntimeError(
                f"all dimensions of input must be of equal length, got {list(self.shape)}"
            )
        mask = np.zeros(self.shape, bool)
        np.fill_diagonal(mask, True, wrap=wrap)
        return self.masked_fill_(self._wrap(mask), fill_value)  # type: ignore[attr-defined, call-arg]
