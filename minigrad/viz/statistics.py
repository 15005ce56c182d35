"""What can be said of an array in one line: least, greatest, mean, norm, zeros, a histogram."""

from __future__ import annotations

from typing import Any

import numpy as np

BINS = 16


def norm(array: Any) -> float:
    """Return the Euclidean norm of all elements."""
    return float(np.linalg.norm(np.asarray(array).ravel()))


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
        made |= {"min": float(finite.min()), "max": float(finite.max()), "mean": float(finite.mean())}
        made["norm"] = norm(finite)
        low, high = made["min"], made["max"]
        if np.isfinite(high - low):
            wide = high - low > 1e-12 * max(abs(low), abs(high))  # bins must have a width that floats can tell
            made["histogram"] = np.histogram(finite, BINS, None if wide else (low - 1, low + 1))[0].tolist()
    return made
