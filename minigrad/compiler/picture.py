"""A program as a picture: calls of NumPy, the memory they begin with, and what flows between."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.compiler.program import (
    CONSTANT,
    INPUT,
    NUMBER,
    STATE,
    Call,
    Memory,
    Place,
    Program,
    places,
)
from minigrad.viz.elements import Cluster, Edge, Vertex
from minigrad.viz.picture import Graph

KINDS = {INPUT: "input", STATE: "parameter", CONSTANT: "constant", NUMBER: "constant"}
Scope = tuple[str, str]  # a module's path and class, and what is done there


def picture_of(program: Program, title: str, direction: str = "TB") -> Graph:
    """Return the picture: a frame for forward, backward and the update, in it one a module."""
    drawing = _Drawing(Graph(title=title, direction=direction, show=("shapes",)))
    drawing.frames(program)
    for call in program.calls:
        drawing.call(call)
    for i, place in enumerate(program.results, 1):
        drawing.result(place, f"result {i}")
    return drawing.graph


class _Drawing:
    """A picture that grows call by call."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.latest: dict[Memory, int] = {}  # the vertex that wrote a memory last
        self.frame_of: dict[Scope, int] = {}

    def frames(self, program: Program) -> None:
        """Add the frames: those of modules inside those of the modules that hold them."""
        scopes = dict.fromkeys(call.scope for call in program.calls)
        for path, what in sorted(scopes, key=lambda scope: scope[0].count(".")):
            if what:
                outer = self._frame(("", what), None, what)
                if path:
                    self._frame((path, what), self._holder(path, what, outer), path)

    def _frame(self, scope: Scope, parent: int | None, title: str) -> int:
        known = self.frame_of.get(scope)
        if known is not None:
            return known
        clusters = self.graph.clusters
        number = self.frame_of[scope] = len(clusters)
        path, _, kind = title.rpartition(": ")
        level = 0 if parent is None else clusters[parent].level + 1
        clusters.append(Cluster(number, parent, path, kind, 0, level))
        return number

    def _holder(self, path: str, what: str, outer: int) -> int:
        """Return the frame of the innermost module that holds the one of this path."""
        name, _, _ = path.partition(": ")
        inside = outer
        for (other, kind), number in self.frame_of.items():
            holder, _, _ = other.partition(": ")
            if kind == what and holder and name.startswith(f"{holder}."):
                inside = number
        return inside

    def call(self, call: Call) -> None:
        """Add a call, and an edge from whatever wrote what it reads."""
        operands = list(call.reads())
        sources = [self._source(place) for place in operands]
        results = [*places(call.results), *call.writes]
        shape = results[0].shape if results else ()
        written = [place.memory.label for place in call.writes if place.memory.kind == STATE]
        number = self._vertex(
            "named" if call.is_guard else "operation",
            f"decides: {_name(call)}" if call.is_guard else _name(call),
            shape,
            cluster=self.frame_of.get(call.scope),
            in_place=", ".join(written) or None,
        )
        for i, (place, source) in enumerate(zip(operands, sources, strict=True)):
            self._edge(source, number, i, place, place.shape != shape and _spreads(call))
        self.latest.update((place.memory, number) for place in results)

    def result(self, place: Place, label: str) -> None:
        """Add what is returned."""
        source = self._source(place)
        number = self._vertex("output", label, place.shape)
        self._edge(source, number, 0, place, False)

    def _source(self, place: Place) -> int:
        """Return the vertex that wrote this last: one of its own where it was there before."""
        memory = place.memory
        if memory in self.latest:
            return self.latest[memory]
        shape = memory.shape
        if memory.kind == CONSTANT and memory.array.size == 1:  # one a reader: fewer crossings
            return self._vertex("constant", "constant", shape, number=memory.array.item())
        kind = KINDS.get(memory.kind, "constant")
        label = f"input {memory.key}" if kind == "input" else memory.kind
        number = self.latest[memory] = self._vertex(kind, memory.label or label, shape)
        return number

    def _vertex(self, kind: str, label: str, shape: Any, **more: Any) -> int:
        number = len(self.graph.nodes)
        shape = tuple(map(int, shape))
        self.graph.nodes.append(Vertex(number, kind, label, shape, plain=label, **more))
        return number

    def _edge(self, source: int, target: int, i: int, place: Place, spreads: bool) -> None:
        shape = tuple(map(int, place.shape))
        edge = Edge(source, target, i, shape, "", place.dtype.name, spreads)
        self.graph.edges.append(edge)


def _name(call: Call) -> str:
    """Return the name of a function, of a ufunc's method with the ufunc's."""
    if call.is_loop:
        return "loop"
    name = str(getattr(call.function, "__name__", "call"))
    owner = getattr(call.function, "__self__", None)
    return f"{owner.__name__}.{name}" if isinstance(owner, np.ufunc) else name.strip("_")


def _spreads(call: Call) -> bool:
    """Whether operands of other shapes are broadcast."""
    function = call.function
    return isinstance(function, np.ufunc) and function.signature is None
