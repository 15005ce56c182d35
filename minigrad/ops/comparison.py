"""Comparisons, the logical and the bitwise families: nothing here has a gradient."""

from __future__ import annotations

import numpy as np

from minigrad.ops.elementwise import limited
from minigrad.primitive import register


def _pairwise(*functions):
    return (register(f, None, None, promotes=0) for f in functions)


eq, ne, lt, le, gt, ge = _pairwise(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
logical_and, logical_or, logical_xor = _pairwise(np.logical_and, np.logical_or, np.logical_xor)
bitwise_and, bitwise_or, bitwise_xor = _pairwise(np.bitwise_and, np.bitwise_or, np.bitwise_xor)
bitwise_left_shift, bitwise_right_shift = _pairwise(np.left_shift, np.right_shift)
for made in (bitwise_left_shift, bitwise_right_shift):
    made.function = limited(made.function, "iu")
isnan, isinf, isfinite, logical_not, bitwise_not = (
    register(f, None) for f in (np.isnan, np.isinf, np.isfinite, np.logical_not, np.invert)
)
