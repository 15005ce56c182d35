"""A program as a picture: calls of NumPy, the memory they begin with, and what flows between.

A program has thousands of objects, and a step does not need them: what a picture tells of it is
packed, and the program let go.
"""

from __future__ import annotations

import io
import pickle
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

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
QUICKLY = 1  # of zlib's levels


# ---- what is told of a program ------------------------------------------------------------------
class Seen(NamedTuple):
    """A place: the number of its memory, and how it looks."""

    memory: int
    shape: tuple[int, ...]
    dtype: str


class Step(NamedTuple):
    """A call."""

    name: str
    scope: Scope
    decides: bool
    spreads: bool  # whether operands of other shapes are broadcast
    reads: list[Seen]
    results: list[Seen]
    written: str  # the labels of the state that it writes


class Origin(NamedTuple):
    """A memory."""

    kind: str
    label: str
    shape: tuple[int, ...]
    number: Any  # of a constant of one number


class Sketch:
    """What a picture tells of a program, packed in a few kilobytes."""

    def __init__(self, program: Program) -> None:
        self.count = len(program.calls)
        numbers: dict[Memory, int] = {}
        packer = zlib.compressobj(QUICKLY)
        rows = _rows(program, numbers)
        packed = [packer.compress(pickle.dumps(row)) for row in rows]  # each is gone with the next
        self.packed = b"".join([*packed, packer.flush()])

    def picture(self, direction: str = "TB") -> Graph:
        """Return the picture: a frame for forward, backward and the update, in it one a module."""
        rows = list(self._rows())
        steps, results, origins = rows[:-2], rows[-2], rows[-1]
        title = f"{self.count} calls of NumPy"
        graph = Graph(title=title, direction=direction, show=("shapes",))
        drawing = _Drawing(graph, origins)
        drawing.frames(steps)
        for step in steps:
            drawing.call(step)
        for i, seen in enumerate(results, 1):
            drawing.result(seen, f"result {i}")
        return graph

    def _rows(self) -> Iterator[Any]:
        file = io.BytesIO(zlib.decompress(self.packed))
        for _ in range(self.count + 2):
            yield pickle.load(file)


def _rows(program: Program, numbers: dict[Memory, int]) -> Iterator[Any]:
    """Yield the calls, what is returned, and the memories that these name by number."""

    def seen(place: Place) -> Seen:
        number = numbers.setdefault(place.memory, len(numbers))
        return Seen(number, _plain(place.shape), place.dtype.name)

    for call in program.calls:
        reads = list(map(seen, call.reads()))
        results = [*map(seen, places(call.results)), *map(seen, call.writes)]
        labels = [place.memory.label for place in call.writes if place.memory.kind == STATE]
        written = ", ".join(labels)
        spreads = _spreads(call)
        yield Step(_name(call), call.scope, call.is_guard, spreads, reads, results, written)
    yield list(map(seen, program.results))
    yield list(map(_origin, numbers))


def _origin(memory: Memory) -> Origin:
    is_number = memory.kind == CONSTANT and memory.array.size == 1
    number = memory.array.item() if is_number else None
    label = f"input {memory.key}" if memory.kind == INPUT else memory.kind
    return Origin(memory.kind, memory.label or label, _plain(memory.shape), number)


def _plain(shape: Any) -> tuple[int, ...]:
    return tuple(map(int, shape))


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


# ---- the picture --------------------------------------------------------------------------------
class _Drawing:
    """A picture that grows call by call."""

    def __init__(self, graph: Graph, origins: list[Origin]) -> None:
        self.graph, self.origins = graph, origins
        self.latest: dict[int, int] = {}  # the vertex that wrote a memory last
        self.frame_of: dict[Scope, int] = {}

    def frames(self, steps: list[Step]) -> None:
        """Add the frames: those of modules inside those of the modules that hold them."""
        scopes = dict.fromkeys(step.scope for step in steps)
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

    def call(self, step: Step) -> None:
        """Add a call, and an edge from whatever wrote what it reads."""
        sources = [self._source(seen) for seen in step.reads]
        shape = step.results[0].shape if step.results else ()
        number = self._vertex(
            "named" if step.decides else "operation",
            f"decides: {step.name}" if step.decides else step.name,
            shape,
            cluster=self.frame_of.get(step.scope),
            in_place=step.written or None,
        )
        for i, (seen, source) in enumerate(zip(step.reads, sources, strict=True)):
            self._edge(source, number, i, seen, seen.shape != shape and step.spreads)
        self.latest.update((seen.memory, number) for seen in step.results)

    def result(self, seen: Seen, label: str) -> None:
        """Add what is returned."""
        source = self._source(seen)
        number = self._vertex("output", label, seen.shape)
        self._edge(source, number, 0, seen, False)

    def _source(self, seen: Seen) -> int:
        """Return the vertex that wrote this last: one of its own where it was there before."""
        if seen.memory in self.latest:
            return self.latest[seen.memory]
        origin = self.origins[seen.memory]
        shape, number = origin.shape, origin.number
        if number is not None:  # one a reader: fewer crossings
            return self._vertex("constant", "constant", shape, number=number)
        kind = KINDS.get(origin.kind, "constant")
        vertex = self.latest[seen.memory] = self._vertex(kind, origin.label, shape)
        return vertex

    def _vertex(self, kind: str, label: str, shape: Any, **more: Any) -> int:
        number = len(self.graph.nodes)
        self.graph.nodes.append(Vertex(number, kind, label, shape, plain=label, **more))
        return number

    def _edge(self, source: int, target: int, i: int, seen: Seen, spreads: bool) -> None:
        edge = Edge(source, target, i, seen.shape, "", seen.dtype, spreads)
        self.graph.edges.append(edge)
