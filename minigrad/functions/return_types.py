"""The named tuples of functions that return values with their places, as ``torch.return_types``."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable
from math import prod
from operator import index
from typing import Any, SupportsIndex, overload


def _multiline_repr(self: Any) -> str:
    fields = ",\n".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
    return f"minigrad.return_types.{type(self).__name__}(\n{fields})"


def _return_type(name: str, fields: str) -> Any:
    return type(
        name,
        (namedtuple(name, fields),),
        {"__slots__": (), "__repr__": _multiline_repr, "__module__": __name__},
    )


class Size(tuple[int, ...]):
    """A tuple of lengths that also counts elements; parts and sums of it are Sizes, too.

    https://docs.pytorch.org/docs/stable/size.html

    >>> import minigrad as mg
    >>> mg.zeros(2, 3).shape.numel()
    6
    """

    __slots__ = ()

    def __new__(cls, lengths: Iterable[int] = ()) -> Size:
        """Raise TypeError for anything but an iterable of integers."""
        try:
            return tuple.__new__(cls, map(index, lengths))
        except TypeError as error:
            raise TypeError(f"Size() takes an iterable of integers ({error})") from None

    def numel(self) -> int:
        """Return the number of elements of a tensor of this shape."""
        return prod(self)

    @overload
    def __getitem__(self, place: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> Size: ...
    def __getitem__(self, place: Any) -> Any:
        part = _item(self, place)
        return part if type(part) is int else size_of(Size, part)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, tuple):
            return NotImplemented
        return size_of(Size, tuple.__add__(self, other))

    def __radd__(self, other: Any) -> Any:
        if not isinstance(other, tuple):
            return NotImplemented
        return size_of(Size, tuple.__add__(other, self))

    def __mul__(self, times: Any) -> Any:
        return size_of(Size, tuple.__mul__(self, times))

    __rmul__ = __mul__


_item = tuple.__getitem__
size_of: Any = tuple.__new__  # of a shape, which needs no check

_VALUES_AND_INDICES = (
    "cummax cummin kthvalue max median min mode nanmedian sort topk"  # each with its places
)
_FIELDS = {
    "aminmax": "min max",
    "frexp": "mantissa exponent",
    "histogram": "hist bin_edges",
    "histogramdd": "hist bin_edges",
    "linalg_cholesky_ex": "L info",
    "linalg_inv_ex": "inverse info",
    "linalg_ldl_factor": "LD pivots",
    "linalg_ldl_factor_ex": "LD pivots info",
    "linalg_lu": "P L U",
    "linalg_lu_factor": "LU pivots",
    "linalg_lu_factor_ex": "LU pivots info",
    "linalg_solve_ex": "result info",
    "lu_unpack": "P L U",
    "qr": "Q R",
    "svd": "U S V",
    "triangular_solve": "solution cloned_coefficient",
    **dict.fromkeys(_VALUES_AND_INDICES.split(), "values indices"),
}
RETURN_TYPES = {name: _return_type(name, fields) for name, fields in _FIELDS.items()}
