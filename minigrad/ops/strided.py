"""A view with any strides, which PyTorch's functions of memory are."""

from __future__ import annotations

import numpy as np

from minigrad.layout import in_c_order
from minigrad.ops.indexing import scatter_add
from minigrad.ops.shape import reshape
from minigrad.primitive import primitive


def positions(shape, strides, offset):
    """Return where each element of such a view lies, as a place of a row."""
    places = np.array(offset, np.int64)
    for n, stride in zip(shape, strides, strict=True):
        places = places[..., None] + np.arange(n) * stride
    return places


def _scatter(g, _out, _x, *, shape, strides, offset, within=None):
    places = positions(shape, strides, offset)
    if within is not None:
        g = g * np.isin(places, positions(*within)).astype(g.dtype)
    flat = scatter_add(g, index=(places,), shape=(_x.size,))
    return reshape(flat, shape=_x.shape)


@primitive(_scatter, views=True)
def as_strided(x, *, shape, strides, offset, within=None):
    """A view of C-ordered memory; strides and the offset count elements.

    Gradients reach only what the view ``within``, its shape, strides and offset, has of ``x``.
    """
    x = in_c_order(x)
    size = x.itemsize
    return np.ndarray(shape, x.dtype, x, offset * size, [n * size for n in strides])
