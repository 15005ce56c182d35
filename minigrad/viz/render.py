"""A picture drawn by graphviz; where it is missing, pages lay themselves out (layout.js).

The title of a frame goes to its right where an edge would cross it at the left, and gets room
beside it where one would cross it at both ends.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from typing import NamedTuple

from minigrad.viz.dot import dot_text
from minigrad.viz.elements import Picture

# boxes from which on one quick layout must do
LARGE = 150
QUICK = ("-Gnslimit=1",)
INTERVALS = 40  # of a curve
TRIES = 8  # layouts for titles that no edge crosses
NEAR = 5  # points between a title and an edge
MORE_ROOM = 1.2  # beside such a title, of its width
SPACE = "\u00a0"
SPACE_WIDTH = 0.278  # in Helvetica and Arial, of the size of letters

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
        text = _with_free_titles(text, picture.letters)
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


class _Title(NamedTuple):
    """Where the title of a frame stands: at its left or right, with so many spaces beside it."""

    side: str = "l"
    spaces: int = 0


def _with_free_titles(text: str, letters: int) -> str:
    """Return the text with titles that no edge crosses, as far as a few layouts find places."""
    space = SPACE_WIDTH * letters
    titles: dict[str, _Title] = {}
    result = text
    for _ in range(TRIES):
        layout = json.loads(_run_dot(result, "json"))
        points = [p for edge in layout.get("edges", []) for p in _curve_points(edge["pos"])]
        frames = [f for f in layout.get("objects", []) if "lp" in f and "bb" in f]
        moved = {}
        for frame in frames:
            title = titles.get(frame["name"], _Title())
            better = _better_title(frame, title, points, space)
            if better != title:
                moved[frame["name"]] = better
        if not moved:
            break
        titles |= moved
        result = text
        for name, title in titles.items():
            result = _put_title(result, name, title)
    return result


def _better_title(
    frame: dict[str, str], title: _Title, points: list[tuple[float, float]], space: float
) -> _Title:
    """Return the same where no edge crosses the title, else the next to try."""
    centre, y = _numbers(frame["lp"])
    left, _, right, _ = _numbers(frame["bb"])
    # lwidth and lheight are inches of 72 points
    half_width = 36 * float(frame["lwidth"])
    half_height = 36 * float(frame["lheight"]) + 2
    width = 2 * half_width - title.spaces * space
    beside = [px for px, py in points if abs(py - y) < half_height]

    def crossed(start: float) -> bool:
        return any(-NEAR < px - start < width + NEAR for px in beside)

    at_left = centre - half_width
    at_right = centre + half_width - width
    if not crossed(at_left if title.side == "l" else at_right):
        return title
    mirrored = left + right - at_left - width
    is_left = title.side == "l"
    if is_left and (title.spaces or not crossed(mirrored)):
        return title._replace(side="r")
    more = round(MORE_ROOM * width / space)
    return _Title("l", title.spaces + more)


def _put_title(text: str, name: str, title: _Title) -> str:
    head = f"subgraph {name} {{"
    label = 'label="'
    before, after = text.split(head, 1)
    margin, words = after.split(label, 1)
    words, end, rest = words.partition('"; style=')
    room = SPACE * title.spaces
    words = words + room if title.side == "l" else room + words
    rest = rest.replace("labeljust=l", f"labeljust={title.side}", 1)
    return f"{before}{head}{margin}{label}{words}{end}{rest}"


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
