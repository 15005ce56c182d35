"""Where tensors and generators are: the CPU, always."""

from __future__ import annotations

from typing import Any


class Device(str):
    """Where tensors are: ``device('cpu')``, which compares with its name.

    Raises RuntimeError for other devices.

    >>> Device("cpu").type
    'cpu'
    """

    index = None  # type: ignore[assignment]  # a device's, not str's

    def __new__(cls, type: Any = "cpu", index: int | None = None) -> Device:
        if str(type).split(":")[0] != "cpu" or index not in (None, 0):
            raise absent(type)
        return super().__new__(cls, "cpu")

    @property
    def type(self) -> str:
        return "cpu"

    def __repr__(self) -> str:
        return "device(type='cpu')"


ELSEWHERE = (
    "cuda",
    "hip",
    "hpu",
    "ipu",
    "maia",
    "meta",
    "mps",
    "mtia",
    "privateuseone",
    "vulkan",
    "xla",
    "xpu",
)


def is_device(value: Any) -> bool:
    """Tell devices from dtypes and their names; raise RuntimeError for a device that is not there.

    A number, as in ``x.to(0)``, is that of a GPU.
    """
    if type(value) is int:
        raise absent(value)
    if not isinstance(value, str):
        return False
    name = value.split(":")[0]
    if name in ELSEWHERE:
        raise absent(value)
    return name == "cpu"


def absent(device: Any) -> RuntimeError:
    """Return the error of every call that asks for another device."""
    return RuntimeError(
        f"device {device!r}: minigrad computes on the CPU alone. Leave the device out, "
        "or choose it as 'cuda' if cuda.is_available() else 'cpu'."
    )
