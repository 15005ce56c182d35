"""One standalone page: the picture at every depth, pan and zoom, search, paths, backward steps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from minigrad.viz.elements import Picture, Vertex
from minigrad.viz.formatting import format_bytes, format_shape
from minigrad.viz.json_text import plain
from minigrad.viz.layout import drawing_data, drawing_styles
from minigrad.viz.render import can_draw, render_picture
from minigrad.viz.repeats import merge_repeats
from minigrad.viz.simplify import close_modules, shorten_middle
from minigrad.viz.statistics import norm
from minigrad.viz.steps import Step

DEEPEST = 6  # so many depths are laid out at most
SCRIPTS = ("layout.js", "drawing.js", "page.js")
PER_PAGE = 400  # boxes in one of them
HINT = (
    " Draw with &quot;values&quot; among <code>show</code> "
    "to see statistics of values and gradients, too."
)


def write_page(
    picture: Picture, whole: Picture, path: str | Path, steps: Iterable[Step] = ()
) -> Path:
    """Write :func:`page_text` to ``path``; return the path."""
    path = Path(path)
    path.write_text(page_text(picture, whole, steps), encoding="utf-8")
    return path


def page_text(picture: Picture, whole: Picture, steps: Iterable[Step] = ()) -> str:
    """Return the page of ``picture``.

    ``whole`` is the picture with nothing closed. ``steps`` are those of :func:`backward_steps`, for
    the slider. With "values" among what the picture shows, pointing at a box shows the statistics
    of its value and of its gradient. Without the program ``dot`` the page lays itself out.
    """
    views = _views(picture, whole)
    data = {
        "start": next(i for i, (_, view) in enumerate(views) if view.nodes == picture.nodes),
        "views": [_view_data(name, view) for name, view in views],
        "steps": [_step_data(step) for step in steps],
        "leaves": _leaves(whole),
        "styles": drawing_styles(),
    }
    drawings = [
        f'<div class="view" id="view{i}" hidden>{_svg(view, i) if can_draw() else ""}</div>'
        for i, (_, view) in enumerate(views)
    ]
    parts = {
        "css": _asset("page.css"),
        "js": "\n".join(map(_asset, SCRIPTS)),
        "data": _json(data),
        "views": "\n".join(drawings),
        "title": escape(picture.title or "minigrad"),
        "hint": "" if "values" in picture.show else HINT,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda m: parts[m.group(1)], _asset("page.html"))


def _asset(name: str) -> str:
    return (files("minigrad.viz") / name).read_text(encoding="utf-8")


def _json(data: Any) -> str:
    text = json.dumps(plain(data), ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _views(picture: Picture, whole: Picture) -> list[tuple[str, Picture]]:
    """Return (name, picture) for each depth that can be chosen, ``picture`` among them."""
    base = merge_repeats(whole)
    levels = {c.level for c in whole.clusters}
    views = []
    for depth in range(min(len(levels), DEEPEST)):
        view = close_modules(base, depth)
        views.append((str(depth), shorten_middle(view, PER_PAGE)))
    views.append(("all", shorten_middle(base, PER_PAGE)))
    if all(view.nodes != picture.nodes for _, view in views):
        views.insert(0, ("as drawn", picture))
    return views


def _view_data(name: str, view: Picture) -> dict[str, Any]:
    paths: dict[int | None, str] = {c.id: c.path for c in view.clusters}
    nodes = [_node_data(node, paths.get(node.cluster, "")) for node in view.nodes]
    edges = [[e.source, e.target] for e in view.edges]
    data: dict[str, Any] = {"name": name, "nodes": nodes, "edges": edges}
    if not can_draw():
        # the page lays out by itself
        data["drawing"] = drawing_data(view)
    return data


def _node_data(node: Vertex, path: str) -> dict[str, Any]:
    fields = node._asdict().items()
    data = {key: value for key, value in fields if value is not None}
    data["size"] = format_shape(node.shape)
    data["keeps"] = format_bytes(node.saved) if node.saved else ""
    data["kind"] = "operation" if node.kind == "named" else node.kind
    data["path"] = path
    return data


def _leaves(whole: Picture) -> list[dict[str, Any]]:
    """Return every leaf that may have a gradient, also of calls that are drawn once for several."""
    paths: dict[int | None, str] = {c.id: c.path for c in whole.clusters}
    leaves = []
    for v in whole.nodes:
        if v.kind in ("parameter", "input"):
            path = paths.get(v.cluster, "")
            leaves.append({"label": v.label, "path": path, "sequence": v.sequence})
    return leaves


def _step_data(step: Step) -> dict[str, Any]:
    sent = [{"to": s.to, "norm": norm(s.accumulated._data)} for s in step.sent]
    incoming = norm(step.cotangent._data)
    return {"node": step.sequence, "text": str(step), "in": incoming, "sent": sent}


def _svg(view: Picture, i: int) -> str:
    """Return the drawing without prologue, its ids distinct from those of other views."""
    text = render_picture(view, "svg").decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<title>.*?</title>", "", text, flags=re.S)
    return re.sub(r'id="(\w+)"', rf'id="v{i}-\1"', text)
