"""Losses that are primitives because their ends are: a logarithm of 0 that is held, and its gradient."""

from __future__ import annotations

import numpy as np

from minigrad.primitive import primitive

_LEAST_LOG = -100.0  # PyTorch's: a certain and wrong answer costs 100, not inf
_LEAST = 1e-12


@primitive(
    lambda g, _out, p, t: g * (p - t) / np.maximum((1 - p) * p, _LEAST),
    lambda g, _out, p, _t: g * (np.log1p(-p) - np.log(p)),
    promotes=0,
    floats=True,
)
def binary_cross_entropy(p, t):
    """-(t log p + (1 - t) log(1 - p)), no logarithm below -100."""
    return (t - 1) * np.maximum(np.log1p(-p), _LEAST_LOG) - t * np.maximum(np.log(p), _LEAST_LOG)
