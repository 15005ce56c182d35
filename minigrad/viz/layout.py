"""A picture as what the page's own layout needs (layout.js, drawing.js): words, boxes, colours."""

from __future__ import annotations

import re
from typing import Any

from minigrad.viz.dot import (
    MARKS,
    STYLES,
    edge_gradient_words,
    edge_letters,
    edge_words,
    frame_title,
    gradient_words,
    vertex_words,
)
from minigrad.viz.elements import Cluster, Edge, Picture, Vertex

ATTRIBUTE = re.compile(r'(\w+)=(?:"([^"]*)"|(\w+))')


def drawing_data(picture: Picture) -> dict[str, Any]:
    """Return what ``drawGraph`` of drawing.js draws: the words that the text for dot has, too."""
    return {
        "direction": picture.direction,
        "caption": "\n".join(filter(None, (picture.title, picture.note))),
        "above": bool(picture.title),
        "sizes": [picture.letters, edge_letters(picture)],
        "nodes": [_node(v, picture.show) for v in picture.nodes],
        "edges": [_edge(e, picture.show) for e in picture.edges],
        "boxes": [_box(c) for c in picture.clusters],
    }


def drawing_styles() -> dict[str, dict[str, str]]:
    """Return the attributes of each kind of box by name, as dot has them."""
    styles = {}
    for kind, text in STYLES.items():
        pairs = ATTRIBUTE.findall(text)
        styles[kind] = {name: quoted or bare for name, quoted, bare in pairs}
    return styles


def _node(v: Vertex, show: tuple[str, ...]) -> dict[str, Any]:
    words = vertex_words(v, "saved" in show)
    back = gradient_words(v) if "gradients" in show else ""
    data = {"id": v.id, "box": v.cluster, "kind": v.kind, "words": words, "back": back}
    return data | {"ring": MARKS[v.mark]} if v.mark else data


def _edge(e: Edge, show: tuple[str, ...]) -> dict[str, Any]:
    words = [" ".join(edge_words(e, show))]
    back = edge_gradient_words(e) if "gradients" in show else ""
    return {
        "source": e.source,
        "target": e.target,
        "words": words,
        "back": back,
        "dashed": e.broadcast,
        "colour": MARKS.get(e.mark, ""),
    }


def _box(c: Cluster) -> dict[str, Any]:
    return {
        "id": c.id,
        "parent": c.parent,
        "title": frame_title(c),
        "colour": MARKS.get(c.mark, ""),
    }
