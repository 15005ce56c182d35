"""Redraw the edges of a picture after some of its vertices were merged into one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from minigrad.viz.elements import Cluster, Edge, Picture, Vertex
from minigrad.viz.statistics import Flow

P = TypeVar("P", bound=Picture)


def rewire(
    picture: P,
    nodes: list[Vertex],
    merged_into: dict[int, int],
    clusters: Sequence[Cluster],
    edges: Iterable[Edge],
) -> P:
    """Return the picture with edges between ``nodes``.

    ``merged_into`` gives the new id of each old vertex. Into a box that stands for several vertices
    equal edges are drawn once.
    """
    result: dict[Any, Edge] = {}
    for e in edges:
        source, target = merged_into[e.source], merged_into[e.target]
        if source == target:
            continue
        is_box = nodes[target].kind in ("module", "more")
        key = (source, target, e.shape if is_box else e.place)
        if key in result:
            result[key] = join_edges(result[key], e)
            continue
        edge = e._replace(source=source, target=target)
        if is_box:
            edge = edge._replace(place=0, letter="", plain="")
        result[key] = edge
    return replace(picture, nodes=nodes, edges=list(result.values()), clusters=list(clusters))


def join_edges(first: Edge, other: Edge) -> Edge:
    """Return the one edge that is drawn for two equal ones."""
    return first._replace(
        flow=_add_flows(first.flow, other.flow),
        before=_add_flows(first.before, other.before),
        mark=first.mark if first.mark == other.mark else "",
    )


def _add_flows(a: Flow | None, b: Flow | None) -> Flow | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


def with_letters(edges: Iterable[Edge], targets: set[int]) -> list[Edge]:
    """Return the edges, those into ``targets`` with letters where names do not show."""
    return [e._replace(letter=e.plain) if e.target in targets else e for e in edges]


def clusters_around(clusters: Sequence[Cluster], nodes: Iterable[Vertex]) -> list[Cluster]:
    """Return the clusters that hold one of the vertices, directly or in a cluster inside."""
    used = {v.cluster for v in nodes}
    # parents come first
    for c in reversed(clusters):
        if c.id in used:
            used.add(c.parent)

    return [c for c in clusters if c.id in used]
