"""Making tensors. Python floats become the default dtype, integers int64; NumPy keeps its dtype.

https://docs.pytorch.org/docs/stable/torch.html#creation-ops
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.dtypes import category, get_default_dtype
from minigrad.random import Generator, default_generator
from minigrad.tensor import Tensor


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a new tensor holding a copy of ``data``: numbers, nested lists, arrays.

    Raises TypeError for what is no number, RuntimeError for integers that ask for a gradient.

    >>> import minigrad as mg
    >>> mg.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    return Tensor(np.array(_array(data, dtype)), requires_grad=requires_grad)


def as_tensor(data: Any, dtype: Any = None) -> Tensor:
    """Return ``data`` as a tensor, on the same memory where it is an array of that dtype."""
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return Tensor(_array(data, dtype))


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """Return a tensor on the memory of the array."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    return Tensor(ndarray)


def from_dlpack(ext_tensor: Any) -> Tensor:
    """Return a tensor on the memory of anything with ``__dlpack__``: arrays and tensors of other libraries, on the CPU.

    Raises TypeError for what has no such method, BufferError for read-only memory and byte orders not native.
    https://docs.pytorch.org/docs/stable/dlpack.html

    >>> import minigrad as mg, numpy as np
    >>> mg.from_dlpack(np.arange(3))
    tensor([0, 1, 2])
    """
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(f"from_dlpack: expected an object with __dlpack__, got {type(ext_tensor).__name__}")
    array = np.from_dlpack(ext_tensor)
    if not array.flags.writeable:
        raise BufferError("from_dlpack: the memory is read-only, and a tensor may be written to; hand over a copy")
    return Tensor(array)


def _array(data: Any, dtype: Any) -> np.ndarray:
    if isinstance(data, Tensor):
        array = data._data
    elif isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
    else:
        if isinstance(data, (list, tuple)):
            data = _numbers(data)
        array = np.asarray(data)
        if dtype is None and array.dtype == np.float64 and not _holds_arrays(data):
            array = array.astype(get_default_dtype())
        if array.size == 0 and dtype is None and not _holds_arrays(data):
            array = array.astype(get_default_dtype())
    if array.dtype.kind not in "biuf" and dtype is None:
        raise TypeError(
            f"tensor(): data of type {type(data).__name__} (dtype {array.dtype}) is not numbers; "
            "expected a number, a nested list of numbers or a real array"
        )
    array = array if dtype is None else array.astype(dtype, copy=False)
    category(array.dtype)
    return array


def _numbers(data: Any) -> Any:
    """Return nested lists with every tensor in them as an array."""
    if isinstance(data, Tensor):
        return data.numpy()
    return [_numbers(x) for x in data] if isinstance(data, (list, tuple)) else data


def _holds_arrays(data: Any) -> bool:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, (np.ndarray, np.generic))


def _size(size: tuple[Any, ...]) -> tuple[int, ...]:
    if len(size) == 1 and not isinstance(size[0], (int, np.integer)):
        size = tuple(size[0])
    if any(n < 0 for n in size):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {list(size)}")
    return tuple(int(n) for n in size)


def _dtype(dtype: Any) -> Any:
    return get_default_dtype() if dtype is None else np.dtype(dtype)


def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return zeros of this size."""
    return Tensor(np.zeros(_size(size), _dtype(dtype)), requires_grad=requires_grad)


def ones(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ones of this size."""
    return Tensor(np.ones(_size(size), _dtype(dtype)), requires_grad=requires_grad)


def empty(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return memory of this size that nobody has filled yet."""
    return Tensor(np.empty(_size(size), _dtype(dtype)), requires_grad=requires_grad)


def full(size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ``fill_value`` everywhere; its kind decides the dtype unless one is given."""
    dtype = _array(fill_value, None).dtype if dtype is None else dtype
    return Tensor(np.full(_size((size,)), fill_value, dtype), requires_grad=requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ones on the diagonal, (n, m)."""
    return Tensor(np.eye(n, m, dtype=_dtype(dtype)), requires_grad=requires_grad)


def arange(*bounds: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return start, start + step, … below end: ``arange(end)``, ``arange(start, end[, step])``."""
    if dtype is None:
        dtype = np.int64 if all(isinstance(b, (int, np.integer)) for b in bounds) else get_default_dtype()
    return Tensor(np.arange(*bounds).astype(dtype), requires_grad=requires_grad)


def linspace(start: float, end: float, steps: int, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ``steps`` values from start to end, both included."""
    return Tensor(np.linspace(start, end, steps, dtype=_dtype(dtype)), requires_grad=requires_grad)


def zeros_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return zeros of the shape and dtype of ``input``."""
    return zeros(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ones of the shape and dtype of ``input``."""
    return ones(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None) -> Tensor:
    """Return ``fill_value`` everywhere, in the shape and dtype of ``input``."""
    return full(input.shape, fill_value, dtype=dtype or input.dtype)


def empty_like(input: Tensor, *, dtype: Any = None) -> Tensor:
    """Return unfilled memory of the shape and dtype of ``input``."""
    return empty(input.shape, dtype=dtype or input.dtype)


# ---- random: PyTorch's CPU streams for the same seed ----------------------------------------------
def rand(*size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return uniform numbers in [0, 1).

    >>> import minigrad as mg
    >>> _ = mg.manual_seed(0)
    >>> mg.rand(2)
    tensor([0.4963, 0.7682])
    """
    drawn = (generator or default_generator).uniform(_size(size), dtype=_dtype(dtype))
    return Tensor(drawn, requires_grad=requires_grad)


def randn(*size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return normal numbers of mean 0 and standard deviation 1."""
    drawn = (generator or default_generator).normal(_size(size), dtype=_dtype(dtype))
    return Tensor(drawn, requires_grad=requires_grad)


def randint(*bounds_and_size: Any, generator: Generator | None = None, dtype: Any = None) -> Tensor:
    """Return integers in [low, high): ``randint(high, size)`` or ``randint(low, high, size)``."""
    low, high, size = bounds_and_size if len(bounds_and_size) == 3 else (0, *bounds_and_size)
    drawn = (generator or default_generator).integers(low, high, _size((size,)))
    return Tensor(drawn.astype(dtype or np.int64, copy=False))


def randperm(n: int, *, generator: Generator | None = None) -> Tensor:
    """Return the integers below ``n`` in random order."""
    return Tensor((generator or default_generator).permutation(n))


def rand_like(input: Tensor) -> Tensor:
    """Return uniform numbers in the shape and dtype of ``input``."""
    return rand(input.shape, dtype=input.dtype)


def randn_like(input: Tensor) -> Tensor:
    """Return normal numbers in the shape and dtype of ``input``."""
    return randn(input.shape, dtype=input.dtype)
