"""A claim: declared in one place, measured cell by cell, judged by a criterion fixed in advance."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the mean (Student's t); infinite of fewer than two values."""
    n = len(values)
    if n < 2:
        return -math.inf, math.inf
    t = {
        1: 12.706,
        2: 4.303,
        3: 3.182,
        4: 2.776,
        5: 2.571,
        6: 2.447,
        7: 2.365,
        8: 2.306,
        9: 2.262,
    }.get(n - 1, 1.96 + 2.72 / (n - 1))
    half = t * statistics.stdev(values) / math.sqrt(n)
    return statistics.fmean(values) - half, statistics.fmean(values) + half
