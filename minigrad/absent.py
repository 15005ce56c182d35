"""What scripts ask of devices that are not here: whether they are there, and to do nothing."""

from __future__ import annotations

import types
from typing import Any

from minigrad import amp
from minigrad.device import absent


def _do_nothing(*args: Any, **kwargs: Any) -> None:
    """Do nothing: there is no such device."""


def _ignore_seed(seed: int) -> None:
    """Ignore a seed for devices that are not there."""


def _zero(device: Any = None) -> int:
    """Return 0, of the memory of a device that is not there."""
    return 0


class _AbsentDevice(types.SimpleNamespace):
    """What scripts ask of the module of a device that is not there."""

    def __reduce__(self) -> str:
        return self.name  # pickled by name, as a module's functions are


def _absent_device(name: str, **more: Any) -> Any:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        """Raise RuntimeError: there is no such device."""
        raise absent(name)

    wanted = "current_device get_device_name get_device_properties set_device Event Stream device"
    return _AbsentDevice(
        name=name,
        is_available=lambda: False,
        device_count=lambda: 0,
        manual_seed=_ignore_seed,
        manual_seed_all=_ignore_seed,
        synchronize=_do_nothing,
        empty_cache=_do_nothing,
        **dict.fromkeys(wanted.split(), refuse),
        **more,
    )


cuda: Any = _absent_device(
    "cuda",
    amp=amp,
    seed=_do_nothing,
    seed_all=_do_nothing,
    is_initialized=lambda: False,
    is_bf16_supported=lambda: False,
    get_device_capability=_absent_device("cuda").get_device_name,
    memory_allocated=_zero,
    max_memory_allocated=_zero,
    memory_reserved=_zero,
    max_memory_reserved=_zero,
    reset_peak_memory_stats=_do_nothing,
    get_rng_state_all=list,
    set_rng_state_all=_do_nothing,
)
mps, xpu = _absent_device("mps"), _absent_device("xpu")
