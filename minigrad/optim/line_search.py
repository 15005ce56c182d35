"""A step length that meets the strong Wolfe conditions (Nocedal & Wright, 2006, algorithm 3.5)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

_DECREASE, _CURVATURE = 1e-4, 0.9  # c1 and c2 of the conditions
_SMALLEST_CHANGE = 1e-9


class Point(NamedTuple):
    """What there is a step of length ``t`` along the direction; ``slope`` is along it, too."""

    t: Any
    loss: float
    grad: np.ndarray
    slope: Any


class _Conditions(NamedTuple):
    """The strong Wolfe conditions, of a search that begins at ``start``."""

    start: Point

    def too_high(self, point: Point) -> bool:
        """Whether the loss did not fall as far as the slope at the start promises."""
        promised = self.start.loss + _DECREASE * point.t * self.start.slope
        return bool(point.loss > promised)

    def flat_enough(self, point: Point) -> bool:
        """Whether the slope is small next to that at the start."""
        return bool(abs(point.slope) <= -_CURVATURE * self.start.slope)


def strong_wolfe(
    evaluate: Callable[[Any], Point], start: Point, t: Any, size: float, budget: int
) -> tuple[Point, int]:
    """Return a point where the conditions hold, as far as known, and how often was evaluated.

    ``t`` is the first length to try, ``size`` the largest element of the direction; ``budget``
    bounds the evaluations after the first.
    """
    conditions = _Conditions(start)
    bracket, used = _bracket(evaluate, conditions, t, budget)
    stalled, low = False, _lower(bracket)
    while len(bracket) == 2 and used < budget:
        if abs(bracket[1].t - bracket[0].t) * size < _SMALLEST_CHANGE:
            break
        t, stalled = _inside(bracket, stalled)
        point = evaluate(t)
        used += 1
        if conditions.too_high(point) or point.loss >= bracket[low].loss:
            bracket[1 - low] = point
            low = _lower(bracket)
            continue
        other, lowest = bracket[1 - low], bracket[low]
        if conditions.flat_enough(point):
            return point, used + 1
        if point.slope * (other.t - lowest.t) >= 0:
            bracket[1 - low] = lowest
        bracket[low] = point
    return bracket[low], used + 1


def _bracket(
    evaluate: Callable[[Any], Point], conditions: _Conditions, t: Any, budget: int
) -> tuple[list[Point], int]:
    """Return two points with a good one between them, or one good point, and how many steps."""
    previous, point = conditions.start, evaluate(t)
    for used in range(budget):
        rises = used > 1 and point.loss >= previous.loss
        if conditions.too_high(point) or rises:
            return [previous, point], used
        if conditions.flat_enough(point):
            return [point], used
        if point.slope >= 0:
            return [previous, point], used
        bounds = (point.t + 0.01 * (point.t - previous.t), point.t * 10)
        t = _cubic_minimum(previous, point, bounds)
        previous, point = point, evaluate(t)
    return [conditions.start, point], max(budget, 0)


def _lower(bracket: list[Point]) -> int:
    return 0 if bracket[0].loss <= bracket[-1].loss else 1


def _inside(bracket: list[Point], stalled: bool) -> tuple[Any, bool]:
    """Return the next length to try, and whether it is so near to an end that little is won.

    The second time in a row it is moved a tenth of the width away from that end.
    """
    low, high = sorted(point.t for point in bracket)
    t = _cubic_minimum(bracket[0], bracket[1], (low, high))
    margin = 0.1 * (high - low)
    if not min(high - t, t - low) < margin:  # nan, too
        return t, False
    if not stalled and low < t < high:
        return t, True
    if abs(t - high) < abs(t - low):
        return high - margin, False
    return low + margin, False


def _cubic_minimum(a: Point, b: Point, bounds: tuple[Any, Any]) -> Any:
    """Return where the cubic through two points with their slopes is lowest, within ``bounds``."""
    if a.t > b.t:
        a, b = b, a
    low, high = bounds
    width = b.t - a.t
    chord = (a.loss - b.loss) / (a.t - b.t)
    d1 = a.slope + b.slope - 3 * chord
    square = d1**2 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2.0
    d2 = math.sqrt(square)
    share = (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2)
    lowest = b.t - width * share
    return min(max(lowest, low), high)
