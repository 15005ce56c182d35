"""``out=``: a result written into a tensor that is there, where nothing is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigrad.dtypes import TYPES, category
from minigrad.engine.recording import Recorded
from minigrad.modes import MODES
from minigrad.silence import warn
from minigrad.storage import bump_version, same_place

_OF_ONE_DTYPE = {
    "abs", "addbmm", "addmm", "addmv", "addr", "baddbmm", "bitwise_not", "bmm", "ceil", "clamp",
    "cross", "dot", "float_power", "floor", "frac", "inner", "matmul", "mm", "mv", "nan_to_num",
    "neg", "round", "sign", "sgn", "tensordot", "trunc", "where",
}  # fmt: skip
_NAMES = {dtype: name.removesuffix("Tensor") for name, dtype in TYPES.items()}


def call_into(out: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call the function and return ``out`` with its result, resized where it has another shape.

    Raises RuntimeError, and changes nothing, where one of the tensors requires grad, where the
    result cannot be cast to the dtype of ``out`` (for some functions: is of another), or where the
    memory of ``out`` overlaps that of an operand.
    """
    name = function.__name__
    if not isinstance(out, Recorded):
        kind = type(out).__name__
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {kind}")
    operands = _tensors(*args, *kwargs.values())
    _check_not_recorded(name, [*operands, out])
    result = function(*args, **kwargs)
    _check_dtype(name, result.dtype, out.dtype)
    _write(result._data, out, operands, name)
    return out


def _tensors(*values: Any) -> list[Any]:
    return [x for x in values if isinstance(x, Recorded)]


def _check_not_recorded(name: str, tensors: Iterable[Any]) -> None:
    if MODES.grad_enabled and any(x._node is not None for x in tensors):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic "
            "differentiation, but one of the arguments requires grad."
        )


def _check_dtype(name: str, result: Any, out: Any) -> None:
    if name in _OF_ONE_DTYPE and result != out:
        raise RuntimeError(f"Expected out tensor to have dtype {result}, but got {out} instead")
    if category(result) > category(out):
        wanted, there = _NAMES[result], _NAMES[out]
        raise RuntimeError(f"result type {wanted} can't be cast to the desired output type {there}")


def _write(result: np.ndarray, out: Any, operands: Iterable[Any], name: str) -> None:
    if out.shape != result.shape:
        _warn_of_resizing(out.shape, result.shape)
        out.data = out._wrap(result.astype(out.dtype))
        return
    _check_memory(out._data, [x._data for x in operands])
    np.copyto(out._data, result, casting="unsafe")
    bump_version(out._data, f"{name}(..., out=)")


def _warn_of_resizing(old: Any, new: Any) -> None:
    if 0 not in old:
        warn(
            "An output with one or more elements was resized since it had shape "
            f"{list(old)}, which does not match the required output shape {list(new)}. "
            "This behavior is deprecated: give a tensor of the right shape, or t.resize_(0)."
        )


def _check_memory(out: np.ndarray, operands: Iterable[np.ndarray]) -> None:
    if (
        0 in out.strides
        and max(n for n, s in zip(out.shape, out.strides, strict=True) if not s) > 1
    ):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )
    for operand in operands:
        if np.may_share_memory(out, operand) and not same_place(out, operand):
            raise RuntimeError(
                "unsupported operation: some elements of the input tensor and the written-to "
                "tensor refer to a single memory location. "
                "Please clone() the tensor before performing the operation."
            )
