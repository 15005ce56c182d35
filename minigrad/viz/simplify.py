"""Make a picture smaller: merge equal blocks, close modules below a depth, leave out a middle."""

from __future__ import annotations

from typing import Any, TypeVar

from minigrad.viz.dot import cluster_title
from minigrad.viz.elements import Cluster, Picture, Vertex
from minigrad.viz.long_edges import vertex_ranks
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
    result = _close_until_legible(base) if depth is None else close_modules(base, depth)
    return shorten_middle(result, max_nodes)


def _close_until_legible(picture: P) -> P:
    deepest = max((c.level for c in picture.clusters), default=0)
    result = picture
    for level in range(deepest + 1, 0, -1):
        if _is_legible(result):
            break
        result = close_modules(picture, level, layers=True)
    return result


def _is_legible(picture: Picture) -> bool:
    longest = 1 + max(vertex_ranks(picture), default=-1)
    return len(picture.nodes) <= LEGIBLE and longest <= LONGEST_PATH


# ---- closing -----------------------------------------------------------------------------------
def close_modules(picture: P, depth: int, layers: bool = False) -> P:
    """Return the picture with each module call of that level as one box; also all ``layers``."""
    return close_boxes(picture, _boxes(picture, depth, layers))


def close_boxes(picture: P, box_of: dict[int, int]) -> P:
    """Return the picture with one box for each call that ``box_of`` gives a vertex."""
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
            nodes.append(module_box(number, by_id[box], members[box], leaving))

    clusters = clusters_around(picture.clusters, nodes)
    return rewire(picture, nodes, merged_into, clusters, with_letters(picture.edges, lettered))


def _crossing(picture: Picture, box_of: dict[int, int]) -> tuple[set[int], set[int]]:
    """Return the vertices read across the border of a box, and those outside that read a box.

    A box hides the names in it, so that the latter show letters instead.
    """
    leaving = set()
    reading = set()
    for e in picture.edges:
        source_box = box_of.get(e.source)
        target_box = box_of.get(e.target)
        if source_box == target_box:
            continue
        leaving.add(e.source)
        if target_box is None:
            reading.add(e.target)
    return leaving, reading


def _boxes(picture: Picture, depth: int, layers: bool) -> dict[int, int]:
    """Return the call in whose box each vertex disappears, for those that do."""
    by_id: dict[Any, Cluster] = {c.id: c for c in picture.clusters}
    parents = {c.parent for c in picture.clusters}
    result = {}
    for v in picture.nodes:
        call = by_id.get(v.cluster)
        while call is not None and call.level > depth:
            call = by_id.get(call.parent)
        if call is None:
            continue
        is_layer = layers and call.id not in parents
        if is_layer or call.level == depth:
            result[v.id] = call.id
    return result


def module_box(number: int, call: Cluster, members: list[Vertex], leaving: set[int]) -> Vertex:
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
        mark=call.mark,
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
    nodes = picture.nodes[:head]
    nodes.append(_middle_box(head, picture.nodes[head:tail]))
    merged_into = {v.id: min(v.id, head) for v in picture.nodes}
    for v in picture.nodes[tail:]:
        number = len(nodes)
        merged_into[v.id] = number
        nodes.append(v._replace(id=number))
    clusters = clusters_around(picture.clusters, nodes)
    return rewire(picture, nodes, merged_into, clusters, picture.edges)


def _middle_box(number: int, left_out: list[Vertex]) -> Vertex:
    label = f"⋯ {len(left_out):,} more ⋯"
    saved = sum(v.saved for v in left_out)
    return Vertex(number, "more", label, (), saved=saved)
