"""From the recorded graph to a picture: one walk that reads nodes and keeps none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minigrad.graph import Node
from minigrad.tensor import Tensor
from minigrad.viz.picture import Cluster, Edge, Graph, Vertex
from minigrad.viz.statistics import norm, statistics

ORDERED = {"sub", "div", "pow", "matmul", "linear", "conv", "where", "concatenate", "setitem", "maximum", "minimum"}
SHORT = {"float32": "f32", "float64": "f64", "float16": "f16", "int64": "i64", "int32": "i32", "bool": "bool"}


def below(roots: Sequence[Node]) -> list[Node]:
    """Return all nodes below by age, which puts inputs before what reads them."""
    seen = set(roots)
    stack = list(roots)
    while stack:
        for node in stack.pop().inputs:
            if node is not None and node not in seen:
                seen.add(node)
                stack.append(node)
    return sorted(seen, key=lambda node: node.sequence)


def walked(outputs: Sequence[Tensor], params: Any, model: Any, show: tuple[str, ...], direction: str) -> Graph:
    """Return the whole picture, nothing closed."""
    order = below([t._node for t in outputs if t._node is not None])
    number = {node: i for i, node in enumerate(order)}
    calls = Calls(order, model)
    known = calls.names()
    pairs = params.items() if isinstance(params, dict) else (params or ())
    for name, p in pairs:
        for home in (p._node, p._constant):
            if home is not None:
                known[home] = ("input" if type(p) is Tensor else "parameter", name, p)
    at = calls.places(order)
    for node in order:  # what was handed in stands outside, wherever it is read
        if node.primitive is None and (known[node][0] == "input" if node in known else node.requires_grad):
            at[node] = None
    values = _values(order) if "values" in show else {}
    made = Graph(clusters=calls.clusters, direction=direction, show=show)
    for i, node in enumerate(order):
        made.nodes.append(_vertex(i, node, known.get(node), at[node], calls, values, "values" in show))
        made.edges += _edges(node, number)
    for place, t in enumerate(outputs):
        label = "output" if len(outputs) == 1 else f"output {place}"
        source = number[t._node]  # type: ignore[index]
        made.edges.append(
            Edge(source, len(made.nodes), 0, t.shape, False, _short(t.dtype), False, _gradient(order[source]))
        )
        made.nodes.append(Vertex(len(made.nodes), "output", label, t.shape))
    return made


def _vertex(
    i: int, node: Node, known: Any, at: int | None, calls: Calls, values: dict[Node, Any], stats: bool
) -> Vertex:
    if node.primitive is not None:
        name = node.primitive.name + _scalars(node)
        kind, label = ("named", f"{node.label} = {name}") if node.label else ("operation", name)
    elif known is not None:
        kind, label = known[0], calls.short(known[1], at)
        values.setdefault(node, known[2]._data)
    else:
        kind, label = ("input", "leaf") if node.requires_grad else ("constant", "constant")
    value = slope = None
    if stats:
        value = statistics(values[node]) if node in values else None
        slope = statistics(node.grad._data) if node.grad is not None else None
    return Vertex(
        i, kind, label, node.shape, _gradient(node), _short(node.dtype), at, _saved(node), node.in_place,
        node.sequence, value, slope,
    )  # fmt: skip


def _edges(node: Node, number: dict[Node, int]) -> Iterable[Edge]:
    if node.primitive is None:
        return
    sources = [s for s in node.inputs if s is not None]
    function = node.primitive.function
    spreads = (isinstance(function, np.ufunc) and function.signature is None) or node.primitive.name in (
        "sub", "mul", "div", "pow", "where", "addcmul",
    )  # fmt: skip
    numbered = len(sources) > 1 and node.primitive.name in ORDERED
    for place, source in enumerate(node.inputs):
        if source is not None:
            broadcast = spreads and source.shape != node.shape
            yield Edge(
                number[source], number[node], place, source.shape, numbered, _short(source.dtype), broadcast,
                _gradient(source),
            )  # fmt: skip


def _short(dtype: Any) -> str:
    return SHORT.get(str(dtype), str(dtype))


def _gradient(node: Node) -> float | None:
    return None if node.grad is None else norm(node.grad._data)


def _arrays(node: Node) -> list[Any]:
    """Return what the node keeps for backward, each array once."""
    saved = node.saved if type(node.saved) is tuple else ()
    return list({id(a): a for a in saved if isinstance(a, np.ndarray)}.values())


def _saved(node: Node) -> int:
    return sum(a.nbytes for a in _arrays(node))


def _scalars(node: Node) -> str:
    """Return the Python numbers among the operands: " 1e-05" of ``var + eps``."""
    if type(node.saved) is not tuple or len(node.saved) != len(node.inputs) + 1:
        return ""
    numbers = [v for v, home in zip(node.saved[1:], node.inputs, strict=True) if home is None]
    return "".join(f" {v:.6g}" for v in numbers if type(v) in (int, float))


def _values(order: Sequence[Node]) -> dict[Node, Any]:
    """Return the values that some node still keeps."""
    values: dict[Node, Any] = {}
    for node in order:
        if type(node.saved) is tuple and len(node.saved) == len(node.inputs) + 1:
            for value, home in zip(node.saved, (node, *node.inputs), strict=True):
                if home is not None and isinstance(value, np.ndarray):
                    values.setdefault(home, value)
    return values


class Calls:
    """The module calls that nodes were made in, with the paths that the modules have in the model."""

    def __init__(self, order: Sequence[Node], model: Any) -> None:
        self.clusters: list[Cluster] = []
        self._of: dict[int, int] = {}  # id of a scope -> its cluster
        self._roots: dict[int, Any] = {} if model is None else {id(model): model}
        self._paths: dict[int, str] = {}
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
            count = sum(p.numel() for p in module.parameters()) if module is not None else 0
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
