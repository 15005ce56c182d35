"""What public scripts still use: names of PyTorch's past, and of machines that are not here."""

from __future__ import annotations

import math
import types
from typing import Any

import numpy as np

from minigrad.creation import as_tensor, empty
from minigrad.device import Device
from minigrad.dtypes import TYPES, category, get_default_dtype
from minigrad.functions.arguments import accepts_numpy_names
from minigrad.functions.return_types import Size as Size
from minigrad.tensor.tensor import Tensor


def Variable(data: Any, requires_grad: bool = False, volatile: bool = False) -> Tensor:
    """Return ``data`` as a tensor on the same memory; tensors have been Variables since PyTorch 0.4."""
    made = as_tensor(data).detach()
    return made.requires_grad_() if requires_grad else made


class _OldType(type):
    """The class of ``FloatTensor`` and the like: they make tensors of one dtype and recognise them."""

    dtype: np.dtype[Any]

    def __call__(cls, *args: Any) -> Tensor:
        """Return ``FloatTensor([1, 2])`` of data, or ``FloatTensor(2, 3)`` of that size, unfilled."""
        if not args:
            return empty(0, dtype=cls.dtype)
        if isinstance(args[0], (int, np.integer)):
            return empty(*args, dtype=cls.dtype)
        return Tensor._wrap(np.array(as_tensor(args[0])._data, cls.dtype))

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype == cls.dtype


(
    FloatTensor,
    DoubleTensor,
    HalfTensor,
    LongTensor,
    IntTensor,
    ShortTensor,
    CharTensor,
    ByteTensor,
    BoolTensor,
) = (
    _OldType(
        name, (), {"dtype": dtype, "__doc__": f"Make tensors of {dtype}: of data, or of a size."}
    )
    for name, dtype in TYPES.items()
)


pi, e, inf, nan = math.pi, math.e, math.inf, math.nan


def finfo(type: Any = None) -> Any:
    """Return the limits of a float dtype (the default one): ``bits eps max min tiny smallest_normal resolution dtype``.

    Raises TypeError for other dtypes.
    """
    dtype = np.dtype(get_default_dtype() if type is None else type)
    if category(dtype) != 2:
        raise TypeError(
            f"finfo(): requires a floating point input type, got {dtype}. Use iinfo to handle integers"
        )
    found = np.finfo(dtype)
    names = ("eps", "max", "min", "tiny", "smallest_normal", "resolution")
    return types.SimpleNamespace(
        bits=found.bits, dtype=str(dtype), **{name: float(getattr(found, name)) for name in names}
    )


def iinfo(type: Any) -> Any:
    """Return the limits of an integer dtype: ``bits max min dtype``; TypeError for other dtypes."""
    dtype = np.dtype(type)
    if category(dtype) != 1:
        raise TypeError(
            f"iinfo(): requires an integer input type, got {dtype}. Use finfo to handle floats"
        )
    found = np.iinfo(dtype)
    return types.SimpleNamespace(
        bits=found.bits, max=int(found.max), min=int(found.min), dtype=str(dtype)
    )


def is_tensor(obj: Any) -> bool:
    """Return whether this is a Tensor."""
    return isinstance(obj, Tensor)


@accepts_numpy_names
def is_floating_point(input: Tensor) -> bool:
    """Return whether the dtype is a float."""
    return bool(input.is_floating_point())


@accepts_numpy_names
def is_complex(input: Tensor) -> bool:
    """Return False: minigrad has no complex tensors."""
    return False


@accepts_numpy_names
def is_inference(input: Tensor) -> bool:
    """Return whether the tensor was made inside ``inference_mode``."""
    return input.is_inference()


@accepts_numpy_names
def numel(input: Tensor) -> int:
    """Return the number of elements."""
    return input.numel()


def typename(obj: Any) -> str:
    """Return the name of a tensor's type, or of a class with its module."""
    if isinstance(obj, Tensor):
        return str(obj.type())
    kind = obj if isinstance(obj, type) else type(obj)
    return f"{kind.__module__}.{kind.__qualname__}"


def set_num_threads(int: int) -> None:
    """Set how many threads NumPy's matrix products use; needs the package threadpoolctl.

    Raises RuntimeError for a number below one, ImportError without threadpoolctl.
    """
    if int < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, got {int}")
    _threadpoolctl().threadpool_limits(limits=int)


def get_num_threads() -> int:
    """Return how many threads NumPy's matrix products use; needs the package threadpoolctl."""
    found = [
        pool["num_threads"]
        for pool in _threadpoolctl().threadpool_info()
        if pool["user_api"] == "blas"
    ]
    return max(found, default=1)


def _threadpoolctl() -> Any:
    try:
        import threadpoolctl
    except ImportError:
        raise ImportError(
            "set_num_threads needs threadpoolctl: pip install threadpoolctl (or start Python with OMP_NUM_THREADS=1)"
        ) from None
    return threadpoolctl


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Do nothing: there is no such device."""


def _seeds(seed: int) -> None:
    """Take a seed for devices that are not there."""


def _elsewhere(**more: Any) -> Any:
    """Return what scripts ask of the module of a device that is not there."""
    return types.SimpleNamespace(
        is_available=lambda: False,
        device_count=lambda: 0,
        manual_seed=_seeds,
        manual_seed_all=_seeds,
        synchronize=_nothing,
        empty_cache=_nothing,
        **more,
    )


cuda: Any = _elsewhere(
    seed=_nothing,
    seed_all=_nothing,
    is_initialized=lambda: False,
    is_bf16_supported=lambda: False,
    memory_allocated=lambda device=None: 0,
    max_memory_allocated=lambda device=None: 0,
    memory_reserved=lambda device=None: 0,
    get_rng_state_all=list,
    set_rng_state_all=_nothing,
)
mps, xpu = _elsewhere(), _elsewhere()

_chosen: dict[str, Any] = {"deterministic": False, "warn_only": False, "precision": "highest"}


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remember the wish; every algorithm here is deterministic, whatever the mode. TypeError for no bool."""
    if not isinstance(mode, bool):
        raise TypeError(
            f"use_deterministic_algorithms(): argument 'mode' must be bool, not {type(mode).__name__}"
        )
    _chosen.update(deterministic=mode, warn_only=warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """Return what ``use_deterministic_algorithms`` was told."""
    return bool(_chosen["deterministic"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Return what ``use_deterministic_algorithms`` was told of warnings."""
    return bool(_chosen["warn_only"])


def set_float32_matmul_precision(precision: str) -> None:
    """Remember ``'highest'``, ``'high'`` or ``'medium'``; products of float32 are float32's, whatever it is."""
    if precision not in ("highest", "high", "medium"):
        raise ValueError(
            f"set_float32_matmul_precision: expected 'highest', 'high' or 'medium', got {precision!r}"
        )
    _chosen["precision"] = precision


def get_float32_matmul_precision() -> str:
    """Return what ``set_float32_matmul_precision`` was told."""
    return str(_chosen["precision"])


def set_default_device(device: Any) -> None:
    """Do nothing for the CPU and None; raise RuntimeError for other devices."""
    if device is not None:
        Device(device)


def get_default_device() -> Device:
    """Return ``device('cpu')``."""
    return Device()
