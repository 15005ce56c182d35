"""Where in the user's code, and in which module, a call of NumPy's is made."""

from __future__ import annotations

import linecache
import sys
from types import FrameType
from typing import Any

from minigrad.modes import MODES
from minigrad.silence import is_ours


def users_line() -> str:
    """Return file and line of the code outside of us that led here."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and _is_library(frame):
        frame = frame.f_back
    return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _is_library(frame: FrameType) -> bool:
    if is_ours(frame.f_globals):
        return True
    return str(frame.f_globals.get("__name__")).partition(".")[0] == "numpy"


_EXITS = {
    *("item", "tolist", "__float__", "__int__", "__index__", "__complex__", "__array__"),
    "constructor",
}


def asked_by_user() -> bool:
    """Whether it is the user who asks for a value, not a function of ours for its own use."""
    frame: FrameType | None = sys._getframe()
    name = ""
    while frame is not None and _is_library(frame):
        name = frame.f_code.co_name
        frame = frame.f_back
    return name in _EXITS


def text_of_line(line: str) -> str:
    """Return the text of a line that is given as file and number."""
    name, _, number = line.rpartition(":")
    return linecache.getline(name, int(number or 0)).strip()


def scope_of(names: dict[int, str]) -> tuple[str, str]:
    """Return the path of the module that is called, swept or updated now, and what is done."""
    if MODES.scope is not None:
        return path(MODES.scope, names), "forward"
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and is_ours(frame.f_globals):
        name = frame.f_code.co_name
        if name == "_apply_rules":
            node = frame.f_locals["node"]
            return path(node.scope, names), "backward"
        if name == "step" and "adds_decay" in frame.f_locals:
            kind = type(frame.f_locals["self"]).__name__
            return names.get(id(frame.f_locals["p"]), ""), kind
        frame = frame.f_back
    return "", ""


def path(scope: Any, names: dict[int, str]) -> str:
    """Return the path of the innermost module of a scope, and its class."""
    if scope is None:
        return ""
    _, reference, kind = scope
    module = reference()
    name = names.get(id(module), "")
    kind_name = str(kind.__name__)
    if not name:
        return kind_name
    return f"{name}: {kind_name}"
