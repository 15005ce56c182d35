"""The autograd graph of a tensor as a picture: plain data first, then DOT, then graphviz."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.graph import Node
from minigrad.tensor import Tensor

_INSTALL = (
    "drawing needs graphviz's program `dot`, which is not on the PATH. Install it: "
    "`apt install graphviz` (Debian, Ubuntu), `dnf install graphviz` (Fedora), `brew install graphviz` "
    "(macOS), `winget install graphviz` (Windows). Without it, .dot gives the picture as text."
)
# Okabe & Ito's colours, light: they differ in lightness too, for print and for colour-blind readers
_STYLES = {
    "parameter": 'shape=box, style="filled,rounded", fillcolor="#F6C667", color="#8A6100"',
    "input": 'shape=box, style="filled", fillcolor="#B3DBF2", color="#1C6A94"',
    "constant": 'shape=box, style="filled,dashed", fillcolor="#F2F2F2", color="#767676"',
    "operation": 'shape=ellipse, style="filled", fillcolor="#FFFFFF", color="#333333"',
    "named": 'shape=ellipse, style="filled,bold", fillcolor="#BFE5D6", color="#00694C"',
    "output": 'shape=box, style="filled,bold", fillcolor="#FFFFFF", color="#333333"',
}
_ORDERED = {"sub", "div", "pow", "matmul", "linear", "conv", "where", "concatenate", "setitem"}


@dataclass(frozen=True)
class Vertex:
    """One box of the picture."""

    id: int
    kind: str
    label: str
    shape: tuple[int, ...]
    gradient: float | None = None  # its norm, after ``backward``


@dataclass(frozen=True)
class Edge:
    """One operand: the value of ``source`` goes into ``target`` as its operand ``place``."""

    source: int
    target: int
    place: int
    shape: tuple[int, ...]
    numbered: bool


@dataclass
class Graph:
    """Nodes and edges of a picture, holding nothing of the graph it shows.

    ``dot`` is the text, the same for the same program in every process; ``render`` writes a file;
    notebooks show it by themselves.
    """

    nodes: list[Vertex] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    title: str = ""

    @property
    def dot(self) -> str:
        """The picture in the DOT language."""
        lines = [
            "digraph minigrad {",
            '  graph [rankdir=TB, nodesep=0.25, ranksep=0.35, bgcolor="transparent"]',
            '  node [fontname="Helvetica,Arial,sans-serif", fontsize=11, margin="0.12,0.05", height=0.3]',
            '  edge [fontname="Helvetica,Arial,sans-serif", fontsize=9, color="#777777", '
            'fontcolor="#777777", arrowsize=0.7]',
        ]
        if self.title:
            lines.append(f"  label={_quoted(self.title)}; labelloc=t")
        for node in self.nodes:
            lines_of_text = [node.label] if node.kind == "operation" else [node.label, _size(node.shape)]
            if node.gradient is not None:
                lines_of_text.append(f"‖gradient‖ {node.gradient:.3g}")
            label = _quoted("\n".join(lines_of_text))
            lines.append(f"  n{node.id} [label={label}, {_STYLES[node.kind]}]")
        for edge in self.edges:
            place = f"{edge.place}: " if edge.numbered else ""
            label = _quoted(f"  {place}{_size(edge.shape)}")
            lines.append(f"  n{edge.source} -> n{edge.target} [label={label}]")
        return "\n".join([*lines, "}"]) + "\n"

    def render(self, path: str | Path) -> Path:
        """Write the picture to ``path``, svg, png or pdf by its ending; return the path.

        Raises RuntimeError where the program ``dot`` is missing, ValueError for another ending.
        """
        path = Path(path)
        kind = path.suffix.removeprefix(".")
        if kind not in ("svg", "png", "pdf"):
            raise ValueError(f"render: expected a path ending in .svg, .png or .pdf, got {str(path)!r}")
        path.write_bytes(self._drawn(kind))
        return path

    def _drawn(self, kind: str) -> bytes:
        if shutil.which("dot") is None:
            raise RuntimeError(_INSTALL)
        import graphviz

        return graphviz.Source(self.dot).pipe(format=kind)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        if shutil.which("dot") is None:
            return {"text/plain": self.dot}
        return {"image/svg+xml": self._drawn("svg").decode(), "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"Graph({len(self.nodes)} nodes, {len(self.edges)} edges)"


def graph(tensor: Tensor, params: dict[str, Tensor] | Iterable[tuple[str, Tensor]] | None = None) -> Graph:
    """Return the picture of how ``tensor`` came about.

    Leaves are named by ``params``, a dict or pairs such as ``model.named_parameters()``; operands
    are edges, so x * x has two. Operations that carry a name (BatchNorm's μ, σ², x̂, y) show it.
    Raises ValueError for a tensor without a graph.

    >>> import minigrad as mg
    >>> x = mg.ones(3, requires_grad=True)
    >>> mg.viz.graph((x * x).sum(), {"x": x})
    Graph(4 nodes, 4 edges)
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(
            f"viz.graph draws a Tensor that was computed, not a {type(tensor).__name__}; call the model first"
        )
    if tensor._node is None:
        raise ValueError("viz.graph: this tensor has no graph; no operand asks for a gradient")
    pairs = params.items() if isinstance(params, dict) else (params or ())
    names = {node: name for name, p in pairs if (node := p._node or p._constant) is not None}
    order = _oldest_first(tensor._node)
    number = {node: i for i, node in enumerate(order)}
    picture = Graph([_vertex(i, node, names) for i, node in enumerate(order)])
    for node in order:
        for place, source in enumerate(node.inputs):
            if source is not None:
                numbered = node.primitive is not None and node.primitive.name in _ORDERED
                picture.edges.append(Edge(number[source], number[node], place, source.shape, numbered))
    picture.nodes.append(Vertex(len(order), "output", "output", tensor.shape))
    picture.edges.append(Edge(len(order) - 1, len(order), 0, tensor.shape, False))
    return picture


def _oldest_first(root: Node) -> list[Node]:
    """Return all nodes below ``root`` by age, which puts inputs before what reads them."""
    seen = {root}
    stack = [root]
    while stack:
        for node in stack.pop().inputs:
            if node is not None and node not in seen:
                seen.add(node)
                stack.append(node)
    return sorted(seen, key=lambda node: node.sequence)


def retain(tensor: Tensor) -> Tensor:
    """Let the next ``backward`` keep the gradient of every named operation below; return the tensor.

    A picture drawn after it then shows their norms: BatchNorm's ∂ℓ/∂μ, ∂ℓ/∂σ², ∂ℓ/∂x̂ and ∂ℓ/∂y.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> y = mg.viz.retain(nn.BatchNorm1d(2)(mg.randn(4, 2, requires_grad=True)))
    >>> y.pow(3).sum().backward()
    >>> sorted(n.label.split()[0] for n in mg.viz.graph(y).nodes if n.kind == "named" and n.gradient is not None)
    ['x̂', 'y', 'μ', 'σ²']
    """
    if tensor._node is not None:
        for node in _oldest_first(tensor._node):
            if node.label and node.primitive is not None:
                node.retains = True
    return tensor


def _vertex(i: int, node: Node, names: dict[Node, str]) -> Vertex:
    gradient = None if node.grad is None else float(np.linalg.norm(node.grad._data.ravel()))
    if node.primitive is not None:
        label = f"{node.label} = {node.primitive.name}" if node.label else node.primitive.name
        return Vertex(i, "named" if node.label else "operation", label, node.shape, gradient)
    name = names.get(node)
    if node.requires_grad:
        return Vertex(i, "parameter" if name else "input", name or "leaf", node.shape, gradient)
    return Vertex(i, "constant", name or "constant", node.shape)


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) if shape else "scalar"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
