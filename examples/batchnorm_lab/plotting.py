"""Colors, line styles and markers: an arm looks the same in every picture, also in grey."""

from __future__ import annotations

from typing import Any

BLUE, RED, GREEN, PINK, ORANGE, SKY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
)  # Okabe & Ito
INK = "#222222"
COLORS = (BLUE, RED, GREEN, PINK, ORANGE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P")
WITH = {"color": BLUE, "linestyle": "-", "marker": "o"}
WITHOUT = {"color": RED, "linestyle": "--", "marker": "s"}
THEORY = {"color": INK, "linestyle": ":", "linewidth": 1.2}


def labelled(
    axes: Any, title: str, x: str, y: str, legend: str | None = "best", **options: Any
) -> Any:
    """Write title and axes, a faint grid and the legend."""
    axes.set(xlabel=x, ylabel=y, **options)
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3)
    if legend:
        axes.legend(loc=legend, fontsize=8)
    return axes


def banded(axes: Any, x: Any, runs: Any, **style: Any) -> None:
    """Draw the median over runs, and the range of all of them as a band."""
    import numpy as np

    runs = np.asarray(runs, dtype=float)
    (line,) = axes.plot(x, np.median(runs, axis=0), **{"markersize": 4, **style})
    axes.fill_between(x, runs.min(0), runs.max(0), color=line.get_color(), alpha=0.18, linewidth=0)
