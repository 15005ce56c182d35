"""Long edges of a large picture are cut, since `dot` lays them out in time without bound.

It lays out an edge as a chain, with a point beside each box that it passes. A weight that 250
layers share has 60,000 of them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from minigrad.viz.elements import Edge, Picture, Vertex

LONG = 12  # boxes that an edge passes
MOST = 4000  # boxes that all edges pass together


def cut_long_edges(picture: Picture) -> Picture:
    """Return the picture with "x, again" before the readers that are far from x.

    Where the edges pass few boxes, it is the picture itself.
    """
    ranks = _late_ranks(picture)
    lengths = [abs(ranks[e.target] - ranks[e.source]) for e in picture.edges]
    if sum(lengths) <= MOST:
        return picture
    nodes = list(picture.nodes)
    edges = []
    stand_ins: dict[tuple[int, int], int] = {}  # source and target -> what stands for the source
    for edge, length in zip(picture.edges, lengths, strict=True):
        if length <= LONG:
            edges.append(edge)
            continue
        ends = edge.source, edge.target
        number = stand_ins.setdefault(ends, len(nodes))
        if number == len(nodes):
            vertex = _stand_in(number, edge, nodes)
            nodes.append(vertex)
        cut = edge._replace(source=number)
        edges.append(cut)
    return replace(picture, nodes=nodes, edges=edges)


def _stand_in(number: int, edge: Edge, nodes: list[Vertex]) -> Vertex:
    source = nodes[edge.source]
    symbol, _, _ = source.label.partition(" = ")
    label = f"{symbol}, again"
    reader = nodes[edge.target]
    cluster = reader.cluster
    return Vertex(number, "more", label, (), cluster=cluster)


def vertex_ranks(picture: Picture) -> list[int]:
    """Return how many edges the longest path to each vertex has."""
    count = len(picture.nodes)
    ranks = [0] * count
    for edge in _forward_edges(picture):
        target = edge.target
        rank = ranks[edge.source] + 1
        if rank > ranks[target]:
            ranks[target] = rank
    return ranks


def _late_ranks(picture: Picture) -> list[int]:
    """Return the ranks where each vertex that is read stands just before its first reader."""
    ranks = vertex_ranks(picture)
    readers: dict[int, list[int]] = defaultdict(list)
    for source, target, *_ in _forward_edges(picture):
        readers[source].append(target)
    sources = sorted(readers, reverse=True)
    for source in sources:
        targets = readers[source]
        first = min(ranks[target] for target in targets)
        ranks[source] = first - 1
    return ranks


def _forward_edges(picture: Picture) -> list[Edge]:
    """Return the edges by their targets; the reader of a closed box may stand before it."""
    edges = sorted(picture.edges, key=lambda e: e.target)
    return [e for e in edges if e.source < e.target]
