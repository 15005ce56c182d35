"""What can be said of arrays in one line: least, greatest, mean, norm, zeros, a histogram."""

from __future__ import annotations

from collections.abc import Iterable
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


def ranged(sizes: Iterable[Size | None]) -> Size | None:
    """Return the one size, or the least and the greatest; NaN counts as the greatest.

    >>> ranged([3.0, None, (1.0, 2.0)]), ranged([4.0, 4.0]), ranged([None])
    ((1.0, 3.0), 4.0, None)
    """
    parts = [
        part
        for size in sizes
        if size is not None
        for part in (size if isinstance(size, tuple) else (size,))
    ]
    parts.sort(key=lambda part: (part != part, part))
    return None if not parts else parts[0] if parts[0] == parts[-1] else (parts[0], parts[-1])


class Flow:
    """What flowed back along an edge: an array for each value that the edge stands for."""

    def __init__(self, parts: dict[int, Any]) -> None:
        self.parts = parts  # age of the value -> what its readers at this edge sent, added up

    def __add__(self, other: Flow) -> Flow:
        both = dict(self.parts)
        for age, part in other.parts.items():
            both[age] = both[age] + part if age in both else part
        return Flow(both)

    def size(self) -> Size | None:
        """Return the norm of the sum of what came to a value, the range where there are several values."""
        return ranged(map(size_of, self.parts.values()))


def joined(several: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the statistics of several arrays together; without norm and histogram, which cannot be told from theirs."""
    if len(several) == 1:
        return several[0]
    count = [s["count"] for s in several]
    made: dict[str, Any] = {"count": sum(count)}
    if not all("mean" in s for s in several) or not sum(count):
        return made
    weights = {
        "zeros": count,
        "nonfinite": count,
        "mean": [n * (1 - s["nonfinite"]) for n, s in zip(count, several, strict=True)],
    }
    for key, weight in weights.items():
        made[key] = sum(w * s[key] for w, s in zip(weight, several, strict=True)) / sum(weight)
    return made | {"min": min(s["min"] for s in several), "max": max(s["max"] for s in several)}


def statistics(array: Any) -> dict[str, Any]:
    """Return plain numbers; least, greatest, mean and histogram are of the finite elements.

    >>> import numpy as np
    >>> s = statistics(np.array([0.0, 3.0, 4.0, np.nan]))
    >>> s["min"], s["max"], s["zeros"], s["nonfinite"]
    (0.0, 4.0, 0.25, 0.25)
    """
    flat = np.asarray(array).ravel()
    if flat.dtype.kind not in "fiub" or not flat.size:
        return {"count": int(flat.size)}
    flat = flat.astype(np.float64, copy=False)
    finite = flat[np.isfinite(flat)]
    made: dict[str, Any] = {
        "count": int(flat.size),
        "zeros": float(np.mean(flat == 0)),
        "nonfinite": 1 - finite.size / flat.size,
    }
    if finite.size:
        made |= {
            "min": float(finite.min()),
            "max": float(finite.max()),
            "mean": float(finite.mean()),
        }
        made["norm"] = norm(finite)
        low, high = made["min"], made["max"]
        if np.isfinite(high - low):
            wide = high - low > 1e-12 * max(
                abs(low), abs(high)
            )  # bins must have a width that floats can tell
            made["histogram"] = np.histogram(finite, BINS, None if wide else (low - 1, low + 1))[
                0
            ].tolist()
    return made
