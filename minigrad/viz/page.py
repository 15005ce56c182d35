"""One standalone page: the picture at every depth, with pan and zoom, search, paths and backward steps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any

from minigrad.viz.dot import amount, size
from minigrad.viz.fold import closed, folded, shortened
from minigrad.viz.picture import Graph
from minigrad.viz.statistics import norm
from minigrad.viz.steps import Step

DEEPEST = 6  # so many depths are laid out at most
PER_PAGE = 400  # boxes in one of them
HINT = " Draw with &quot;values&quot; among <code>show</code> to see statistics of values and gradients, too."


def html(picture: Graph, path: str | Path, steps: Iterable[Step] = ()) -> Path:
    """Write the page of ``picture`` to ``path``; return the path. Needs the program ``dot`` (RuntimeError).

    ``steps`` are those of :func:`backward_steps`, for the slider. With "values" among what the picture
    shows, pointing at a box tells the statistics of its value and of its gradient.
    """
    views = _views(picture)
    data = {
        "start": next(i for i, (_, view) in enumerate(views) if view.nodes == picture.nodes),
        "views": [_data(name, view) for name, view in views],
        "steps": [_step(s) for s in steps],
        "leaves": _leaves(picture.whole or picture),
    }
    text = json.dumps(_plain(data), ensure_ascii=False, separators=(",", ":")).replace(
        "<", "\\u003c"
    )
    parts = {name: _asset(f"page.{name}") for name in ("css", "js")}
    drawings = "\n".join(
        f'<div class="view" id="view{i}" hidden>{_svg(view, i)}</div>'
        for i, (_, view) in enumerate(views)
    )
    parts |= {"data": text, "views": drawings, "title": escape(picture.title or "minigrad")}
    parts["hint"] = "" if "values" in picture.show else HINT
    page = re.sub(r"\{\{(\w+)\}\}", lambda m: parts[m.group(1)], _asset("page.html"))
    path = Path(path)
    path.write_text(page, encoding="utf-8")
    return path


def _asset(name: str) -> str:
    return (files("minigrad.viz") / name).read_text(encoding="utf-8")


def _views(picture: Graph) -> list[tuple[str, Graph]]:
    """Return (name, picture) for each depth that can be chosen, the given one among them."""
    whole = picture.whole or picture
    base = folded(whole)
    levels = max((c.level for c in whole.clusters), default=-1) + 1
    made = [(str(d), shortened(closed(base, d), PER_PAGE)) for d in range(min(levels, DEEPEST))]
    made.append(("all", shortened(base, PER_PAGE)))
    if all(view.nodes != picture.nodes for _, view in made):
        made.insert(0, ("as drawn", picture))
    return made


def _data(name: str, view: Graph) -> dict[str, Any]:
    paths: dict[int | None, str] = {c.id: c.path for c in view.clusters}
    return {
        "name": name,
        "nodes": [
            {k: v for k, v in node._asdict().items() if v is not None}
            | {"size": size(node.shape), "keeps": amount(node.saved) if node.saved else ""}
            | {
                "kind": "operation" if node.kind == "named" else node.kind,
                "path": paths.get(node.cluster, ""),
            }
            for node in view.nodes
        ],
        "edges": [[e.source, e.target] for e in view.edges],
    }


def _leaves(whole: Graph) -> list[dict[str, Any]]:
    """Return every leaf with a gradient, also of calls that are drawn once for several."""
    paths: dict[int | None, str] = {c.id: c.path for c in whole.clusters}
    leaves = [v for v in whole.nodes if v.kind in ("parameter", "input")]
    return [
        {"label": v.label, "path": paths.get(v.cluster, ""), "sequence": v.sequence} for v in leaves
    ]


def _plain(data: Any) -> Any:
    """Return the same with words for inf and nan, which JSON has not."""
    if isinstance(data, float):
        return data if isfinite(data) else str(data)
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    return [_plain(value) for value in data] if isinstance(data, (list, tuple)) else data


def _step(step: Step) -> dict[str, Any]:
    sent = [{"to": s.to, "norm": norm(s.accumulated._data)} for s in step.sent]
    return {
        "node": step.sequence,
        "text": str(step),
        "in": norm(step.cotangent._data),
        "sent": sent,
    }


def _svg(view: Graph, i: int) -> str:
    """Return the drawing without prologue, its ids made its own."""
    text = view.drawn("svg").decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<title>.*?</title>", "", text, flags=re.S)
    return re.sub(r'id="(\w+)"', rf'id="v{i}-\1"', text)
