"""From the recorded graph to a picture: one walk that reads nodes and keeps none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np

from minigrad.graph import Node, below, by_age
from minigrad.tensor import Tensor
from minigrad.viz.picture import Cluster, Edge, Graph, Vertex
from minigrad.viz.statistics import norm, statistics
from minigrad.viz.wording import letters, ordered, wording

NOTE = "the gradients in between: draw after `with viz.watch(): loss.backward()`"
SHORT = {"float32": "f32", "float64": "f64", "float16": "f16", "int64": "i64", "int32": "i32", "bool": "bool"}


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


def walked(outputs: Sequence[Tensor], params: Any, model: Any, show: tuple[str, ...], direction: str) -> Graph:
    """Return the whole picture, nothing closed."""
    order = by_age(below(t._node for t in outputs if t._node is not None))
    number = {node: i for i, node in enumerate(order)}
    calls = Calls(order, model)
    known = calls.names()
    for name, p in pairs(params, "viz.graph"):
        for home in (p._node, p._constant):
            if home is not None:
                known[home] = ("input" if type(p) is Tensor else "parameter", name, p)
    at = calls.places(order)
    for node in order:  # what was handed in stands outside, wherever it is read
        if node.primitive is None and (known[node][0] == "input" if node in known else node.requires_grad):
            at[node] = None
    values = _values(order, {node: p._data for node, (_, _, p) in known.items()}) if "values" in show else {}
    made = Graph(clusters=calls.clusters, direction=direction, show=show)
    readers = Counter(x for node in order for x in node.inputs)
    readers.update(t._node for t in outputs)
    slopes = {node: None if (g := _slope(node)) is None else norm(g) for node in order}
    alone = {node: slope if readers[node] == 1 else None for node, slope in slopes.items()}
    for i, node in enumerate(order):
        made.nodes.append(_vertex(i, node, known.get(node), at[node], calls, values, slopes[node], "values" in show))
        made.edges += _edges(node, number, alone)
    for place, t in enumerate(outputs):
        label = "output" if len(outputs) == 1 else f"output {place}"
        end: Any = t._node
        i = len(made.nodes)
        made.edges.append(Edge(number[end], i, 0, t.shape, "", _short(t.dtype), False, alone[end]))
        made.nodes.append(Vertex(i, "output", label, t.shape))
    if "gradients" in show and {v.gradient is None for v in made.nodes if v.kind in ("operation", "named")} == {True}:
        made.note = NOTE * any(v.gradient is not None for v in made.nodes)
    return made


def _vertex(
    i: int, node: Node, known: Any, at: int | None, calls: Calls, values: dict[Node, Any], slope: Any, stats: bool
) -> Vertex:
    kept = _kept(node)
    if node.primitive is not None:
        kind, label = "named" if node.label else "operation", wording(node, _scalars(node, kept))
    elif known is not None:
        kind, label = known[0], calls.short(known[1], at)
    else:
        kind, label = ("input", "leaf") if node.requires_grad else ("constant", "constant")
    value = statistics(values[node]) if stats and node in values else None
    spread = statistics(_slope(node)) if stats and slope is not None else None
    return Vertex(
        i, kind, label, node.shape, slope, _short(node.dtype), at, _saved(kept), node.in_place, node.sequence,
        value, spread,
    )  # fmt: skip


def _edges(node: Node, number: dict[Node, int], alone: dict[Node, float | None]) -> Iterable[Edge]:
    """Yield an edge an operand; what flowed back along it is known where it was watched or nobody else read it."""
    if node.primitive is None:
        return
    function = node.primitive.function
    spreads = (isinstance(function, np.ufunc) and function.signature is None) or node.primitive.name in (
        "sub", "deviation", "mul", "div", "pow", "where", "addcmul", "over_root",
    )  # fmt: skip
    called = letters(node) if ordered(node) else {}
    sent = {} if node.passed is None else node.passed.sent
    for place, source in enumerate(node.inputs):
        if source is not None:
            broadcast = spreads and source.shape != node.shape
            yield Edge(
                number[source], number[node], place, source.shape, called.get(place, ""), _short(source.dtype), broadcast,
                sent[place] if place in sent else alone[source],
            )  # fmt: skip


@cache
def _short(dtype: Any) -> str:
    return SHORT.get(str(dtype), str(dtype))


def _slope(node: Node) -> Any:
    """Return the gradient as an array: what ``backward`` left there, or was seen to pass."""
    if node.grad is not None:
        return node.grad._data
    return None if node.passed is None else node.passed.gradient


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
    return {i: kept[i + 1] for i, x in enumerate(node.inputs) if x is None and type(kept[i + 1]) in (int, float, bool)}


def _values(order: Sequence[Node], values: dict[Node, Any]) -> dict[Node, Any]:
    """Return the known ``values`` and those that some node keeps, and what can be computed from them."""
    for node in order:
        for value, home in zip(_kept(node), (node, *node.inputs), strict=False):
            if home is not None and isinstance(value, np.ndarray):
                values.setdefault(home, value)
    for node in order:
        if node not in values and node.primitive is not None:
            numbers = _scalars(node, _kept(node))
            operands = [numbers.get(i) if x is None else values.get(x) for i, x in enumerate(node.inputs)]
            if all(x is not None for x in operands):
                with suppress(Exception), np.errstate(all="ignore"):  # only a picture: what cannot be told is left out
                    values[node] = np.asarray(node.primitive.function(*operands, **node.params))
    return values


class Calls:
    """The module calls that nodes were made in, with the paths that the modules have in the model."""

    def __init__(self, order: Sequence[Node], model: Any) -> None:
        self.clusters: list[Cluster] = []
        self._of: dict[int, int] = {}  # id of a scope -> its cluster
        self._roots: dict[int, Any] = {} if model is None else {id(model): model}
        self._paths: dict[int, str] = {}
        self._counts: dict[int, int] = {}
        self._keep: list[Any] = []  # scopes, so that their ids stay theirs
        for root in self._roots.values():
            self._enter(root)
        for node in order:
            if node.primitive is not None and node.scope is not None:
                self._cluster(node.scope)

    def _enter(self, root: Any) -> None:
        for path, module in root.named_modules():
            self._paths.setdefault(id(module), path)

    def _cluster(self, scope: Any) -> int:
        chain = []
        while scope is not None and id(scope) not in self._of:
            chain.append(scope)
            scope = scope[0]
        at = None if scope is None else self._of[id(scope)]
        for made in reversed(chain):
            module, cls = made[1](), made[2]
            if module is not None and id(module) not in self._paths:
                self._roots[id(module)] = module
                self._enter(module)
            path = self._paths.get(id(module), "") if module is not None else ""
            if module is not None and id(module) not in self._counts:
                self._counts[id(module)] = sum(p.numel() for p in module.parameters())
            count = self._counts[id(module)] if module is not None else 0
            level = 0 if at is None else self.clusters[at].level + 1
            self.clusters.append(Cluster(len(self.clusters), at, path, cls.__name__, count, level))
            at = self._of[id(made)] = len(self.clusters) - 1
            self._keep.append(made)
        assert at is not None
        return at

    def names(self) -> dict[Node, tuple[str, str, Tensor]]:
        """Return (kind, name, tensor) of the parameters and buffers of all models met."""
        known: dict[Node, tuple[str, str, Tensor]] = {}
        for root in self._roots.values():
            for kind, pairs in (("parameter", root.named_parameters()), ("buffer", root.named_buffers())):
                for name, t in pairs:
                    for home in (t._node, t._constant):
                        if home is not None:
                            known.setdefault(home, (kind, name, t))
        return known

    def places(self, order: Sequence[Node]) -> dict[Node, int | None]:
        """Return the cluster of each node; a leaf stands in the innermost call around all its readers."""
        at = {n: self._of[id(n.scope)] if n.primitive is not None and n.scope is not None else None for n in order}
        readers: dict[Node, int | None] = {}
        for node in order:
            for source in node.inputs:
                if source is not None and source.primitive is None:
                    readers[source] = self._common(readers[source], at[node]) if source in readers else at[node]
        return at | readers

    def _common(self, a: int | None, b: int | None) -> int | None:
        while a != b:
            if a is None or b is None:
                return None
            if self.clusters[a].level >= self.clusters[b].level:
                a = self.clusters[a].parent
            else:
                b = self.clusters[b].parent
        return a

    def short(self, name: str, at: int | None) -> str:
        """Return a name as it reads inside a cluster: without the cluster's own path."""
        path = "" if at is None else self.clusters[at].path
        return name.removeprefix(path + ".") if path else name
