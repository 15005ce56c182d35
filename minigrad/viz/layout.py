"""A picture as what the page's own layout needs (layout.js, drawing.js): words, boxes, colours."""

from __future__ import annotations

import re
from typing import Any

from minigrad.viz.dot import (
    MARKS,
    STYLES,
    edge_gradient_words,
    edge_words,
    frame_title,
    gradient_words,
    vertex_words,
)
from minigrad.viz.elements import Cluster, Edge, Vertex

ATTRIBUTE = re.compile(r'(\w+)=(?:"([^"]*)"|(\w+))')


def drawing_styles() -> dict[str, dict[str, str]]:
    """Return the attributes of each kind of box by name, as dot has them."""
    styles = {}
    for kind, text in STYLES.items():
        pairs = ATTRIBUTE.findall(text)
        styles[kind] = {name: quoted or bare for name, quoted, bare in pairs}
    return styles


def node_drawing(v: Vertex, show: tuple[str, ...]) -> dict[str, Any]:
    """Return a node of what ``drawGraph`` of drawing.js draws, in the words of the text for dot."""
    words = vertex_words(v, "saved" in show)
    back = gradient_words(v) if "gradients" in show else ""
    data = {"id": v.id, "box": v.cluster, "kind": v.kind, "words": words, "back": back}
    return data | {"ring": MARKS[v.mark]} if v.mark else data


def edge_drawing(e: Edge, show: tuple[str, ...]) -> dict[str, Any]:
    """Return an edge of it."""
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


def box_drawing(c: Cluster) -> dict[str, Any]:
    """Return a box around nodes."""
    return {
        "id": c.id,
        "parent": c.parent,
        "title": frame_title(c),
        "colour": MARKS.get(c.mark, ""),
    }
