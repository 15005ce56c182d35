"""Batch Normalization over a batch in several places, and over parts of a batch in one place."""

from __future__ import annotations

import threading
import time
from typing import Any

from minigrad.functions.joining import cat
from minigrad.modes import MODES
from minigrad.nn.arguments import as_tensor_argument, check_module
from minigrad.nn.batchnorm.layers import Reduce, _BatchNorm
from minigrad.nn.batchnorm.lazy import _LazyBatchNorm
from minigrad.nn.module import Module
from minigrad.tensor.tensor import Tensor


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

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, process_group: None = None, device: Any = None, dtype: Any = None,
                 *, bias: bool = True, on_nonfinite: str = "warn",
                 all_reduce: Reduce | None = None) -> None:  # fmt: skip
        if process_group is not None:
            raise ValueError(
                "SyncBatchNorm: there are no process groups here; hand over all_reduce=, a function"
            )
        options: Any = (eps, momentum, affine, track_running_stats, device, dtype)
        super().__init__(num_features, *options, bias=bias, on_nonfinite=on_nonfinite)
        self.all_reduce = all_reduce

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, all_reduce: Reduce | None = None) -> Module:
        """Return ``module`` with every BatchNorm below turned into a SyncBatchNorm of the same state.

        Lazy ones become a SyncBatchNorm in their time. A GhostBatchNorm stays: its statistics are those of
        a part of its own batch. Raises TypeError for a subclass with a forward of its own, which would be
        lost; nothing has changed then.
        """
        check_module(module, "convert_sync_batchnorm", "module")
        found = {
            path: layer
            for path, layer in module.named_modules()
            if isinstance(layer, (_BatchNorm, _LazyBatchNorm))
        }
        found = {
            path: layer for path, layer in found.items() if not isinstance(layer, GhostBatchNorm)
        }
        for path, layer in found.items():
            if type(layer).forward not in (
                _BatchNorm.forward,
                _LazyBatchNorm.forward,
            ) and not isinstance(layer, cls):
                raise TypeError(
                    f"convert_sync_batchnorm: layer '{path}', a {type(layer).__name__}, has a forward of its own, "
                    "which a SyncBatchNorm would not run; put one in its place by hand"
                )
        for layer in found.values():
            if isinstance(layer, _LazyBatchNorm):
                layer.becomes = cls
            elif not isinstance(layer, cls):
                layer.__class__ = cls
            layer.all_reduce = all_reduce
        return module


class Group:
    """Shards that run in threads of one process: ``all_reduce`` waits for all and adds up in rank order.

    Every shard brings its sums in the same order. Raises RuntimeError, which names shards and layers, where
    they do not, where a shard has ended that others wait for, and after ``timeout`` seconds.
    """

    def __init__(self, size: int, timeout: float = 600.0) -> None:
        self.timeout = timeout
        self.turn = threading.Condition()
        self.steps = [0] * size  # sums that each shard has begun
        self.threads: list[threading.Thread | None] = [None] * size
        # (step, layer, tensor) of each shard; every other sum in the same row, when all have read the one before
        self.rows: list[list[Any]] = [[(-1, "", None)] * size, [(-1, "", None)] * size]

    def all_reduce(self, rank: int, layer: str = "") -> Reduce:
        """Return the function that the shard of that rank hands to its layer of that name."""

        def add(tensor: Tensor) -> Tensor:
            with self.turn:
                step, self.threads[rank] = self.steps[rank], threading.current_thread()
                self.steps[rank], row = step + 1, self.rows[step % 2]
                row[rank] = step, layer, tensor
                self.turn.notify_all()
                self._wait(row, rank)
                tensors = [tensor for _, _, tensor in row]
            return sum(tensors[1:], start=tensors[0])  # type: ignore[no-any-return]

        return add

    def _wait(self, row: list[Any], rank: int) -> None:
        """Wait until every shard has brought its part of this sum."""
        step, layer, _ = row[rank]
        until = time.monotonic() + self.timeout
        while True:
            for other, (reached, at, _) in enumerate(row):
                if reached == step and at != layer:
                    raise _Apart(
                        f"shard {rank} is at layer '{layer}', shard {other} at layer '{at}': {_ALIKE}"
                    )
            missing = [other for other, (reached, *_) in enumerate(row) if reached != step]
            if not missing:
                return
            for other in missing:
                thread = self.threads[other]
                if thread is not None and not thread.is_alive():
                    raise _Apart(
                        f"shard {rank} is at layer '{layer}', shard {other} has ended: {_ALIKE}"
                    )
            if time.monotonic() > until:
                waits = f"shard {rank} has waited at layer '{layer}' for shard {missing[0]}"
                raise _Apart(f"{waits} for {self.timeout:g} seconds: {_ALIKE}")
            self.turn.wait(min(0.05, self.timeout))


class _Apart(RuntimeError):
    """A shard waits for one that does not come."""


_ALIKE = "every shard must call the same SyncBatchNorm layers, equally often and in the same order"


class _Ended:
    """The ``all_reduce`` of a layer whose group has ended."""

    def __init__(self, layer: str) -> None:
        self.layer = layer

    def __call__(self, tensor: Tensor) -> Tensor:
        raise RuntimeError(
            f"SyncBatchNorm: layer '{self.layer}' was one of several shards, which do not run now: call it by "
            "nn.shards.in_threads, or set layer.all_reduce = None to make it a single shard"
        )


def in_threads(modules: list[Any], shards: list[Tensor], timeout: float = 600.0) -> list[Tensor]:
    """Run each module on its shard, in threads, its BatchNorms turned into SyncBatchNorms of one group.

    Returns the results in order; one graph joins them, so that a loss over them all has the
    gradients of one big batch. What a shard raises is raised here, RuntimeError where a shard waits in vain
    at a layer (:class:`Group`), ValueError where modules and shards do not match.
    """
    if len(modules) != len(shards):
        raise ValueError(
            f"in_threads: expected a module a shard, got {len(modules)} modules and {len(shards)} shards"
        )
    group, layers = Group(len(shards), timeout), []
    for rank, module in enumerate(modules):
        SyncBatchNorm.convert_sync_batchnorm(module)
        for path, layer in module.named_modules():
            if isinstance(layer, SyncBatchNorm) or getattr(layer, "becomes", None) is SyncBatchNorm:
                layers.append((layer, path or type(layer).__name__, rank))
    if len({layer for layer, _, _ in layers}) < len(layers):
        raise ValueError(
            "in_threads: two shards share a SyncBatchNorm; give each a copy of the module of its own"
        )
    for layer, name, rank in layers:
        layer.all_reduce = group.all_reduce(rank, name)
    try:
        results = _run(group, modules, shards)
    finally:
        for layer, name, _ in layers:
            layer.all_reduce = _Ended(name) if len(shards) > 1 else None
    failed = [result for result in results if isinstance(result, Exception)]
    for error in sorted(failed, key=lambda error: isinstance(error, _Apart)):
        raise error  # the cause before those who waited in vain
    return results


def _run(group: Group, modules: list[Any], shards: list[Tensor]) -> list[Any]:
    """Return what each module returns or raises, run in a thread of its own in the modes of this one."""
    results: list[Any] = [None] * len(shards)
    modes = dict(vars(MODES))

    def run(rank: int) -> None:
        vars(MODES).update(modes)
        try:
            results[rank] = modules[rank](shards[rank])
        except Exception as error:
            results[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(len(shards))]
    group.threads = list(threads)
    with group.turn:  # nobody looks for a thread that has not started
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
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

    def __init__(
        self, num_features: int, virtual_batch_size: int, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(num_features, *args, **kwargs)
        if virtual_batch_size < 1:
            raise ValueError(f"virtual_batch_size: expected at least 1, got {virtual_batch_size}")
        self.virtual_batch_size = virtual_batch_size

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (N, C, *) by parts in training; a part that is refused leaves all statistics as they were."""
        if not isinstance(input, Tensor):
            input = as_tensor_argument(input, type(self).__name__)
        parts = (
            max(1, len(input) // self.virtual_batch_size)
            if self.training and not self.frozen_stats
            else 1
        )
        if parts == 1:
            return super().forward(input)
        before = [buffer._data.copy() for buffer in self.buffers()]
        ends = [len(input) * i // parts for i in range(parts + 1)]
        try:
            return cat(
                [
                    super(GhostBatchNorm, self).forward(input[a:b])
                    for a, b in zip(ends, ends[1:], strict=False)
                ]
            )
        except Exception:
            for buffer, value in zip(self.buffers(), before, strict=True):
                buffer.copy_(Tensor._wrap(value))
            raise

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, virtual_batch_size={self.virtual_batch_size}"
