"""A picture as plain data: vertices, edges and clusters. What is made of it is elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from minigrad.viz.dot import text_of
from minigrad.viz.layout import INSTALL, drawn
from minigrad.viz.statistics import Flow, Size


class Vertex(NamedTuple):
    """One box of the picture."""

    id: int
    kind: str  # parameter, input, buffer, constant, operation, named, module, more, output
    label: str
    shape: tuple[int, ...]
    gradient: Size | None = None  # its norm, a single number's own value; the range over equal ones
    dtype: str = ""
    cluster: int | None = None  # the innermost module call around it
    saved: int = 0  # bytes kept for backward, by all that it stands for
    in_place: str | None = None  # the write that made it
    sequence: int | None = None  # the node's age: newer is later in the program
    value: dict[str, Any] | None = None  # statistics of the value and of the gradient, where asked
    slope: dict[str, Any] | None = None
    plain: str = ""  # the label with letters for all operands: equal calls agree in it
    number: Any = None  # the value, where it is one number and known
    ages: tuple[int, ...] = ()  # of equal ones that it stands for, too
    times: int = 1  # how many it stands for


class Edge(NamedTuple):
    """One operand: the value of ``source`` goes into ``target`` as its operand ``place``."""

    source: int
    target: int
    place: int
    shape: tuple[int, ...]
    letter: str  # what the operation calls it, where the order of its operands matters and it has no name
    dtype: str = ""
    broadcast: bool = False
    times: int = 1  # how many equal ones it stands for
    flow: Flow | None = None  # what flowed back along it in a watched sweep
    plain: str = ""  # its letter where no name is used

    @property
    def gradient(self) -> Size | None:
        """The norm of what flowed back along it, of the sum where it stands for several; a range over several values."""
        return None if self.flow is None else self.flow.size()


class Cluster(NamedTuple):
    """One call of a module, inside the call ``parent``."""

    id: int
    parent: int | None
    path: str
    kind: str  # the module's class
    parameters: int
    level: int
    times: int = 1  # how many equal ones it stands for


@dataclass
class Graph:
    """Nodes, edges and clusters of a picture, holding nothing of the graph it shows but what flowed along edges.

    ``dot`` is the text, the same for the same program in every process; ``render`` and ``html`` write
    files; notebooks show it by themselves. ``whole`` is the picture before anything was closed.
    """

    nodes: list[Vertex] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    clusters: list[Cluster] = field(default_factory=list)
    title: str = ""
    note: str = ""  # how to see what is missing
    direction: str = "TB"
    show: tuple[str, ...] = ()
    whole: Graph | None = field(default=None, repr=False)

    @property
    def dot(self) -> str:
        """The picture in the DOT language."""
        return text_of(self)

    def digraph(self) -> Any:
        """Return the picture as a ``graphviz.Digraph`` (``pip install graphviz``), to be changed further."""
        import graphviz

        made = graphviz.Digraph("minigrad")
        made.body.extend(line + "\n" for line in self.dot.splitlines()[1:-1])
        return made

    def render(self, path: str | Path) -> Path:
        """Write the picture to ``path``, svg, png or pdf by its ending; return the path.

        Raises RuntimeError where the program ``dot`` is missing, ValueError for another ending.
        """
        path = Path(path)
        kind = path.suffix.removeprefix(".").lower()
        if kind not in ("svg", "png", "pdf"):
            raise ValueError(
                f"render: expected a path ending in .svg, .png or .pdf, got {str(path)!r}"
            )
        path.write_bytes(self.drawn(kind))
        return path

    def html(self, path: str | Path, steps: Iterable[Any] = ()) -> Path:
        """Write a standalone page to ``path`` that asks nothing of any network; return the path.

        ``steps``, those of :func:`minigrad.viz.backward_steps`, make the slider. Draw with "values" among
        ``show`` for statistics. All of it, where before stood ``loss.backward()``::

            steps = list(viz.backward_steps(loss))
            viz.graph(loss, {"x": x}, show=("shapes", "gradients", "values")).html("loss.html", steps)

        Raises RuntimeError where the program ``dot`` is missing.
        """
        from minigrad.viz.page import html

        return html(self, path, steps)

    def drawn(self, kind: str) -> bytes:
        """Return the picture as svg, png or pdf; RuntimeError where the program ``dot`` is missing."""
        return drawn(self, kind)

    def diff(self, other: Graph) -> Difference:
        """Return what ``other`` has that this picture has not, and the other way round."""
        mine, theirs = self._lines(), other._lines()
        return Difference(sorted((theirs - mine).items()), sorted((mine - theirs).items()))

    def _lines(self) -> Any:
        """Count vertices and edges by what they say: numbers shift when one is added, words do not."""
        from collections import Counter

        paths: dict[int | None, str] = {c.id: c.path for c in self.clusters}
        words = {v.id: f"{paths.get(v.cluster, '')}/{v.label} {v.shape}" for v in self.nodes}
        lines = Counter(f"node {word}" for word in words.values())
        lines.update(f"edge {words[e.source]} -> {words[e.target]}[{e.place}]" for e in self.edges)
        return lines

    def _repr_svg_(self) -> str | None:
        return None if shutil.which("dot") is None else self.drawn("svg").decode()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        if shutil.which("dot") is None:
            return {"text/html": f"<p>{escape(repr(self))}</p>", "text/plain": repr(self)}
        return {"image/svg+xml": self.drawn("svg").decode(), "text/plain": repr(self)}

    def __repr__(self) -> str:
        text = f"Graph({len(self.nodes)} nodes, {len(self.edges)} edges)"
        return text if shutil.which("dot") is not None else f"{text}: {INSTALL}"


@dataclass(frozen=True, repr=False)
class Difference:
    """What one picture has that another has not: ``(line, how often)``."""

    added: list[tuple[str, int]]
    removed: list[tuple[str, int]]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    def __repr__(self) -> str:
        rows = [f"- {line}" + f" ×{n}" * (n > 1) for line, n in self.removed]
        rows += [f"+ {line}" + f" ×{n}" * (n > 1) for line, n in self.added]
        return "\n".join(rows) or "the same"
