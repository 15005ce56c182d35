"""Run a model only to look at it: what its forward writes, counts and draws is taken back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from minigrad.modes import hold_statistics
from minigrad.random import Generator, fork_rng
from minigrad.storage import bump_version
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_leaves

Undo = Callable[[], None]


@contextmanager
def unchanged(model: Any, *others: Any) -> Iterator[None]:
    """Put back at the end of this block what it changed of these objects and of random numbers.

    Of each module in ``model``, and of the other objects, that is every attribute (modes, counters,
    hooks, the contents of lists and dictionaries among them); of tensors, the modules' and the
    others, value and gradient; of generators the state, also of the default one. Running statistics
    do not move in the first place. ``model`` may be a plain function.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> layer, before = nn.Dropout(0.5), mg.get_rng_state()
    >>> with unchanged(layer):
    ...     y = layer.eval()(mg.rand(2))
    >>> layer.training, (mg.get_rng_state() == before).all().item()
    (True, True)
    """
    objects: dict[int, Any] = {}
    for x in tree_leaves([model, *others]):
        if hasattr(x, "__dict__") and not isinstance(x, (Tensor, Generator, type)):
            parts = x.modules() if hasattr(x, "named_modules") else [x]
            objects |= {id(part): part for part in parts}
    attributes = map(vars, objects.values())
    leaves = {id(leaf): leaf for leaf in tree_leaves([*others, *attributes])}

    undo = [_undo_object(x) for x in objects.values()]
    undo += [_undo_tensor(x) for x in leaves.values() if isinstance(x, Tensor)]
    undo += [_undo_generator(x) for x in leaves.values() if isinstance(x, Generator)]
    try:
        with fork_rng(), hold_statistics():
            yield
    finally:
        for step in undo:
            step()


def _undo_object(x: Any) -> Undo:
    cls, before = type(x), dict(vars(x))
    containers = [v for v in before.values() if isinstance(v, (list, dict, set, deque))]
    contents = [(container, copy(container)) for container in containers]

    def undo() -> None:
        if type(x) is not cls:
            x.__class__ = cls
        for name in vars(x).keys() - before.keys():
            del vars(x)[name]
        vars(x).update(before)
        for container, old in contents:
            if _ids(container) != _ids(old):
                _refill(container, old)

    return undo


def _refill(container: Any, contents: Any) -> None:
    container.clear()
    if isinstance(container, (dict, set)):
        container.update(contents)
    else:
        container.extend(contents)


def _ids(container: Any) -> list[int]:
    """Return the ids of all items, of a dictionary's keys and values."""
    values = container.values() if isinstance(container, dict) else ()
    return [*map(id, container), *map(id, values)]


def _undo_tensor(x: Tensor) -> Undo:
    cls, data = type(x), vars(x)["_data"]  # by name, as a lazy tensor shows none
    node, constant = x._node, x._constant
    grad = _grad(x)
    arrays = [data] if grad is None else [data, grad._data]
    contents = [(array, array.copy()) for array in arrays]

    def undo() -> None:
        x._node = node
        if vars(x)["_data"] is not data:
            x.data = x._wrap(data)
        if type(x) is not cls:
            x.__class__ = cls
        if _grad(x) is not grad:
            x.grad = grad
        x._constant = constant
        for array, old in contents:
            if array.tobytes() != old.tobytes():
                array[...] = old
                bump_version(array, "viz or nn.doctor, which put the old value back")

    return undo


def _grad(x: Tensor) -> Tensor | None:
    return x._detached_grad if x._node is None else x._node.grad


def _undo_generator(generator: Generator) -> Undo:
    state = generator.get_state()
    return lambda: generator.set_state(state)
