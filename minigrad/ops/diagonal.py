"""Primitives of diagonals, triangles and sliding windows: each linear, next to its adjoint."""

from __future__ import annotations

import numpy as np

from minigrad.layout import in_c_order
from minigrad.primitive import primitive


@primitive(lambda g, _out, _x, *, k: tril(g, k=k))
def tril(x, *, k):
    return np.tril(x, k) if x.ndim < 3 else in_c_order(np.tril(x, k))


@primitive(lambda g, _out, _x, *, k: triu(g, k=k))
def triu(x, *, k):
    return np.triu(x, k) if x.ndim < 3 else in_c_order(np.triu(x, k))


@primitive(
    lambda g, _out, _x, *, offset, axis1, axis2: diagonal_embed(
        g, offset=offset, axis1=axis1, axis2=axis2, shape=_x.shape
    ),
    views=True,
)
def diagonal(x, *, offset, axis1, axis2):
    """A view along the diagonal, which NumPy would make read-only."""
    out = np.diagonal(x, offset, axis1, axis2)
    if isinstance(out, np.ndarray) and x.flags.writeable:
        out.flags.writeable = True
    return out


@primitive(
    lambda g, _out, _x, *, offset, axis1, axis2, shape: diagonal(
        g, offset=offset, axis1=axis1, axis2=axis2
    )
)
def diagonal_embed(x, *, offset, axis1, axis2, shape):
    """Zeros of this shape with ``x`` on the diagonal."""
    out = np.zeros_like(x, shape=shape)
    diagonal.function(out, offset=offset, axis1=axis1, axis2=axis2)[...] = x
    return out


@primitive(
    lambda g, _out, _x, *, axis, size, step: fold(g, axis=axis, step=step, shape=_x.shape),
    views=True,
)
def unfold(x, *, axis, size, step):
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis, writeable=x.flags.writeable)
    return windows[(slice(None),) * axis + (slice(None, None, step),)]


def _fold_vjp(g, _out, _x, *, axis, step, shape):
    return unfold(g, axis=axis, size=_x.shape[-1], step=step)


@primitive(_fold_vjp)
def fold(x, *, axis, step, shape):
    """Zeros of this shape with the windows added where they were taken."""
    out = np.zeros_like(x, shape=shape)
    lead = (slice(None),) * axis
    count, size = x.shape[axis], x.shape[-1]
    reach = step * (count - 1) + 1
    for i in range(size):
        place = slice(i, i + reach, step)
        out[(*lead, place)] += x[..., i]
    return out
