"""What attention needs beyond ordinary operations."""

from __future__ import annotations

import numpy as np

from minigrad.ops.reduction import softmax_vjp
from minigrad.ops.summation import row_sums
from minigrad.primitive import primitive


def _masked_softmax_vjp(g, out, _scores, _mask):
    return softmax_vjp(g, out, _scores, axis=out.ndim - 1)


@primitive(_masked_softmax_vjp, _masked_softmax_vjp, promotes=0)
def masked_softmax(scores, mask):
    """softmax(scores + mask) along the last axis; 0 where all of a row is hidden by -inf."""
    if scores.dtype.char == "e":  # float16 is rounded once
        wide = masked_softmax.function(scores.astype(np.float32), mask.astype(np.float32))
        return wide.astype(np.float16)

    x = scores + mask
    ends = np.finfo(x.dtype)

    top = np.maximum.reduce(x, axis=-1, keepdims=True, initial=float(ends.min))
    x -= top
    np.exp(x, out=x)
    sums = row_sums(x, x.ndim - 1)

    # the sum is 1 or more, of a hidden row 0
    x /= np.maximum(sums, float(ends.tiny))
    return x
