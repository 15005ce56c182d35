"""What a function of matrices refuses, in PyTorch's words."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.functions.arguments import not_a_tensor_error

_DTYPE_WORDS = {
    "bool": "Bool",
    "float16": "Half",
    "float32": "Float",
    "float64": "Double",
    "int32": "Int",
    "int64": "Long",
}


def dtype_word(dtype: Any) -> str:
    """Return PyTorch's name of a dtype in error texts."""
    return _DTYPE_WORDS.get(str(dtype), str(dtype))


def check_floats(x: Any, name: str) -> None:
    """Raise NotImplementedError for integers and bools."""
    if x.dtype.kind != "f":
        raise NotImplementedError(
            f"{name}: Expected a floating point or complex tensor as input. "
            f"Got {dtype_word(x.dtype)}"
        )


def check_ndim(A: Any, name: str) -> None:
    """Raise RuntimeError for fewer than two dimensions."""
    if A.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor A must have at least 2 dimensions. Got {A.ndim}"
        )


def check_square(A: Any, name: str) -> None:
    """Raise RuntimeError for matrices that are not square."""
    rows, columns = A.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, "
            f"but they are {rows} by {columns} matrices"
        )


def check_matrix(A: Any, name: str, square: bool = False) -> None:
    """Raise the error of PyTorch for anything but matrices of float32 or float64."""
    if not hasattr(A, "ndim"):
        raise not_a_tensor_error(name, "A", 1, A)
    check_ndim(A, name)
    if square:
        check_square(A, name)
    check_floats(A, name)
    if A.dtype == np.float16:
        raise NotImplementedError(f"{name}: Low precision dtypes not supported. Got Half")
