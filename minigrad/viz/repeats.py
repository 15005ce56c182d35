"""Draw equal module calls once: "×12"."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from minigrad.viz.elements import Cluster, Edge, Picture, Vertex
from minigrad.viz.merge import clusters_around, rewire, with_letters
from minigrad.viz.statistics import merge_statistics, value_range

P = TypeVar("P", bound=Picture)


def merge_repeats(picture: P) -> P:
    """Return the picture with equal calls drawn once.

    Those are runs of calls each of which reads the one before, and calls side by side that read the
    same and are joined by one concatenation.
    """
    levels = {c.level for c in picture.clusters}
    for level in sorted(levels):
        calls = _Calls.at_level(picture, level)
        repeats = _find_repeats(picture, calls)
        if repeats.first_of:
            picture = _merge_calls(picture, calls, repeats)
    return picture


@dataclass
class _Calls:
    """The module calls of one level."""

    members: dict[int, list[Vertex]]  # call -> the vertices in it
    call_of: dict[int, int]  # vertex -> call
    in_order: list[Cluster]  # by their results

    @classmethod
    def at_level(cls, picture: Picture, level: int) -> _Calls:
        """Return the calls of ``level`` with all that is in them, however deep."""
        around: dict[int, int | None] = {}  # cluster -> the call of that level around it
        for c in picture.clusters:  # parents come first
            if c.level == level:
                around[c.id] = c.id
            elif c.level < level or c.parent is None:
                around[c.id] = None
            else:
                around[c.id] = around[c.parent]
        members: dict[int, list[Vertex]] = {}
        call_of: dict[int, int] = {}
        for v in picture.nodes:
            call = None if v.cluster is None else around[v.cluster]
            if call is not None:
                members.setdefault(call, []).append(v)
                call_of[v.id] = call
        in_order = [c for c in picture.clusters if c.level == level and c.id in members]
        in_order.sort(key=lambda c: members[c.id][-1].id)
        return cls(members, call_of, in_order)


@dataclass
class _Repeats:
    """Which calls of a level repeat another."""

    first_of: dict[int, int]  # a repeated call -> the first of its run
    times: dict[int, int]  # the first of a run -> its length
    parallel: set[int]  # calls that stand side by side

    def add(self, call: int, other: int, side_by_side: bool) -> None:
        """Note that ``call`` equals ``other``, a call before it."""
        first = self.first_of.get(other, other)
        self.first_of[call] = first
        self.times[first] = self.times.get(first, 1) + 1
        if side_by_side:
            self.parallel |= {call, first}

    def run(self, call: int | None) -> int | None:
        """Return the call that is drawn for this one."""
        return call if call is None else self.first_of.get(call, call)


# ---- finding -----------------------------------------------------------------------------------
def _find_repeats(picture: Picture, calls: _Calls) -> _Repeats:
    repeats = _Repeats({}, {}, set())
    if len(calls.members) < 2:
        return repeats
    signatures = _signatures(picture, calls)
    call_of = calls.call_of
    reads = {(call_of.get(e.source), call_of.get(e.target)) for e in picture.edges}
    branches = _branches(picture, call_of)

    last_child: dict[int | None, int] = {}  # parent -> its latest call
    last_branch: dict[Any, int] = {}  # branching place -> the latest call there
    for c in calls.in_order:
        branch = branches.get(c.id)
        before = last_child.get(c.parent)
        in_sequence = (before, c.id) in reads
        candidate = before if in_sequence else last_branch.get(branch)
        if candidate is not None and signatures[candidate] == signatures[c.id]:
            repeats.add(c.id, candidate, side_by_side=not in_sequence)
        last_child[c.parent] = c.id
        if branch is not None:
            last_branch[branch] = c.id
    return repeats


def _branches(picture: Picture, call_of: dict[int, int]) -> dict[int, Any]:
    """Return (what a call reads, the concatenation that alone reads it), where there is one."""
    sources: dict[int, list[int]] = defaultdict(list)
    readers: dict[int, set[int]] = defaultdict(set)
    for e in picture.edges:
        source = call_of.get(e.source)
        target = call_of.get(e.target)
        if source == target:
            continue
        if target is not None:
            sources[target].append(e.source)
        if source is not None:
            readers[source].add(e.target)

    result = {}
    for call, read in sources.items():
        if len(readers[call]) != 1:
            continue
        (reader,) = readers[call]
        is_joined = picture.nodes[reader].label.startswith("concatenate(")
        if is_joined:
            result[call] = (tuple(read), reader)

    return result


def _signatures(picture: Picture, calls: _Calls) -> dict[int, Any]:
    """Return what two calls must have in common to be drawn once: all but names and numbers."""
    by_id: dict[Any, Cluster] = {c.id: c for c in picture.clusters}
    edges = _inner_edges(picture, calls)
    result = {}
    for call, members in calls.members.items():
        boxes = []
        for v in members:
            around = by_id[v.cluster]
            boxes.append((v.kind, v.plain, v.shape, around.kind, around.level))
        arrows = sorted(edges.get(call, []), key=str)
        result[call] = (by_id[call].kind, by_id[call].parameters, boxes, arrows)
    return result


def _inner_edges(picture: Picture, calls: _Calls) -> dict[int, list[Any]]:
    """Return the edges into each call's vertices, by their places in the call."""
    place_of: dict[int, int] = {}
    for members in calls.members.values():
        place_of.update((v.id, i) for i, v in enumerate(members))
    result: dict[int, list[Any]] = defaultdict(list)
    for e in picture.edges:
        call = calls.call_of.get(e.target)
        if call is None:
            continue
        is_inside = calls.call_of.get(e.source) == call
        source = place_of[e.source] if is_inside else None
        target = place_of[e.target]
        result[call].append((target, e.place, e.shape, source))
    return result


# ---- merging -----------------------------------------------------------------------------------
def _merge_calls(picture: P, calls: _Calls, repeats: _Repeats) -> P:
    counterpart = {}  # a vertex of a repeated call -> that of the first call
    equal = {v.id: [v] for v in picture.nodes}  # vertex -> those that it stands for
    for call, first in repeats.first_of.items():
        pairs = zip(calls.members[call], calls.members[first], strict=True)
        for v, drawn in pairs:
            counterpart[v.id] = drawn.id
            equal[drawn.id].append(v)

    nodes: list[Vertex] = []
    merged_into: dict[int, int] = {}
    lettered = set()  # what reads a value of another name in another call
    for v in picture.nodes:
        if v.id in counterpart:
            continue
        merged_into[v.id] = len(nodes)
        drawn = _merge_vertices(equal[v.id])._replace(id=len(nodes))
        nodes.append(drawn)
        if drawn.label != v.label:
            lettered.add(v.id)
    for repeated, drawn_id in counterpart.items():
        merged_into[repeated] = merged_into[drawn_id]

    edges = with_letters(picture.edges, lettered)
    edges = _edges_of_runs(edges, calls, repeats, merged_into)
    clusters = []
    for c in clusters_around(picture.clusters, nodes):
        times = repeats.times.get(c.id, c.times)
        clusters.append(c._replace(times=times))
    return rewire(picture, nodes, merged_into, clusters, edges)


def _edges_of_runs(
    edges: Sequence[Edge], calls: _Calls, repeats: _Repeats, merged_into: dict[int, int]
) -> list[Edge]:
    """Return the edges without those inside a run; one for all that leave parallel calls."""
    result = []
    places: dict[Any, int] = {}
    for e in edges:
        source = calls.call_of.get(e.source)
        target = calls.call_of.get(e.target)
        if source == target:
            result.append(e)
            continue
        run: Any = repeats.run(source)
        if run == repeats.run(target):
            continue
        if source in repeats.parallel:
            key = (merged_into[e.source], e.target)
            place = places.setdefault(key, e.place)
            times = repeats.times[run]
            e = e._replace(times=times, letter="", plain="", place=place)
        result.append(e)
    return result


def _merge_vertices(vertices: list[Vertex]) -> Vertex:
    """Return the first of equal vertices with what is true of all.

    That is sums of bytes, ranges of gradients, and labels and numbers only where they agree.
    """
    first = vertices[0]
    if len(vertices) == 1:
        return first
    same_label = all(v.label == first.label for v in vertices)
    same_number = all(v.number == first.number for v in vertices)
    ages: list[int | None] = []
    for v in vertices:
        ages += [v.sequence, *v.ages]
    values = [v.value for v in vertices if v.value is not None]
    slopes = [v.slope for v in vertices if v.slope is not None]
    return first._replace(
        label=first.label if same_label else first.plain,
        gradient=value_range(v.gradient for v in vertices),
        saved=sum(v.saved for v in vertices),
        number=first.number if same_number else None,
        ages=tuple(age for age in ages if age not in (None, first.sequence)),
        times=sum(v.times for v in vertices),
        value=merge_statistics(values) if values else None,
        slope=merge_statistics(slopes) if slopes else None,
    )
