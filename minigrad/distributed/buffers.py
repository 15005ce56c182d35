"""What collectives read and write: arrays, contiguous for MPI, and how they are reduced."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.modes import no_grad
from minigrad.storage import bump_version
from minigrad.tensor.tensor import Tensor


class ReduceOp(enum.Enum):
    """How values of several ranks become one; MEAN is another name of PyTorch's AVG."""

    SUM = "sum"
    AVG = MEAN = "mean"
    PRODUCT = "product"
    MIN = "min"
    MAX = "max"
    BAND = "band"
    BOR = "bor"
    BXOR = "bxor"


def array_of(value: Any, function: str, name: str = "tensor") -> np.ndarray:
    """Return the array of a tensor, or the array that it is; raise TypeError for anything else."""
    if isinstance(value, Tensor):
        return np.asarray(value._data)
    if isinstance(value, np.ndarray):
        return value
    raise TypeError(
        f"{function}: expected a Tensor or a NumPy array for {name}, got {type(value).__name__}"
    )


def contiguous(array: np.ndarray) -> np.ndarray:
    """Return the array in C order: itself, if it is and can be written, or a copy."""
    usable = array.flags.c_contiguous and array.flags.writeable
    return array if usable else np.array(array, order="C")


def write_back(target: Any, buffer: np.ndarray, by: str) -> None:
    """Put what came into a tensor or an array; the graph learns that its memory was written."""
    array = target._data if isinstance(target, Tensor) else target
    if array is buffer:
        bump_version(array, by)
    elif isinstance(target, Tensor):
        with no_grad():
            target.copy_(Tensor._wrap(buffer))
    else:
        np.copyto(target, buffer, casting="unsafe")
        bump_version(target, by)


def check_writable(target: Any, function: str) -> None:
    array = target._data if isinstance(target, Tensor) else target
    if isinstance(array, np.ndarray) and not array.flags.writeable:
        raise ValueError(f"{function}: the array that the result goes into is read-only")


def check_alike(values: Sequence[Any], like: np.ndarray, n: int, function: str, name: str) -> None:
    """Raise ValueError unless there are ``n`` tensors of the shape and dtype of ``like``."""
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"{function}: expected a list for {name}, got {type(values).__name__}")
    if len(values) != n:
        raise ValueError(f"{function}: {name} has {len(values)} tensors; there are {n} ranks")
    for value in values:
        array = array_of(value, function, f"an element of {name}")
        if array.shape != like.shape or array.dtype != like.dtype:
            raise ValueError(
                f"{function}: {name} holds {array.dtype} {array.shape} beside "
                f"{like.dtype} {like.shape}; all must be alike"
            )


def hand_out(parts: np.ndarray, targets: Sequence[Any], by: str) -> None:
    for part, target in zip(parts, targets, strict=True):
        write_back(target, part, by)


def check_parts(whole: np.ndarray, part: np.ndarray, n: int, function: str) -> None:
    """Raise ValueError unless ``whole`` holds ``n`` times what ``part`` does."""
    if whole.size != n * part.size or whole.dtype != part.dtype:
        raise ValueError(
            f"{function}: {whole.dtype} {whole.shape} does not hold {n} times "
            f"{part.dtype} {part.shape}, once a rank"
        )


class Reduction:
    """How an array is reduced: what MPI is given, and what becomes of it."""

    def __init__(self, op: Any, array: np.ndarray, function: str) -> None:
        op, kind = ReduceOp(op), array.dtype.kind
        bitwise = op.value.startswith("b")
        if (bitwise and kind == "f") or (op is ReduceOp.MEAN and kind != "f"):
            raise RuntimeError(f"{function}: {op} of {array.dtype} is not defined; convert it")
        self.op = op
        self.name = "sum" if op is ReduceOp.MEAN else op.value
        self.dtype = array.dtype
        if kind == "b":
            self.dtype = np.dtype(np.uint8)
            self.name = "max" if op is ReduceOp.SUM else self.name
        elif array.dtype == np.float16:
            self.dtype = np.dtype(np.float32)  # MPI has no other, and a sum needs its digits

    def buffer(self, array: np.ndarray) -> np.ndarray:
        """Return memory that MPI can reduce in place: the array's own, where that is possible."""
        return contiguous(array) if array.dtype == self.dtype else array.astype(self.dtype, "C")

    def close(self, buffer: np.ndarray, size: int) -> None:
        """Finish a mean."""
        if self.op is ReduceOp.MEAN:
            buffer /= size
