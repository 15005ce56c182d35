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
    "abs", "addbmm", "addmm", "addmv", "addr", "all", "amax", "amin", "any", "argmax", "argmin",
    "baddbmm", "bitwise_not", "bmm", "ceil", "clamp", "cross", "dot", "float_power", "floor",
    "frac", "gather", "index_select", "inner", "logcumsumexp", "masked_select", "matmul",
    "median", "mm", "msort", "multinomial", "mv", "nan_to_num", "nanmedian", "neg", "nonzero",
    "round", "sign", "sgn", "take", "take_along_dim", "tensordot", "trunc", "where",
}  # fmt: skip
_IN_THE_DTYPE_OF_OUT = {
    "arange", "cumprod", "cumsum", "empty", "eye", "full", "linspace", "logspace", "ones", "prod",
    "rand", "randint", "randn", "randperm", "range", "sum", "zeros",
}  # fmt: skip
_NAMES = {dtype: name.removesuffix("Tensor") for name, dtype in TYPES.items()}


def call_into(out: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call the function and return ``out`` with its result, resized where it has another shape.

    Raises RuntimeError, and changes nothing, where one of the tensors requires grad, where the
    result cannot be cast to the dtype of ``out`` (for some functions: is of another), or where the
    memory of ``out`` overlaps that of an operand.
    """
    name = function.__name__
    if isinstance(out, (tuple, list)):
        return _call_into_several(out, function, args, kwargs)
    if not isinstance(out, Recorded):
        kind = type(out).__name__
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {kind}")
    operands = _tensors(*args, *kwargs.values())
    _check_not_recorded(name, [*operands, out])
    of_one = name in _OF_ONE_DTYPE
    if name in _IN_THE_DTYPE_OF_OUT:
        of_one = kwargs.get("dtype") is not None
        kwargs = kwargs if of_one else {**kwargs, "dtype": out.dtype}
    result = function(*args, **kwargs)
    if not isinstance(result, Recorded):
        count = len(result)
        raise TypeError(f"{name}(): argument 'out' must be tuple of {count} Tensors, not Tensor")
    _check_dtype(name, result.dtype, out.dtype, of_one)
    _write(result._data, out, operands, name)
    return out


def _call_into_several(
    outs: Iterable[Any], function: Callable[..., Any], args: Any, kwargs: Any
) -> Any:
    """Write the values and the places, say, that the function returns into a tensor each."""
    name, outs = function.__name__, list(outs)
    operands = _tensors(*args, *kwargs.values())
    _check_not_recorded(name, [*operands, *_tensors(*outs)])
    results = function(*args, **kwargs)
    if not isinstance(results, tuple) or len(_tensors(*outs)) != len(results):
        raise TypeError(f"{name}(): argument 'out' must be a tensor for each result")
    for out, result in zip(outs, results, strict=True):
        if out.dtype != result.dtype:
            raise RuntimeError(
                f"{name}(): Expected out tensor to have dtype {result.dtype}, "
                f"but got {out.dtype} instead"
            )
        _check_memory(out._data, [x._data for x in operands])
    for out, result in zip(outs, results, strict=True):
        _write(result._data, out, operands, name)
    return type(results)(*outs)


def _tensors(*values: Any) -> list[Any]:
    lists = [value if isinstance(value, (list, tuple)) else [value] for value in values]
    return [x for parts in lists for x in parts if isinstance(x, Recorded)]


def _check_not_recorded(name: str, tensors: Iterable[Any]) -> None:
    if MODES.grad_enabled and any(x._node is not None for x in tensors):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic "
            "differentiation, but one of the arguments requires grad."
        )


def _check_dtype(name: str, result: Any, out: Any, of_one: bool) -> None:
    if of_one and result != out:
        raise RuntimeError(f"Expected out tensor to have dtype {result}, but got {out} instead")
    if category(result) > category(out):
        wanted, there = _NAMES[result], _NAMES[out]
        refusal = TypeError if name in ("cat", "stack") else RuntimeError
        raise refusal(f"result type {wanted} can't be cast to the desired output type {there}")


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
            "single memory location. Please clone() the tensor before performing the operation. "
            f"Its shape is {out.shape}, its strides {out.strides}"
        )
    for operand in operands:
        if np.may_share_memory(out, operand) and not same_place(out, operand):
            raise RuntimeError(
                "unsupported operation: some elements of the input tensor and the written-to "
                "tensor refer to a single memory location. "
                "Please clone() the tensor before performing the operation. "
                f"Their shapes are {operand.shape} and {out.shape}"
            )
