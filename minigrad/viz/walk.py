"""From the recorded graph to a picture: one walk that reads nodes and keeps none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from minigrad.engine.graph import FREED, Given, Node, ancestors, topological_order
from minigrad.storage import written_since
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_leaves
from minigrad.viz.calls import Calls, homes
from minigrad.viz.picture import Edge, Graph, Vertex
from minigrad.viz.statistics import Flow, size_of, statistics
from minigrad.viz.wording import called, ordered, wording

NOTE = "the gradients: draw after `with viz.watch(): loss.backward()`"
SHORT = {
    "float32": "f32",
    "float64": "f64",
    "float16": "f16",
    "int64": "i64",
    "int32": "i32",
    "bool": "bool",
}


def pairs(params: Any, caller: str) -> list[tuple[str, Tensor]]:
    """Return (name, tensor) of a dict, or of pairs; TypeError for anything else."""
    found = list(params.items() if isinstance(params, dict) else (params or ()))
    for each in found:
        if not (isinstance(each, tuple) and len(each) == 2 and isinstance(each[1], Tensor)):
            raise TypeError(
                f"{caller}: params is a dict of tensors or (name, tensor) pairs, as model.named_parameters() gives; "
                f"got {'a Tensor' if isinstance(each, Tensor) else repr(each)[:60]} in it"
            )
    return [(str(name), t) for name, t in found]


class _Seen(NamedTuple):
    """What is known of the nodes of a graph."""

    number: dict[Node, int]
    at: dict[Node, int | None]  # the cluster of each
    titles: dict[Node, tuple[str, str]]  # kind and label of leaves
    names: dict[Node, str]  # of all that have one
    taken: set[str]
    values: dict[Node, Any]
    slopes: dict[Node, Any]  # the gradients, as arrays
    flows: dict[tuple[Node, int], Any]  # and what of them came from each operand's reader
    stats: bool


def walked(
    outputs: Sequence[Tensor], params: Any, model: Any, show: tuple[str, ...], direction: str
) -> Graph:
    """Return the whole picture, nothing closed."""
    ends: list[Any] = [t._node or t._constant for t in outputs]
    order = topological_order(ancestors(ends))
    calls = Calls(order, model)
    known = calls.names()
    for name, p in pairs(params, "viz.graph"):
        for home in homes(p):
            known[home] = ("input" if type(p) is Tensor else "parameter", name, p)
    beside = _beside(order, known)
    order = topological_order({*order, *(x for indices in beside.values() for x in indices)})
    seen = _seen(order, ends, outputs, known, calls, show)
    made = Graph(clusters=calls.clusters, direction=direction, show=show)
    for node in order:
        made.nodes.append(_vertex(node, seen))
        made.edges += _edges(node, seen)
        for place, x in enumerate(beside.get(node, ()), len(node.inputs)):
            made.edges.append(
                Edge(seen.number[x], seen.number[node], place, x.shape, "", _short(x.dtype))
            )
    readers = Counter(x for node in order for x in node.inputs) + Counter(ends)
    for place, (t, end) in enumerate(zip(outputs, ends, strict=True)):
        label = "output" if len(outputs) == 1 else f"output {place}"
        slope = seen.slopes.get(end) if readers[end] == 1 else None
        flow = None if slope is None else Flow({end.sequence: slope})
        i = len(made.nodes)
        made.edges.append(Edge(seen.number[end], i, 0, t.shape, "", _short(t.dtype), flow=flow))
        made.nodes.append(Vertex(i, "output", label, t.shape, number=_number(end, seen.values)))
    swept = any(node.saved is FREED or node.grad is not None for node in order)
    made.note = NOTE if "gradients" in show and swept and not seen.slopes else ""
    return made


def _beside(
    order: Sequence[Node], known: dict[Node, tuple[str, str, Tensor]]
) -> dict[Node, list[Node]]:
    """Return the named tensors that operations read as indices, masks or classes: these are no operands."""
    whole = {home: p._data for home, (_, _, p) in known.items() if p.dtype.kind in "iub"}
    found: dict[Node, list[Node]] = {}
    for node in order if whole else ():
        for array in tree_leaves(node.params):
            if isinstance(array, np.ndarray):
                found.setdefault(node, []).extend(
                    x for x, data in whole.items() if np.may_share_memory(array, data)
                )
    return found


def _seen(
    order: Sequence[Node],
    ends: Sequence[Node],
    outputs: Sequence[Tensor],
    known: Any,
    calls: Calls,
    show: Sequence[str],
) -> _Seen:
    at = calls.standing(order, known)
    titles = {
        node: _title(node, known.get(node), at[node], calls)
        for node in order
        if node.primitive is None
    }
    names = {node: node.label for node in order if node.label and node.primitive is not None}
    names |= {
        node: label
        for node, (_, label) in titles.items()
        if node in known or node.label or isinstance(node, Given)
    }
    for node in order:  # a channel's number is still called γ where it is laid out to fit
        if node.primitive is not None and node.primitive.name == "reshape":
            x: Any = node.inputs[0]
            if titles.get(x, ("",))[0] in ("parameter", "buffer"):
                names.setdefault(node, names[x])
    values = _fresh(order, {node: p._data for node, (_, _, p) in known.items()})
    values |= {
        e: t._data
        for e, t in zip(ends, outputs, strict=True)
        if not written_since(t._data, e.sequence)
    }
    values = _values(order, values, "values" in show)
    slopes, flows = _flowed(order, ends)
    number = {node: i for i, node in enumerate(order)}
    return _Seen(
        number, at, titles, names, set(names.values()), values, slopes, flows, "values" in show
    )


def _title(node: Node, known: Any, at: int | None, calls: Calls) -> tuple[str, str]:
    """Return kind and label of a leaf."""
    if known is not None:
        return known[0], calls.short(known[1], at)
    if isinstance(node, Given):
        return "input", node.label or "input"
    return ("input", "leaf") if node.requires_grad else ("constant", node.label or "constant")


def _vertex(node: Node, seen: _Seen) -> Vertex:
    kept = _kept(node)
    kind, label = seen.titles.get(node) or ("named" if node.label else "operation", "")
    plain = label
    if node.primitive is not None:
        label, plain = (
            wording(node, _scalars(node, kept), names, seen.taken) for names in _names(node, seen)
        )
    slope = seen.slopes.get(node)
    value = statistics(seen.values[node]) if seen.stats and node in seen.values else None
    return Vertex(
        seen.number[node], kind, label, node.shape, None if slope is None else size_of(slope), _short(node.dtype),
        seen.at[node], _saved(kept), node.in_place, node.sequence, value,
        statistics(slope) if seen.stats and slope is not None else None, plain, _number(node, seen.values),
    )  # fmt: skip


def _edges(node: Node, seen: _Seen) -> Iterable[Edge]:
    """Yield an edge an operand."""
    if node.primitive is None:
        return
    function = node.primitive.function
    spreads = (isinstance(function, np.ufunc) and function.signature is None) or node.primitive.name in (
        "sub", "deviation", "mul", "div", "pow", "where", "addcmul", "over_root",
    )  # fmt: skip
    told = ordered(node)
    letters, plain = (
        _letters(node, names, seen.taken) if told else {} for names in _names(node, seen)
    )
    for place, source in enumerate(node.inputs):
        if source is not None:
            flow = None
            if (node, place) in seen.flows:  # a Function's outputs are values of their own
                flow = Flow(
                    {(node if source.dtype == object else source).sequence: seen.flows[node, place]}
                )
            yield Edge(
                seen.number[source], seen.number[node], place, source.shape, letters.get(place, ""), _short(source.dtype),
                spreads and source.shape != node.shape, flow=flow, plain=plain.get(place, ""),
            )  # fmt: skip


def _names(node: Node, seen: _Seen) -> tuple[dict[Node, str], dict[Node, str]]:
    """Return the names of the operands, and of those that stand in the same call."""
    every = {x: seen.names[x] for x in node.inputs if x in seen.names}
    return every, {x: name for x, name in every.items() if seen.at[x] == seen.at[node]}


def _letters(node: Node, names: dict[Node, str], taken: set[str]) -> dict[int, str]:
    """Return the letters of the operands that a formula does not call by their names."""
    inputs: Any = node.inputs
    return {
        i: letter
        for i, letter in called(node, names, taken).items()
        if letter != names.get(inputs[i])
    }


@cache
def _short(dtype: Any) -> str:
    return SHORT.get(str(dtype), str(dtype))


# ---- gradients ------------------------------------------------------------------------------------
def _flowed(
    order: Sequence[Node], ends: Sequence[Node]
) -> tuple[dict[Node, Any], dict[tuple[Node, int], Any]]:
    """Return what one watched sweep, the latest from these ends, brought to each node and sent along each edge.

    Where none was watched, what nodes retained; never the ``.grad`` of leaves, which may be another graph's.
    """
    last = max((end.passed.sweep for end in ends if end.passed is not None), default=None)
    if last is None:
        retained = {
            node: node.grad._data
            for node in order
            if node.primitive is not None and node.grad is not None
        }
        return retained, {}
    slopes: dict[Node, Any] = {}
    flows: dict[tuple[Node, int], Any] = {}
    for node in order:
        if node.passed is not None and node.passed.sweep == last:
            slopes[node] = node.passed.gradient
            for place, part in node.passed.sent.items():
                source: Any = node.inputs[place]
                flows[node, place] = part
                if source.primitive is None:
                    slopes[source] = slopes[source] + part if source in slopes else part
    return slopes, flows


# ---- values ---------------------------------------------------------------------------------------
def _kept(node: Node) -> tuple[Any, ...]:
    """Return (out, *operands) as the node keeps them for backward, or kept them until it came; else nothing."""
    saved = node.saved
    if type(saved) is not tuple and node.passed is not None:
        saved = node.passed.saved
    return saved if type(saved) is tuple and len(saved) == len(node.inputs) + 1 else ()


def _saved(kept: tuple[Any, ...]) -> int:
    """Return how many bytes are kept, each array counted once."""
    return sum({id(a): a.nbytes for a in kept if isinstance(a, np.ndarray)}.values())


def _scalars(node: Node, kept: tuple[Any, ...]) -> dict[int, Any]:
    """Return the Python numbers among the operands, by place: {1: 1e-05} of ``var + eps``."""
    if not kept or None not in node.inputs:
        return {}
    return {
        i: kept[i + 1]
        for i, x in enumerate(node.inputs)
        if x is None and type(kept[i + 1]) in (int, float, bool)
    }


def _fresh(order: Sequence[Node], values: dict[Node, Any]) -> dict[Node, Any]:
    """Return the values that were not written over since a node read them."""
    read: dict[Node, int] = {}
    for node in reversed(order):
        read.update((x, node.sequence) for x in node.inputs if x in values)
    return {
        node: value
        for node, value in values.items()
        if node in read and not written_since(value, read[node])
    }


def _values(order: Sequence[Node], values: dict[Node, Any], everything: bool) -> dict[Node, Any]:
    """Return the known ``values``, those that some node keeps, and what can be computed from them: numbers at least."""
    for node in order:
        for value, home in zip(_kept(node), (node, *node.inputs), strict=False):
            if (
                home is not None
                and isinstance(value, np.ndarray)
                and not written_since(value, node.sequence)
            ):
                values.setdefault(home, value)
    for node in order:
        if node not in values and node.primitive is not None and (everything or node.size == 1):
            numbers = _scalars(node, _kept(node))
            operands = [
                numbers.get(i) if x is None else values.get(x) for i, x in enumerate(node.inputs)
            ]
            small = all(x is not None and np.size(x) == 1 for x in operands)
            if small or (everything and all(x is not None for x in operands)):
                with (
                    suppress(Exception),
                    np.errstate(all="ignore"),
                ):  # only a picture: what cannot be told is left out
                    values[node] = np.asarray(node.primitive.function(*operands, **node.params))
    return values


def _number(node: Node, values: dict[Node, Any]) -> Any:
    """Return the value of what holds one number, where it is known."""
    value = values.get(node)
    plain = isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "fiub"
    return value.item() if plain else None  # type: ignore[union-attr]
