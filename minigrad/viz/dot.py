"""The text of a picture in the DOT language, the same in every process."""

from __future__ import annotations

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
    if picture.title:
        lines.append(f"  label={quoted(picture.title)}; labelloc=t")
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
        lines.append(f'{pad}  label={quoted(heading(item))}; style="rounded"; color="#9AA5B1"; labeljust=l')
        lines += [_vertex(picture, v, pad + "  ") for v in inside.get(item.id, [])]
        stack.append((depth, None))
        stack += [(depth + 1, c) for c in reversed(below.get(item.id, []))]
    return lines


def heading(cluster: Any) -> str:
    """Return what stands over a cluster: path, class, number of parameters, repetitions."""
    text = f"{cluster.path}: {cluster.kind}" if cluster.path else cluster.kind
    count = f" · {cluster.parameters:,} parameters" if cluster.parameters else ""
    return text + count + (f" ×{cluster.times}" if cluster.times > 1 else "")


def _vertex(picture: Any, node: Any, pad: str) -> str:
    words = [node.label]
    if node.kind not in ("operation", "module", "more"):
        words.append(size(node.shape))
    if node.in_place:
        words.append(f"in place: {node.in_place}")
    if node.saved and "saved" in picture.show:
        words.append(f"keeps {amount(node.saved)}")
    if node.gradient is not None and "gradients" in picture.show:
        words.append(f"‖gradient‖ {node.gradient:.3g}")
    return f'{pad}n{node.id} [id="n{node.id}", label={quoted(chr(10).join(words))}, {STYLES[node.kind]}]'


def _edge(picture: Any, i: int, edge: Any) -> str:
    parts = [f"{edge.place}:"] if edge.numbered else []
    if "shapes" in picture.show:
        parts.append(size(edge.shape))
    if "dtypes" in picture.show and edge.dtype:
        parts.append(edge.dtype)
    if edge.broadcast:
        parts.append("broadcast")
    style = ", style=dashed" if edge.broadcast else ""
    if edge.gradient is not None and "gradients" in picture.show:
        parts.append(f"\n  ‖∂‖ {edge.gradient:.3g}")
        style += f', dir=both, arrowtail=vee, color="{GREY}:{BACK}"'
    words = " ".join(parts).replace(" \n", "\n")
    return f'  n{edge.source} -> n{edge.target} [id="e{i}", label={quoted("  " + words)}{style}]'


def size(shape: tuple[int, ...]) -> str:
    """Return 3×4 for (3, 4)."""
    return "×".join(map(str, shape)) if shape else "scalar"


def amount(count: float) -> str:
    """Return a number of bytes as people say it."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def quoted(text: str) -> str:
    """Return the text as a string of the DOT language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
