"""Arms compared seed by seed: their differences in words, their means and intervals in pictures."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from batchnorm_lab.claim import Result, interval, pick


def gains(results: Iterable[Result], arm: str, over: str, **where: Any) -> list[float]:
    """Return by seed how much more accurate ``arm`` is than the arm ``over``."""
    results = list(results)
    pairs = zip(pick(results, arm=arm, **where), pick(results, arm=over, **where), strict=True)
    return [one["accuracy"] - other["accuracy"] for one, other in pairs]


def points(differences: Sequence[float]) -> str:
    """Return the mean of differences of accuracy in points and its 95 % interval.

    >>> points([0.01, 0.02, 0.03])
    '+2.00 points (-0.48..+4.48)'
    """
    mean = f"{100 * statistics.fmean(differences):+.2f} points"
    return f"{mean} ({_ends([100 * d for d in differences], '+.2f')})"


def mean_of(values: Sequence[float], form: str = ".1%") -> str:
    """Return the mean and its 95 % interval as text."""
    return f"{statistics.fmean(values):{form}} ({_ends(values, form)})"


def geometric_of(values: Sequence[float], form: str = ".3g") -> str:
    """Return the geometric mean and its 95 % interval as text."""
    low, high = geometric_interval(values)
    mean = math.exp(statistics.fmean(map(math.log, values)))
    ends = f"{low:{form}}..{high:{form}}" if len(values) > 1 else "one seed, no interval"
    return f"{mean:{form}} ({ends})"


def geometric_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the geometric mean; 0 to infinity of fewer than two values."""
    low, high = interval([math.log(v) for v in values])
    return math.exp(low), math.exp(min(high, 700.0))


def _ends(values: Sequence[float], form: str) -> str:
    low, high = interval(values)
    return f"{low:{form}}..{high:{form}}" if len(values) > 1 else "one seed, no interval"


def dots(axes: Any, x: Any, runs: Sequence[Sequence[float]], log: bool = False, **style: Any):
    """Draw the mean of each group of runs with its 95 % interval, and each run as a faint dot.

    ``log``: geometric means, for logarithmic axes. Accuracies never leave 0 to 1.
    """
    ends = [geometric_interval(r) if log else interval(r) for r in runs]
    means = [math.exp(statistics.fmean(map(math.log, r))) if log else statistics.fmean(r)
             for r in runs]  # fmt: skip
    below = [mean - max(low, min(r)) if len(r) < 3 else mean - low
             for mean, (low, _), r in zip(means, ends, runs, strict=True)]  # fmt: skip
    above = [min(high, max(r)) - mean if len(r) < 3 else high - mean
             for mean, (_, high), r in zip(means, ends, runs, strict=True)]  # fmt: skip
    style = {"linestyle": "none", "marker": "o", "capsize": 3, "markersize": 5, **style}
    axes.errorbar(x, means, yerr=[below, above], **style)
    for place, values in zip(x, runs, strict=True):
        faint = {"color": style.get("color"), "alpha": 0.35, "markersize": 3}
        axes.plot([place] * len(values), values, ".", **faint)


def by_name(axes: Any, groups: Mapping[str, Sequence[float]], log: bool = False, **style: Any):
    """Draw groups of runs one above the other, named at the left, the first on top."""
    names = list(groups)
    for place, name in enumerate(reversed(names)):
        values = groups[name]
        low, high = geometric_interval(values) if log else interval(values)
        if len(values) < 3:  # an interval of two runs would fill the page
            low, high = min(values), max(values)
        logs = list(map(math.log, values)) if log else list(values)
        mean = math.exp(statistics.fmean(logs)) if log else statistics.fmean(values)
        error = [[mean - low], [high - mean]]
        look = {"marker": "o", "capsize": 3, "markersize": 5, "color": "#0072B2", **style}
        axes.errorbar([mean], [place], xerr=error, **look)
        axes.plot(values, [place] * len(values), ".", color="#222222", alpha=0.4, markersize=3)
    axes.set_yticks(range(len(names)), list(reversed(names)))
    axes.set_ylim(-0.6, len(names) - 0.4)
    if log:
        axes.set_xscale("log")
