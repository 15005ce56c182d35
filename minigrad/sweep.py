"""The backward sweep: cotangents flow from the newest node to the oldest.

A node is always newer than its inputs, so taking the newest pending node first is a topological
order: no recursion and no counting. Handed arrays, the rules just compute. With ``lift`` the same
loop hands them Tensors, and the gradients are themselves recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from minigrad.graph import FREED, Node
from minigrad.ops.reduction import sum as add_up
from minigrad.ops.shape import astype
from minigrad.storage import WRITES, written_since

Lift = Callable[[Any, Node], Any]


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
    useful = None if goal is None else _leading_to(goal, roots)
    found: dict[Node, tuple[Any, bool]] = {}
    pending: dict[int, list[Any]] = {}  # sequence -> [node, cotangent, own buffer?]
    heap: list[int] = []  # negative sequences: the newest first

    def arrive(node: Node, g: Any, own: bool) -> None:
        entry = pending.get(node.sequence)
        if entry is None:
            pending[node.sequence] = [node, g, own]
            heappush(heap, -node.sequence)
        elif entry[2] and lift is None:
            entry[1] += g
        else:
            entry[1], entry[2] = entry[1] + g, True

    for root, g in zip(roots, cotangents, strict=True):
        arrive(root, g, False)
    while heap:
        node, g, own = pending.pop(-heappop(heap))
        if node.hooks and on_hook is not None:
            g, own = on_hook(node, g), False
        leaf = node.primitive is None
        if node in goal if goal is not None else leaf or node.retains:
            found[node] = (g, own and leaf)
        if not leaf:
            saved = _saved(node, retain_graph, lift)
            for parent, out, fresh in _contributions(node, g, saved, useful):
                arrive(parent, out, fresh)
    return found


def _saved(node: Node, retain_graph: bool, lift: Lift | None) -> Any:
    """Return what the node saved, checked; give it up unless the graph is retained."""
    saved = node.saved
    if type(saved) is not tuple:
        saved = saved.recall(node)
    elif node.sequence < WRITES.last:
        _check_unwritten(node)
    if not retain_graph and any(value is not None and not isinstance(value, Node) for value in saved):
        node.saved = FREED
    return saved if lift is None else _lifted(node, saved, lift)


def _contributions(node: Node, g: Any, saved: Any, useful: set[Node] | None) -> Iterator[tuple[Node, Any, bool]]:
    """Yield (operand's node, its cotangent, is that memory new?) for each operand that wants one."""
    primitive = node.primitive
    assert primitive is not None
    for i, parent in enumerate(node.inputs):
        if parent is None or not parent.requires_grad or (useful is not None and parent not in useful):
            continue
        rule = primitive.rule(i)
        if rule is None:
            continue
        out = rule(g, *saved, **node.params)
        fresh = out is not g and getattr(out, "base", g) is None
        if out.shape != parent.shape:
            out = unbroadcast(out, parent.shape)
        if out.dtype != parent.dtype:
            out = astype(out, dtype=parent.dtype)
        yield parent, out, fresh


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``g`` over the axes along which ``shape`` was broadcast."""
    lead = g.ndim - len(shape)
    stretched = [i + lead for i, n in enumerate(shape) if n == 1 and g.shape[i + lead] != 1]
    g = add_up(g, axis=(*range(lead), *stretched), keepdims=False)
    return np.reshape(g, shape) if stretched else g


def _lifted(node: Node, saved: tuple[Any, ...], lift: Lift) -> list[Any]:
    """Return what the node saved as Tensors that stand in the graph where they stood."""
    homes = (node, *node.inputs)
    return [
        value if value is None or home is None or isinstance(value, Node) else lift(value, home)
        for value, home in zip(saved, homes, strict=True)
    ]


def _leading_to(goal: set[Node], roots: Sequence[Node]) -> set[Node]:
    """Return the nodes between the roots and the goal, by age: inputs are judged first."""
    seen: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(p for p in node.inputs if p is not None and p.requires_grad)
    useful = set(goal)
    for node in sorted(seen, key=lambda node: node.sequence):
        if any(parent in useful for parent in node.inputs):
            useful.add(node)
    return useful


def _check_unwritten(node: Node) -> None:
    for place, value in enumerate(node.saved):
        if isinstance(value, Node) or not hasattr(value, "base"):
            continue
        by = written_since(value, node.sequence)
        if by is not None:
            what = "the result" if place == 0 else f"operand {place - 1}"
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an "
                f"inplace operation: {what} of {node.primitive.name}, a {value.dtype} tensor of "  # type: ignore[union-attr]
                f"shape {tuple(value.shape)}, was overwritten by {by} after it was saved. "
                "Compute the gradient first, or write into a clone()."
            )
