"""Tensors as sets: membership, runs of equals, combinations and products, with PyTorch's names.

https://docs.pytorch.org/docs/stable/torch.html#other-operations
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from minigrad.engine.recording import Recorded
from minigrad.functions.arguments import accepts_numpy_names, not_a_tensor_error
from minigrad.functions.index_checks import along_dim
from minigrad.functions.joining import meshgrid, stack
from minigrad.functions.shape import ravel, reshape
from minigrad.ops import indexing
from minigrad.ops.reduction import axis_of
from minigrad.places import as_int64

__all__ = ["cartesian_prod", "combinations", "isin", "unique_consecutive"]

T = Any  # a Tensor, which this floor does not know


def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> T:
    """Return which elements are among ``test_elements`` (with ``invert``, are not), as bools.

    One of both may be a number. ``assume_unique`` says that neither has an element twice, which
    makes no difference here. Raises RuntimeError for bools.
    https://docs.pytorch.org/docs/stable/generated/torch.isin.html

    >>> import minigrad as mg
    >>> mg.isin(mg.tensor([1, 2, 3]), mg.tensor([2, 5]))
    tensor([False,  True, False])
    """
    tensors = [x for x in (elements, test_elements) if isinstance(x, Recorded)]
    operands = {"elements": elements, "test_elements": test_elements}
    for place, (name, x) in enumerate(operands.items(), 1):
        if not tensors or not isinstance(x, (Recorded, int, float, np.generic)):
            raise not_a_tensor_error("isin", name, place, x)
    arrays = [np.asarray(getattr(x, "_data", x)) for x in operands.values()]
    if any(x.dtype.kind == "b" for x in arrays):
        raise RuntimeError("Unsupported input type encountered for isin(): Bool")
    return tensors[0]._wrap(np.asarray(np.isin(arrays[0], arrays[1], invert=invert)))


@accepts_numpy_names
def unique_consecutive(
    input: T, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> T:
    """Return the first element (or slice along ``dim``) of each run of equals.

    ``return_inverse`` adds the run of each element, ``return_counts`` the length of each run. The
    gradient, which PyTorch refuses, flows to the first of a run.
    https://docs.pytorch.org/docs/stable/generated/torch.unique_consecutive.html

    >>> import minigrad as mg
    >>> mg.unique_consecutive(mg.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    axis = 0 if dim is None else axis_of(input, dim)
    elements = ravel(input) if dim is None else input
    array = np.moveaxis(elements._data, axis, 0)
    starts = np.ones(len(array), bool)
    differs = array[1:] != array[:-1]
    starts[1:] = differs.any(axis=tuple(range(1, array.ndim)))
    places = np.flatnonzero(starts)
    results = [indexing.getitem(elements, index=along_dim(axis, places))]
    if return_inverse:
        runs = np.cumsum(starts, dtype=np.int64) - 1
        results.append(input._wrap(runs.reshape(input.shape) if dim is None else runs))
    if return_counts:
        results.append(input._wrap(as_int64(np.diff(places, append=len(array)))))
    return tuple(results) if len(results) > 1 else results[0]


@accepts_numpy_names
def combinations(input: T, r: int = 2, with_replacement: bool = False) -> T:
    """Return the combinations of r elements of a vector, (n,) -> (count, r), in order.

    https://docs.pytorch.org/docs/stable/generated/torch.combinations.html

    >>> import minigrad as mg
    >>> mg.combinations(mg.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    chosen = choose(range(input.shape[0]), r)
    places = np.fromiter(itertools.chain.from_iterable(chosen), np.int64)
    shape = (-1, r) if r else (0,)
    places = places.reshape(shape)
    return indexing.getitem(input, index=(places,))


def cartesian_prod(*tensors: T) -> T:
    """Return the product of vectors: one row for each choice of one element of each.

    One vector is its own product. Raises RuntimeError for other dimensions and for two dtypes.
    https://docs.pytorch.org/docs/stable/generated/torch.cartesian_prod.html

    >>> import minigrad as mg
    >>> mg.cartesian_prod(mg.tensor([1, 2]), mg.tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])
    """
    for place, x in enumerate(tensors, 1):
        if not isinstance(x, Recorded):
            raise not_a_tensor_error("cartesian_prod", "tensors", place, x)
        if x.ndim != 1:  # type: ignore[attr-defined]
            shape = list(x.shape)
            raise RuntimeError(f"Expect a 1D vector, but got shape {shape}")
    if len(tensors) == 1:
        return tensors[0]
    grids = meshgrid(*tensors, indexing="ij")
    columns = [reshape(grid, -1) for grid in grids]
    return stack(columns, 1)
