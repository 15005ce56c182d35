"""A picture as JSON, and back.

An object with ``version``, ``title``, ``note``, ``direction``, ``show``, and three lists whose
entries have the fields of ``elements.Vertex``, ``Edge`` and ``Cluster``; a field that has its
default is left out, as is the size of ``letters``. Of what flowed along an edge only the norms are
written: ``flow`` and ``before`` are ``{age of the value: norm}``. inf and nan are the words "inf",
"-inf" and "nan".
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

import numpy as np

from minigrad.viz.elements import LETTERS, Cluster, Edge, Picture, Vertex
from minigrad.viz.statistics import Flow, size_of

VERSION = 1
LISTS: dict[str, Any] = {"nodes": Vertex, "edges": Edge, "clusters": Cluster}
HEAD = ("title", "note", "direction", "show")


def json_text(picture: Picture, indent: int | None = None) -> str:
    """Return the picture as JSON."""
    data: dict[str, Any] = {"version": VERSION}
    data |= {name: getattr(picture, name) for name in HEAD}
    for name in LISTS:
        data[name] = [_entry(item) for item in getattr(picture, name)]
    if picture.letters != LETTERS:
        data["letters"] = picture.letters
    return json.dumps(plain(data), ensure_ascii=False, indent=indent)


def plain(data: Any) -> Any:
    """Return the same with words for inf and nan, which JSON has not, and no NumPy numbers."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return list(map(plain, data))
    if isinstance(data, np.generic):
        data = data.item()
    if isinstance(data, complex):
        return str(data)
    return str(data) if isinstance(data, float) and not isfinite(data) else data


def _entry(item: Any) -> dict[str, Any]:
    defaults = item._field_defaults
    fields = item._asdict().items()
    entry = {k: v for k, v in fields if k not in defaults or v != defaults[k]}
    if "flow" in entry:
        entry["flow"] = _sizes(item.flow)
    if "before" in entry:
        entry["before"] = _sizes(item.before)
    return entry


def _sizes(flow: Flow) -> dict[str, Any]:
    return {str(age): size_of(part) for age, part in flow.parts.items()}


def read_picture(text: str) -> dict[str, Any]:
    """Return the fields of the picture that :func:`json_text` wrote.

    Raises ValueError for another text.
    """
    try:
        data = json.loads(text)
        version = data["version"]
        if version != VERSION:
            raise ValueError(f"its version is {version!r}, expected {VERSION}")
        fields = {name: data[name] for name in HEAD}
        for name, kind in LISTS.items():
            fields[name] = [_item(kind, entry) for entry in data[name]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not the JSON of a picture: {error}") from None
    fields["show"] = tuple(fields["show"])
    fields["letters"] = data.get("letters", LETTERS)
    return fields


def _item(kind: Any, entry: dict[str, Any]) -> Any:
    values: dict[str, Any] = {key: _value(key, value) for key, value in entry.items()}
    return kind(**values)


def _value(key: str, value: Any) -> Any:
    if key in ("flow", "before"):
        return Flow({int(age): np.asarray(_number(size)) for age, size in value.items()})
    if key in ("shape", "ages"):
        return tuple(value)
    if key == "gradient":
        return tuple(map(_number, value)) if isinstance(value, list) else _number(value)
    if key == "number":
        return _number(value)
    if key in ("value", "slope"):
        return {name: _number(part) for name, part in value.items()}
    return value


def _number(value: Any) -> Any:
    return float(value) if value in ("inf", "-inf", "nan") else value
