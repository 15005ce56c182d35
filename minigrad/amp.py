"""Mixed precision, which there is not: switched off, as on a machine without CUDA, it does nothing.

https://docs.pytorch.org/docs/stable/amp.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from minigrad.silence import warn

_ELSEWHERE = ("cuda", "hpu", "mps", "mtia", "xla", "xpu")


class autocast:  # PyTorch's name
    """A block, or a decorated function, in which dtypes stay as they are.

    ``enabled`` for a device that is not here warns, as PyTorch does, and is switched off. Raises
    RuntimeError for the CPU, where PyTorch would compute in bfloat16: NumPy has no such dtype.
    https://docs.pytorch.org/docs/stable/amp.html#torch.autocast

    >>> import minigrad as mg
    >>> with mg.autocast("cpu", enabled=False):
    ...     mg.ones(2).dtype
    dtype('float32')
    """

    def __init__(
        self,
        device_type: str = "cuda",
        dtype: Any = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            kind = type(device_type).__name__
            raise ValueError(f"Expected `device_type` of type `str`, got: `{kind}`")
        name = device_type.split(":")[0]
        if name != "cpu" and name not in _ELSEWHERE:
            raise RuntimeError(f"User specified an unsupported autocast device_type '{name}'")
        if enabled and name == "cpu":
            raise RuntimeError(
                "autocast('cpu'): PyTorch would compute in bfloat16, which NumPy has not. "
                "Leave the block out, or pass enabled=False; half() and float() convert by hand."
            )
        if enabled:
            warn(
                f"User provided device_type of '{name}', but {name.upper()} is not available. "
                "Disabling"
            )
        self.device, self.fast_dtype, self._enabled = name, dtype, False

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *_: Any) -> None:
        """Nothing was switched on."""

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Decorate a function."""

        @functools.wraps(func)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return decorated


class GradScaler:
    """Loss scaling that is switched off: losses stay as they are, steps are the optimizer's.

    ``enabled`` for a device that is not here warns, as PyTorch does, and is switched off. Raises
    RuntimeError for the CPU: nothing is computed in float16 that was not asked for.
    https://docs.pytorch.org/docs/stable/amp.html#torch.amp.GradScaler

    >>> import minigrad as mg
    >>> scaler = mg.amp.GradScaler(enabled=False)
    >>> scaler.scale(mg.tensor(2.0))
    tensor(2.)
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._device = str(device).split(":")[0]
        if enabled and self._device == "cpu":
            raise RuntimeError(
                "GradScaler('cpu'): no gradient is computed in float16 behind your back, so there "
                "is nothing to scale; pass enabled=False"
            )
        if enabled:
            warn(f"GradScaler is enabled, but {self._device.upper()} is not available. Disabling.")

    def scale(self, outputs: Any) -> Any:
        """Return the outputs as they are."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Leave the gradients as they are."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Return ``optimizer.step(*args, **kwargs)``."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Do nothing."""

    def get_scale(self) -> float:
        """Return 1.0."""
        return 1.0

    def is_enabled(self) -> bool:
        """Return False."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Return an empty dict."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Do nothing, whatever the state."""


def is_autocast_available(device_type: str) -> bool:
    """Return False."""
    return False


def is_autocast_enabled(device_type: Any = None) -> bool:
    """Return False.

    >>> import minigrad as mg
    >>> mg.is_autocast_enabled()
    False
    """
    return False
