"""The text of a picture in the DOT language, the same in every process."""

from __future__ import annotations

from html import escape
from math import prod
from typing import Any

# Okabe & Ito's colours, light: they differ in lightness too, for print and for colour-blind readers
STYLES = {
    "parameter": 'shape=box, style="filled,rounded", fillcolor="#F6C667", color="#8A6100"',
    "input": 'shape=box, style="filled", fillcolor="#B3DBF2", color="#1C6A94"',
    "buffer": 'shape=cylinder, style="filled", fillcolor="#E3D3E8", color="#7A3E8E"',
    "constant": 'shape=box, style="filled,dashed", fillcolor="#F2F2F2", color="#767676"',
    "operation": 'shape=ellipse, style="filled", fillcolor="#FFFFFF", color="#333333"',
    "named": 'shape=ellipse, style="filled,bold", fillcolor="#BFE5D6", color="#00694C"',
    "module": 'shape=box, peripheries=2, style="filled", fillcolor="#E8EEF4", color="#3A5A78"',
    "more": 'shape=plaintext, style="filled", fillcolor="#F2F2F2", color="#767676"',
    "output": 'shape=box, style="filled,bold", fillcolor="#FFFFFF", color="#333333"',
}
GREY, BACK = "#767676", "#C44E00"  # both are legible on white and on black
BACK_ON_FILL = "#8A3700"


def text_of(picture: Any) -> str:
    """Return the text; clusters are nested, and numbers are those of the picture."""
    lines = [
        "digraph minigrad {",
        f'  graph [rankdir={picture.direction}, nodesep=0.25, ranksep=0.35, bgcolor="transparent", '
        f'fontname="Helvetica,Arial,sans-serif", fontsize=11, fontcolor="{GREY}"]',
        '  node [fontname="Helvetica,Arial,sans-serif", fontsize=11, margin="0.12,0.05", height=0.3]',
        f'  edge [fontname="Helvetica,Arial,sans-serif", fontsize=9, color="{GREY}", '
        f'fontcolor="{GREY}", arrowsize=0.7]',
    ]
    if said := "\n".join(filter(None, (picture.title, picture.note))):
        lines.append(f"  label={quoted(said)}; labelloc={'t' if picture.title else 'b'}")
    lines += _nested(picture)
    lines += [_edge(picture, i, edge) for i, edge in enumerate(picture.edges)]
    return "\n".join([*lines, "}"]) + "\n"


def _nested(picture: Any) -> list[str]:
    """Return vertices inside the clusters they are in, by a stack of (depth, cluster or closing line)."""
    inside: dict[int | None, list[Any]] = {}
    below: dict[int | None, list[Any]] = {}
    for vertex in picture.nodes:
        inside.setdefault(vertex.cluster, []).append(vertex)
    for cluster in picture.clusters:
        below.setdefault(cluster.parent, []).append(cluster)
    lines = [_vertex(picture, v, "  ") for v in inside.get(None, [])]
    stack: list[tuple[int, Any]] = [(1, c) for c in reversed(below.get(None, []))]
    while stack:
        depth, item = stack.pop()
        pad = "  " * depth
        if item is None:
            lines.append(pad + "}")
            continue
        lines.append(f"{pad}subgraph cluster_{item.id} {{")
        lines.append(
            f'{pad}  label={quoted(short(heading(item)))}; style="rounded"; color="#9AA5B1"; labelloc=t; labeljust=l'
        )
        lines += [_vertex(picture, v, pad + "  ") for v in inside.get(item.id, [])]
        stack.append((depth, None))
        stack += [(depth + 1, c) for c in reversed(below.get(item.id, []))]
    return lines


def heading(cluster: Any) -> str:
    """Return what stands over a cluster: path, class, number of parameters, repetitions."""
    text = f"{cluster.path}: {cluster.kind}" if cluster.path else cluster.kind
    n = cluster.parameters
    count = f" · {n:,} parameter{'s' * (n > 1)}" if n else ""
    return text + count + (f" ×{cluster.times}" if cluster.times > 1 else "")


def _vertex(picture: Any, node: Any, pad: str) -> str:
    words = [short(node.label)]
    if node.kind not in ("operation", "module", "more") and (node.shape or node.number is None):
        words.append(size(node.shape))
    if node.number is not None:
        words.append(f"= {amount_of(node.number, 4)}")
    if node.in_place:
        words.append(f"in place: {node.in_place}")
    if node.saved and "saved" in picture.show:
        words.append(f"keeps {amount(node.saved)}" + " in all" * (node.times > 1))
    back = ""
    if node.gradient is not None and "gradients" in picture.show:
        name = "·" if node.kind in ("operation", "module") else short(node.label.split(" = ")[0])
        slope = f"∂ℓ/∂{name}"
        back = f"{slope if _single(node) else f'‖{slope}‖'} = {amount_of(node.gradient)}"
    return f'{pad}n{node.id} [id="n{node.id}", label={_label(words, back, BACK_ON_FILL)}, {STYLES[node.kind]}]'


def _edge(picture: Any, i: int, edge: Any) -> str:
    parts = [f"{edge.letter}:"] if edge.letter else []
    told = edge.dtype != "object"  # what goes between a Function's call and its outputs has neither
    if "shapes" in picture.show and told:
        parts.append(size(edge.shape))
    if "dtypes" in picture.show and edge.dtype and told:
        parts.append(edge.dtype)
    if edge.broadcast:
        parts.append("broadcast")
    if edge.times > 1:
        parts.append(f"×{edge.times}")
    style = ", style=dashed" if edge.broadcast else ""
    back = ""
    if (slope := edge.gradient) is not None and "gradients" in picture.show:
        back = f"{'∂' if _single(edge) else '‖∂‖'} {amount_of(slope)}"
        style += f', dir=both, arrowtail=vee, color="{GREY}:{BACK}"'
    return f'  n{edge.source} -> n{edge.target} [id="e{i}", label={_label([" ".join(parts)], back, BACK, edge=True)}{style}]'


def _single(item: Any) -> bool:
    """Tell whether the value is a single number, whose gradient is shown with its sign."""
    return prod(item.shape) == 1 and item.dtype != "object"


def amount_of(number: Any, digits: int = 3) -> str:
    """Return a number, or the least and the greatest of several, as people read it."""
    if isinstance(number, tuple):
        return " … ".join(amount_of(part, digits) for part in number)
    return f"{number:.{digits}g}" if isinstance(number, float) else str(number)


LONGEST = 56  # letters of a name in a box


def short(text: str) -> str:
    """Return a name in one line, a long one without its middle."""
    text = text.replace("\n", " ")
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}…{text[-LONGEST // 2 :]}"


def _label(words: list[str], back: str, colour: str, edge: bool = False) -> str:
    """Return a label in lines, those of an edge beginning below each other; ``back`` is one more, coloured."""
    pad = "\u00a0\u00a0" if edge else ""  # keeps off the line
    if not back:
        return quoted(pad + "\n".join(words))
    lines = [pad + escape(word) for word in words if word]
    lines.append(f'{pad}<FONT COLOR="{colour}">{escape(back)}</FONT>')
    brk = '<BR ALIGN="LEFT"/>' if edge else "<BR/>"
    return f"<{brk.join(lines)}{brk * edge}>"


def size(shape: tuple[int, ...]) -> str:
    """Return 3×4 for (3, 4), "length 3" for (3,), which must not read as a value."""
    return (
        "×".join(map(str, shape)) if len(shape) > 1 else f"length {shape[0]}" if shape else "scalar"
    )


def amount(count: float) -> str:
    """Return a number of bytes as people say it."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def quoted(text: str) -> str:
    """Return the text as a string of the DOT language."""
    escaped = (
        text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    )
    return f'"{escaped}"'
