"""Comparisons, the logical and the bitwise families: nothing here has a gradient."""

from __future__ import annotations

import numpy as np

from minigrad.ops.elementwise import requires_kinds
from minigrad.primitive import register


def _pairwise(**functions):
    return (register(f, None, None, name=name, promotes=0) for name, f in functions.items())


eq, ne, lt, le, gt, ge = _pairwise(
    eq=np.equal, ne=np.not_equal, lt=np.less, le=np.less_equal, gt=np.greater, ge=np.greater_equal
)
logical_and, logical_or, logical_xor, bitwise_and, bitwise_or, bitwise_xor = _pairwise(
    logical_and=np.logical_and, logical_or=np.logical_or, logical_xor=np.logical_xor,
    bitwise_and=np.bitwise_and, bitwise_or=np.bitwise_or, bitwise_xor=np.bitwise_xor,
)  # fmt: skip
bitwise_left_shift, bitwise_right_shift = _pairwise(
    bitwise_left_shift=np.left_shift, bitwise_right_shift=np.right_shift
)
for made in (bitwise_left_shift, bitwise_right_shift):
    made.function = requires_kinds(made.function, "iu")
isnan, isinf, isfinite, logical_not = (
    register(f, None) for f in (np.isnan, np.isinf, np.isfinite, np.logical_not)
)
bitwise_not = register(np.invert, None, name="bitwise_not")
