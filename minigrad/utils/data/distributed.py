"""The sampler of data parallel training: each process draws its own share of the indices."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator
from typing import Any

from minigrad.random import Generator
from minigrad.utils.data.sampler import Sampler


class DistributedSampler(Sampler):
    """The indices of one of ``num_replicas`` processes, as many for each of them.

    Process ``rank`` takes every ``num_replicas``-th index. Where the number of samples does not
    divide, the first ones come again, or with ``drop_last`` the tail is left out. With ``shuffle``
    the order depends on ``seed`` and the epoch alone: call ``set_epoch`` before each epoch, or all
    epochs have one order. Both numbers are those of ``minigrad.distributed`` by default, and
    without it one process has all. Raises ValueError for a rank that is not one of them.
    https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.distributed.DistributedSampler

    >>> from minigrad.utils.data import DistributedSampler
    >>> [list(DistributedSampler("abcde", 2, rank, shuffle=False)) for rank in (0, 1)]
    [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None:
            num_replicas = _of_the_group("get_world_size", 1)
        if rank is None:
            rank = _of_the_group("get_rank", 0)
        if not 0 <= rank < num_replicas:
            raise ValueError(
                f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]"
            )
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        share = len(dataset) / num_replicas
        self.num_samples = math.floor(share) if drop_last else math.ceil(share)
        self.total_size = self.num_samples * num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        if self.shuffle:
            generator = Generator().manual_seed(self.seed + self.epoch)
            indices = generator.permutation(n).tolist()
        else:
            indices = list(range(n))
        if indices and not self.drop_last:
            indices *= math.ceil(self.total_size / n)
        return iter(indices[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass have the order of this epoch."""
        self.epoch = epoch


def _of_the_group(name: str, alone: int) -> int:
    """Ask ``minigrad.distributed`` for a number; return ``alone`` where there is no group."""
    if importlib.util.find_spec("minigrad.distributed") is None:
        return alone
    distributed = importlib.import_module("minigrad.distributed")
    return getattr(distributed, name)() if distributed.is_initialized() else alone
