"""The backward sweep: cotangents flow from the newest node to the oldest.

A node is always newer than its inputs, so taking the newest pending node first is a topological
order: no recursion and no counting. Handed arrays, the rules just compute. With ``lift`` the same
loop hands them Tensors, and the gradients are themselves recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from minigrad.engine.graph import FREED, Node, topological_order
from minigrad.modes import MODES
from minigrad.ops.reduction import unbroadcast
from minigrad.ops.shape import astype
from minigrad.storage import VERSIONS, written_since

Lift = Callable[[Any, Node], Any]
_ndarray = np.ndarray


def sweep(
    roots: Sequence[Node],
    cotangents: Sequence[Any],
    *,
    retain_graph: bool,
    lift: Lift | None = None,
    targets: Iterable[Node] | None = None,
    on_hook: Callable[[Node, Any], Any] | None = None,
) -> dict[Node, tuple[Any, bool]]:
    """Return the cotangent of every leaf, retaining node and target: ``(value, is it our own?)``.

    With ``targets`` only nodes on a path to one of them are visited. ``on_hook(node, g)`` is
    called where a node has hooks and gives the cotangent that goes on.
    """
    goal = None if targets is None else set(targets)
    useful = None if goal is None else _nodes_on_path(goal, roots)
    found: dict[Node, tuple[Any, bool]] = {}
    pending: dict[int, list[Any]] = {}  # sequence -> [node, cotangent, own buffer?]
    heap: list[int] = []  # negative sequences: the newest first
    apply_rules = _apply_rules if MODES.watch is None else MODES.watch(_apply_rules)
    for root, g in zip(roots, cotangents, strict=True):
        accumulate_pending(pending, heap, root, g)
    while heap:
        sequence = -heappop(heap)
        node, g, own = pending.pop(sequence)
        if node.hooks is not None and on_hook is not None:
            g, own = on_hook(node, g), False
        primitive = node.primitive
        if (primitive is None if goal is None else node in goal) or (
            node.retains and primitive is not None
        ):
            found[node] = (g, own and primitive is None)
        if primitive is None or (
            goal and useful and node in goal and useful.isdisjoint(node.inputs)
        ):
            continue  # here the way ends: what the node saved is not asked for
        saved = node.saved
        if type(saved) is not tuple:
            saved = saved.recall(node)
        if sequence < VERSIONS.last:
            _check_unwritten(node)
        if primitive.saves and not retain_graph:
            node.saved = FREED
        if lift is None or not primitive.saves:
            saved = _saved_or_shape(node, saved)
        else:
            saved = _saved_as_tensors(node, saved, lift)
        apply_rules(node, g, saved, pending, heap, useful, lift is None)
    return found


def _apply_rules(
    node: Node,
    g: Any,
    saved: Any,
    pending: Any,
    heap: list[int],
    useful: set[Node] | None,
    in_place: bool,
) -> None:
    """Apply the rules of a node, and put each cotangent with what is pending for its operand."""
    primitive: Any = node.primitive
    params: Any = node.params
    rules, into = primitive.vjps, primitive.into
    if not rules:
        rules, saved, params = primitive.rules(saved, params), (), None
    for rule, parent in zip(rules, node.many or (node.first, node.second), strict=False):
        if rule is None or parent is None or not parent.requires_grad:
            continue
        if useful is not None and parent not in useful:
            continue
        if (
            into is not None and in_place
        ):  # pieces of one whole: each costs what it is, not what the whole is
            entry = pending.get(parent.sequence)
            if entry is not None and entry[2] and type(entry[1]) is _ndarray:
                into(entry[1], g, **params)
                continue
        out = rule(g, *saved, **params) if params else rule(g, *saved)
        if out is None:  # a Function's own backward has no gradient for it
            continue
        fresh = in_place and out is not g and out.base is None
        if out.shape != parent.shape:
            out = unbroadcast(out, parent.shape)
        if out.dtype is not parent.dtype and out.dtype != parent.dtype:
            out = astype(out, dtype=parent.dtype)
        sequence = parent.sequence
        entry = pending.get(sequence)
        if entry is None:
            pending[sequence] = [parent, out, fresh]
            heappush(heap, -sequence)
        elif entry[2] and in_place:
            entry[1] += out
        else:  # what others may hold is added to out of place, once
            entry[1], entry[2] = entry[1] + out, True


def accumulate_pending(pending: Any, heap: list[int], node: Node, g: Any) -> None:
    """Put a cotangent that others may hold with what is pending for its node."""
    entry = pending.get(node.sequence)
    if entry is None:
        pending[node.sequence] = [node, g, False]
        heappush(heap, -node.sequence)
    else:
        entry[1] = entry[1] + g


def _saved_or_shape(node: Node, saved: tuple[Any, ...]) -> Any:
    """Return what the node saved, with nodes for what is looked at for shape and dtype only."""
    if node.many is not None:
        return [
            home if value is None else value
            for value, home in zip(saved, (node, *node.many), strict=True)
        ]
    if len(saved) == 3:
        out, a, b = saved
        return (
            node if out is None else out,
            node.first if a is None else a,
            node.second if b is None else b,
        )
    out, a = saved
    return node if out is None else out, node.first if a is None else a


def _saved_as_tensors(node: Node, saved: tuple[Any, ...], lift: Lift) -> list[Any]:
    """Return what the node saved as Tensors that stand in the graph where they stood."""
    homes = (node, *node.inputs)
    return [
        home if value is None else value if home is None else lift(value, home)
        for value, home in zip(saved, homes, strict=True)
    ]


def _nodes_on_path(goal: set[Node], roots: Sequence[Node]) -> set[Node]:
    """Return the nodes between the roots and the goal, by age: inputs are judged first."""
    seen: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(p for p in node.inputs if p is not None and p.requires_grad)
    useful = set(goal)
    for node in topological_order(seen):
        if any(parent in useful for parent in node.inputs):
            useful.add(node)
    return useful


def _check_unwritten(node: Node) -> None:
    """Raise where memory that the node reads in backward was written after the node was made.

    That is what it saved, and the arrays among its parameters: indices, masks, classes.
    """
    of, moment = VERSIONS.of, node.sequence
    for place, value in enumerate(node.saved if type(node.saved) is tuple else ()):
        if value is None or (
            type(value) is _ndarray and value.base is None and id(value) not in of
        ):
            continue  # as most of them
        if (
            hasattr(value, "base")
            and (writer := written_since(value, moment)) is not None
            and value.size
        ):
            what = "the result" if place == 0 else f"operand {place - 1}"
            raise _overwritten(node, what, value, writer)
    for name, value in node.params.items():
        for array in value if type(value) is tuple else (value,):
            if isinstance(array, _ndarray):
                writer = written_since(array, moment)
                if writer is not None:
                    raise _overwritten(node, name, array, writer)


def _overwritten(node: Node, what: str, value: Any, writer: str) -> RuntimeError:
    line = f" (recorded at {node.line[0]}:{node.line[1]})" if node.line else ""
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an "
        f"inplace operation: {what} of {node.primitive.name}, a {value.dtype} tensor of "  # type: ignore[union-attr]
        f"shape {tuple(value.shape)}, was overwritten by {writer} after it was "
        f"saved{line}. Compute the gradient first, or write into a clone()."
    )
