"""``Graph``, a picture that writes itself as text, drawing or page, and compares itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

from minigrad.viz.dot import dot_text
from minigrad.viz.elements import Picture
from minigrad.viz.json_text import json_text, read_picture
from minigrad.viz.mermaid import mermaid_text
from minigrad.viz.page import page_text, write_page
from minigrad.viz.render import INSTALL, can_draw, render_picture

LETTERS_ON_SLIDES = 20
FRAME = "width: 100%; height: 30rem; border: 1px solid #cfd6dd"  # of a page in a notebook


@dataclass
class Graph(Picture):
    """Nodes, edges and clusters of a picture, with ``title``, ``note``, ``direction`` and ``show``.

    ``dot`` is the text, the same for the same program in every process; ``render`` and ``html``
    write files; notebooks show it by themselves. ``whole`` is the picture before anything was
    closed. Of the graph it shows it holds only what flowed along edges.
    """

    whole: Graph | None = field(default=None, repr=False)

    @property
    def dot(self) -> str:
        """The picture in the DOT language.

        Where its edges are very long in all, what is read far away is drawn there again.
        """
        return dot_text(self)

    def digraph(self) -> Any:
        """Return a ``graphviz.Digraph`` (``pip install graphviz``), to be changed further."""
        try:
            import graphviz
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "digraph needs the package graphviz: pip install graphviz. The picture's text is "
                "in .dot, and .render(path) asks the program dot alone"
            ) from None

        digraph = graphviz.Digraph("minigrad")
        digraph.body.extend(line + "\n" for line in self.dot.splitlines()[1:-1])
        return digraph

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

    def slide(self) -> Graph:
        """Return the picture for a slide: large letters, neither bytes nor dtypes.

        >>> import minigrad as mg
        >>> picture = mg.viz.graph(mg.ones(3, requires_grad=True).exp().sum())
        >>> "keeps" in picture.dot, "keeps" in picture.slide().dot
        (True, False)
        """
        show = tuple(word for word in self.show if word not in ("saved", "dtypes"))
        whole = None if self.whole is None else self.whole.slide()
        return replace(self, show=show, letters=LETTERS_ON_SLIDES, whole=whole)

    def mermaid(self) -> str:
        """Return the picture in Mermaid's language, which a forge draws in a page of Markdown.

        It goes between ```` ```mermaid ```` and ```` ``` ````. GitHub draws up to 500 edges and
        50,000 characters: close modules by ``depth`` for less.
        """
        return mermaid_text(self)

    def json(self, indent: int | None = None) -> str:
        """Return the picture as JSON; :func:`minigrad.viz.from_json` reads it.

        It has ``title``, ``note``, ``direction``, ``show``, and the lists ``nodes``, ``edges`` and
        ``clusters``, a dictionary each (``viz/elements.py`` names the fields).
        """
        return json_text(self, indent)

    def html(self, path: str | Path, steps: Iterable[Any] = ()) -> Path:
        """Write a standalone page to ``path`` that needs no network; return the path.

        Its boxes open one by one, and its search looks into closed ones. The slider goes through
        the forward pass, and through backward with ``steps``.

        ``steps``, those of :func:`minigrad.viz.backward_steps`, make the slider. Draw with "values"
        among ``show`` for statistics. All of it, in place of ``loss.backward()``::

            steps = list(viz.backward_steps(loss))
            show = ("shapes", "gradients", "values")
            viz.graph(loss, {"x": x}, show=show).html("loss.html", steps)

        The page needs no program ``dot``: it lays itself out, in the browser.
        """
        return write_page(self, self.whole or self, path, steps)

    def drawn(self, kind: str) -> bytes:
        """Return the picture as svg, png or pdf; RuntimeError without the program ``dot``."""
        return render_picture(self, kind)

    def diff(self, other: Graph) -> Difference:
        """Return what ``other`` has that this picture has not, and the other way round."""
        mine, theirs = self._lines(), other._lines()
        return Difference(sorted((theirs - mine).items()), sorted((mine - theirs).items()))

    def _lines(self) -> Counter[str]:
        """Count vertices and edges by their labels: numbers shift when one is added."""
        paths: dict[int | None, str] = {c.id: c.path for c in self.clusters}
        names = {}
        lines: Counter[str] = Counter()
        for v in self.nodes:
            path = paths.get(v.cluster, "")
            name = f"{path}/{v.label} {v.shape}"
            names[v.id] = name
            lines[f"node {name}"] += 1
        for e in self.edges:
            source, target = names[e.source], names[e.target]
            lines[f"edge {source} -> {target}[{e.place}]"] += 1
        return lines

    def _repr_svg_(self) -> str | None:
        return None if not can_draw() else self.drawn("svg").decode()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        plain = repr(self)
        if can_draw():
            return {"image/svg+xml": self.drawn("svg").decode(), "text/plain": plain}
        page = page_text(self, self.whole or self)
        frame = f'<iframe srcdoc="{escape(page)}" style="{FRAME}"></iframe>'
        return {"text/html": f"{frame}<p>{escape(plain)}</p>", "text/plain": plain}

    def __repr__(self) -> str:
        text = f"Graph({len(self.nodes)} nodes, {len(self.edges)} edges)"
        return text if can_draw() else f"{text}: {INSTALL}"


def from_json(text: str) -> Graph:
    """Return the picture that :meth:`Graph.json` wrote.

    Raises ValueError for any other text.

    >>> import minigrad as mg
    >>> picture = mg.viz.graph(mg.ones(3, requires_grad=True).exp().sum())
    >>> mg.viz.from_json(picture.json()).dot == picture.dot
    True
    """
    return Graph(**read_picture(text))


@dataclass(frozen=True, repr=False)
class Difference:
    """What one picture has that another has not: ``(line, how often)``."""

    added: list[tuple[str, int]]
    removed: list[tuple[str, int]]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    def __repr__(self) -> str:
        rows = [_signed_line("-", *entry) for entry in self.removed]
        rows += [_signed_line("+", *entry) for entry in self.added]
        return "\n".join(rows) or "the same"


def _signed_line(sign: str, line: str, count: int) -> str:
    times = f" ×{count}" if count > 1 else ""
    return f"{sign} {line}{times}"
