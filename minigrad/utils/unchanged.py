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
def unchanged(model: Any, *given: Any) -> Iterator[None]:
    """Put back at the end of this block what it changed of ``model``, of what is ``given`` and of random numbers.

    Of each module, and of other objects given, that is every attribute (modes, counters, hooks,
    what lists and dictionaries among them hold); of tensors, theirs and those given, value and
    gradient; of generators the state, of the default one, too. Running statistics do not move in
    the first place. ``model`` may be a plain function.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> layer, before = nn.Dropout(0.5), mg.get_rng_state()
    >>> with unchanged(layer):
    ...     y = layer.eval()(mg.rand(2))
    >>> layer.training, (mg.get_rng_state() == before).all().item()
    (True, True)
    """
    objects: dict[int, Any] = {}
    for x in tree_leaves([model, *given]):
        if hasattr(x, "__dict__") and not isinstance(x, (Tensor, Generator, type)):
            objects |= {
                id(part): part for part in (x.modules() if hasattr(x, "named_modules") else [x])
            }
    leaves = {
        id(leaf): leaf for leaf in tree_leaves([*given, *map(vars, objects.values())])
    }.values()
    undo = [_of_object(x) for x in objects.values()]
    undo += [_of_tensor(x) for x in leaves if isinstance(x, Tensor)]
    undo += [_of_generator(x) for x in leaves if isinstance(x, Generator)]
    try:
        with fork_rng(), hold_statistics():
            yield
    finally:
        for step in undo:
            step()


def _of_object(x: Any) -> Undo:
    cls, before = type(x), dict(vars(x))
    inside = [
        (value, copy(value))
        for value in before.values()
        if isinstance(value, (list, dict, set, deque))
    ]

    def undo() -> None:
        if type(x) is not cls:
            x.__class__ = cls
        for name in vars(x).keys() - before.keys():
            del vars(x)[name]
        vars(x).update(before)
        for value, old in inside:
            if _ids(value) != _ids(old):
                value.clear()
                (value.update if isinstance(value, (dict, set)) else value.extend)(old)

    return undo


def _ids(value: Any) -> list[int]:
    return [*map(id, value), *map(id, value.values() if isinstance(value, dict) else ())]


def _of_tensor(x: Tensor) -> Undo:
    data, node, constant, grad = x._data, x._node, x._constant, _grad(x)
    arrays = [
        (array, array.copy())
        for array in (data, None if grad is None else grad._data)
        if array is not None
    ]

    def undo() -> None:
        x._node = node
        if x._data is not data:
            x.data = x._wrap(data)
        if _grad(x) is not grad:
            x.grad = grad
        x._constant = constant
        for array, old in arrays:
            if array.tobytes() != old.tobytes():
                array[...] = old
                bump_version(array, "viz or nn.doctor, which put the old value back")

    return undo


def _grad(x: Tensor) -> Tensor | None:
    return x._detached_grad if x._node is None else x._node.grad


def _of_generator(generator: Generator) -> Undo:
    state = generator.get_state()
    return lambda: generator.set_state(state)
