"""Tensors that share memory: a view knows its base, and a recorded write through one reaches all.

A write goes to the memory, so every tensor on it sees the new values. What is left to do is the
graph. The base gets a node that joins its old value and what was written; its views are marked
stale, and each is derived from the base anew when it is next asked for its node. PyTorch calls
this rebasing. Who does not write does not pay: a view holds a link to its base, the base weak
references to its views, and a stale view is told by its class.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.engine.graph import Node, ancestors
from minigrad.engine.recording import Recorded, attach, record_unary
from minigrad.engine.recording import link as link_result
from minigrad.modes import MODES
from minigrad.ops.indexing import overwrite, setitem
from minigrad.ops.shape import expand_dims, reshape, squeeze
from minigrad.primitive import Primitive
from minigrad.storage import bump_version, owner

Step = tuple[Primitive, dict[str, Any]]


# How a view came about: (its base, how the tensor it was made of came about, primitive, parameters)
View = tuple[Any, Any, Primitive, dict[str, Any]]


def steps(view: View | None) -> tuple[Step, ...]:
    """Return the steps from the base to a view."""
    result: list[Step] = []
    while view is not None:
        _, view, primitive, params = view
        result.append((primitive, params))
    return tuple(reversed(result))


class Views(list):
    """Weak references to the views of a base; the dead ones go when the list has doubled."""

    __slots__ = ("limit",)

    def __init__(self) -> None:
        self.limit = 32

    def prune(self) -> None:
        self[:] = [ref for ref in self if ref() is not None]
        self.limit = max(32, 2 * len(self))


def link(primitive: Primitive, x: Any, params: dict[str, Any]) -> Any:
    """Run and record a primitive that makes views, and link the result to its base."""
    result = record_unary(primitive, x, params)
    memory = x._data
    if result._data is memory:  # as NumPy's squeeze of nothing
        result._data = memory[...]
    base = result._data.base
    if base is None:
        return result
    if base is not memory and base is not memory.base and owner(base) is not owner(memory):
        return result  # a copy
    if x._node is not None and result._node is None:  # made where nothing is recorded
        share(x)
        result._outside = True
        return result
    parent = x._view
    origin = x if parent is None else parent[0]
    result._view = (origin, parent, primitive, params)
    views = origin._views
    if views is None:
        origin._views = views = Views()
    views.append(weakref.ref(result))
    if len(views) > views.limit:
        views.prune()
    return result


Recorded._record_view = link


def own(x: Any) -> Any:
    """Return a function's result as a tensor of its own.

    Nobody holds the intermediate one that it is a view of.
    """
    x._view = None
    return x


def base_of(x: Any) -> Any:
    """Return the tensor that ``x`` is a view of, or ``x`` itself."""
    view = x._view
    if view is None or owner(view[0]._data) is not owner(x._data):  # .data of one was assigned
        return x
    return view[0]


def share(x: Any) -> None:
    """Note that others look at this memory whom the graph does not know."""
    (x if x._view is None else x._view[0])._shared = True


def live_views(base: Any) -> Iterator[Any]:
    """Yield the views of a base that are still held by someone."""
    for ref in base._views or ():
        view = ref()
        if view is not None and base_of(view) is base:
            yield view


def is_alone(x: Any) -> bool:
    """Return whether nobody else looks at the memory of ``x``, as far as one can know.

    A tensor without a node may stand on an array that somebody holds.
    """
    if x._shared or base_of(x) is not x or next(live_views(x), None) is not None:
        return False
    return x._node is not None or not x._data.flags.writeable


def store(x: Any, value: Any, by: str, since: int) -> None:
    """Write a recorded ``value``, of the shape of ``x``, into its memory for all who look at it.

    ``since`` is a tick before ``value`` was computed: what that saved of the memory is copied.
    """
    for node in ancestors([value._node], since):
        if type(node.saved) is tuple:
            node.saved = tuple(_apart(saved, x._data) for saved in node.saved)
    np.copyto(x._data, value._data)
    bump_version(x._data, by)
    rebase(x, value, by)


def _apart(value: Any, memory: np.ndarray) -> Any:
    """Return a copy of what lies in ``memory``, anything else as it is."""
    if isinstance(value, np.ndarray) and np.may_share_memory(value, memory):
        return np.copy(value)
    return value


def rebase(x: Any, value: Any, by: str) -> None:
    """Let the graph know that ``x`` holds ``value``, which is in its memory by now."""
    base = base_of(x)
    if base is x:
        replace_node(base, value._node, by)
    else:
        params = {"view": steps(x._view)}
        replace_node(base, attach(overwrite, base._data, (base, value), params), by)
    base._shared = True
    for view in live_views(base):
        if not _is_leaf(view):
            view.__class__ = Recorded._stale


def replace_node(x: Any, node: Node, by: str | None = None) -> None:
    """Give a tensor another place in the graph; ``by`` names the write that asks for it."""
    old = x._node
    if node is not old:
        node.in_place = by
        if old is not None and old.retains and old.primitive is not None:  # the tensor retains
            old.retains, node.retains = False, True
            node.grad = old.grad
    x._node, x._constant = node, None


def note_write(
    x: Any, value: Any, by: str, since: int, params: dict[str, Any] | None = None
) -> None:
    """Let pictures see a write that nothing records: from now on ``x``, and its base, stand for it.

    ``since`` is a tick before ``value`` was computed, where it was computed for this write.
    """
    if MODES.links is None or x._node is not None:
        return
    node = value._constant if isinstance(value, Recorded) else None
    if node is not None and node.primitive is not None and node.sequence > since:
        x._constant = node
    else:
        link_result(x, setitem, (x, value), params or {"index": ..., "within": None})
    base = base_of(x)
    if base is not x and base._node is None:
        link_result(base, overwrite, (base, x), {"view": steps(x._view)})
    for written in (x, base):
        if (
            written._node is None
            and written._constant is not None
            and written._constant.primitive is not None
        ):
            written._constant.in_place = by


def derive(view: Any) -> Node | None:
    """Give a stale view its place in the graph, derived from its base as that is now."""
    view.__class__ = Recorded._plain
    result = view._view[0]
    before, MODES.grad_enabled = MODES.grad_enabled, True
    try:
        for primitive, params in steps(view._view):
            result = record_unary(primitive, result, params)
    finally:
        MODES.grad_enabled = before
    replace_node(view, result._node)
    return view._node


def _is_leaf(x: Any) -> bool:
    node = x.__dict__.get("_node")
    return node is not None and node.primitive is None


def rearrange(x: Any, value: Any) -> None:
    """Let ``x`` take the shape of ``value``, a view of it; its own views stay what they are."""
    view = value._view
    if base_of(x) is not x:
        x._view = view
    elif view is not None:
        _, _, primitive, params = view
        back = (primitive, params)  # exchanging two dimensions twice changes nothing
        if primitive in (squeeze, expand_dims):
            back = (reshape, {"shape": x._data.shape})
        for own in live_views(x):
            line: View | None = None
            for step in (back, *steps(own._view)):
                line = (x, line, *step)
            own._view = line
    x._data, x._constant = value._data, None
