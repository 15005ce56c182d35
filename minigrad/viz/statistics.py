"""An array in one line: least, greatest, mean, norm, zeros, a histogram."""

from __future__ import annotations

from collections.abc import Iterable
from math import hypot, sqrt
from typing import Any

import numpy as np

BINS = 16
Size = float | tuple[float, float]  # of one gradient, or the least and the greatest of several


def norm(array: Any) -> float:
    """Return the Euclidean norm of all elements."""
    return float(np.linalg.norm(np.asarray(array).ravel()))


def size_of(array: Any) -> float:
    """Return the norm; of a single number the number itself, with its sign."""
    array = np.asarray(array)
    return float(array.item()) if array.size == 1 else norm(array)


def value_range(sizes: Iterable[Size | None]) -> Size | None:
    """Return the one size, or the least and the greatest; NaN counts as the greatest.

    >>> value_range([3.0, None, (1.0, 2.0)]), value_range([4.0, 4.0]), value_range([None])
    ((1.0, 3.0), 4.0, None)
    """
    numbers: list[float] = []
    for size in sizes:
        if isinstance(size, tuple):
            numbers += size
        elif size is not None:
            numbers.append(size)
    if not numbers:
        return None
    numbers.sort(key=lambda number: (number != number, number))
    least = numbers[0]
    greatest = numbers[-1]
    return least if least == greatest else (least, greatest)


class Flow:
    """What flowed back along an edge: an array for each value that the edge stands for."""

    def __init__(self, parts: dict[int, Any]) -> None:
        self.parts = parts  # age of the value -> what its readers at this edge sent, added up

    def __add__(self, other: Flow) -> Flow:
        total = dict(self.parts)
        for age, part in other.parts.items():
            total[age] = total[age] + part if age in total else part
        return Flow(total)

    def size(self) -> Size | None:
        """Return the norm of what came to a value; the range where there are several values."""
        return value_range(map(size_of, self.parts.values()))

    def norm(self) -> float:
        """Return the norm of all that it stands for together."""
        return hypot(*map(norm, self.parts.values()))


def merge_statistics(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the statistics of several arrays together.

    Norm and histogram are left out: they do not follow from those of the parts.
    """
    if len(parts) == 1:
        return parts[0]
    counts = [part["count"] for part in parts]
    result: dict[str, Any] = {"count": sum(counts)}
    have_means = all("mean" in part for part in parts)
    if not have_means or not sum(counts):
        return result
    finite = [part["count"] * (1 - part["nonfinite"]) for part in parts]
    result["zeros"] = _weighted_mean(parts, "zeros", counts)
    result["nonfinite"] = _weighted_mean(parts, "nonfinite", counts)
    result["mean"] = _weighted_mean(parts, "mean", finite)
    result["min"] = min(part["min"] for part in parts)
    result["max"] = max(part["max"] for part in parts)
    return result


def _weighted_mean(parts: list[dict[str, Any]], key: str, weights: list[Any]) -> float:
    total = sum(w * part[key] for w, part in zip(weights, parts, strict=True))
    return total / sum(weights)


def statistics(array: Any) -> dict[str, Any]:
    """Return plain numbers; least, greatest, mean and histogram are of the finite elements.

    >>> import numpy as np
    >>> s = statistics(np.array([0.0, 3.0, 4.0, np.nan]))
    >>> s["min"], s["max"], s["zeros"], s["nonfinite"]
    (0.0, 4.0, 0.25, 0.25)
    >>> statistics(np.broadcast_to([3.0, 4.0], (4, 2)))["norm"]
    10.0
    """
    array = np.asarray(array)
    if array.dtype.kind not in "fiub" or not array.size:
        return {"count": int(array.size)}
    flat = _each_once(array).ravel()
    repeats = array.size // flat.size
    flat = flat.astype(np.float64, copy=False)
    finite = flat[np.isfinite(flat)]
    result: dict[str, Any] = {
        "count": int(array.size),
        "zeros": float(np.mean(flat == 0)),
        "nonfinite": 1 - finite.size / flat.size,
    }
    if finite.size:
        low, high = float(finite.min()), float(finite.max())
        length = norm(finite) * sqrt(repeats)
        result |= {"min": low, "max": high, "mean": float(finite.mean()), "norm": length}
        if np.isfinite(high - low):
            counts = _histogram(finite, low, high)
            result["histogram"] = [count * repeats for count in counts]
    return result


def _each_once(array: Any) -> Any:
    """Return the array without the repeats of a broadcast, which may be larger than memory."""
    first = slice(1)
    every = slice(None)
    parts = [every if stride else first for stride in array.strides]
    index = tuple(parts)
    return array[index]


def _histogram(array: Any, low: float, high: float) -> list[int]:
    # bins must have a width that floats can tell
    is_wide = high - low > 1e-12 * max(abs(low), abs(high))
    limits = None if is_wide else (low - 1, low + 1)
    return np.histogram(array, BINS, limits)[0].tolist()  # type: ignore[no-any-return]
