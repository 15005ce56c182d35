"""The gradients of a module in buckets: averaged over the processes while backward goes on."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.distributed.buffers import ReduceOp, write_back
from minigrad.distributed.collectives import broadcast, reduce_everywhere
from minigrad.engine.delivery import queue_callback
from minigrad.storage import bump_version
from minigrad.tensor.tensor import Tensor

MIB = 1024 * 1024
_MESSAGE = 25 * MIB
_FIRST = MIB  # PyTorch's: the first bucket is small, so that something is under way soon


class Bucket:
    """Some gradients behind one another, and for each on how many ranks there is one."""

    def __init__(self, number: int, parameters: Sequence[Any]) -> None:
        self.parameters = parameters
        self.name = f"all_reduce of bucket {number} of DistributedDataParallel"
        dtype = parameters[0].dtype
        wire = np.float32 if dtype == np.float16 else dtype
        sizes = [p.numel() for p in parameters]
        n_values = sum(sizes)
        self.buffer = np.empty(n_values + len(sizes), wire)
        self.flags = self.buffer[n_values:]
        parts = np.split(self.buffer[:n_values], np.cumsum(sizes[:-1]))
        self.parts = []
        for part, parameter in zip(parts, parameters, strict=True):
            self.parts.append(part.reshape(parameter.shape))
        self.waiting: set[int] = set()  # parameters whose gradient is not final
        self.work: Any = None

    def launch(self, group: Any) -> None:
        """Copy the gradients that there are, and send them off."""
        for i, part in enumerate(self.parts):
            grad = self.parameters[i].grad
            if grad is None:
                part.fill(0)
                self.flags[i] = 0
            else:
                np.copyto(part, grad._data)
                self.flags[i] = 1
        self.work = reduce_everywhere(self.buffer, ReduceOp.SUM, group, True, self.name)

    def unpack(self, size: int) -> None:
        """Wait, then put the means where the gradients are.

        A gradient that no rank has stays None, as it would in one process.
        """
        self.work.wait()
        self.work = None
        for parameter, part, flag in zip(self.parameters, self.parts, self.flags, strict=True):
            if flag:
                _set_grad(parameter, part, size)


def _set_grad(parameter: Any, total: np.ndarray, size: int) -> None:
    grad = parameter.grad
    array = None if grad is None or grad.requires_grad else grad._data
    if not isinstance(array, np.ndarray):
        mean = (total / size).astype(parameter.dtype, copy=False)
        parameter.grad = Tensor._wrap(mean)
        return
    np.divide(total, size, out=array, casting="same_kind")
    bump_version(array, "DistributedDataParallel")


class Reducer:
    """Averages ``.grad`` of parameters over a group after each backward that reaches them.

    Buckets go out in the same order on every rank, each as soon as its gradients are final. What
    is unused here waits for the end of backward, and counts as zero.
    """

    def __init__(self, parameters: Sequence[Any], group: Any, cap: float) -> None:
        self.group, self.is_on = group, True
        self._layout = split_into_buckets(parameters, cap)
        self.buckets: list[Bucket] = []
        self._next = 0
        self._runs = False
        self.reset()
        handles = []
        for bucket, members in enumerate(self._layout):
            for i, parameter in enumerate(members):
                hook = _hook(weakref.ref(self), bucket, i)
                handles.append(parameter.register_post_accumulate_grad_hook(hook))
        weakref.finalize(self, _remove, handles)

    def reset(self) -> None:
        """Begin anew, with memory of its own: an old sum may be under way still."""
        self.buckets = [Bucket(i, members) for i, members in enumerate(self._layout)]
        self._next, self._runs = 0, False

    def prepare(self, is_on: bool) -> None:
        """Average after the coming backward passes, or let gradients add up here."""
        self.is_on = is_on
        if self._runs:  # a backward that raised
            self.reset()

    def ready(self, bucket: int, i: int) -> None:
        """Take note that a gradient is final; send off what is complete."""
        if not self.is_on:
            return
        if not self._runs:
            self._runs = True
            for each in self.buckets:
                each.waiting = set(range(len(each.parameters)))
            queue_callback(self._finish)
        current = self.buckets[bucket]
        if i not in current.waiting:
            raise RuntimeError(
                "Expected to mark a variable ready only once: a parameter of shape "
                f"{tuple(current.parameters[i].shape)} got a gradient twice in one backward, which "
                "DistributedDataParallel had begun to average"
            )
        current.waiting.discard(i)
        while self._next < len(self.buckets) and not self.buckets[self._next].waiting:
            self._launch()
        self.group.advance()

    def _launch(self) -> None:
        self.buckets[self._next].launch(self.group)
        self._next += 1

    def _finish(self) -> None:
        while self._next < len(self.buckets):
            self._launch()
        for bucket in self.buckets:
            bucket.unpack(self.group.size())
        self._next, self._runs = 0, False


def _hook(reducer: Any, bucket: int, i: int) -> Any:
    """Return what a parameter calls; it does not keep the reducer alive."""

    def hook(parameter: Any) -> None:
        known = reducer()
        if known is not None:
            known.ready(bucket, i)

    return hook


def _remove(handles: list[Any]) -> None:
    for handle in handles:
        handle.remove()


def split_into_buckets(tensors: Sequence[Any], cap: float) -> list[list[Any]]:
    """Return tensors of one dtype together, the last first, in lists of at most ``cap`` MiB.

    The last layer's gradients are the first to be final. A tensor larger than that is alone.
    """
    buckets: list[list[Any]] = []
    limit = min(_FIRST, cap * MIB)
    size = 0
    for tensor in reversed(tensors):
        nbytes = tensor.numel() * tensor.dtype.itemsize
        alike = bool(buckets) and buckets[-1][0].dtype == tensor.dtype
        if not alike or size + nbytes > limit:
            limit = cap * MIB if buckets else limit
            buckets.append([])
            size = 0
        buckets[-1].append(tensor)
        size += nbytes
    return buckets


def broadcast_tensors(tensors: Sequence[Any], group: Any, name: str) -> None:
    """Give every rank the values of the group's first, in messages of some MiB."""
    chunk: list[Any] = []
    size = 0
    for tensor in tensors:
        size += tensor.numel() * tensor.dtype.itemsize
        chunk.append(tensor)
        if size > _MESSAGE:
            _broadcast_chunk(chunk, group, name)
            chunk = []
            size = 0
    if chunk:
        _broadcast_chunk(chunk, group, name)


def _broadcast_chunk(tensors: Sequence[Any], group: Any, name: str) -> None:
    arrays = [np.asarray(tensor._data) for tensor in tensors]
    flat = np.concatenate([np.ascontiguousarray(a).reshape(-1).view(np.uint8) for a in arrays])
    broadcast(flat, group=group, group_src=0)
    if group.rank() == 0:
        return
    ends = np.cumsum([array.nbytes for array in arrays])
    parts = np.split(flat, ends[:-1])
    for tensor, array, part in zip(tensors, arrays, parts, strict=True):
        values = part.view(array.dtype)
        write_back(tensor, values.reshape(array.shape), name)
