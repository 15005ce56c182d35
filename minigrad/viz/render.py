"""A picture drawn by graphviz.

The title of a frame goes to its right where an edge would cross it at the left.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

from minigrad.viz.dot import dot_text
from minigrad.viz.elements import Picture

# boxes from which on one quick layout must do: curves around frames take minutes
LARGE = 150
QUICK = ("-Gnslimit=1", "-Gsplines=line")
POINTS_PER_CURVE = 25

INSTALL = (
    "drawing needs graphviz's program `dot`, which is not on the PATH. Install it: "
    "`apt install graphviz` (Debian, Ubuntu), `dnf install graphviz` (Fedora), "
    "`brew install graphviz` (macOS), `winget install graphviz` (Windows). "
    "Without it, .dot gives the picture as text."
)


def render_picture(picture: Picture, kind: str) -> bytes:
    """Return the picture as svg, png or pdf; RuntimeError where the program ``dot`` is missing."""
    text = dot_text(picture)
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
    command = [program, f"-T{kind}", *options]
    process = subprocess.run(command, input=text.encode(), capture_output=True)
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
    x, y = map(float, frame["lp"].split(","))
    left, _, right, _ = map(float, frame["bb"].split(","))
    half_width = 36 * float(frame["lwidth"])
    half_height = 36 * float(frame["lheight"])

    def crossed(centre: float) -> bool:
        near = (abs(px - centre) < half_width for px, py in points if abs(py - y) < half_height)
        return any(near)

    return crossed(x) and not crossed(left + right - x)


def _curve_points(text: str) -> list[tuple[float, float]]:
    """Return points along graphviz's Bézier curves: "e,x,y x,y x,y …", arrows left out."""
    ends = [tuple(map(float, p.split(","))) for p in text.split() if p[0] not in "es"]
    points = []
    for corners in zip(ends[::3], ends[1::3], ends[2::3], ends[3::3], strict=False):
        for i in range(POINTS_PER_CURVE):
            t = i / (POINTS_PER_CURVE - 1)
            weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            x = sum(w * p[0] for w, p in zip(weights, corners, strict=True))
            y = sum(w * p[1] for w, p in zip(weights, corners, strict=True))
            points.append((x, y))
    return points
