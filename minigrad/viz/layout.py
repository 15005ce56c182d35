"""Ask graphviz for a drawing; the title of a frame goes to its right where an edge would cross it at the left."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

LARGE = 150  # boxes from which on one layout must do, and a quick one: curves around frames take minutes
QUICK = ("-Gnslimit=1", "-Gsplines=line")

INSTALL = (
    "drawing needs graphviz's program `dot`, which is not on the PATH. Install it: "
    "`apt install graphviz` (Debian, Ubuntu), `dnf install graphviz` (Fedora), `brew install graphviz` "
    "(macOS), `winget install graphviz` (Windows). Without it, .dot gives the picture as text."
)


def drawn(picture: Any, kind: str) -> bytes:
    """Return the picture as svg, png or pdf; RuntimeError where the program ``dot`` is missing."""
    text = picture.dot
    sharp = ("-Gdpi=144",) if kind == "png" else ()
    if len(picture.nodes) > LARGE:
        return _dot(text, kind, *sharp, *QUICK)
    if picture.clusters:
        for name in _crossed(json.loads(_dot(text, "json"))):
            head, tail = text.split(f"subgraph {name} {{", 1)
            text = f"{head}subgraph {name} {{{tail.replace('labeljust=l', 'labeljust=r', 1)}"
    return _dot(text, kind, *sharp)


def _dot(text: str, kind: str, *options: str) -> bytes:
    program = shutil.which("dot")
    if program is None:
        raise RuntimeError(INSTALL)
    made = subprocess.run(
        [program, f"-T{kind}", *options], input=text.encode(), capture_output=True
    )
    if made.returncode:
        raise RuntimeError(
            f"`dot` could not draw the picture: {made.stderr.decode(errors='replace').strip()}"
        )
    return made.stdout


def _crossed(layout: Any) -> list[str]:
    """Return the frames whose title an edge crosses at the left and none crosses at the right."""
    points = [p for edge in layout.get("edges", []) for p in _curve(edge["pos"])]
    found = []
    for frame in layout.get("objects", []):
        if "lp" in frame and "bb" in frame:
            x, y = map(float, frame["lp"].split(","))
            left, _, right, _ = map(float, frame["bb"].split(","))
            half, high = 36 * float(frame["lwidth"]), 36 * float(frame["lheight"])
            hit = [
                any(abs(px - at) < half and abs(py - y) < high for px, py in points)
                for at in (x, left + right - x)
            ]
            if hit == [True, False]:
                found.append(frame["name"])
    return found


def _curve(text: str) -> list[Any]:
    """Return points along graphviz's Bézier curves, ends with arrows left out: "e,x,y x,y x,y …"."""
    ends = [tuple(map(float, p.split(","))) for p in text.split() if p[0] not in "es"]
    points: list[Any] = []
    for a, b, c, d in zip(ends[::3], ends[1::3], ends[2::3], ends[3::3], strict=False):
        for t in (i / 24 for i in range(25)):
            weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            points.append(
                tuple(
                    sum(w * p[k] for w, p in zip(weights, (a, b, c, d), strict=True))
                    for k in (0, 1)
                )
            )
    return points
