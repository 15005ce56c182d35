"""What functions of indices refuse, in PyTorch's words."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from minigrad.functions.arguments import not_a_tensor_error
from minigrad.ops.reduction import axis_of

T = Any  # a Tensor, which this floor does not know


def along_dim(axis: int, index: Any) -> tuple[Any, ...]:
    """Return ``x[:, …, :, index]`` with the index on one axis."""
    return (*(slice(None),) * axis, index)


def index_array(index: T, function: str) -> np.ndarray:
    """Return the array of a tensor of int32 or int64."""
    if not hasattr(index, "_data"):
        raise TypeError(
            f"{function}(): argument 'index' must be Tensor, not {type(index).__name__}"
        )
    if index.dtype.kind != "i" or index.dtype.itemsize < 4:
        raise RuntimeError(
            f"{function}(): Expected dtype int32 or int64 for index, but got {index.dtype}"
        )
    return index._data


def index_vector(index: T, function: str, error: type = RuntimeError) -> np.ndarray:
    """Return the array of a tensor of indices in at most one dimension, as a vector."""
    indices = index_array(index, function)
    if indices.ndim > 1:
        raise error(f"{function}(): Index is supposed to be a vector, but got dim: {indices.ndim}")
    return indices.reshape(-1)


def check_range(
    indices: np.ndarray, size: int, function: str, least: int = 0, error: type = IndexError
) -> None:
    """Raise where an index is below ``least`` or not below ``size``."""
    if not indices.size or (indices.min() >= least and indices.max() < size):
        return
    outside = indices[(indices < least) | (indices >= size)].flat[0]
    raise error(f"{function}(): index {outside} is out of bounds for dimension with size {size}")


def axis_and_indices(input: T, dim: int, index: T, function: str) -> tuple[int, np.ndarray]:
    """Return the axis and indices of gather, scatter and their like, checked."""
    axis = axis_of(input, dim)
    indices = index_array(index, function)
    if indices.size == 0:
        return axis, indices
    if builtins.max(indices.ndim, 1) != builtins.max(input.ndim, 1):
        raise RuntimeError(
            "Index tensor must have the same number of dimensions as input tensor, "
            f"got {indices.ndim} and {input.ndim}"
        )
    sizes = list(zip(indices.shape, input.shape, strict=False))
    sizes_beside = sizes[:axis] + sizes[axis + 1 :]
    if builtins.any(n > m for n, m in sizes_beside):
        raise RuntimeError(
            f"Size does not match at dimension: expected index {list(indices.shape)} to be no "
            f"larger than self {list(input.shape)} apart from dimension {axis}"
        )
    size = input.shape[axis] if input.ndim else 1
    check_range(indices, size, function, error=RuntimeError)
    return axis, indices


def check_same_dtype(input: T, src: T, function: str) -> None:
    """Raise RuntimeError where ``src`` has another dtype than what it goes into."""
    if input.dtype != src.dtype:
        raise RuntimeError(
            f"{function}(): Expected self.dtype to be equal to src.dtype: "
            f"{input.dtype}, {src.dtype}"
        )


def check_mask(mask: T, function: str) -> None:
    """Raise where the mask is not a tensor of bools."""
    if not hasattr(mask, "_data"):
        raise not_a_tensor_error(function, "mask", 2, mask)
    if mask.dtype.kind != "b":
        raise RuntimeError(f"{function}: expected BoolTensor for mask, but got {mask.dtype}")


def check_0d_value(value: Any, function: str) -> None:
    """Raise RuntimeError for a tensor of dimensions where one value is expected."""
    if hasattr(value, "_data") and value.ndim:
        raise RuntimeError(
            f"{function} only supports a 0-dimensional value tensor, "
            f"but got tensor with {value.ndim} dimension(s)."
        )
