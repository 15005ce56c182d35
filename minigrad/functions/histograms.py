"""How many elements fall between edges, with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#other-operations
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.functions.arguments import accepts_numpy_names
from minigrad.functions.return_types import RETURN_TYPES
from minigrad.places import count_places

__all__ = ["histogram", "histogramdd"]

T = Any  # a Tensor, which this floor does not know
Edges = list[np.ndarray]


@accepts_numpy_names
def histogram(
    input: T, bins: Any, *, range: Any = None, weight: T = None, density: bool = False
) -> T:
    """Return (hist, bin_edges): how many elements fall into each bin.

    ``bins`` is a number of equal bins over ``range``, by default from the least to the greatest
    element, or a tensor of edges. Each counts ``weight``, 1 by default. With ``density`` the
    histogram's area is 1. A bin has its left edge, the last one both. Nothing has a gradient.
    Raises RuntimeError for bins, ranges and weights that do not fit.
    https://docs.pytorch.org/docs/stable/generated/torch.histogram.html

    >>> import minigrad as mg
    >>> mg.histogram(mg.tensor([0.0, 1.0, 1.5, 2.0]), 2).hist
    tensor([1., 3.])
    """
    points = input._data.reshape(-1, 1)
    bins = [bins]
    hist, edges = _histogram(input, points, bins, range, weight, density)
    return RETURN_TYPES["histogram"](input._wrap(hist), input._wrap(edges[0]))


@accepts_numpy_names
def histogramdd(
    input: T, bins: Any, range: Any = None, weight: T = None, density: bool = False
) -> T:
    """Return (hist, bin_edges) of points (..., D): a histogram of D dimensions, D tensors of edges.

    ``bins`` is a number for all dimensions, or a number or a tensor of edges for each; ``range``
    has the two ends of each dimension, one after the other. See :func:`histogram`.
    https://docs.pytorch.org/docs/stable/generated/torch.histogramdd.html

    >>> import minigrad as mg
    >>> mg.histogramdd(mg.tensor([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]]), [2, 2]).hist
    tensor([[0., 1.],
            [1., 1.]])
    """
    if input.ndim < 2:
        raise RuntimeError(
            f"torch.histogramdd: input tensor should have at least 2 dimensions, got {input.ndim}"
        )
    count = input.shape[-1]
    if not isinstance(bins, (tuple, list)):
        bins = [bins] * count
    if len(bins) != count:
        raise RuntimeError(
            "histogramdd: The size of bins must be equal to the innermost dimension of the input, "
            f"got {len(bins)} and {count}"
        )
    points = input._data.reshape(-1, count)
    hist, edges = _histogram(input, points, bins, range, weight, density)
    bin_edges = tuple(map(input._wrap, edges))
    return RETURN_TYPES["histogramdd"](input._wrap(hist), bin_edges)


def _histogram(
    input: T, points: np.ndarray, bins: list[Any], ends: Any, weight: T, density: bool
) -> tuple[np.ndarray, Edges]:
    if points.dtype.kind != "f":
        raise NotImplementedError(
            f'"histogramdd" not implemented for {points.dtype}; convert first: x.float()'
        )
    edges = _edges(points, bins, ends)
    weights = _weights(input, points, weight)
    inside, places = _places(points, edges)
    lengths = tuple(len(edge) - 1 for edge in edges)
    numbers = np.ravel_multi_index(places, lengths)
    counts = count_places(numbers, weights[inside], math.prod(lengths))
    hist = counts.reshape(lengths)
    if density:
        widths = [np.diff(edge) for edge in edges]
        volumes = functools.reduce(np.multiply.outer, widths)
        hist = hist / (hist.sum() * volumes)
    return hist.astype(points.dtype), edges


def _places(points: np.ndarray, edges: Edges) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return which points lie within the edges, and the bins of these in each dimension."""
    inside = np.ones(len(points), bool)
    places = []
    for column, edge in zip(points.T, edges, strict=True):
        inside &= column >= edge[0]
        inside &= column <= edge[-1]
        place = np.searchsorted(edge, column, "right") - 1
        last = len(edge) - 2
        places.append(np.minimum(place, last))
    return inside, [place[inside] for place in places]


def _weights(input: T, points: np.ndarray, weight: T) -> np.ndarray:
    if weight is None:
        return np.ones(len(points))
    if weight.dtype != input.dtype:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor "
            f"should have the same dtype, but got input(dtype={input.dtype}) and "
            f"weight(dtype={weight.dtype})"
        )
    if weight.numel() != len(points):
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided it should have the same shape as the "
            "input tensor excluding its innermost dimension, but got input with shape "
            f"{list(points.shape)} and weight with shape {list(weight.shape)}"
        )
    return np.asarray(weight._data.reshape(-1))


def _edges(points: np.ndarray, bins: list[Any], ends: Any) -> Edges:
    """Return the edges of the bins of each dimension."""
    count = len(bins)
    if ends is not None and len(ends) != 2 * count:
        raise RuntimeError(
            f"torch.histogramdd: for a {count}-dimensional histogram range should have "
            f"{2 * count} elements, but got {len(ends)}"
        )
    return [
        _edges_of_tensor(axis, each, points.dtype)
        if hasattr(each, "_data")
        else _equal_bins(axis, each, points, ends)
        for axis, each in enumerate(bins)
    ]


def _edges_of_tensor(axis: int, edges: T, dtype: np.dtype[Any]) -> np.ndarray:
    if edges.dtype != dtype:
        raise RuntimeError(
            "torch.histogramdd: input tensor and bins tensors should have the same dtype, but got "
            f"input with dtype {dtype} and bins for dimension {axis} with dtype {edges.dtype}"
        )
    if edges.ndim != 1:
        raise RuntimeError(
            f"torch.histogramdd: bins tensor should have one dimension, but got {edges.ndim} "
            f"dimensions in the bins tensor for dimension {axis}"
        )
    if not edges.numel():
        raise RuntimeError(
            "torch.histogramdd: bins tensor should have at least 1 element, but got 0 elements in "
            f"the bins tensor for dimension {axis}"
        )
    return np.array(edges._data)


def _equal_bins(axis: int, bins: int, points: np.ndarray, ends: Sequence[float] | None) -> Any:
    if bins <= 0:
        raise RuntimeError(
            f"torch.histogram(): bins must be > 0, but got {bins} for dimension {axis}"
        )
    if ends is not None:
        first, last = ends[2 * axis : 2 * axis + 2]
    elif len(points):
        column = points[:, axis]
        first, last = column.min(), column.max()
    else:
        first, last = 0.0, 1.0
    if not (np.isfinite(first) and np.isfinite(last)):
        raise RuntimeError(
            f"torch.histogramdd: dimension {axis}'s range [{first}, {last}] is not finite"
        )
    if first > last:
        raise RuntimeError(
            f"torch.histogramdd: min should not exceed max, but got min {first} max {last} for "
            f"dimension {axis}"
        )
    if first == last:
        first, last = first - 0.5, last + 0.5
    edges = np.linspace(first, last, bins + 1)
    return edges.astype(points.dtype)
