"""A picture drawn by graphviz; where it is missing, pages lay themselves out (layout.js).

The title of a frame goes to its right where an edge would cross it at the left.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

from minigrad.viz.dot import dot_text
from minigrad.viz.elements import Picture

# boxes from which on one quick layout must do: curves around frames take minutes
LARGE = 150
QUICK = ("-Gnslimit=1", "-Gsplines=line")
INTERVALS = 24  # of a curve

INSTALL = (
    "drawing needs graphviz's program `dot`, which is not on the PATH. Install it: "
    "`apt install graphviz` (Debian, Ubuntu), `dnf install graphviz` (Fedora), "
    "`brew install graphviz` (macOS), `winget install graphviz` (Windows). "
    "Without it, .html(path) writes a page that lays itself out, .dot and .mermaid() give the "
    "picture as text, and viz.set_engine takes another program."
)

_engine: Callable[[str, str], bytes | str] | None = None


def set_engine(function: Callable[[str, str], bytes | str] | None) -> None:
    """Draw by ``function(text, kind)`` instead of the program ``dot``; None: by ``dot`` again.

    It gets a picture in the DOT language and "svg", "png" or "pdf", and returns the drawing. So a
    page or a machine without graphviz draws, by Graphviz compiled for browsers, say.

    >>> import minigrad as mg
    >>> mg.viz.set_engine(lambda text, kind: f"<svg>{len(text) > 100}</svg>")
    >>> mg.viz.graph(mg.ones(1, requires_grad=True) * 2).drawn("svg")
    b'<svg>True</svg>'
    >>> mg.viz.set_engine(None)
    """
    global _engine
    _engine = function


def can_draw() -> bool:
    """Return whether there is a program or a function that draws."""
    return _engine is not None or shutil.which("dot") is not None


def render_picture(picture: Picture, kind: str) -> bytes:
    """Return the picture as svg, png or pdf; RuntimeError where the program ``dot`` is missing."""
    text = dot_text(picture)
    if _engine is not None:
        drawing = _engine(text, kind)
        return drawing.encode() if isinstance(drawing, str) else drawing
    sharp = ("-Gdpi=144",) if kind == "png" else ()
    if len(picture.nodes) > LARGE:
        return _run_dot(text, kind, *sharp, *QUICK)
    if picture.clusters:
        for name in _crossed_titles(json.loads(_run_dot(text, "json"))):
            head, tail = text.split(f"subgraph {name} {{", 1)
            text = f"{head}subgraph {name} {{{tail.replace('labeljust=l', 'labeljust=r', 1)}"
    return _run_dot(text, kind, *sharp)


def _run_dot(text: str, kind: str, *options: str) -> bytes:
    program = shutil.which("dot")
    if program is None:
        raise RuntimeError(INSTALL)
    process = subprocess.run(
        [program, f"-T{kind}", *options],
        input=text.encode(),
        capture_output=True,
    )
    if process.returncode:
        reason = process.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"`dot` could not draw the picture: {reason}")
    return process.stdout


def _crossed_titles(layout: Any) -> list[str]:
    """Return the frames whose title an edge crosses at the left and none crosses at the right."""
    points = [p for edge in layout.get("edges", []) for p in _curve_points(edge["pos"])]
    frames = [f for f in layout.get("objects", []) if "lp" in f and "bb" in f]
    return [frame["name"] for frame in frames if _is_crossed_left_only(frame, points)]


def _is_crossed_left_only(frame: dict[str, str], points: list[tuple[float, float]]) -> bool:
    x, y = _numbers(frame["lp"])
    left, _, right, _ = _numbers(frame["bb"])
    mirrored = left + right - x
    # lwidth and lheight are inches of 72 points
    half_width = 36 * float(frame["lwidth"])
    half_height = 36 * float(frame["lheight"])
    beside = [px for px, py in points if abs(py - y) < half_height]

    def crossed(centre: float) -> bool:
        return any(abs(px - centre) < half_width for px in beside)

    return crossed(x) and not crossed(mirrored)


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


def _curve_points(text: str) -> list[tuple[float, float]]:
    """Return points along graphviz's Bézier curves: "e,x,y x,y x,y …", arrows left out."""
    ends = []
    for word in text.split():
        if word[0] not in "es":
            x, y = _numbers(word)
            ends.append((x, y))
    points = []
    for start in range(0, len(ends) - 3, 3):
        corners = ends[start : start + 4]
        points += [_bezier(corners, i / INTERVALS) for i in range(INTERVALS + 1)]
    return points


def _bezier(corners: list[tuple[float, float]], t: float) -> tuple[float, float]:
    s = 1 - t
    weights = (
        s**3,
        3 * t * s**2,
        3 * t * t * s,
        t**3,
    )
    x = 0.0
    y = 0.0
    for weight, (corner_x, corner_y) in zip(weights, corners, strict=True):
        x += weight * corner_x
        y += weight * corner_y
    return x, y
