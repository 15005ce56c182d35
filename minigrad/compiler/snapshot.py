"""What a call may change, kept so that it can be undone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from minigrad.compiler.guards.reach import Reach
from minigrad.optim.optimizer import Optimizer
from minigrad.random import Generator, default_generator
from minigrad.tensor.tensor import Tensor

NOTHING = np.empty(0)  # where a gradient is none


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

    def arrays_of_tensors_and_arguments(self) -> list[np.ndarray]:
        return [array for _, array, _ in self.arrays] + [array for array, _ in self.plain]

    def arrays_then(self) -> list[np.ndarray]:
        """Return what the arrays held when this was made, those of gradients last."""
        arrays = [values for *_, values in self.arrays + self.plain + self.reached]
        return arrays + self._grads_then()

    def arrays_now(self) -> list[np.ndarray]:
        """Return what is in their place now.

        A page leaves no gradient where an optimizer used it up: it counts as what it was.
        """
        arrays = [tensor._data for tensor, *_ in self.arrays]
        arrays += [array for array, _ in self.plain + self.reached]
        grads = zip((node.grad for node, _ in self.grads), self._grads_then(), strict=True)
        return arrays + [then if grad is None else grad._data for grad, then in grads]

    def _grads_then(self) -> list[np.ndarray]:
        return [NOTHING if kept is None else kept[2] for _, kept in self.grads]

    def streams_are_there(self) -> bool:
        """Return whether random numbers go on from where they did when this was made."""
        return all(itertools.starmap(same_stream, self.streams))


def same_stream(generator: Any, state: Any) -> bool:
    """Return whether a stream of random numbers is at this place."""
    _, _, words, waiting = stream_state(generator)
    if words[2] != state[2][2] or waiting != state[3]:
        return False
    return bool(np.array_equal(words[1], state[2][1]))


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
