"""What a call may change, kept so that it can be undone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from minigrad.compiler.guards.reach import Reach
from minigrad.optim.optimizer import Optimizer
from minigrad.random import Generator, default_generator
from minigrad.tensor.tensor import Tensor


class Snapshot:
    """Copies of the numbers that a step may change: tensors, gradients, optimizers, streams.

    What raises in a ``with`` block of it has changed nothing.
    """

    def __init__(self, reach: Reach, arguments: list[Any], generators: list[Generator]) -> None:
        tensors = [tensor for _, tensor in reach.tensors.values()]
        for x in arguments:
            if isinstance(x, Tensor):
                tensors.append(x)
        self.arrays = list(map(_with_copy, tensors))
        nodes = [tensor._node for tensor in tensors]
        self.grads = [(node, _with_copy(node.grad)) for node in nodes if node is not None]
        self.plain = []
        for x in arguments:
            if isinstance(x, np.ndarray):
                self.plain.append((x, x.copy()))
        self.reached = [(x, x.copy()) for _, x in reach.arrays]
        self.states = [(x, _copied_state(x)) for x in reach.optimizers]
        containers = [container for _, container in reach.holders]
        self.holders = [(x, x.copy()) for x in containers]
        streams = {default_generator, *generators}
        self.streams = [(x, stream_state(x)) for x in streams]

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        if kind is not None:
            self.restore()

    def restore(self) -> None:
        """Let everything be as it was."""
        grads = []
        for node, kept in self.grads:
            node.grad = None if kept is None else kept[0]
            if kept is not None:
                grads.append(kept)
        for tensor, array, values in self.arrays + grads:
            tensor._data = array
            if array.flags.writeable:
                np.copyto(array, values)
        for array, values in self.plain + self.reached:
            if array.flags.writeable:
                np.copyto(array, values)
        for optimizer, state in self.states:
            optimizer.state.clear()
            optimizer.state.update(state)
        for container, values in self.holders:
            restore_container(container, values)
        for generator, state in self.streams:
            set_stream(generator, state)

    def numbers(self) -> list[np.ndarray]:
        """Return the arrays of tensors and arguments."""
        return [array for _, array, _ in self.arrays] + [array for array, _ in self.plain]

    def is_now(self, same: Any) -> bool:
        """Return whether everything is as it was when this was made, by ``same`` of two arrays."""
        pairs = [(tensor._data, values) for tensor, _, values in self.arrays]
        pairs += self.plain + self.reached
        for array, values in pairs:
            if not same(array, values):
                return False
        for node, kept in self.grads:
            if not _same_grad(node.grad, kept, same):
                return False
        return all(itertools.starmap(same_stream, self.streams))


def same_bytes(a: Any, b: Any) -> bool:
    """Return whether two arrays hold the same numbers, bit for bit."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return a.tobytes() == b.tobytes()


def same_stream(generator: Any, state: Any) -> bool:
    """Return whether a stream of random numbers is at this place."""
    _, _, words, waiting = stream_state(generator)
    if words[2] != state[2][2] or waiting != state[3]:
        return False
    return bool(np.array_equal(words[1], state[2][1]))


def _same_grad(grad: Any, kept: Any, same: Any) -> bool:
    """Whether a gradient is what it was; a page leaves none where an optimizer used it up."""
    if grad is None:
        return True
    return kept is not None and bool(same(grad._data, kept[2]))


def _with_copy(tensor: Any) -> Any:
    """Return a tensor, its array, and what is in it; None of none."""
    if tensor is None:
        return None
    array = tensor._data
    return tensor, array, array.copy()


def _copied_state(optimizer: Optimizer) -> dict[Any, Any]:
    """Return the state of an optimizer; its tensors are the same."""
    return {p: dict(entries) for p, entries in optimizer.state.items()}


def restore_container(container: Any, values: Any) -> None:
    """Let a dictionary, a list or the like hold what it held."""
    if isinstance(container, (list, bytearray)):
        container[:] = values
        return
    if not isinstance(container, dict):
        container.clear()
        fill = container.update if isinstance(container, set) else container.extend
        fill(values)
        return
    new = [key for key in container if key not in values]
    for key in new:
        del container[key]
    for key, value in values.items():
        is_there = key in container and container[key] is value
        if not is_there:
            container[key] = value


def stream_state(generator: Any) -> Any:
    """Return where a stream of random numbers is."""
    return generator._seed, generator._twister, generator._twister.get_state(), generator._waiting


def set_stream(generator: Any, state: Any) -> None:
    """Let a stream of random numbers go on from there."""
    generator._seed, generator._twister, words, generator._waiting = state
    generator._twister.set_state(words)
