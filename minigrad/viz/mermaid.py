"""The text of a picture in Mermaid's language, which GitHub and notebooks draw by themselves.

https://mermaid.js.org/syntax/flowchart.html
"""

from __future__ import annotations

import json

from minigrad.viz.dot import MARKS, edge_words, frame_title, gradient_words, vertex_words
from minigrad.viz.elements import Cluster, Edge, Picture, Vertex

SHAPES = {  # what stands left and right of the label
    "parameter": ("(", ")"),
    "input": ("[", "]"),
    "buffer": ("[(", ")]"),
    "constant": ("[", "]"),
    "operation": ("([", "])"),
    "named": ("([", "])"),
    "derivative": ("([", "])"),
    "module": ("[[", "]]"),
    "more": ("[", "]"),
    "output": ("[", "]"),
}
STYLES = (
    "classDef parameter fill:#F6C667,stroke:#8A6100,color:#000",
    "classDef input fill:#B3DBF2,stroke:#1C6A94,color:#000",
    "classDef buffer fill:#E3D3E8,stroke:#7A3E8E,color:#000",
    "classDef constant fill:#F2F2F2,stroke:#767676,color:#000,stroke-dasharray:4",
    "classDef operation fill:#FFFFFF,stroke:#333333,color:#000",
    "classDef named fill:#BFE5D6,stroke:#00694C,color:#000,stroke-width:2px",
    "classDef derivative fill:#FBE3D2,stroke:#8A3700,color:#000",
    "classDef module fill:#E8EEF4,stroke:#3A5A78,color:#000",
    "classDef more fill:#F2F2F2,stroke:#767676,color:#000",
    "classDef output fill:#FFFFFF,stroke:#333333,color:#000,stroke-width:2px",
)
# in a quoted label these would end it, or be read as its markup, \\n as the end of a line
ENTITIES = {
    '"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;",
    "\\": "\\\u200b",
}  # fmt: skip


def mermaid_text(picture: Picture) -> str:
    """Return the text: frames nested as the module calls are, numbers those of the picture."""
    lines = []
    if picture.title:
        title = json.dumps(
            picture.title.replace("\n", " "), ensure_ascii=False
        )  # YAML's string, too
        lines += ["---", f"title: {title}", "---"]
    lines.append(f"flowchart {picture.direction}")
    lines += _inside(picture, None, "  ")
    lines += [_edge_line(picture, edge) for edge in picture.edges]
    lines += _mark_lines(picture)
    used = {vertex.kind for vertex in picture.nodes}
    lines += [f"  {style}" for style in STYLES if style.split()[1] in used]
    return "\n".join(lines) + "\n"


def _inside(picture: Picture, cluster: int | None, pad: str) -> list[str]:
    """Return the vertices of a frame, then the frames inside."""
    lines = [_vertex_line(picture, v, pad) for v in picture.nodes if v.cluster == cluster]
    for child in picture.clusters:
        if child.parent == cluster:
            lines.append(_frame_head(child, pad))
            lines += _inside(picture, child.id, pad + "  ")
            lines.append(f"{pad}end")
    return lines


def _frame_head(cluster: Cluster, pad: str) -> str:
    title = _escape(frame_title(cluster))
    return f'{pad}subgraph c{cluster.id} ["{title}"]'


def _vertex_line(picture: Picture, vertex: Vertex, pad: str) -> str:
    words = vertex_words(vertex, "saved" in picture.show)
    if "gradients" in picture.show:
        words.append(gradient_words(vertex))
    left, right = SHAPES[vertex.kind]
    label = "<br>".join(_escape(word) for word in words if word)
    return f'{pad}n{vertex.id}{left}"{label}"{right}:::{vertex.kind}'


def _edge_line(picture: Picture, edge: Edge) -> str:
    arrow = "-.->" if edge.broadcast else "-->"
    words = _escape(" ".join(edge_words(edge, picture.show)))
    label = f'|"{words}"|' if words else ""
    return f"  n{edge.source} {arrow}{label} n{edge.target}"


def _mark_lines(picture: Picture) -> list[str]:
    """Return the colours of what a comparison marks: boxes, then edges by their number."""
    lines = []
    for v in picture.nodes:
        if v.mark:
            colour = MARKS[v.mark]
            lines.append(f"  style n{v.id} stroke:{colour},stroke-width:3px")
    for i, edge in enumerate(picture.edges):
        if edge.mark:
            colour = MARKS[edge.mark]
            lines.append(f"  linkStyle {i} stroke:{colour},stroke-width:3px")
    return lines


def _escape(text: str) -> str:
    return "".join(ENTITIES.get(letter, letter) for letter in text)
