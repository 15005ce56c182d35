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


def dotted(axes: Any, errors: Any, gate: float, told: Any = None) -> None:
    """Draw errors as dots on a logarithmic axis, which has no 0 that a bar could begin at.

    ``errors`` are judged by the ``gate``; those in ``told`` are shown for their size.
    """
    floor, told = 1e-17, told or {}
    axes.plot([max(e, floor) for e in errors.values()], list(errors), "o", color=BLUE)
    axes.plot([max(e, floor) for e in told.values()], list(told), "s", color=RED, fillstyle="none")
    axes.axvline(gate, color=INK, linestyle=":")
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=8)
    title = "dotted: the gate; 1e-17: that or less" + ("; hollow: not judged" if told else "")
    labelled(axes, title, "worst relative error", "", None)
