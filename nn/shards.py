"""Batch Normalization over a batch in several places, and over parts of a batch in one place."""

from __future__ import annotations

import threading
from typing import Any

from minigrad.nn.batchnorm import Reduce, _BatchNorm
from minigrad.nn.module import Module

from minigrad.functions.joining import cat
from minigrad.tensor import Tensor


class SyncBatchNorm(_BatchNorm):
    """Batch Normalization (N, C, *) whose statistics are those of one batch spread over shards.

    ``all_reduce(tensor)`` returns the sum of the tensor over all shards, recorded, so that
    gradients flow to every shard; the default is a single shard. Sums are merged by count: shards
    may have different sizes. Other arguments, defaults and errors are :class:`BatchNorm1d`'s.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.SyncBatchNorm.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> x = mg.arange(12.0).reshape(6, 2)
    >>> layers = [nn.SyncBatchNorm(2) for _ in range(2)]
    >>> parts = nn.shards.in_threads(layers, [x[:4], x[4:]])  # unequal shards
    >>> (mg.cat(parts) - nn.BatchNorm1d(2)(x)).abs().max().item() < 1e-6
    True
    """

    ranks = (2, 3, 4, 5)

    def __init__(self, num_features: int, *args: Any, all_reduce: Reduce | None = None, **kwargs: Any) -> None:
        super().__init__(num_features, *args, **kwargs)
        self.all_reduce = all_reduce

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, all_reduce: Reduce | None = None) -> Module:
        """Return ``module`` with every BatchNorm below turned into a SyncBatchNorm of the same state."""
        for found in module.modules():
            if isinstance(found, _BatchNorm):
                found.__class__, found.all_reduce = cls, all_reduce
        return module


class Group:
    """Shards that run in threads of one process: ``all_reduce`` waits for all and adds up in rank order."""

    def __init__(self, size: int) -> None:
        self.slots: list[Tensor | None] = [None] * size
        self.barrier = threading.Barrier(size)

    def all_reduce(self, rank: int) -> Reduce:
        """Return the function that the shard of that rank hands to its layers."""

        def add(tensor: Tensor) -> Tensor:
            self.slots[rank] = tensor
            self.barrier.wait()
            total = sum(self.slots[1:], start=self.slots[0])  # type: ignore[arg-type, type-var]
            self.barrier.wait()  # nobody overwrites a slot before all have read it
            return total  # type: ignore[return-value]

        return add


def in_threads(modules: list[Any], shards: list[Tensor]) -> list[Tensor]:
    """Run each module on its shard, in threads, its SyncBatchNorms joined into one group.

    Returns the results in order; one graph joins them, so that a loss over them all has the
    gradients of one big batch. What a shard raises is raised here.
    """
    group = Group(len(shards))
    results: list[Any] = [None] * len(shards)

    def run(rank: int) -> None:
        try:
            SyncBatchNorm.convert_sync_batchnorm(modules[rank], group.all_reduce(rank))
            results[rank] = modules[rank](shards[rank])
        except Exception as error:
            results[rank] = error
            group.barrier.abort()

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(len(shards))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = [r for r in results if isinstance(r, Exception)]
    for error in sorted(failed, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        raise error  # the cause before those who waited in vain
    return results


class GhostBatchNorm(_BatchNorm):
    """Batch Normalization (N, C, *) by virtual batches: each part of the batch by its own statistics.

    In training the batch is split into ``N // virtual_batch_size`` parts of nearly equal size,
    none smaller than ``virtual_batch_size``; the running statistics see them one after the other.
    In evaluation it is BatchNorm. Other arguments, defaults and errors are BatchNorm1d's.
    Hoffer, Hubara & Soudry 2017, https://arxiv.org/abs/1705.08741, Algorithm 1

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> y = nn.GhostBatchNorm(1, virtual_batch_size=2)(mg.tensor([[0.0], [2.0], [50.0], [70.0]]))
    >>> y.detach().flatten()
    tensor([-1.0000,  1.0000, -1.0000,  1.0000])
    """

    ranks = (2, 3, 4, 5)

    def __init__(self, num_features: int, virtual_batch_size: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(num_features, *args, **kwargs)
        if virtual_batch_size < 1:
            raise ValueError(f"virtual_batch_size: expected at least 1, got {virtual_batch_size}")
        self.virtual_batch_size = virtual_batch_size

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (N, C, *) by parts in training; a part that is refused leaves all statistics as they were."""
        parts = max(1, len(input) // self.virtual_batch_size) if self.training and not self.frozen_stats else 1
        if parts == 1:
            return super().forward(input)
        before = [buffer._data.copy() for buffer in self.buffers()]
        ends = [len(input) * i // parts for i in range(parts + 1)]
        try:
            return cat([super(GhostBatchNorm, self).forward(input[a:b]) for a, b in zip(ends, ends[1:], strict=False)])
        except Exception:
            for buffer, value in zip(self.buffers(), before, strict=True):
                buffer.copy_(Tensor._wrap(value))
            raise

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, virtual_batch_size={self.virtual_batch_size}"
