"""``viz.diff`` draws two models, or two runs, in one picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from minigrad.tensor.tensor import Tensor
from minigrad.viz.align import Alignment, align
from minigrad.viz.dot import call_name
from minigrad.viz.draw import graph, trace
from minigrad.viz.elements import Cluster, Edge, Picture, Vertex
from minigrad.viz.formatting import format_number, format_shape
from minigrad.viz.picture import Graph
from minigrad.viz.simplify import close_boxes, close_modules, fit_to_page, shorten_middle

_Placed = tuple[int, int, Vertex]  # the vertex of the second that it follows, is it the first's


@dataclass(repr=False)
class Comparison(Graph):
    """The picture of two, marked; ``added``, ``removed`` and ``changed`` name what is marked.

    A call that is added or removed is named once, without what is in it; ``changed`` names the
    innermost calls in which a shape, dtype or formula is another.
    """

    @property
    def added(self) -> list[str]:
        """What only the second has."""
        return _marked(self.whole or self, "added")

    @property
    def removed(self) -> list[str]:
        """What only the first has."""
        return _marked(self.whole or self, "removed")

    @property
    def changed(self) -> list[str]:
        """What both have, in another shape."""
        return _marked(self.whole or self, "changed")

    def __repr__(self) -> str:
        lines = [f"− {name}" for name in self.removed]
        lines += [f"+ {name}" for name in self.added]
        lines += [f"~ {name}" for name in self.changed]
        return "\n".join(lines) or "the same"


def diff(
    a: Any, b: Any, *inputs: Any, depth: int | None = None, max_nodes: int = 500, **options: Any
) -> Comparison:
    """Return one picture of two models or of two runs: what the second added, removed, changed.

    ``a`` and ``b`` are models or functions, which are traced with ``inputs``; or tensors, whose
    graphs are compared; or pictures of :func:`graph` and :func:`trace`. Calls and operations are
    aligned in their order, so that a layer between others is one addition, whatever the numbers of
    those behind it. Where both were watched (:func:`watch`), edges show what flowed in the second,
    and how many times that of the first it is.

    Calls that were added or removed are closed; equal ones are, where others are not and no
    gradients flowed in both. With ``depth`` the calls of that level are. ``options`` are those of
    :func:`graph`. Raises TypeError for models without inputs.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> a = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    >>> b = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    >>> mg.viz.diff(a, b, mg.ones(4, 2))
    + 1: BatchNorm1d
    """
    first = _picture(a, inputs, options)
    second = _picture(b, inputs, options)
    old = first.whole or first
    new = second.whole or second
    whole = _combine(old, new, align(old, new))
    if depth is not None:
        closed = close_modules(whole, depth)
        drawn = shorten_middle(closed, max_nodes)
    else:
        calls = _settled_calls(whole)
        settled = close_boxes(whole, calls)
        drawn = fit_to_page(settled, None, False, max_nodes)
    fields = vars(drawn) | {"whole": whole}
    return Comparison(**fields)


def _picture(x: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Graph:
    if isinstance(x, Graph):
        return x
    if isinstance(x, Tensor) or (isinstance(x, (list, tuple)) and x):
        return graph(x, **options)
    if not callable(x):
        raise TypeError(
            f"viz.diff: expected models, functions, tensors or pictures, got {type(x).__name__}"
        )
    if not inputs:
        raise TypeError(
            f"viz.diff: {type(x).__name__} must run to be drawn; give example inputs after the "
            "two: viz.diff(a, b, x)"
        )
    return trace(x, *inputs, **options)


# ---- one picture of two ------------------------------------------------------------------------
def _combine(a: Picture, b: Picture, same: Alignment) -> Graph:
    """Return both in one: what only ``a`` has stands behind what it follows there."""
    calls = _Calls(a, b, same)
    entries = [(v.id, 0, _second(v, a, same)) for v in b.nodes]
    entries += _first_only(a, same, calls)
    entries.sort(key=lambda entry: entry[:2])

    numbers: dict[tuple[bool, int], int] = {}  # (is it the first's alone, old id) -> new id
    nodes = []
    for number, (_, _, v) in enumerate(entries):
        is_removed = v.mark == "removed"
        numbers[is_removed, v.id] = number
        nodes.append(v._replace(id=number))
    new_ids = {v.id: numbers[False, v.id] for v in b.nodes}
    old_ids = {old: new_ids[new] for new, old in same.nodes.items()}
    for v in a.nodes:
        if v.id not in old_ids:
            old_ids[v.id] = numbers[True, v.id]

    return Graph(
        nodes=nodes,
        edges=_edges(_renumbered(a.edges, old_ids), _renumbered(b.edges, new_ids)),
        clusters=_marked_calls(calls.all, nodes),
        title=b.title,
        note="\n".join(_union(a.note.splitlines(), b.note.splitlines())),
        direction=b.direction,
        show=tuple(_union(b.show, a.show)),
        letters=b.letters,
    )


def _union(first: Iterable[str], second: Iterable[str]) -> list[str]:
    words = [*first, *second]
    return list(dict.fromkeys(words))


def _second(v: Vertex, a: Picture, same: Alignment) -> Vertex:
    """Return a vertex of the second picture, marked."""
    if v.id not in same.nodes:
        return v._replace(mark="added")
    partner = same.nodes[v.id]
    return _compared(a.nodes[partner], v)


def _first_only(a: Picture, same: Alignment, calls: _Calls) -> list[_Placed]:
    """Return what only the first has, marked: (the vertex of the second before it, 1, vertex)."""
    partners = {old: new for new, old in same.nodes.items()}
    before = -1
    entries = []
    for v in a.nodes:
        if v.id in partners:
            partner = partners[v.id]
            before = max(before, partner)
            continue
        removed = v._replace(
            mark="removed",
            cluster=calls.of_first(v.cluster),
            ages=(),
        )
        entries.append((before, 1, removed))
    return entries


def _compared(old: Vertex, new: Vertex) -> Vertex:
    """Return the second of a pair, with what the first was where it differs."""
    was = []
    old_label = old.plain or old.label
    new_label = new.plain or new.label
    if old_label != new_label:
        was.append(old_label)
    if old.shape != new.shape:
        text = format_shape(old.shape)
        was.append(text)
    if old.dtype != new.dtype:
        was.append(old.dtype)
    if was:
        words = ", ".join(was)
        return new._replace(mark="changed", was=words)
    if old.number is None or old.number == new.number:
        return new
    number = format_number(old.number, 4)
    return new._replace(was=number)


def _renumbered(edges: Iterable[Edge], numbers: dict[int, int]) -> list[Edge]:
    result = []
    for e in edges:
        source = numbers[e.source]
        target = numbers[e.target]
        edge = e._replace(
            source=source,
            target=target,
        )
        result.append(edge)
    return result


def _edges(old: list[Edge], new: list[Edge]) -> list[Edge]:
    first = {_operand(e): e for e in old}
    edges = []
    for e in new:
        operand = _operand(e)
        partner = first.pop(operand, None)
        if partner is None:
            edges.append(e._replace(mark="added"))
        else:
            flow = partner.flow
            edges.append(e._replace(before=flow))
    for e in first.values():
        edges.append(e._replace(mark="removed", flow=None))
    return edges


def _operand(e: Edge) -> tuple[int, int, int]:
    return e.source, e.target, e.place


class _Calls:
    """The calls of both pictures: those of the second, then those that only the first has."""

    def __init__(self, a: Picture, b: Picture, same: Alignment) -> None:
        self.number = {old: new for new, old in same.clusters.items()}
        self.all = []
        following = 0
        for c in b.clusters:
            mark = "" if c.id in same.clusters else "added"
            self.all.append(c._replace(mark=mark))
            following = max(following, c.id + 1)

        parents_first = a.clusters
        for c in parents_first:
            if c.id in self.number:
                continue
            self.number[c.id] = following
            parent = self.of_first(c.parent)
            removed = c._replace(
                id=following,
                parent=parent,
                mark="removed",
            )
            self.all.append(removed)
            following += 1

    def of_first(self, call: int | None) -> int | None:
        return None if call is None else self.number[call]


def _marked_calls(calls: list[Cluster], nodes: list[Vertex]) -> list[Cluster]:
    """Return the calls, "changed" where something directly in them is marked."""
    touched = {v.cluster for v in nodes if v.mark}
    result = []
    for c in calls:
        is_changed = c.id in touched
        if is_changed and not c.mark:
            result.append(c._replace(mark="changed"))
        else:
            result.append(c)
    return result


# ---- what is closed, and what is told ----------------------------------------------------------
def _settled_calls(picture: Picture) -> dict[int, int]:
    """Return for each vertex the outermost call around it that is all added, removed or equal."""
    parents = {c.id: c.parent for c in picture.clusters}
    busy = _busy_calls(picture)
    result = {}
    for v in picture.nodes:
        call = v.cluster
        while call is not None:
            if call not in busy:
                result[v.id] = call
            call = parents[call]
    return result


def _busy_calls(picture: Picture) -> Any:
    """Return the calls in which there is something to see."""
    open_marks = {"changed"}
    if _is_unmarked(picture) or _has_ratios(picture):
        open_marks.add("")
    marks: dict[int | None, str] = {None: ""}
    for c in picture.clusters:
        marks[c.id] = c.mark

    busy: Any = {None}
    inside_out = reversed(picture.clusters)
    for c in inside_out:
        is_open = c.mark in open_marks
        around = marks[c.parent]
        if is_open or c.id in busy:
            busy.add(c.id)
            busy.add(c.parent)
        elif c.mark and around != c.mark:
            busy.add(c.parent)
    return busy


def _is_unmarked(picture: Picture) -> bool:
    marks = [v.mark for v in picture.nodes]
    marks += [c.mark for c in picture.clusters]
    return not any(marks)


def _has_ratios(picture: Picture) -> bool:
    return any(e.ratio is not None for e in picture.edges)


def _marked(picture: Picture, mark: str) -> list[str]:
    """Return the names of calls, and of boxes outside such calls, that are marked so."""
    calls = [c for c in picture.clusters if c.mark == mark]
    inside = {c.id for c in calls}
    names = []
    for c in calls:
        is_outermost = c.parent not in inside
        if is_outermost or mark == "changed":
            names.append(call_name(c))

    paths = _paths(picture)
    for v in picture.nodes:
        is_outside = v.cluster not in inside
        if is_outside and v.mark == mark:
            path = paths[v.cluster]
            names.append(path + v.label)
    return names


def _paths(picture: Picture) -> dict[int | None, str]:
    """Return what stands before a name in each call: "1.norm."."""
    paths: dict[int | None, str] = {None: ""}
    for c in picture.clusters:
        prefix = c.path + "."
        paths[c.id] = prefix if c.path else ""
    return paths
