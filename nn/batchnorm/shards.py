"""Shards of a batch that run in threads of one process."""

from __future__ import annotations

import threading
import time
from typing import Any

from minigrad.modes import MODES
from minigrad.nn.batchnorm.ghost import GhostBatchNorm
from minigrad.nn.batchnorm.layers import Reduce
from minigrad.nn.batchnorm.sync import SyncBatchNorm, batchnorms, turn_into
from minigrad.tensor.tensor import Tensor


class Group:
    """Shards in threads of one process: ``all_reduce`` waits for all and adds up in rank order.

    Every shard brings its sums in the same order. Raises RuntimeError, which names shards and
    layers, where they do not, where a shard has ended that others wait for, and after ``timeout``
    seconds.
    """

    def __init__(self, size: int, timeout: float = 600.0) -> None:
        self.timeout = timeout
        self.turn = threading.Condition()
        self.steps = [0] * size  # sums that each shard has begun
        self.threads: list[threading.Thread | None] = [None] * size
        # A row holds (step, layer, tensor) of each shard. Two rows take turns: when a sum begins,
        # all shards have read the one before it.
        nothing = (-1, "", None)
        self.rows: list[list[Any]] = [[nothing] * size, [nothing] * size]

    def all_reduce(self, rank: int, layer: str = "") -> Reduce:
        """Return the function that the shard of that rank hands to its layer of that name."""

        def add(tensor: Tensor) -> Tensor:
            with self.turn:
                self.threads[rank] = threading.current_thread()
                step = self.steps[rank]
                self.steps[rank] = step + 1
                row = self.rows[step % 2]
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
                    raise _OutOfStep(
                        f"shard {rank} is at layer '{layer}', "
                        f"shard {other} at layer '{at}': {_IN_STEP}"
                    )
            missing = [other for other, (reached, *_) in enumerate(row) if reached != step]
            if not missing:
                return
            for other in missing:
                thread = self.threads[other]
                if thread is not None and not thread.is_alive():
                    raise _OutOfStep(
                        f"shard {rank} is at layer '{layer}', shard {other} has ended: {_IN_STEP}"
                    )
            if time.monotonic() > until:
                raise _OutOfStep(
                    f"shard {rank} has waited at layer '{layer}' for shard {missing[0]} "
                    f"for {self.timeout:g} seconds: {_IN_STEP}"
                )
            self.turn.wait(min(0.05, self.timeout))


class _OutOfStep(RuntimeError):
    """A shard waits for one that does not come."""


_IN_STEP = "every shard must call the same SyncBatchNorm layers, equally often, in the same order"


class _Ended:
    """The ``all_reduce`` of a layer whose group has ended."""

    def __init__(self, layer: str) -> None:
        self.layer = layer

    def __call__(self, tensor: Tensor) -> Tensor:
        raise RuntimeError(
            f"SyncBatchNorm: layer '{self.layer}' was one of several shards, which do not run now: "
            "call it by nn.shards.in_threads, or set layer.all_reduce = None to make it a single "
            "shard"
        )


def in_threads(modules: list[Any], shards: list[Tensor], timeout: float = 600.0) -> list[Tensor]:
    """Run each module on its shard, in threads, with SyncBatchNorms of one group as BatchNorms.

    Returns the results in order; one graph joins them, so that a loss over them all has the
    gradients of one big batch. What a shard raises is raised here, RuntimeError where a shard waits
    in vain at a layer (:class:`Group`) or where threads cannot start, as in a browser, ValueError
    where modules and shards do not match.
    """
    if len(modules) != len(shards):
        raise ValueError(
            "in_threads: expected one module per shard, "
            f"got {len(modules)} modules and {len(shards)} shards"
        )
    layers = _sync_layers(modules)
    group = Group(len(shards), timeout)
    for layer, name, rank in layers:
        layer.all_reduce = group.all_reduce(rank, name)
    try:
        results = _run(group, modules, shards)
    finally:
        several = len(shards) > 1
        for layer, name, _ in layers:
            layer.all_reduce = _Ended(name) if several else None
    failed = [result for result in results if isinstance(result, Exception)]
    for error in sorted(failed, key=lambda error: isinstance(error, _OutOfStep)):
        raise error  # the cause before those who waited in vain
    return results


def _start(threads: list[threading.Thread], group: Group) -> None:
    """Start all threads; nobody looks for one that has not started."""
    with group.turn:
        for thread in threads:
            try:
                thread.start()
            except RuntimeError as error:
                raise RuntimeError(
                    f"in_threads: a thread cannot start here ({error}), as in a browser's Python. "
                    "Pass the whole batch to one module with BatchNorm: a SyncBatchNorm over all "
                    "shards has its values and gradients"
                ) from None


def _sync_layers(modules: list[Any]) -> list[tuple[Any, str, int]]:
    """Turn BatchNorms into SyncBatchNorms; return each of them with its name and rank."""
    layers: list[tuple[Any, str, int]] = []
    for rank, module in enumerate(modules):
        for layer in batchnorms(module, SyncBatchNorm):
            if not isinstance(layer, GhostBatchNorm):  # which stays: its batch is the shard
                turn_into(layer, SyncBatchNorm)
        for path, layer in module.named_modules():
            lazily = getattr(layer, "cls_to_become", None) is SyncBatchNorm
            if lazily or isinstance(layer, SyncBatchNorm):
                layers.append((layer, path or type(layer).__name__, rank))
    ranks = {layer: rank for layer, _, rank in layers}
    for layer, name, rank in layers:
        if ranks[layer] != rank:
            raise ValueError(
                f"in_threads: two shards share a SyncBatchNorm, '{name}' of shards {rank} and "
                f"{ranks[layer]}; give each a copy of the module"
            )
    return layers


def _run(group: Group, modules: list[Any], shards: list[Tensor]) -> list[Any]:
    """Return what each module returns or raises, in its own thread in the modes of this one."""
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
    _start(threads, group)
    for thread in threads:
        thread.join()
    return results
