"""Rows of a table, and what adds them up again. Each is the other's vjp."""

from __future__ import annotations

import numpy as np

from minigrad.ops.elementwise import masked
from minigrad.ops.indexing import read
from minigrad.places import count_places
from minigrad.primitive import primitive


@primitive(
    lambda g, _out, _weight, *, indices, padding_idx, scale_grad_by_freq: embedding_backward(
        g,
        indices=indices,
        rows=_weight.shape[0],
        padding_idx=padding_idx,
        scale_grad_by_freq=scale_grad_by_freq,
    )
)
def embedding(weight, *, indices, padding_idx, scale_grad_by_freq):
    """Row ``indices[...]`` of the weight: (V, D) -> (*, D)."""
    return read(weight, indices)


def _embedding_backward_vjp(g, _out, _g, *, indices, rows, padding_idx, scale_grad_by_freq):
    looked_up = embedding(g, indices=indices, padding_idx=None, scale_grad_by_freq=False)
    return _scaled_rows(looked_up, indices, padding_idx, scale_grad_by_freq)


@primitive(_embedding_backward_vjp)
def embedding_backward(g, *, indices, rows, padding_idx, scale_grad_by_freq):
    """Zeros (rows, D) with the rows of g (*, D) added at ``indices``, but at ``padding_idx``."""
    values = _scaled_rows(g, indices, padding_idx, scale_grad_by_freq)
    wide = _PAIRS.get(values.dtype.char)
    if wide is None or g.shape[-1] % 2 or not _plain(values, indices):
        return _added_rows(values, indices, rows)

    pairs = np.ascontiguousarray(values).view(wide)
    return _added_rows(pairs, indices, rows).view(values.dtype)


_PAIRS = {"f": np.complex64, "d": np.complex128}  # two numbers that are added at once


def _plain(*arrays):
    return all(type(x) is np.ndarray for x in arrays)


def _added_rows(values, indices, rows):
    width = values.shape[-1]
    first = indices.reshape(-1, 1) * width  # of each row, in the flat table
    places = (first + np.arange(width, like=indices)).reshape(-1)
    out = np.zeros_like(values, shape=rows * width, order="C")
    np.add.at(out, places, values.reshape(-1))  # six times as fast as row by row
    return out.reshape(rows, width)


def _scaled_rows(g, indices, padding_idx, scale_grad_by_freq):
    """Return g without what came from padding, divided by how often each index occurs."""
    if padding_idx is not None:
        g = masked(g, np.expand_dims(indices != padding_idx, -1))
    if scale_grad_by_freq:
        frequencies = count_places(indices.reshape(-1))[indices]
        g = g / np.expand_dims(frequencies, -1).astype(g.dtype)
    return g
