"""The text of a picture in the DOT language, the same in every process."""

from __future__ import annotations

from collections import defaultdict
from html import escape
from math import prod

from minigrad.viz.elements import Cluster, Edge, Picture, Vertex
from minigrad.viz.formatting import format_bytes, format_number, format_shape, shorten
from minigrad.viz.long_edges import cut_long_edges

# Okabe & Ito's colours, light: they also differ in lightness, for print and colour-blind readers
STYLES = {
    "parameter": 'shape=box, style="filled,rounded", fillcolor="#F6C667", color="#8A6100"',
    "input": 'shape=box, style="filled", fillcolor="#B3DBF2", color="#1C6A94"',
    "buffer": 'shape=cylinder, style="filled", fillcolor="#E3D3E8", color="#7A3E8E"',
    "constant": 'shape=box, style="filled,dashed", fillcolor="#F2F2F2", color="#767676"',
    "operation": 'shape=ellipse, style="filled", fillcolor="#FFFFFF", color="#333333"',
    "named": 'shape=ellipse, style="filled,bold", fillcolor="#BFE5D6", color="#00694C"',
    "derivative": 'shape=ellipse, style="filled", fillcolor="#FBE3D2", color="#8A3700"',
    "module": 'shape=box, peripheries=2, style="filled", fillcolor="#E8EEF4", color="#3A5A78"',
    "more": 'shape=plaintext, style="filled", fillcolor="#F2F2F2", color="#767676"',
    "output": 'shape=box, style="filled,bold", fillcolor="#FFFFFF", color="#333333"',
}
# what a comparison marks, and the sign before it, which needs no colour
MARKS = {"added": "#1A7F37", "removed": "#B3261E", "changed": "#6F42C1"}
SIGNS = {"added": "+ ", "removed": "− ", "changed": "~ ", "": ""}
GREY, BACK = "#767676", "#C44E00"  # both are legible on white and on black
BACK_ON_FILL = "#8A3700"
FONT = "Helvetica,Arial,sans-serif"


def dot_text(picture: Picture) -> str:
    """Return the text; clusters are nested, and numbers are those of the picture.

    Long edges are cut where there are too many.
    """
    picture = cut_long_edges(picture)
    size, small = picture.letters, edge_letters(picture)
    lines = [
        "digraph minigrad {",
        f"  graph [rankdir={picture.direction}, nodesep=0.25, ranksep=0.35, "
        f'bgcolor="transparent", fontname="{FONT}", fontsize={size}, fontcolor="{GREY}"]',
        f'  node [fontname="{FONT}", fontsize={size}, margin="0.12,0.05", height=0.3]',
        f'  edge [fontname="{FONT}", fontsize={small}, color="{GREY}", '
        f'fontcolor="{GREY}", arrowsize=0.7]',
    ]
    if caption := "\n".join(filter(None, (picture.title, picture.note))):
        lines.append(f"  label={_quote(caption)}; labelloc={'t' if picture.title else 'b'}")
    lines += _nested_lines(picture)
    for i, edge in enumerate(picture.edges):
        lines.append(_edge_line(picture, i, edge))
    lines.append("}\n")
    return "\n".join(lines)


def edge_letters(picture: Picture) -> int:
    """Return the size of the letters at edges."""
    return round(picture.letters * 9 / 11)


def _nested_lines(picture: Picture) -> list[str]:
    """Return the vertices inside their clusters.

    A stack of (depth, cluster) replaces recursion; None in place of a cluster closes one.
    """
    vertices: dict[int | None, list[Vertex]] = defaultdict(list)
    for vertex in picture.nodes:
        vertices[vertex.cluster].append(vertex)
    children: dict[int | None, list[Cluster]] = defaultdict(list)
    for cluster in picture.clusters:
        children[cluster.parent].append(cluster)

    lines = [_vertex_line(picture, v, "  ") for v in vertices[None]]
    stack: list[tuple[int, Cluster | None]] = [(1, c) for c in reversed(children[None])]
    while stack:
        depth, item = stack.pop()
        pad = "  " * depth
        if item is None:
            lines.append(pad + "}")
            continue
        lines += _cluster_head(item, pad)
        lines += [_vertex_line(picture, v, pad + "  ") for v in vertices[item.id]]
        stack.append((depth, None))
        for child in reversed(children[item.id]):
            stack.append((depth + 1, child))
    return lines


def _cluster_head(cluster: Cluster, pad: str) -> list[str]:
    label = _quote(frame_title(cluster))
    colour = MARKS.get(cluster.mark, "#9AA5B1")
    style = f'style="rounded"; color="{colour}"; labelloc=t; labeljust=l'
    return [f"{pad}subgraph cluster_{cluster.id} {{", f"{pad}  label={label}; {style}"]


def frame_title(cluster: Cluster) -> str:
    """Return what fits over a cluster, with the sign of a comparison."""
    return SIGNS[cluster.mark] + shorten(cluster_title(cluster))


def cluster_title(cluster: Cluster) -> str:
    """Return what stands over a cluster: path, class, number of parameters, repetitions."""
    text = call_name(cluster)
    if cluster.parameters == 1:
        text += " · 1 parameter"
    elif cluster.parameters:
        text += f" · {cluster.parameters:,} parameters"
    if cluster.times > 1:
        text += f" ×{cluster.times}"
    return text


def call_name(cluster: Cluster) -> str:
    """Return path and class."""
    return f"{cluster.path}: {cluster.kind}" if cluster.path else cluster.kind


def _vertex_line(picture: Picture, vertex: Vertex, pad: str) -> str:
    words = vertex_words(vertex, "saved" in picture.show)
    back = gradient_words(vertex) if "gradients" in picture.show else ""
    label = _label(words, back, BACK_ON_FILL)
    style = STYLES[vertex.kind]
    if vertex.line:
        style += f", tooltip={_quote(vertex.line)}"
    if vertex.mark:
        style += f', color="{MARKS[vertex.mark]}", penwidth=3'
    return f'{pad}n{vertex.id} [id="n{vertex.id}", label={label}, {style}]'


def vertex_words(vertex: Vertex, show_saved: bool) -> list[str]:
    number = vertex.number
    sign = SIGNS[vertex.mark]
    words = [sign + shorten(vertex.label)]

    is_value = vertex.kind not in ("operation", "derivative", "module", "more")
    is_plain_number = number is not None and not vertex.shape
    if is_value and not is_plain_number:
        words.append(format_shape(vertex.shape))
    if number is not None:
        text = format_number(number, 4)
        words.append(f"= {text}")
    if vertex.was:
        words.append(f"was {vertex.was}")

    if vertex.in_place:
        words.append(f"in place: {vertex.in_place}")
    if vertex.saved and show_saved:
        total = " in all" if vertex.times > 1 else ""
        words.append(f"keeps {format_bytes(vertex.saved)}{total}")
    return words


def gradient_words(vertex: Vertex) -> str:
    """Return "‖∂ℓ/∂x‖ = 0.5", without bars where the value is a single number."""
    if vertex.gradient is None:
        return ""
    return f"{gradient_name(vertex)} = {format_number(vertex.gradient)}"


def gradient_name(vertex: Vertex) -> str:
    """Return "‖∂ℓ/∂x‖", what the gradient of a vertex is called."""
    name = "·"
    if vertex.kind not in ("operation", "derivative", "module"):
        symbol, _, _ = vertex.label.partition(" = ")
        name = shorten(symbol)
    is_single = _is_single(vertex)
    bars = "" if is_single else "‖"
    return f"{bars}∂ℓ/∂{name}{bars}"


def _edge_line(picture: Picture, i: int, edge: Edge) -> str:
    style = ", style=dashed" if edge.broadcast else ""
    back = edge_gradient_words(edge) if "gradients" in picture.show else ""
    colour = MARKS.get(edge.mark, GREY)
    if back:
        style += f', dir=both, arrowtail=vee, color="{colour}:{BACK}"'
    elif edge.mark:
        style += f', color="{colour}", penwidth=2'
    words = " ".join(edge_words(edge, picture.show))
    label = _label([words], back, BACK, edge=True)
    arrow = f"n{edge.source} -> n{edge.target}"
    return f'  {arrow} [id="e{i}", label={label}{style}]'


def edge_gradient_words(edge: Edge) -> str:
    """Return "‖∂‖ 0.5", the size of what flowed back, with its sign where it is one number."""
    gradient = edge.gradient
    if gradient is None:
        return ""
    sign = "∂" if _is_single(edge) else "‖∂‖"
    words = f"{sign} {format_number(gradient)}"
    ratio = edge.ratio
    return words if ratio is None else f"{words} (×{format_number(ratio)})"


def edge_words(edge: Edge, show: tuple[str, ...]) -> list[str]:
    words = []
    if edge.letter:
        words.append(f"{edge.letter}:")
    # what goes from a Function's call to its outputs has neither shape nor dtype
    is_array = edge.dtype != "object"
    if "shapes" in show and is_array:
        words.append(format_shape(edge.shape))
    if "dtypes" in show and edge.dtype and is_array:
        words.append(edge.dtype)
    if edge.broadcast:
        words.append("broadcast")
    if edge.times > 1:
        words.append(f"×{edge.times}")
    return words


def _is_single(item: Vertex | Edge) -> bool:
    """Return whether the value is a single number, whose gradient is shown with its sign."""
    return prod(item.shape) == 1 and item.dtype != "object"


def _label(words: list[str], back: str, colour: str, edge: bool = False) -> str:
    """Return a label of several lines; ``back`` is one more, coloured.

    Those of an edge begin below each other, and at a distance from it.
    """
    pad = "\u00a0\u00a0" if edge else ""
    if not back:
        return _quote(pad + "\n".join(words))
    lines = [pad + escape(word) for word in words if word]
    lines.append(f'{pad}<FONT COLOR="{colour}">{escape(back)}</FONT>')
    if not edge:
        text = "<BR/>".join(lines)
        return f"<{text}>"
    left = '<BR ALIGN="LEFT"/>'
    text = left.join(lines)
    return f"<{text}{left}>"


def _quote(text: str) -> str:
    """Return the text as a string of the DOT language."""
    text = text.replace("&", "&amp;").replace("\\", "\\\\")
    text = text.replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
