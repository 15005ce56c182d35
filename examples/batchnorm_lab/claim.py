"""A claim: declared in one place, measured cell by cell, judged by a criterion fixed in advance."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

REPRODUCED, PARTLY, NOT_HERE, NOT_TESTABLE = (
    "reproduced",
    "partly",
    "not at this scale",
    "not testable here",
)


@dataclass(frozen=True)
class Judgement:
    """What came out: the verdict, the figure beside the reference, one honest sentence, a table."""

    verdict: str
    figure: str
    sentence: str
    table: Sequence[Sequence[str]] = ()  # the first row is the head


def verdict(reproduced: bool, partly: bool) -> str:
    """Return the verdict of a claim that is reproduced, or else partly so."""
    if reproduced:
        return REPRODUCED
    return PARTLY if partly else NOT_HERE


def verdict_of(tests: Iterable[bool]) -> str:
    """Return the verdict of several tests: all hold, some do, none does."""
    outcomes = list(tests)
    return verdict(all(outcomes), any(outcomes))


@dataclass(frozen=True)
class Claim:
    """One claim: what it says and where, what is done about it, when it counts as reproduced."""

    id: str
    title: str
    source: str
    claimed: str
    protocol: str
    criterion: str
    reference: str
    cells: Callable[[str, int], list[dict]]  # ("full" | "quick", seeds) -> settings of each cell
    measure: Callable[..., dict]  # (cell, data, tick) -> what goes into results.json
    judge: Callable[[list[Result]], Judgement]
    draw: Callable[[Any, list[Result]], None]  # (figure, results)
    size: tuple[float, float] = (8.0, 3.6)
    ci: bool = False
    of: str = ""  # judges the cells of that claim


@dataclass(frozen=True)
class Result:
    """A finished cell."""

    cell: Mapping[str, Any]
    value: Mapping[str, Any] = field(default_factory=dict)


def pick(results: Iterable[Result], **where: Any) -> list[Mapping[str, Any]]:
    """Return the values of the cells with these settings, by seed."""
    found = [r for r in results if all(r.cell.get(k) == v for k, v in where.items())]
    return [r.value for r in sorted(found, key=lambda r: r.cell.get("seed", 0))]


def median(values: Iterable[float]) -> float:
    """Return the median; nan of nothing."""
    values = list(values)
    return statistics.median(values) if values else math.nan


def geometric(values: Iterable[float]) -> float:
    """Return the geometric mean."""
    return math.exp(statistics.fmean(math.log(v) for v in values))


def spread(values: Iterable[float], form: str = ".1%") -> str:
    """Return "median (lowest..highest)" as text; the median alone of one value."""
    values = list(values)
    if len(values) < 2:
        return f"{median(values):{form}}"
    return f"{median(values):{form}} ({min(values):{form}}..{max(values):{form}})"


def student(level: float, degrees: int) -> float:
    """Return the t that holds ``level`` of Student's distribution between -t and t.

    With t = √ν tan θ the density becomes cos^(ν-1) θ, which is summed up to where it is enough.
    """
    angles = np.linspace(0.0, math.pi / 2, 100_001)
    density = np.cos(angles) ** (degrees - 1)
    mass = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    angle = np.interp(level, mass / mass[-1], angles)
    return math.sqrt(degrees) * math.tan(angle)


def interval(values: Sequence[float], comparisons: int = 1) -> tuple[float, float]:
    """Return the 95 % interval of the mean (Student's t); infinite of fewer than two values.

    Where a verdict rests on several ``comparisons``, each interval is as much wider that all of
    them hold together in 95 % (Bonferroni).
    """
    n = len(values)
    if n < 2:
        return -math.inf, math.inf
    t = student(1 - 0.05 / comparisons, n - 1)
    half = t * statistics.stdev(values) / math.sqrt(n)
    return statistics.fmean(values) - half, statistics.fmean(values) + half


def ratio_interval(ratios: Sequence[float], comparisons: int = 1) -> tuple[float, float]:
    """Return the 95 % interval of the geometric mean; 0 and infinity of fewer than two ratios."""
    low, high = interval([math.log(r) for r in ratios], comparisons)
    return math.exp(low), math.exp(high) if high < 700 else math.inf


def above(values: Sequence[float], bound: float = 0.0, comparisons: int = 1) -> bool:
    """Return whether the interval of the mean lies above ``bound``; of one value, whether it does.

    One value is a quick run, which shows the direction only.
    """
    low, _ = interval(values, comparisons)
    return low > bound if len(values) > 1 else values[0] > bound


def ratio_above(ratios: Sequence[float], bound: float = 1.0, comparisons: int = 1) -> bool:
    """Return the same of ratios, by their geometric mean."""
    return above([math.log(r) for r in ratios], math.log(bound), comparisons)


def _between(low: float, high: float, form: str) -> str:
    return f" ({low:{form}}..{high:{form}})" if math.isfinite(high) else " (no interval)"


def points(differences: Sequence[float], comparisons: int = 1) -> str:
    """Return the mean of differences between shares as text, in points, with its interval."""
    return mean_of([100 * d for d in differences], "+.2f", comparisons)


def mean_of(values: Sequence[float], form: str, comparisons: int = 1) -> str:
    """Return the mean as text, with its interval."""
    low, high = interval(values, comparisons)
    return f"{statistics.fmean(values):{form}}" + _between(low, high, form)


def percent(shares: Sequence[float], form: str = ".1%", comparisons: int = 1) -> str:
    """Return the mean share as text, in percent, with its interval, which ends at 100 %."""
    low, high = interval(shares, comparisons)
    if high < math.inf:
        low, high = max(low, 0.0), min(high, 1.0)
    return f"{statistics.fmean(shares):{form}}" + _between(low, high, form)


def times(ratios: Sequence[float], form: str = ".2g", comparisons: int = 1) -> str:
    """Return the geometric mean of ratios as text, with its interval; "not reached" of infinite."""
    if not all(0 < r < math.inf for r in ratios):
        return "not reached"
    low, high = ratio_interval(ratios, comparisons)
    return f"×{geometric(ratios):{form}}" + _between(low, high, form)
