"""Where tensors and generators are: the CPU, always."""

from __future__ import annotations

from typing import Any


class Device(str):
    """Where tensors are: ``device('cpu')``, which compares with its name. Raises RuntimeError for others.

    >>> Device("cpu").type
    'cpu'
    """

    index = None  # type: ignore[assignment]  # a device's, not str's

    def __new__(cls, type: Any = "cpu", index: int | None = None) -> Device:
        if str(type).split(":")[0] != "cpu" or index not in (None, 0):
            raise RuntimeError(f"device: expected 'cpu', where minigrad computes, got {type!r}")
        return super().__new__(cls, "cpu")

    @property
    def type(self) -> str:
        return "cpu"

    def __repr__(self) -> str:
        return "device(type='cpu')"


def is_device(value: Any) -> bool:
    """Tell names of devices from names of dtypes; raise RuntimeError for a device that is not there."""
    if not isinstance(value, str):
        return False
    name = value.split(":")[0]
    if name in ("cuda", "mps", "xpu", "meta"):
        raise RuntimeError(f"device {value!r}: minigrad computes on the CPU alone; cuda.is_available() says so")
    return name == "cpu"
