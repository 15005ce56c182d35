"""Comparisons, the logical and the bitwise families: nothing here has a gradient."""

from __future__ import annotations

import numpy as np

from minigrad.ops.guards import restrict
from minigrad.primitive import register

eq = register(np.equal, None, None, name="eq", promotes=0)
ne = register(np.not_equal, None, None, name="ne", promotes=0)
lt = register(np.less, None, None, name="lt", promotes=0)
le = register(np.less_equal, None, None, name="le", promotes=0)
gt = register(np.greater, None, None, name="gt", promotes=0)
ge = register(np.greater_equal, None, None, name="ge", promotes=0)

isnan = register(np.isnan, None)
isinf = register(np.isinf, None)
isfinite = register(np.isfinite, None)

logical_not = register(np.logical_not, None)
logical_and = register(np.logical_and, None, None, promotes=0)
logical_or = register(np.logical_or, None, None, promotes=0)
logical_xor = register(np.logical_xor, None, None, promotes=0)

bitwise_and = register(np.bitwise_and, None, None, promotes=0)
bitwise_or = register(np.bitwise_or, None, None, promotes=0)
bitwise_xor = register(np.bitwise_xor, None, None, promotes=0)
bitwise_left_shift = register(np.left_shift, None, None, name="bitwise_left_shift", promotes=0)
bitwise_right_shift = register(np.right_shift, None, None, name="bitwise_right_shift", promotes=0)
restrict("iu", bitwise_left_shift, bitwise_right_shift)
bitwise_not = register(np.invert, None, name="bitwise_not")
