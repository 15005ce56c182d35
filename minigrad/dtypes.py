"""Dtypes are NumPy's; how they combine is PyTorch's.

https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.dtype
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

dtype = np.dtype  # the class of them all
float16, float32, float64 = np.dtype("float16"), np.dtype("float32"), np.dtype("float64")
int8, int16, int32, int64 = (np.dtype(f"int{n}") for n in (8, 16, 32, 64))
uint8, bool_ = np.dtype("uint8"), np.dtype("bool")
half, float_, double, short, int_, long = float16, float32, float64, int16, int32, int64

# of a dtype's character
_CATEGORY = {"?": 0, **dict.fromkeys("bBhHiIlLqQ", 1), **dict.fromkeys("efd", 2)}
_SCALAR_CATEGORY = {bool: 0, int: 1, float: 2}
_default = float32


class AbsentDtype:
    """A dtype that is not here: a script may ask whether a tensor is of it, not convert to it."""

    is_floating_point = is_complex = False

    def __init__(self, name: str, reason: str) -> None:
        self.name, self._reason = name, reason

    @property
    def dtype(self) -> Any:  # what NumPy asks of anything given as a dtype
        """Raise RuntimeError: there is no such dtype."""
        raise RuntimeError(f"{self.name}: {self._reason}")

    def __repr__(self) -> str:
        return f"minigrad.{self.name}"

    def __reduce__(self) -> str:
        return self.name  # there is one of each


_NO_BFLOAT16 = "NumPy has no such dtype; float16 has as many bytes, float32 the same range"
bfloat16 = AbsentDtype("bfloat16", _NO_BFLOAT16)
complex64, complex128, cfloat, cdouble = (
    AbsentDtype(name, "there are no complex tensors")
    for name in ("complex64", "complex128", "cfloat", "cdouble")
)


def get_default_dtype() -> np.dtype[Any]:
    """Return the dtype of new float tensors.

    https://docs.pytorch.org/docs/stable/generated/torch.get_default_dtype.html

    >>> import minigrad as mg
    >>> mg.get_default_dtype()
    dtype('float32')
    """
    return _default


def set_default_dtype(dtype: Any) -> None:
    """Set the dtype of new float tensors; raise TypeError for one that is not float.

    https://docs.pytorch.org/docs/stable/generated/torch.set_default_dtype.html

    >>> import minigrad as mg
    >>> mg.set_default_dtype(mg.float64)
    >>> mg.ones(1).dtype
    dtype('float64')
    >>> mg.set_default_dtype(mg.float32)
    """
    global _default
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(f"set_default_dtype: only floating-point types are supported, got {dtype}")
    _default = dtype


def category(dtype: np.dtype[Any]) -> int:
    """Return 0 for bool, 1 for integers, 2 for floats.

    Raises TypeError for any other dtype, ValueError for bytes in another order.
    """
    try:
        result = _CATEGORY[dtype.char]
    except KeyError:
        raise TypeError(
            "minigrad has bool, integer and float tensors (float16, float32, float64); got dtype "
            f"{dtype} (complex tensors are not supported)"
        ) from None
    if not dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order "
            f"({dtype.str}); convert it first: array.astype(array.dtype.newbyteorder('='))"
        )
    return result


@functools.lru_cache(1024)
def scalar_array(value: float, kind: str) -> np.ndarray:
    """Return a number as an array of no dimensions; ``kind`` is the character of a float dtype.

    NumPy takes twice as long over a small array and a number of Python's. Not for 0: the cache
    does not tell its signs apart.
    """
    array = np.array(value, kind)
    array.flags.writeable = False
    return array


@functools.lru_cache(256)
def scalar_arrays(dtype: np.dtype[Any], *values: float) -> list[np.ndarray]:
    """Return the factors of a formula in that way, all with one look-up."""
    return [np.array(value, dtype) for value in values]


def promote_types(a: Any, b: Any) -> np.dtype[Any]:
    """Return the smallest dtype holding both; a float beats an integer whatever the widths.

    https://docs.pytorch.org/docs/stable/generated/torch.promote_types.html

    >>> import minigrad as mg
    >>> mg.promote_types(mg.float32, mg.int64)
    dtype('float32')
    """
    a, b = np.dtype(a), np.dtype(b)
    high, low = category(a), category(b)
    if (high == 2) == (low == 2):
        return np.promote_types(a, b)
    return a if high > low else b


def result_type(*operands: Any) -> np.dtype[Any]:
    """Return the dtype of an operation on arrays and Python scalars.

    Arrays with dimensions decide; 0-d arrays and Python scalars matter only where they are of a
    higher category (bool, integer, float).
    https://docs.pytorch.org/docs/stable/generated/torch.result_type.html

    >>> import minigrad as mg
    >>> mg.result_type(mg.tensor([1]), 1.5)
    dtype('float32')
    """
    ranked: list[np.dtype[Any] | None] = [None, None, None]  # with dimensions, 0-d, scalars
    dtype: Any
    for x in operands:
        if type(x) in _SCALAR_CATEGORY:
            rank, dtype = 2, (np.dtype(bool), int64, _default)[_SCALAR_CATEGORY[type(x)]]
        elif not hasattr(x, "ndim"):
            raise TypeError(
                f"result_type(): expected tensors, arrays and real numbers, got {type(x).__name__}"
            )
        elif isinstance(x, np.generic):  # a number, as in every operation
            rank, dtype = 2, (np.dtype(bool), int64, _default)[category(x.dtype)]
        else:
            rank, dtype = (0 if x.ndim else 1), x.dtype
        known = ranked[rank]
        ranked[rank] = dtype if known is None else promote_types(known, dtype)
    result: np.dtype[Any] | None = None
    for dtype in ranked:
        if dtype is not None and (result is None or category(dtype) > category(result)):
            result = dtype
    assert result is not None
    return result


def promoted(operands: list[Any]) -> list[Any]:
    """Return the operands in their common dtype; Python scalars stay Python scalars."""
    dtype = result_type(*operands)
    return [x if type(x) in _SCALAR_CATEGORY else x.astype(dtype, copy=False) for x in operands]


def checked_scalar(value: Any, dtype: np.dtype[Any]) -> np.ndarray:
    """Return a number in a dtype, as a 0-d array; RuntimeError where it lies beyond.

    Negative ones wrap in unsigned dtypes.
    """
    if isinstance(value, (complex, np.complexfloating)):
        raise RuntimeError(
            f"value cannot be converted to type {dtype} without overflow: {value} is complex"
        )
    if dtype.kind in "iu":
        top = int(np.iinfo(dtype).max)
        if not -top - 1 <= value <= top:  # NaN, too
            raise RuntimeError(
                f"value cannot be converted to type {dtype} without overflow: {value}"
            )
        return np.array(int(value)).astype(dtype)
    return np.array(value).astype(dtype)


def legacy_tensor_data(data: Any, sizes: tuple[int, ...]) -> np.ndarray:
    """Return what ``Tensor(2, 3)`` and ``Tensor([1, 2])`` mean, in the default dtype.

    That is memory of this size, or these numbers.
    """
    if isinstance(data, (int, np.integer)) and type(data) is not bool:
        return np.empty((int(data), *sizes), _default)
    if isinstance(data, np.ndarray) and not sizes:
        category(data.dtype)
        with np.errstate(all="ignore"):
            return np.asarray(data, _default)
    # an array of another device
    foreign = hasattr(data, "__array_ufunc__") and not isinstance(data, np.generic)
    if sizes or not (foreign or isinstance(data, (list, tuple, range))):
        raise TypeError(
            f"new(): data must be a sequence (got {type(data).__name__}); or use tensor({data!r})"
        )
    return data if foreign else np.array(data, _default)


def full_array(shape: tuple[int, ...], value: Any, dtype: Any) -> np.ndarray:
    """Return one number (or a 0-d tensor's) everywhere, in a dtype that holds it."""
    dtype = np.dtype(dtype)
    category(dtype)
    return np.full(shape, checked_scalar(value.item() if hasattr(value, "item") else value, dtype))


TYPES: dict[str, np.dtype[Any]] = {
    "FloatTensor": float32, "DoubleTensor": float64, "HalfTensor": float16,
    "LongTensor": int64, "IntTensor": int32, "ShortTensor": int16,
    "CharTensor": int8, "ByteTensor": uint8, "BoolTensor": bool_,
}  # fmt: skip


def type_name(dtype: np.dtype[Any]) -> str:
    """Return the legacy name of a dtype, ``'minigrad.FloatTensor'``."""
    return "minigrad." + next(
        (name for name, known in TYPES.items() if known == dtype), f"{dtype}Tensor"
    )


def dtype_of_type(type_: Any) -> np.dtype[Any]:
    """Return the dtype of a legacy name or class (``FloatTensor``), or of a dtype."""
    name = type_.rsplit(".", 1)[-1] if isinstance(type_, str) else getattr(type_, "__name__", "")
    if name == "Tensor":  # PyTorch's name of the default type
        return get_default_dtype()
    if name in TYPES:
        return TYPES[name]
    try:
        return np.dtype(type_)
    except TypeError:
        raise ValueError(
            f"invalid type: {type_!r}; expected a dtype or one of {', '.join(TYPES)}"
        ) from None
