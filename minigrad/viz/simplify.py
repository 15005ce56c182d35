"""Make a picture smaller: merge equal blocks, close modules below a depth, leave out a middle."""

from __future__ import annotations

from typing import TypeVar

from minigrad.viz.dot import cluster_title
from minigrad.viz.elements import Cluster, Picture, Vertex
from minigrad.viz.merge import clusters_around, rewire
from minigrad.viz.repeats import merge_repeats
from minigrad.viz.statistics import value_range

# boxes, and boxes below each other, that a printed page holds in 6 points
LEGIBLE, LONGEST_PATH = 40, 18
P = TypeVar("P", bound=Picture)


def fit_to_page(picture: P, depth: int | None, repeats: bool, max_nodes: int) -> P:
    """Return the picture at ``depth``; None opens as many modules as are legible on one page.

    The layers, calls without calls inside, are closed first, then those around them from the inside
    out.
    """
    base = merge_repeats(picture) if repeats else picture
    if depth is not None:
        return shorten_middle(close_modules(base, depth), max_nodes)
    result = base
    level = max((c.level for c in base.clusters), default=0) + 1
    while level > 0 and not _is_legible(result):
        result = close_modules(base, level, layers=True)
        level -= 1
    return shorten_middle(result, max_nodes)


def _is_legible(picture: Picture) -> bool:
    return len(picture.nodes) <= LEGIBLE and _path_length(picture) <= LONGEST_PATH


def _path_length(picture: Picture) -> int:
    """Return how many boxes the longest path through the picture has."""
    lengths = [1] * len(picture.nodes)
    for e in sorted(picture.edges, key=lambda e: e.target):
        if e.source < e.target:
            lengths[e.target] = max(lengths[e.target], lengths[e.source] + 1)
    return max(lengths, default=0)


# ---- closing -----------------------------------------------------------------------------------
def close_modules(picture: P, depth: int, layers: bool = False) -> P:
    """Return the picture with each module call of that level as one box; also all ``layers``."""
    box_of = _boxes(picture, depth, layers)
    members: dict[int, list[Vertex]] = {}
    for v in picture.nodes:
        if v.id in box_of:
            members.setdefault(box_of[v.id], []).append(v)
    # a closed box hides its names: who reads it shows letters
    crossing = [e for e in picture.edges if box_of.get(e.source) != box_of.get(e.target)]
    leaving = {e.source for e in crossing}
    lettered = {e.target for e in crossing if e.source in box_of and e.target not in box_of}
    by_id = {c.id: c for c in picture.clusters}
    nodes: list[Vertex] = []
    merged_into: dict[int, int] = {}
    for v in picture.nodes:
        number = len(nodes)
        box = box_of.get(v.id)
        if box is None:
            merged_into[v.id] = number
            label = v.plain if v.id in lettered and v.plain else v.label
            nodes.append(v._replace(id=number, label=label))
        elif members[box][-1] is v:
            # at its last vertex, whatever the box reads is drawn already
            merged_into.update((m.id, number) for m in members[box])
            nodes.append(_module_box(number, by_id[box], members[box], leaving))
    edges = [e._replace(letter=e.plain) if e.target in lettered else e for e in picture.edges]
    clusters = [c for c in picture.clusters if c.level < depth and c.id not in members]
    return rewire(picture, nodes, merged_into, clusters, edges)


def _boxes(picture: Picture, depth: int, layers: bool) -> dict[int, int]:
    """Return the call in whose box each vertex disappears, for those that do."""
    by_id = {c.id: c for c in picture.clusters}
    parents = {c.parent for c in picture.clusters}
    result = {}
    for v in picture.nodes:
        c = None if v.cluster is None else by_id[v.cluster]
        while c is not None and c.level > depth:
            c = None if c.parent is None else by_id[c.parent]
        if c is None:
            continue
        is_layer = layers and c.id not in parents
        if c.level == depth or is_layer:
            result[v.id] = c.id
    return result


def _module_box(number: int, call: Cluster, members: list[Vertex], leaving: set[int]) -> Vertex:
    last = members[-1]
    return Vertex(
        number,
        "module",
        cluster_title(call),
        last.shape,
        value_range(m.gradient for m in members if m.id in leaving),
        last.dtype,
        call.parent,
        saved=sum(m.saved for m in members),
        times=last.times,
    )


# ---- a middle left out -------------------------------------------------------------------------
def shorten_middle(picture: P, max_nodes: int) -> P:
    """Return the picture with its middle in one box, where it has more boxes than that."""
    count = len(picture.nodes)
    if count <= max_nodes:
        return picture
    head = max(1, (max_nodes - 1) // 2)
    tail = count - max(1, max_nodes - 1 - head)
    shift = tail - head - 1
    left_out = picture.nodes[head:tail]
    label = f"⋯ {len(left_out):,} more ⋯"
    middle = Vertex(head, "more", label, (), saved=sum(v.saved for v in left_out))
    last = [v._replace(id=v.id - shift) for v in picture.nodes[tail:]]
    nodes = [*picture.nodes[:head], middle, *last]
    merged_into = {v.id: min(v.id, max(head, v.id - shift)) for v in picture.nodes}
    clusters = clusters_around(picture.clusters, nodes)
    return rewire(picture, nodes, merged_into, clusters, picture.edges)
