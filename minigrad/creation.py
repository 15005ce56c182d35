"""Making tensors. Python floats become the default dtype, integers int64; NumPy keeps its dtype.

https://docs.pytorch.org/docs/stable/torch.html#creation-ops
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from minigrad.device import is_device
from minigrad.dtypes import category, full_array, get_default_dtype, promote_types, result_type
from minigrad.functions.arguments import accepts_numpy_names, integers, with_out
from minigrad.functions.out import call_into
from minigrad.layout import empty_like as empty_like_array
from minigrad.memory import in_format
from minigrad.places import as_int64
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])


def placed(function: F, out: bool = False) -> F:
    """Accept the keywords ``device`` (CPU), ``layout``, ``pin_memory`` and ``memory_format``.

    ``out`` says whether there is an ``out=``.
    """

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if out and "out" in kwargs:
            target = kwargs.pop("out")
            if target is not None:
                return call_into(target, wrapper, args, kwargs)
        is_device(kwargs.pop("device", None))
        for name in ("layout", "pin_memory"):
            kwargs.pop(name, None)
        memory_format = kwargs.pop("memory_format", None)
        result = function(*args, **kwargs)
        result._data = in_format(result._data, memory_format)
        return result

    result: Any = with_out(wrapper) if out else wrapper
    return result  # type: ignore[no-any-return]


placed_out = functools.partial(placed, out=True)


@placed
def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a new tensor holding a copy of ``data``: numbers, nested lists, arrays.

    Raises TypeError for anything but numbers, RuntimeError for integers that require grad.
    https://docs.pytorch.org/docs/stable/generated/torch.tensor.html

    >>> import minigrad as mg
    >>> mg.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    return Tensor._wrap(np.array(_array(data, dtype)), requires_grad=requires_grad)


@placed
def as_tensor(data: Any, dtype: Any = None) -> Tensor:
    """Return ``data`` as a tensor, on the same memory where it is an array of that dtype.

    https://docs.pytorch.org/docs/stable/generated/torch.as_tensor.html

    >>> import minigrad as mg
    >>> mg.as_tensor([1, 2])
    tensor([1, 2])
    """
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return Tensor._wrap(_array(data, dtype))


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """Return a tensor on the memory of the array.

    https://docs.pytorch.org/docs/stable/generated/torch.from_numpy.html

    >>> import minigrad as mg
    >>> import numpy as np
    >>> mg.from_numpy(np.ones(2))
    tensor([1., 1.], dtype=minigrad.float64)
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    return Tensor._wrap(ndarray)


def from_dlpack(ext_tensor: Any) -> Tensor:
    """Return a tensor on the memory of anything with ``__dlpack__``, on the CPU.

    That are arrays and tensors of other libraries. Raises TypeError for what has no such method,
    BufferError for read-only memory and byte orders that are not native.
    https://docs.pytorch.org/docs/stable/dlpack.html

    >>> import minigrad as mg, numpy as np
    >>> mg.from_dlpack(np.arange(3))
    tensor([0, 1, 2])
    """
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(
            f"from_dlpack: expected an object with __dlpack__, got {type(ext_tensor).__name__}"
        )
    array = np.from_dlpack(ext_tensor)
    if not array.flags.writeable:
        raise BufferError(
            f"from_dlpack: the memory of this {type(ext_tensor).__name__} is read-only, and a "
            "tensor may be written to; hand over a copy"
        )
    return Tensor._wrap(array)


def _array(data: Any, dtype: Any) -> np.ndarray:
    if isinstance(data, Tensor):
        array = data._data
    elif isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
    else:
        array = _array_of_numbers(data, dtype)
    if array.dtype == object and not isinstance(data, np.ndarray):
        raise RuntimeError(f"Could not infer dtype of {type(data).__name__}: expected numbers")
    if array.dtype.kind not in "biuf" and dtype is None:
        raise TypeError(
            f"tensor(): data of type {type(data).__name__} (dtype {array.dtype}) is not numbers; "
            "expected a number, a nested list of numbers or a real array"
        )
    array = array if dtype is None else array.astype(dtype, copy=False)
    category(array.dtype)
    return array


def _array_of_numbers(data: Any, dtype: Any) -> np.ndarray:
    """Return the array of a number or of nested lists."""
    if isinstance(data, (list, tuple)):
        data = _without_tensors(data)
    array = np.asarray(data)
    holds_arrays = _holds_arrays(data)
    if dtype is None and (array.dtype == np.float64 or not array.size):
        array = array.astype(_common_dtype(data) if holds_arrays else get_default_dtype())
    if array.dtype.kind == "i" and not holds_arrays:
        array = as_int64(array)
    is_object = array.dtype == object and array.size
    has_huge_integers = is_object and all(isinstance(x, int) for x in array.flat)
    if has_huge_integers or (array.dtype == np.uint64 and not holds_arrays):
        raise ValueError(f"Overflow when unpacking long long: tensor() of {data}")
    return array


_TO_NUMBER = (
    "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\n"
    "Consider using tensor.detach() first, or stack() to keep the gradient."
)


def _without_tensors(data: Any) -> Any:
    """Return nested lists with every tensor in them as an array."""
    if isinstance(data, Tensor):
        if data.requires_grad and data.numel() == 1:  # its number, as scripts collect losses
            warn(_TO_NUMBER)
        return data.numpy(force=data.numel() == 1)
    if isinstance(data, (list, tuple)):
        return list(map(_without_tensors, data))
    return data


def _common_dtype(data: Any) -> np.dtype[Any]:
    """Return the common dtype of arrays, NumPy's scalars and numbers in nested lists."""
    if isinstance(data, (list, tuple)):
        if not data:
            return get_default_dtype()
        return functools.reduce(promote_types, map(_common_dtype, data))
    return data.dtype if hasattr(data, "dtype") else result_type(data)


def _holds_arrays(data: Any) -> bool:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, (np.ndarray, np.generic))


def size_of_arguments(
    size: tuple[Any, ...], named: dict[str, Any] | None = None
) -> tuple[int, ...]:
    """Return sizes that came as one sequence, as separate integers, or as the keyword ``size``."""
    if named:
        if size or set(named) != {"size"}:
            raise TypeError(
                f"expected size, dtype or requires_grad, but got {', '.join(sorted(named))}"
            )
        size = (named["size"],)
    sizes = integers(size)
    if any(n < 0 for n in sizes):
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(sizes)}: {list(sizes)}"
        )
    return sizes


def dtype_or_default(dtype: Any) -> Any:
    """Return the dtype, the default one for None."""
    return get_default_dtype() if dtype is None else np.dtype(dtype)


@placed_out
def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False, **named: Any) -> Tensor:
    """Return zeros of this size.

    https://docs.pytorch.org/docs/stable/generated/torch.zeros.html

    >>> import minigrad as mg
    >>> mg.zeros(2)
    tensor([0., 0.])
    """
    return Tensor._wrap(
        np.zeros(size_of_arguments(size, named), dtype_or_default(dtype)),
        requires_grad=requires_grad,
    )


@placed_out
def ones(*size: Any, dtype: Any = None, requires_grad: bool = False, **named: Any) -> Tensor:
    """Return ones of this size.

    https://docs.pytorch.org/docs/stable/generated/torch.ones.html

    >>> import minigrad as mg
    >>> mg.ones(2)
    tensor([1., 1.])
    """
    return Tensor._wrap(
        np.ones(size_of_arguments(size, named), dtype_or_default(dtype)),
        requires_grad=requires_grad,
    )


@placed_out
def empty(*size: Any, dtype: Any = None, requires_grad: bool = False, **named: Any) -> Tensor:
    """Return memory of this size that nobody has filled yet.

    https://docs.pytorch.org/docs/stable/generated/torch.empty.html

    >>> import minigrad as mg
    >>> mg.empty(2, 3).shape
    (2, 3)
    """
    return Tensor._wrap(
        np.empty(size_of_arguments(size, named), dtype_or_default(dtype)),
        requires_grad=requires_grad,
    )


@placed_out
def full(size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ``fill_value`` everywhere; its kind decides the dtype unless one is given.

    https://docs.pytorch.org/docs/stable/generated/torch.full.html

    >>> import minigrad as mg
    >>> mg.full((2,), 3.0)
    tensor([3., 3.])
    """
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}"
        )
    if dtype is None:  # of a tensor, too, only the kind counts
        dtype = (np.bool_, np.int64, get_default_dtype())[category(_array(fill_value, None).dtype)]
    return Tensor._wrap(
        full_array(size_of_arguments((size,)), fill_value, dtype), requires_grad=requires_grad
    )


@placed
def scalar_tensor(s: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a 0-d tensor of the default dtype.

    https://docs.pytorch.org/docs/stable/generated/torch.scalar_tensor.html

    >>> import minigrad as mg
    >>> mg.scalar_tensor(3)
    tensor(3.)
    """
    return Tensor._wrap(full_array((), s, dtype_or_default(dtype)), requires_grad=requires_grad)


@placed
def asarray(
    obj: Any, *, dtype: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """Return ``obj`` as a tensor, on its own memory where that can be; a copy with ``copy``.

    https://docs.pytorch.org/docs/stable/generated/torch.asarray.html

    >>> import minigrad as mg
    >>> mg.asarray([1.0, 2.0])
    tensor([1., 2.])
    """
    result = tensor(obj, dtype=dtype) if copy else as_tensor(obj, dtype=dtype)
    return result.detach().requires_grad_() if requires_grad else result


@placed
def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """Return a vector on the memory of a buffer (bytes, mmap), all of it or ``count`` elements.

    Raises ValueError for what is no buffer, and where the elements do not fit it.
    https://docs.pytorch.org/docs/stable/generated/torch.frombuffer.html

    >>> import minigrad as mg
    >>> mg.frombuffer(bytearray(b"ab"), dtype=mg.uint8)
    tensor([97, 98], dtype=minigrad.uint8)
    """
    try:
        values = np.frombuffer(buffer, np.dtype(dtype), count, offset)
    except TypeError as error:
        raise ValueError(f"object does not implement Python buffer protocol: {error}") from None
    if count == 0 or not values.size:
        raise ValueError(
            f"both buffer length ({len(memoryview(buffer))}) and count ({count}) must not be 0"
        )
    return Tensor._wrap(values, requires_grad=requires_grad)


@placed
@accepts_numpy_names
def zeros_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return zeros of the shape and dtype of ``input``.

    https://docs.pytorch.org/docs/stable/generated/torch.zeros_like.html

    >>> import minigrad as mg
    >>> mg.zeros_like(mg.ones(2))
    tensor([0., 0.])
    """
    return full_like(input, 0, dtype=dtype, requires_grad=requires_grad)


@placed
@accepts_numpy_names
def ones_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ones of the shape and dtype of ``input``.

    https://docs.pytorch.org/docs/stable/generated/torch.ones_like.html

    >>> import minigrad as mg
    >>> mg.ones_like(mg.zeros(2))
    tensor([1., 1.])
    """
    return full_like(input, 1, dtype=dtype, requires_grad=requires_grad)


@placed
@accepts_numpy_names
def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return ``fill_value`` everywhere, in the shape and dtype of ``input``.

    https://docs.pytorch.org/docs/stable/generated/torch.full_like.html

    >>> import minigrad as mg
    >>> mg.full_like(mg.ones(2), 3)
    tensor([3., 3.])
    """
    array = empty_like_array(input._data, dtype_or_default(dtype or input.dtype))
    array[...] = full_array((), fill_value, array.dtype)
    return Tensor._wrap(array, requires_grad=requires_grad)


@placed
@accepts_numpy_names
def empty_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return unfilled memory of the shape and dtype of ``input``.

    https://docs.pytorch.org/docs/stable/generated/torch.empty_like.html

    >>> import minigrad as mg
    >>> mg.empty_like(mg.ones(2)).shape
    (2,)
    """
    return Tensor._wrap(
        empty_like_array(input._data, dtype_or_default(dtype or input.dtype)),
        requires_grad=requires_grad,
    )
