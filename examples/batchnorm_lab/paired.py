"""Arms compared seed by seed: their differences in words, their means and intervals in pictures."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from batchnorm_lab import claim
from batchnorm_lab.claim import Result, geometric, interval, pick, ratio_interval
from batchnorm_lab.plotting import BLUE, INK

FEW = 3  # below, an interval would fill the picture


def gains(results: Iterable[Result], arm: str, over: str, **where: Any) -> list[float]:
    """Return by seed how much more accurate ``arm`` is than the arm ``over``."""
    results = list(results)
    pairs = zip(pick(results, arm=arm, **where), pick(results, arm=over, **where), strict=True)
    return [one["accuracy"] - other["accuracy"] for one, other in pairs]


def points(differences: Sequence[float], comparisons: int = 1) -> str:
    """Return the mean of differences of accuracy in points and its 95 % interval.

    >>> points([0.01, 0.02, 0.03])
    '+2.00 points (-0.48..+4.48)'
    """
    mean, interval_of_it = claim.points(differences, comparisons).split(" ", 1)
    return f"{mean} points {interval_of_it}"


class Bar(NamedTuple):
    """What is drawn of a group of runs: its mean, and from where to where it may be."""

    mean: float
    low: float
    high: float


def bar(values: Sequence[float], log: bool = False, comparisons: int = 1) -> Bar:
    """Return the mean and its 95 % interval, with ``log`` the geometric one.

    Of one or two runs: their range.
    """
    mean = geometric(values) if log else statistics.fmean(values)
    if len(values) < FEW:
        return Bar(mean, min(values), max(values))
    ends = ratio_interval if log else interval
    return Bar(mean, *ends(values, comparisons))


def _errors(bars: Sequence[Bar]) -> list[list[float]]:
    """Return what matplotlib's errorbar takes: how far down, how far up."""
    down = [b.mean - b.low for b in bars]
    up = [b.high - b.mean for b in bars]
    return [down, up]


def dots(
    axes: Any,
    x: Any,
    runs: Sequence[Sequence[float]],
    log: bool = False,
    comparisons: int = 1,
    **style: Any,
):
    """Draw the mean of each group of runs with its 95 % interval, and each run as a faint dot.

    ``log``: geometric means, for logarithmic axes. Where a verdict rests on several
    ``comparisons``, intervals are those that it goes by.
    """
    bars = [bar(values, log, comparisons) for values in runs]
    means = [b.mean for b in bars]
    look = {"linestyle": "none", "marker": "o", "capsize": 3, "markersize": 5, **style}
    axes.errorbar(x, means, yerr=_errors(bars), **look)
    faint = {"color": style.get("color"), "alpha": 0.35, "markersize": 3}
    for place, values in zip(x, runs, strict=True):
        axes.plot([place] * len(values), values, ".", **faint)


def by_name(
    axes: Any,
    groups: Mapping[str, Sequence[float]],
    log: bool = False,
    comparisons: int = 1,
    **style: Any,
):
    """Draw the same of groups one above the other, named at the left, the first on top."""
    places = range(len(groups) - 1, -1, -1)
    bars = [bar(values, log, comparisons) for values in groups.values()]
    look = {"linestyle": "none", "marker": "o", "capsize": 3, "markersize": 5, "color": BLUE}
    axes.errorbar([b.mean for b in bars], places, xerr=_errors(bars), **{**look, **style})
    for place, values in zip(places, groups.values(), strict=True):
        axes.plot(values, [place] * len(values), ".", color=INK, alpha=0.4, markersize=3)
    axes.set_yticks(places, list(groups))
    axes.set_ylim(-0.6, len(groups) - 0.4)
    if log:
        axes.set_xscale("log")
