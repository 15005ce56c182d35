"""What public scripts still use: deprecated names of PyTorch, and devices that are not here."""

from __future__ import annotations

import math
import types
from typing import Any

import numpy as np

from minigrad.creation import as_tensor, empty
from minigrad.device import Device, absent
from minigrad.dtypes import TYPES, category, dtype_of_type, get_default_dtype, set_default_dtype
from minigrad.functions.arguments import accepts_numpy_names
from minigrad.functions.return_types import Size as Size
from minigrad.tensor.tensor import Tensor


def Variable(data: Any, requires_grad: bool = False, volatile: bool = False) -> Tensor:
    """Return ``data`` as a tensor on the same memory; since PyTorch 0.4 tensors are Variables."""
    tensor = as_tensor(data).detach()
    return tensor.requires_grad_() if requires_grad else tensor


class _LegacyType(type):
    """The class of ``FloatTensor`` and the like: they make and recognise tensors of one dtype."""

    dtype: np.dtype[Any]

    def __call__(cls, *args: Any) -> Tensor:
        """Return a tensor of data, ``FloatTensor([1, 2])``, or of a size, ``FloatTensor(2, 3)``."""
        if not args:
            return empty(0, dtype=cls.dtype)
        if isinstance(args[0], (int, np.integer)):
            return empty(*args, dtype=cls.dtype)
        return Tensor._wrap(np.array(as_tensor(args[0])._data, cls.dtype))

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype == cls.dtype


def _legacy_type(name: str) -> Any:
    dtype = TYPES[name]
    doc = f"Make tensors of {dtype}: of data, or of a size."
    return _LegacyType(name, (), {"dtype": dtype, "__doc__": doc})


FloatTensor = _legacy_type("FloatTensor")
DoubleTensor = _legacy_type("DoubleTensor")
HalfTensor = _legacy_type("HalfTensor")
LongTensor = _legacy_type("LongTensor")
IntTensor = _legacy_type("IntTensor")
ShortTensor = _legacy_type("ShortTensor")
CharTensor = _legacy_type("CharTensor")
ByteTensor = _legacy_type("ByteTensor")
BoolTensor = _legacy_type("BoolTensor")


pi, e, inf, nan = math.pi, math.e, math.inf, math.nan


def finfo(type: Any = None) -> Any:
    """Return the limits of a float dtype (by default the default one).

    They are ``bits eps max min tiny smallest_normal resolution dtype``. Raises TypeError for other
    dtypes.
    https://docs.pytorch.org/docs/stable/generated/torch.finfo.html

    >>> import minigrad as mg
    >>> mg.finfo(mg.float32).eps
    1.1920928955078125e-07
    """
    dtype = np.dtype(get_default_dtype() if type is None else type)
    if category(dtype) != 2:
        raise TypeError(
            f"finfo(): requires a floating point input type, got {dtype}. "
            "Use iinfo to handle integers"
        )
    limits = np.finfo(dtype)
    names = ("eps", "max", "min", "tiny", "smallest_normal", "resolution")
    numbers = {name: float(getattr(limits, name)) for name in names}
    return types.SimpleNamespace(bits=limits.bits, dtype=str(dtype), **numbers)


def iinfo(type: Any) -> Any:
    """Return the limits of an integer dtype: ``bits max min dtype``; TypeError for other dtypes.

    https://docs.pytorch.org/docs/stable/generated/torch.iinfo.html

    >>> import minigrad as mg
    >>> mg.iinfo(mg.int8).max
    127
    """
    dtype = np.dtype(type)
    if category(dtype) != 1:
        raise TypeError(
            f"iinfo(): requires an integer input type, got {dtype}. Use finfo to handle floats"
        )
    limits = np.iinfo(dtype)
    return types.SimpleNamespace(
        bits=limits.bits, max=int(limits.max), min=int(limits.min), dtype=str(dtype)
    )


def set_default_tensor_type(t: Any) -> None:
    """Set the default dtype by the old name of a type, ``'torch.DoubleTensor'`` or the class.

    Raises TypeError for types of integers.
    https://docs.pytorch.org/docs/stable/generated/torch.set_default_tensor_type.html

    >>> import minigrad as mg
    >>> mg.set_default_tensor_type("torch.FloatTensor")
    """
    dtype = dtype_of_type(t)
    if dtype.kind != "f" or not (isinstance(t, (str, type))):
        raise TypeError(f"only floating-point types are supported as the default type, got {t!r}")
    if "cuda" in str(t):
        raise absent("cuda")
    set_default_dtype(dtype)


def is_tensor(obj: Any) -> bool:
    """Return whether this is a Tensor.

    https://docs.pytorch.org/docs/stable/generated/torch.is_tensor.html

    >>> import minigrad as mg
    >>> mg.is_tensor([1.0])
    False
    """
    return isinstance(obj, Tensor)


@accepts_numpy_names
def is_floating_point(input: Tensor) -> bool:
    """Return whether the dtype is a float.

    https://docs.pytorch.org/docs/stable/generated/torch.is_floating_point.html

    >>> import minigrad as mg
    >>> mg.is_floating_point(mg.ones(2))
    True
    """
    return bool(input.is_floating_point())


@accepts_numpy_names
def is_complex(input: Tensor) -> bool:
    """Return False: minigrad has no complex tensors.

    https://docs.pytorch.org/docs/stable/generated/torch.is_complex.html

    >>> import minigrad as mg
    >>> mg.is_complex(mg.ones(2))
    False
    """
    return False


@accepts_numpy_names
def is_inference(input: Tensor) -> bool:
    """Return whether the tensor was made inside ``inference_mode``.

    https://docs.pytorch.org/docs/stable/generated/torch.is_inference.html

    >>> import minigrad as mg
    >>> mg.is_inference(mg.ones(2))
    False
    """
    return input.is_inference()


@accepts_numpy_names
def numel(input: Tensor) -> int:
    """Return the number of elements.

    https://docs.pytorch.org/docs/stable/generated/torch.numel.html

    >>> import minigrad as mg
    >>> mg.numel(mg.ones(2, 3))
    6
    """
    return input.numel()


def typename(obj: Any) -> str:
    """Return the name of a tensor's type, or of a class with its module.

    https://docs.pytorch.org/docs/stable/generated/torch.typename.html

    >>> import minigrad as mg
    >>> mg.typename(mg.ones(2))
    'minigrad.FloatTensor'
    """
    if isinstance(obj, Tensor):
        return str(obj.type())
    kind = obj if isinstance(obj, type) else type(obj)
    return f"{kind.__module__}.{kind.__qualname__}"


def set_num_threads(int: int) -> None:
    """Set how many threads NumPy's matrix products use; needs the package threadpoolctl.

    Raises RuntimeError for a number below one, ImportError without threadpoolctl.

    >>> import minigrad as mg
    >>> mg.set_num_threads(mg.get_num_threads())
    """
    if int < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, got {int}")
    _threadpoolctl().threadpool_limits(limits=int)


def get_num_threads() -> int:
    """Return how many threads NumPy's matrix products use; needs the package threadpoolctl.

    >>> import minigrad as mg
    >>> mg.get_num_threads() >= 1
    True
    """
    pools = _threadpoolctl().threadpool_info()
    threads = [pool["num_threads"] for pool in pools if pool["user_api"] == "blas"]
    return max(threads, default=1)


def set_num_interop_threads(int: int) -> None:
    """Do nothing: operations run one after another. RuntimeError for a number below one.

    >>> import minigrad as mg
    >>> mg.set_num_interop_threads(1)
    """
    if int < 1:
        raise RuntimeError(f"set_num_interop_threads expects a positive integer, got {int}")


def get_num_interop_threads() -> int:
    """Return 1: operations run one after another.

    >>> import minigrad as mg
    >>> mg.get_num_interop_threads()
    1
    """
    return 1


def set_flush_denormal(mode: bool) -> bool:
    """Return False: NumPy has no such switch.

    https://docs.pytorch.org/docs/stable/generated/torch.set_flush_denormal.html

    >>> import minigrad as mg
    >>> mg.set_flush_denormal(True)
    False
    """
    return False


def _threadpoolctl() -> Any:
    try:
        import threadpoolctl
    except ImportError:
        raise ImportError(
            "set_num_threads needs threadpoolctl: pip install threadpoolctl "
            "(or start Python with OMP_NUM_THREADS=1)"
        ) from None
    return threadpoolctl


_settings: dict[str, Any] = {"deterministic": False, "warn_only": False, "precision": "highest"}


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remember the mode; every algorithm here is deterministic, whatever it is.

    Raises TypeError for anything but a bool.

    >>> import minigrad as mg
    >>> mg.use_deterministic_algorithms(False)
    """
    if not isinstance(mode, bool):
        raise TypeError(
            "use_deterministic_algorithms(): argument 'mode' must be bool, "
            f"not {type(mode).__name__}"
        )
    _settings.update(deterministic=mode, warn_only=warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """Return the mode set by ``use_deterministic_algorithms``.

    https://docs.pytorch.org/docs/stable/generated/torch.are_deterministic_algorithms_enabled.html

    >>> import minigrad as mg
    >>> mg.are_deterministic_algorithms_enabled()
    False
    """
    return bool(_settings["deterministic"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Return ``warn_only`` as set by ``use_deterministic_algorithms``.

    https://docs.pytorch.org/docs/stable/generated/torch.is_deterministic_algorithms_warn_only_enabled.html

    >>> import minigrad as mg
    >>> mg.is_deterministic_algorithms_warn_only_enabled()
    False
    """
    return bool(_settings["warn_only"])


def set_float32_matmul_precision(precision: str) -> None:
    """Remember ``'highest'``, ``'high'`` or ``'medium'``; float32 products are exact float32's.

    Raises ValueError for another word.
    https://docs.pytorch.org/docs/stable/generated/torch.set_float32_matmul_precision.html

    >>> import minigrad as mg
    >>> mg.set_float32_matmul_precision("highest")
    """
    if precision not in ("highest", "high", "medium"):
        raise ValueError(
            "set_float32_matmul_precision: expected 'highest', 'high' or 'medium', "
            f"got {precision!r}"
        )
    _settings["precision"] = precision


def get_float32_matmul_precision() -> str:
    """Return the precision set by ``set_float32_matmul_precision``.

    https://docs.pytorch.org/docs/stable/generated/torch.get_float32_matmul_precision.html

    >>> import minigrad as mg
    >>> mg.get_float32_matmul_precision()
    'highest'
    """
    return str(_settings["precision"])


def set_default_device(device: Any) -> None:
    """Do nothing for the CPU and None; raise RuntimeError for other devices.

    https://docs.pytorch.org/docs/stable/generated/torch.set_default_device.html

    >>> import minigrad as mg
    >>> mg.set_default_device("cpu")
    """
    if device is not None:
        Device(device)


def get_default_device() -> Device:
    """Return ``device('cpu')``.

    https://docs.pytorch.org/docs/stable/generated/torch.get_default_device.html

    >>> import minigrad as mg
    >>> mg.get_default_device()
    device(type='cpu')
    """
    return Device()
