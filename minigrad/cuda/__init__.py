"""CUDA, which is not here: scripts may ask whether it is, seed it and wait for it.

https://docs.pytorch.org/docs/stable/cuda.html
"""

from minigrad.absent import AbsentDevice as _AbsentDevice
from minigrad.cuda import amp as amp

_device = _AbsentDevice("cuda")
is_available = is_initialized = is_bf16_supported = _device.is_available
device_count = _device.device_count
manual_seed = manual_seed_all = _device.manual_seed
seed = seed_all = init = synchronize = empty_cache = ipc_collect = _device.do_nothing
reset_peak_memory_stats = reset_max_memory_allocated = set_rng_state_all = _device.do_nothing
memory_allocated = max_memory_allocated = memory_reserved = max_memory_reserved = _device.bytes
memory_cached = max_memory_cached = _device.bytes
current_device = get_device_name = get_device_capability = get_device_properties = _device.refuse
set_device = current_stream = default_stream = mem_get_info = _device.refuse
device = stream = Stream = Event = _device.refuse


class _CudaTensor:
    """Tensors of CUDA: none is one, and none is made."""

    def __new__(cls, *args: object) -> object:  # type: ignore[misc]
        return _device.refuse()


FloatTensor = DoubleTensor = HalfTensor = LongTensor = IntTensor = ShortTensor = _CudaTensor
CharTensor = ByteTensor = BoolTensor = _CudaTensor


def get_rng_state_all() -> list[object]:
    """Return an empty list: there are no devices."""
    return []
