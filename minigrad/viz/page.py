"""One standalone page: boxes that open one by one, search, paths, forward and backward by steps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from minigrad.viz.dot import cluster_title, edge_letters, gradient_name
from minigrad.viz.elements import Cluster, Edge, Picture, Vertex
from minigrad.viz.folding import Folding, foldable
from minigrad.viz.formatting import format_bytes, format_shape, shorten
from minigrad.viz.json_text import plain
from minigrad.viz.layout import box_drawing, drawing_styles, edge_drawing, node_drawing
from minigrad.viz.statistics import norm, size_of
from minigrad.viz.steps import Step

SCRIPTS = (
    "layering.js",
    "lines.js",
    "layout.js",
    "drawing.js",
    "folding.js",
    "camera.js",
    "stepping.js",
    "page.js",
)
LONGEST_TITLE = 80
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
    """Return the page of ``picture``, which lays itself out, whichever boxes are open.

    ``whole`` is the picture with nothing closed. ``steps`` are those of :func:`backward_steps`, for
    the slider. With "values" among what the picture shows, pointing at a box shows the statistics
    of its value and of its gradient.
    """
    parts = {
        "css": _asset("page.css"),
        "js": "\n".join(map(_asset, SCRIPTS)),
        "data": _json(_page_data(picture, whole, steps)),
        "title": escape(page_title(picture, whole)),
        "hint": "" if "values" in picture.show else HINT,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda m: parts[m.group(1)], _asset("page.html"))


def _asset(name: str) -> str:
    return (files("minigrad.viz") / name).read_text(encoding="utf-8")


def _json(data: Any) -> str:
    text = json.dumps(plain(data), ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def page_title(picture: Picture, whole: Picture) -> str:
    """Return the picture's title; where it has none, what it shows: "Sequential: x → loss"."""
    if picture.title:
        return picture.title
    inputs = [v.label for v in whole.nodes if v.kind == "input"]
    results = [_result_name(v, whole) for v in whole.nodes if v.kind == "output"]
    modules = [c.kind for c in whole.clusters if c.parent is None]
    named = (label for label in inputs if label != "leaf")
    ends = [", ".join(named), ", ".join(results)]
    way = " → ".join(filter(None, ends))
    kinds = ", ".join(dict.fromkeys(modules))
    title = ": ".join(filter(None, (kinds, way)))
    if any(v.mark for v in whole.nodes):
        title = f"What changed in {title}"
    return title if len(title) <= LONGEST_TITLE else f"{title[:LONGEST_TITLE]}…"


def _result_name(output: Vertex, whole: Picture) -> str:
    """Return what an output is called: by the value's own name, if it has one."""
    for e in whole.edges:
        value = whole.nodes[e.source]
        if e.target == output.id and value.kind == "named":
            symbol, _, _ = value.label.partition(" = ")
            return symbol
    return output.label


# ---- data --------------------------------------------------------------------------------------
def _page_data(picture: Picture, whole: Picture, steps: Iterable[Step]) -> dict[str, Any]:
    folding = foldable(picture, whole)
    names = _names_by_age(whole)
    base = folding.base
    paths = {c.id: c.path for c in base.clusters}
    return {
        "direction": picture.direction,
        "caption": "\n".join(filter(None, (picture.title, picture.note))),
        "above": bool(picture.title),
        "sizes": [picture.letters, edge_letters(picture)],
        "styles": drawing_styles(),
        "start": sorted(c.id for c in picture.clusters if c.id in folding.closed),
        "nodes": [_node_data(v, paths, picture.show) for v in base.nodes],
        "boxes": [
            _box_data(c, folding, paths, picture.show)
            for c in base.clusters
            if c.id in folding.closed
        ],
        "edges": [
            _edge_data(arrow, readers, picture.show)
            for arrow, readers in zip(folding.arrows, folding.readers, strict=True)
        ],
        "steps": [_step_data(step, names) for step in steps],
        "leaves": [_leaf_data(v, names) for v in whole.nodes if v.kind in ("parameter", "input")],
    }


def _names_by_age(whole: Picture) -> dict[int | None, str]:
    """Return what each value is called with the path of its call: "1.weight"."""
    paths = {c.id: c.path for c in whole.clusters}
    names = {}
    for v in whole.nodes:
        symbol, _, _ = v.label.partition(" = ")
        path = "" if v.cluster is None else paths[v.cluster]
        names[v.sequence] = f"{path}.{symbol}" if path else symbol
    return names


def _node_data(v: Vertex, paths: dict[int, str], show: tuple[str, ...]) -> dict[str, Any]:
    fields = v._asdict().items()
    defaults = v._field_defaults
    data = {key: x for key, x in fields if key not in defaults or x != defaults[key]}
    data["size"] = format_shape(v.shape)
    data["draw"] = node_drawing(v, show)
    if v.saved:
        data["keeps"] = format_bytes(v.saved)
    if v.kind == "named":
        data["kind"] = "operation"
    if v.cluster is not None and paths[v.cluster]:
        data["path"] = paths[v.cluster]
    if v.plain and v.plain != v.label:
        # in place of names that a closed box hides
        data["words"] = node_drawing(v._replace(label=v.plain), show)["words"]
    if "gradients" in show and v.kind != "output":
        data["slot"] = gradient_name(v)
    return data


def _box_data(
    c: Cluster, folding: Folding, paths: dict[int, str], show: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "draw": box_drawing(c),
        "name": shorten(cluster_title(c)),
        "level": c.level,
        "last": folding.last[c.id],
        "leaving": folding.leaving.get(c.id, []),
        "closed": _node_data(folding.closed[c.id], paths, show),
    }


def _edge_data(arrow: Edge, readers: list[int], show: tuple[str, ...]) -> dict[str, Any]:
    data = edge_drawing(arrow, show)
    if arrow.letter != arrow.plain:
        data["plain"] = edge_drawing(arrow._replace(letter=arrow.plain), show)["words"]
    if data["back"]:
        data["readers"] = readers
    return data


def _leaf_data(v: Vertex, names: dict[int | None, str]) -> dict[str, Any]:
    return {"name": names[v.sequence], "sequence": v.sequence}


def _step_data(step: Step, names: dict[int | None, str]) -> dict[str, Any]:
    """Return a step in the words of the picture, which knows the names of parameters."""
    sent = [replace(s, name=names.get(s.to, s.name)) for s in step.sent]
    named = replace(step, name=names.get(step.sequence, step.name), sent=tuple(sent))
    arrived = []
    for s in sent:
        array = s.accumulated._data
        arrived.append({"to": s.to, "norm": norm(array), "gradient": size_of(array)})
    return {
        "node": step.sequence,
        "text": str(named),
        "in": norm(step.cotangent._data),
        "sent": arrived,
    }
