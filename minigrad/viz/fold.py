"""Make a picture smaller: draw equal blocks once, close modules below a depth, leave out a middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from minigrad.viz.dot import heading
from minigrad.viz.picture import Cluster, Edge, Graph, Vertex
from minigrad.viz.statistics import Flow, joined, ranged

LEGIBLE, LONG = 40, 18  # boxes, and boxes below each other, that a printed page holds in 6 points


def fitted(whole: Graph, depth: int | None, repeats: bool, max_nodes: int) -> Graph:
    """Return ``whole`` at ``depth``; None takes the most open that is legible on one page.

    Calls without calls inside, the layers, are closed first, then those around them from the inside out.
    """
    base = folded(whole) if repeats else whole
    made = base if depth is None else closed(base, depth)
    level = max((c.level for c in base.clusters), default=0) + 1
    while depth is None and level > 0 and (len(made.nodes) > LEGIBLE or _longest(made) > LONG):
        made, level = closed(base, level, layers=True), level - 1
    return shortened(made, max_nodes)


def _longest(picture: Graph) -> int:
    """Return how many boxes the longest way through the picture has."""
    ways = [1] * len(picture.nodes)
    for e in sorted(picture.edges, key=lambda e: e.target):
        if e.source < e.target:
            ways[e.target] = max(ways[e.target], ways[e.source] + 1)
    return max(ways, default=0)


# ---- closing --------------------------------------------------------------------------------------
def closed(whole: Graph, depth: int, layers: bool = False) -> Graph:
    """Return the picture with every module call of that level drawn as one box, or also all ``layers``."""
    outer = {c.parent for c in whole.clusters} if layers else {c.id for c in whole.clusters}
    by_id = {c.id: c for c in whole.clusters}
    inside: dict[int, list[Vertex]] = {}  # cluster -> the vertices that disappear in its box
    box: dict[int, int] = {}
    for v in whole.nodes:
        c = None if v.cluster is None else by_id[v.cluster]
        while c is not None and c.level > depth:
            c = None if c.parent is None else by_id[c.parent]
        if c is not None and (c.level == depth or c.id not in outer):
            inside.setdefault(c.id, []).append(v)
            box[v.id] = c.id
    nodes: list[Vertex] = []
    became: dict[int, int] = {}
    leaving = {e.source for e in whole.edges if box.get(e.source) != box.get(e.target)}
    lettered = {
        e.target for e in whole.edges if e.source in box and e.target not in box
    }  # a closed box hides its names
    for v in whole.nodes:
        if v.id not in box:
            became[v.id] = len(nodes)
            nodes.append(v._replace(id=len(nodes), label=(v.id in lettered and v.plain) or v.label))
        elif (
            inside[box[v.id]][-1] is v
        ):  # where its result is made, all that it reads is there already
            c, members = by_id[box[v.id]], inside[box[v.id]]
            became.update(dict.fromkeys((m.id for m in members), len(nodes)))
            slope = ranged(m.gradient for m in members if m.id in leaving)
            shut = Vertex(
                len(nodes), "module", heading(c), v.shape, slope, v.dtype, c.parent, times=v.times
            )
            nodes.append(shut._replace(saved=sum(m.saved for m in members)))
    edges = [e._replace(letter=e.plain) if e.target in lettered else e for e in whole.edges]
    return _rewired(
        whole,
        nodes,
        became,
        [c for c in whole.clusters if c.level < depth and c.id not in inside],
        edges,
    )


def _rewired(
    whole: Graph,
    nodes: list[Vertex],
    became: dict[int, int],
    clusters: Sequence[Cluster],
    edges: Sequence[Edge],
) -> Graph:
    """Return the picture with edges between what the vertices became, equal ones once where some are one."""
    made: dict[Any, Edge] = {}
    for e in edges:
        source, target = became[e.source], became[e.target]
        if source == target:
            continue
        joint = nodes[target].kind in ("module", "more")
        key = (source, target, e.shape) if joint else (source, target, e.place)
        if key in made:
            made[key] = made[key]._replace(flow=_together(made[key].flow, e.flow))
            continue
        made[key] = e._replace(source=source, target=target)
        if joint:
            made[key] = made[key]._replace(place=0, letter="", plain="")
    return replace(whole, nodes=nodes, edges=list(made.values()), clusters=list(clusters))


def _together(a: Flow | None, b: Flow | None) -> Flow | None:
    return a if b is None else b if a is None else a + b


# ---- repeats --------------------------------------------------------------------------------------
def folded(whole: Graph) -> Graph:
    """Return the picture with equal calls drawn once: "×12".

    Those are runs of calls each of which reads the one before, and calls side by side that read the
    same and are joined by one concatenation.
    """
    deepest = max((c.level for c in whole.clusters), default=-1)
    for level in range(deepest + 1):
        whole = _folded_at(whole, level)
    return whole


def _folded_at(whole: Graph, level: int) -> Graph:
    inside, unit = _units(whole, level)
    if len(inside) < 2:
        return whole
    words = _signatures(whole, inside, unit)
    reads = {(unit.get(e.source), unit.get(e.target)) for e in whole.edges}
    beside = _beside(whole, unit)
    calls = [c for c in whole.clusters if c.level == level and c.id in inside]
    calls.sort(key=lambda c: inside[c.id][-1].id)
    twin: dict[int, int] = {}  # a call -> the first of its run
    times: dict[int, int] = {}
    parallel: set[int] = set()
    last: dict[int | None, int] = {}  # of each parent
    latest: dict[Any, int] = {}  # of those side by side
    for c in calls:
        place = beside.get(c.id)
        above = last.get(c.parent)
        below = (above, c.id) in reads
        p = above if below else latest.get(place)
        if p is not None and words[p] == words[c.id]:
            twin[c.id] = twin.get(p, p)
            times[twin[c.id]] = times.get(twin[c.id], 1) + 1
            parallel |= set() if below else {c.id, twin[c.id]}
        last[c.parent] = c.id
        if place is not None:
            latest[place] = c.id
    return _without(whole, inside, unit, twin, times, parallel) if twin else whole


def _beside(whole: Graph, unit: dict[int, int]) -> dict[int, Any]:
    """Return what each call reads, and the concatenation that alone reads it, where it is so."""
    read: dict[int, list[int]] = {}
    readers: dict[int, set[int]] = {}
    for e in whole.edges:
        if unit.get(e.source) != unit.get(e.target):
            if e.target in unit:
                read.setdefault(unit[e.target], []).append(e.source)
            if e.source in unit:
                readers.setdefault(unit[e.source], set()).add(e.target)
    return {
        c: (tuple(sources), *readers[c])
        for c, sources in read.items()
        if len(readers.get(c, ())) == 1
        and whole.nodes[next(iter(readers[c]))].label.startswith("concatenate(")
    }


def _units(whole: Graph, level: int) -> tuple[dict[int, list[Vertex]], dict[int, int]]:
    """Return the vertices below each call of a level, and the call of each vertex."""
    top: dict[int, int | None] = {}
    for c in whole.clusters:  # parents come first
        top[c.id] = (
            c.id
            if c.level == level
            else None
            if c.level < level or c.parent is None
            else top[c.parent]
        )
    inside: dict[int, list[Vertex]] = {}
    unit: dict[int, int] = {}
    for v in whole.nodes:
        at = None if v.cluster is None else top[v.cluster]
        if at is not None:
            inside.setdefault(at, []).append(v)
            unit[v.id] = at
    return inside, unit


def _signatures(
    whole: Graph, inside: dict[int, list[Vertex]], unit: dict[int, int]
) -> dict[int, Any]:
    """Return what two calls must have in common to be drawn once: all but names and numbers."""
    by_id = {c.id: c for c in whole.clusters}
    place_of = {v.id: i for members in inside.values() for i, v in enumerate(members)}
    edges: dict[int, list[Any]] = {}
    for e in whole.edges:
        if e.target in unit:
            near = unit.get(e.source) == unit[e.target]
            edges.setdefault(unit[e.target], []).append(
                (place_of[e.target], e.place, e.shape, place_of[e.source] if near else None)
            )
    words = {}
    for at, members in inside.items():
        boxes = [
            (v.kind, v.plain, v.shape, by_id[v.cluster].kind, by_id[v.cluster].level)
            for v in members
        ]  # type: ignore[index]
        words[at] = (
            by_id[at].kind,
            by_id[at].parameters,
            boxes,
            sorted(edges.get(at, []), key=str),
        )
    return words


def _without(
    whole: Graph,
    inside: Any,
    unit: Any,
    twin: dict[int, int],
    times: dict[int, int],
    parallel: set[int],
) -> Graph:
    equal: dict[
        int, list[Vertex]
    ] = {}  # a vertex of the first call -> itself and those of the others
    counterpart: dict[int, int] = {}
    for gone, first in twin.items():
        for v, w in zip(inside[gone], inside[first], strict=True):
            counterpart[v.id] = w.id
            equal.setdefault(w.id, [w]).append(v)
    nodes: list[Vertex] = []
    became: dict[int, int] = {}
    lettered = set()  # of those, what reads a value of another name in another call
    for v in whole.nodes:
        if v.id not in counterpart:
            became[v.id] = len(nodes)
            nodes.append(_standing_for(equal.get(v.id, [v]))._replace(id=len(nodes)))
            lettered |= {v.id} if nodes[-1].label != v.label else set()
    became.update({gone: became[kept] for gone, kept in counterpart.items()})
    run = lambda v: twin.get(unit.get(v), unit.get(v))
    edges = []
    places: dict[Any, int] = {}
    for e in whole.edges:
        home = unit.get(e.source)
        out = home != unit.get(e.target)
        if out and run(e.source) == run(e.target):
            continue
        if e.target in lettered:
            e = e._replace(letter=e.plain)
        if out and home in parallel:
            place = places.setdefault((became[e.source], e.target), e.place)
            e = e._replace(times=times[run(e.source)], letter="", plain="", place=place)
        edges.append(e)
    used = {v.cluster for v in nodes}
    clusters = [c._replace(times=times.get(c.id, c.times)) for c in whole.clusters]
    return _rewired(whole, nodes, became, _reachable(clusters, used), edges)


def _standing_for(several: list[Vertex]) -> Vertex:
    """Return the first of equal vertices with what is true of all: sums of bytes, ranges of gradients."""
    first = several[0]
    if len(several) == 1:
        return first
    values, slopes = (
        [s for s in stats if s is not None]
        for stats in zip(*((v.value, v.slope) for v in several), strict=True)
    )
    return first._replace(
        label=first.label if all(v.label == first.label for v in several) else first.plain,
        gradient=ranged(v.gradient for v in several),
        saved=sum(v.saved for v in several),
        number=first.number if all(v.number == first.number for v in several) else None,
        ages=tuple(
            age
            for v in several
            for age in (v.sequence, *v.ages)
            if age not in (None, first.sequence)
        ),
        times=sum(v.times for v in several),
        value=joined(values) if values else None,
        slope=joined(slopes) if slopes else None,
    )


def _reachable(clusters: Sequence[Cluster], used: set[int | None]) -> list[Cluster]:
    kept = set(used)
    for c in reversed(clusters):  # parents come first
        if c.id in kept:
            kept.add(c.parent)
    return [c for c in clusters if c.id in kept]


# ---- a middle left out ----------------------------------------------------------------------------
def shortened(whole: Graph, max_nodes: int) -> Graph:
    """Return the picture with the middle in one box, where there are more boxes than that."""
    count = len(whole.nodes)
    if count <= max_nodes:
        return whole
    head = max(1, (max_nodes - 1) // 2)
    tail = count - max(1, max_nodes - 1 - head)
    label = f"⋯ {tail - head:,} more ⋯"
    middle = Vertex(head, "more", label, (), saved=sum(v.saved for v in whole.nodes[head:tail]))
    nodes = [
        *whole.nodes[:head],
        middle,
        *(v._replace(id=v.id - tail + head + 1) for v in whole.nodes[tail:]),
    ]
    became = {v.id: min(v.id, head) if v.id < tail else v.id - tail + head + 1 for v in whole.nodes}
    used = {v.cluster for v in nodes}
    return _rewired(whole, nodes, became, _reachable(whole.clusters, used), whole.edges)
