"""A device that is not here: scripts may ask whether it is, seed it and wait for it."""

from minigrad.absent import AbsentDevice as _AbsentDevice

_device = _AbsentDevice("mps")
is_available = _device.is_available
device_count = _device.device_count
manual_seed = manual_seed_all = _device.manual_seed
synchronize = empty_cache = _device.do_nothing
current_device = set_device = get_device_name = Event = _device.refuse
