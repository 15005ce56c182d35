"""The named tuples of functions that return values with their places, as ``torch.return_types``."""

from __future__ import annotations

from collections import namedtuple
from typing import Any


def _shown(self: Any) -> str:
    fields = ",\n".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
    return f"minigrad.return_types.{type(self).__name__}(\n{fields})"


def _named(name: str, fields: str) -> Any:
    return type(name, (namedtuple(name, fields),), {"__slots__": (), "__repr__": _shown, "__module__": __name__})


RETURN_TYPES = {
    "aminmax": _named("aminmax", "min max"),
    **{
        name: _named(name, "values indices")
        for name in ("cummax", "cummin", "kthvalue", "max", "median", "min", "sort", "topk")
    },
}
