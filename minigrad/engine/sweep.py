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

from minigrad.engine.delivery import DELIVERED, Delivery
from minigrad.engine.graph import FREED, Node, nodes_on_path
from minigrad.engine.tap import Tap
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
    delivery: Delivery | None = None,
) -> dict[Node, tuple[Any, bool]]:
    """Return the cotangent of every leaf, retaining node and target: ``(value, is it our own?)``.

    With ``targets`` only nodes on a path to one of them are visited. ``on_hook(node, g)`` is
    called where a node has hooks and gives the cotangent that goes on. ``delivery`` takes some
    leaves before the end; they are not among the results.
    """
    goals = None if targets is None else set(targets)
    on_path = None if goals is None else nodes_on_path(goals, roots)
    results: dict[Node, tuple[Any, bool]] = {}
    pending = _seeds(roots, cotangents)
    heap = sorted(-sequence for sequence in pending)  # the newest first
    tap: Any = Tap(MODES.observers) if MODES.observers else None
    in_place = lift is None and tap is None
    if delivery is not None:
        delivery.tap, tap = tap, delivery
    while heap:
        sequence = -heappop(heap)
        node, g, owned = pending.pop(sequence)
        if node.hooks is not None and on_hook is not None:
            g, owned = on_hook(node, g), False
        primitive = node.primitive
        is_leaf = primitive is None
        is_target = is_leaf if goals is None else node in goals
        if is_target or (node.retains and not is_leaf):
            results[node] = (g, owned and is_leaf)
        if is_leaf or (is_target and on_path is not None and on_path.isdisjoint(node.inputs)):
            continue  # here the way ends: what the node saved is not needed
        saved = node.saved
        if type(saved) is not tuple:
            saved = saved.restore(node)
        if sequence < VERSIONS.last:
            _check_unwritten(node)
            if primitive.recomputes and saved[0] is not None:
                saved = _recomputed(node, saved)
        if primitive.saves_anything and not retain_graph:
            node.saved = FREED
        if lift is None or not primitive.saves_anything:
            saved = _saved_or_shape(node, saved)
        else:
            saved = _saved_as_tensors(node, saved, lift)
        if tap is None:
            _apply_rules(node, g, saved, pending, heap, on_path, in_place)
        else:
            tap.apply(_apply_rules, node, g, saved, pending, heap, on_path, in_place)
    results.pop(DELIVERED, None)
    return results


def _seeds(roots: Sequence[Node], cotangents: Sequence[Any]) -> dict[int, list[Any]]:
    """Return what is pending when the sweep begins: sequence -> [node, cotangent, owned?].

    A cotangent is owned where the sweep made its memory, so that it may be written to.
    """
    seeds: dict[Node, Any] = {}
    for root, g in zip(roots, cotangents, strict=True):
        seeds[root] = seeds[root] + g if root in seeds else g
    return {root.sequence: [root, g, False] for root, g in seeds.items()}


def _apply_rules(
    node: Node,
    g: Any,
    saved: Any,
    pending: dict[int, list[Any]],
    heap: list[int],
    on_path: set[Node] | None,
    in_place: bool,
    tap: Tap | None = None,
) -> None:
    """Apply the rules of a node, and put each cotangent with what is pending for its operand."""
    primitive: Any = node.primitive
    params: Any = node.params
    rules, into = primitive.vjps, primitive.into
    if not rules:
        rules, saved, params = primitive.rules(saved, params), (), None
    operands = node.many or (node.first, node.second)
    pairs = zip(rules, operands, strict=False) if tap is None else tap.pairs(rules, operands)
    for rule, operand in pairs:
        if rule is None or operand is None or not operand.requires_grad:
            continue
        if on_path is not None and operand not in on_path:
            continue
        sequence = operand.sequence
        entry = pending.get(sequence)
        if into is not None and in_place and entry is not None and _is_owned_array(entry):
            into(entry[1], g, **params)  # a part of an operand costs what the part is
            continue
        out = rule(g, *saved, **params) if params else rule(g, *saved)
        if out is None:  # a Function's own backward has no gradient for it
            continue
        owned = in_place and out is not g and out.base is None
        if out.shape != operand.shape:
            out = unbroadcast(out, operand.shape)
        if out.dtype is not operand.dtype and out.dtype != operand.dtype:
            out = astype(out, dtype=operand.dtype)
        if tap is not None:
            tap.send(operand, out)
        if entry is None:
            pending[sequence] = [operand, out, owned]
            heappush(heap, -sequence)
        elif entry[2] and in_place:
            entry[1] += out
        else:  # what others may hold is added to out of place, once
            entry[1], entry[2] = entry[1] + out, True


def _is_owned_array(entry: list[Any]) -> bool:
    return entry[2] and not isinstance(entry[1], np.generic)


def _saved_or_shape(node: Node, saved: tuple[Any, ...]) -> Any:
    """Return what the node saved, with nodes for what is looked at for shape and dtype only."""
    if node.many is not None:
        pairs = zip(saved, (node, *node.many), strict=True)
        return [stand_in if value is None else value for value, stand_in in pairs]
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
    operands = list(saved)
    for i, stand_in in enumerate((node, *node.inputs)):
        if saved[i] is None:
            operands[i] = stand_in
        elif stand_in is not None:
            operands[i] = lift(saved[i], stand_in)
    return operands


def _check_unwritten(node: Node) -> None:
    """Raise where memory that the node reads in backward was written after the node was made.

    That is what it saved, and the arrays among its parameters: indices, masks, classes. A result
    that can be computed again is none of them.
    """
    saved = node.saved if type(node.saved) is tuple else ()
    written_owners = VERSIONS.of
    for place, value in enumerate(saved):
        if value is None:
            continue
        owns_memory = type(value) is _ndarray and value.base is None
        if owns_memory and id(value) not in written_owners:
            continue  # as most of them
        if not hasattr(value, "base"):
            continue
        writer = written_since(value, node.sequence)
        if writer is not None and value.size:
            if place == 0 and node.primitive.recomputes:  # type: ignore[union-attr]
                continue
            what = "the result" if place == 0 else f"operand {place - 1}"
            raise _overwritten(node, what, value, writer)
    for name, value in node.params.items():
        for array in value if type(value) is tuple else (value,):
            if not isinstance(array, np.ndarray):
                continue
            writer = written_since(array, node.sequence)
            if writer is not None:
                raise _overwritten(node, name, array, writer)


def _recomputed(node: Node, saved: Any) -> Any:
    """Return what the node saved, with its result computed again if that was overwritten."""
    out, *operands = saved
    if written_since(out, node.sequence) is None:
        return saved
    function = node.primitive.function  # type: ignore[union-attr]
    return (function(*operands, **node.params), *operands)


def _overwritten(node: Node, what: str, value: Any, writer: str) -> RuntimeError:
    line = f" (recorded at {node.line[0]}:{node.line[1]})" if node.line else ""
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an "
        f"inplace operation: {what} of {node.primitive.name}, a {value.dtype} tensor of "  # type: ignore[union-attr]
        f"shape {tuple(value.shape)}, was overwritten by {writer} after it was "
        f"saved{line}. Compute the gradient first, or write into a clone()."
    )
