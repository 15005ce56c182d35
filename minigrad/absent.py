"""What scripts ask of a device that is not here: no, zero, nothing, or an error in clear words."""

from __future__ import annotations

from typing import Any

from minigrad.device import absent


class AbsentDevice:
    """The functions of PyTorch's module of a device, for one that is not here."""

    def __init__(self, name: str) -> None:
        self._name = name

    def is_available(self) -> bool:
        """Return False."""
        return False

    def is_initialized(self) -> bool:
        """Return False."""
        return False

    def device_count(self) -> int:
        """Return 0."""
        return 0

    def manual_seed(self, seed: int) -> None:
        """Ignore the seed."""

    def bytes(self, device: Any = None) -> int:
        """Return 0, of memory that is not there."""
        return 0

    def do_nothing(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def refuse(self, *args: Any, **kwargs: Any) -> Any:
        """Raise RuntimeError: there is no such device."""
        raise absent(self._name)
