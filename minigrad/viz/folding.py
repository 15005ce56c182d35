"""What a page shows, whichever module calls are open: every box, closed or not, and every arrow."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from minigrad.viz.elements import Cluster, Edge, Picture, Vertex
from minigrad.viz.merge import join_edges
from minigrad.viz.repeats import merge_repeats
from minigrad.viz.simplify import module_box


@dataclass
class Folding:
    """A picture whose calls open one by one.

    A closed call is a vertex whose id is ``len(base.nodes)`` more than the call's. An arrow is
    shown where both of its ends are.
    """

    base: Picture
    closed: dict[int, Vertex]  # call -> its box
    last: dict[int, int]  # call -> the last vertex in it, where its box stands
    leaving: dict[int, list[int]]  # call -> its vertices that are read outside
    arrows: list[Edge]
    readers: list[list[int]]  # of each arrow: the vertices that read what it carries


def foldable(picture: Picture, whole: Picture) -> Folding:
    """Return the folding of ``whole``, with equal calls drawn once if ``picture`` has them so."""
    merged = _fold(merge_repeats(whole))
    if _shows(merged, picture):
        return merged
    unmerged = _fold(whole)
    return unmerged if _shows(unmerged, picture) else merged


def _shows(folding: Folding, picture: Picture) -> bool:
    """Return whether that is what is shown where the calls of ``picture`` are open."""
    opened: set[int | None] = {None}
    opened.update(c.id for c in picture.clusters)
    shown = [v for v in folding.base.nodes if v.cluster in opened]
    for call, box in folding.closed.items():
        if call not in opened and box.cluster in opened:
            shown.append(box)
    names = Counter(map(_name, shown))
    return names == Counter(map(_name, picture.nodes))


def _name(v: Vertex) -> tuple[Any, ...]:
    return v.kind, v.plain or v.label, v.shape


def _fold(base: Picture) -> Folding:
    calls = {c.id: c for c in base.clusters}
    around = [_calls_around(v, calls) for v in base.nodes]
    members: dict[int, list[Vertex]] = defaultdict(list)
    for v in base.nodes:
        for call in around[v.id]:
            members[call].append(v)

    leaving: dict[int, set[int]] = defaultdict(set)
    for e in base.edges:
        inside_both = {*around[e.target]}
        for call in around[e.source]:
            if call not in inside_both:
                leaving[call].add(e.source)

    count = len(base.nodes)
    closed = {}
    for call, inside in members.items():
        closed[call] = module_box(count + call, calls[call], inside, leaving[call])
    arrows, readers = _arrows(base, around)
    return Folding(
        base=base,
        closed=closed,
        last={call: inside[-1].id for call, inside in members.items()},
        leaving={call: sorted(ids) for call, ids in leaving.items()},
        arrows=arrows,
        readers=readers,
    )


def _calls_around(v: Vertex, calls: dict[int, Cluster]) -> list[int]:
    """Return the calls around a vertex, from the inside out."""
    result = []
    call = v.cluster
    while call is not None:
        result.append(call)
        call = calls[call].parent
    return result


def _arrows(base: Picture, around: list[list[int]]) -> tuple[list[Edge], list[list[int]]]:
    """Return the arrows between vertices and calls, and who reads what each carries.

    Into a call equal ones are drawn once, as where the call is closed in a picture.
    """
    count = len(base.nodes)
    arrows: dict[Any, Edge] = {}
    readers: dict[Any, list[int]] = {}
    for e in base.edges:
        for source in _ends(e.source, around[e.source], around[e.target], count):
            for target in _ends(e.target, around[e.target], around[e.source], count):
                into_call = target >= count
                key = (source, target, e.shape if into_call else e.place)
                if key in arrows:
                    arrows[key] = join_edges(arrows[key], e)
                    readers[key].append(e.target)
                    continue
                arrow = e._replace(source=source, target=target)
                if into_call:
                    arrow = arrow._replace(place=0, letter="", plain="")
                arrows[key] = arrow
                readers[key] = [e.target]
    return list(arrows.values()), list(readers.values())


def _ends(vertex: int, mine: list[int], others: list[int], count: int) -> list[int]:
    """Return the vertex, and the boxes of the calls around it that are not around the other end."""
    shared = {*others}
    return [vertex, *(count + call for call in mine if call not in shared)]
