"""How a layer sums over the shards of a batch: by a function of the user's, or over processes."""

from __future__ import annotations

from functools import partial
from typing import Any

from minigrad import distributed
from minigrad.distributed.nn.functional import all_reduce
from minigrad.nn.batchnorm.layers import Reduce


class Sharing:
    """Mixed into layers whose statistics may be those of a batch spread over several processes."""

    synchronised = False
    process_group: Any = None
    _reduce: Reduce | None = None

    @property
    def all_reduce(self) -> Reduce | None:
        """What sums over the shards, None where there is one: the function that was set.

        By default it sums over the process group, in a layer that is ``synchronised``.
        """
        if self._reduce is not None or not self.synchronised:
            return self._reduce
        group = self.shared_group()
        return None if group is None else partial(all_reduce, group=group)

    @all_reduce.setter
    def all_reduce(self, function: Reduce | None) -> None:
        self._reduce = function

    def shared_group(self) -> Any:
        """Return the group of several processes that this one belongs to, None without one."""
        if not distributed.is_initialized():
            return None
        if distributed.get_world_size(self.process_group) < 2:
            return None
        return self.process_group or distributed.group.WORLD
