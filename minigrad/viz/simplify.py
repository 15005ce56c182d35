"""Make a picture smaller: merge equal blocks, close modules below a depth, leave out a middle."""

from __future__ import annotations

from typing import TypeVar

from minigrad.viz.dot import cluster_title
from minigrad.viz.elements import Cluster, Picture, Vertex
from minigrad.viz.merge import clusters_around, rewire, with_letters
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
    edges = sorted(picture.edges, key=lambda e: e.target)
    for source, target, *_ in edges:
        if source < target:
            length = lengths[source] + 1
            lengths[target] = max(lengths[target], length)
    return max(lengths, default=0)


# ---- closing -----------------------------------------------------------------------------------
def close_modules(picture: P, depth: int, layers: bool = False) -> P:
    """Return the picture with each module call of that level as one box; also all ``layers``."""
    box_of = _boxes(picture, depth, layers)
    members: dict[int, list[Vertex]] = {}
    for v in picture.nodes:
        if v.id in box_of:
            members.setdefault(box_of[v.id], []).append(v)
    leaving, lettered = _crossing(picture, box_of)

    by_id = {c.id: c for c in picture.clusters}
    nodes: list[Vertex] = []
    merged_into: dict[int, int] = {}
    for v in picture.nodes:
        number = len(nodes)
        box = box_of.get(v.id)
        if box is None:
            merged_into[v.id] = number
            use_letters = v.id in lettered and v.plain
            label = v.plain if use_letters else v.label
            nodes.append(v._replace(id=number, label=label))
        elif members[box][-1] is v:
            # at its last vertex, whatever the box reads is drawn already
            for member in members[box]:
                merged_into[member.id] = number
            nodes.append(_module_box(number, by_id[box], members[box], leaving))

    clusters = [c for c in picture.clusters if c.level < depth and c.id not in members]
    return rewire(picture, nodes, merged_into, clusters, with_letters(picture.edges, lettered))


def _crossing(picture: Picture, box_of: dict[int, int]) -> tuple[set[int], set[int]]:
    """Return the vertices read across the border of a box, and those outside that read a box.

    A box hides the names in it, so that the latter show letters instead.
    """
    leaving, reading = set(), set()
    for e in picture.edges:
        source_box, target_box = box_of.get(e.source), box_of.get(e.target)
        if source_box == target_box:
            continue
        leaving.add(e.source)
        if target_box is None:
            reading.add(e.target)
    return leaving, reading


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
        if is_layer or c.level == depth:
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
    boxes = max_nodes - 1  # besides that of the middle
    head = max(1, boxes // 2)
    tail = count - max(1, boxes - head)
    shift = tail - head - 1
    left_out = picture.nodes[head:tail]
    saved = sum(v.saved for v in left_out)
    middle = Vertex(head, "more", f"⋯ {len(left_out):,} more ⋯", (), saved=saved)
    nodes = [*picture.nodes[:head], middle]
    merged_into = {v.id: min(v.id, head) for v in picture.nodes}
    for v in picture.nodes[tail:]:
        merged_into[v.id] = v.id - shift
        nodes.append(v._replace(id=v.id - shift))
    clusters = clusters_around(picture.clusters, nodes)
    return rewire(picture, nodes, merged_into, clusters, picture.edges)
