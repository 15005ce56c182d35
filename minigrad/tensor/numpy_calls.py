"""NumPy functions whose arguments differ from PyTorch's: what each means here. NumPy's names and defaults hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.functions import diagonals, elementwise, indexing, joining, reduction, shape, sorting
from minigrad.functions.arguments import lifted
from minigrad.ops.elementwise import where
from minigrad.ops.reduction import cumsum
from minigrad.ops.scan import cumprod
from minigrad.ops.shape import flip
from minigrad.primitive import TABLE

T = Any  # a Tensor, which this floor does not know


def _reducing(function: Any, first_axis: int | None = None) -> Any:
    """Take NumPy's arguments of a reduction: ``axis`` may be None, an integer or a tuple."""

    def call(a: T, axis: Any = first_axis, dtype: Any = None, *, keepdims: bool = False) -> T:
        a = a if dtype is None else a.to(dtype)
        return function(a, axis, keepdim=bool(keepdims))

    return call


def _spread(function: Any) -> Any:
    """Take NumPy's arguments of ``var`` and ``std``: divided by n - ddof, with ddof 0."""

    def call(
        a: T,
        axis: Any = None,
        dtype: Any = None,
        *,
        ddof: int = 0,
        correction: Any = None,
        keepdims: bool = False,
    ) -> T:
        a = a if dtype is None else a.to(dtype)
        n = ddof if correction is None else correction
        return function(a, axis, correction=n, keepdim=bool(keepdims))

    return call


def _prod(a: T, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> T:
    a = a if dtype is None else a.to(dtype)
    if axis is None:
        made = reduction.prod(a)
        return shape.reshape(made, (1,) * a.ndim) if keepdims else made
    for i in sorted(
        (d % a.ndim for d in (axis if isinstance(axis, tuple) else (axis,))), reverse=True
    ):
        a = reduction.prod(a, i, bool(keepdims))
    return a


def _clip(a: T, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> T:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if hasattr(a, "backward") and not any(hasattr(bound, "ndim") for bound in (low, high)):
        return elementwise.clamp(a, low, high)
    a = a if low is None else TABLE[np.maximum](a, low)
    return a if high is None else TABLE[np.minimum](a, high)


def _moveaxis(a: T, source: Any, destination: Any) -> T:
    ones = [source] if isinstance(source, int) else list(source)
    places = [destination] if isinstance(destination, int) else list(destination)
    rest = [i for i in range(a.ndim) if i not in [s % a.ndim for s in ones]]
    for place, one in sorted(
        zip([d % a.ndim for d in places], [s % a.ndim for s in ones], strict=True)
    ):
        rest.insert(place, one)
    return shape.permute(a, *rest)


def _scan(primitive: Any) -> Any:
    """Take NumPy's arguments of a running sum or product: over all elements where ``axis`` is None."""

    def call(a: T, axis: int | None = None, dtype: Any = None) -> T:
        a = a if dtype is None else a.to(dtype)
        return primitive(shape.ravel(a), axis=0) if axis is None else primitive(a, axis=axis)

    return call


def _where(condition: T, x: Any = None, y: Any = None) -> Any:
    if (x is None) != (y is None):
        raise ValueError("either both or neither of x and y should be given")
    return (
        indexing.nonzero(condition, as_tuple=True)
        if x is None
        else where(condition, lifted(x, y), y)
    )


def _sort(a: T, axis: int | None = -1) -> T:
    return sorting.sort(shape.ravel(a), 0)[0] if axis is None else sorting.sort(a, axis)[0]


def _take(a: T, indices: Any, axis: int | None = None) -> T:
    return (
        shape.ravel(a)[indices]
        if axis is None
        else a[(slice(None),) * (axis % a.ndim) + (indices,)]
    )


def _split(ary: T, indices_or_sections: Any, axis: int = 0) -> list[T]:
    if isinstance(indices_or_sections, int) and ary.shape[axis] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return _array_split(ary, indices_or_sections, axis)


def _array_split(ary: T, indices_or_sections: Any, axis: int = 0) -> list[T]:
    parts = (
        indices_or_sections
        if isinstance(indices_or_sections, int)
        else [int(i) for i in indices_or_sections]
    )
    return list(joining.tensor_split(ary, parts, axis))


def _many(function: Any) -> Any:
    """Take tensors one by one; return one for one, else a tuple."""

    def call(*arys: T) -> Any:
        return function(arys[0]) if len(arys) == 1 else tuple(map(function, arys))

    return call


_CALLS: dict[Any, Any] = {
    np.sum: _reducing(reduction.sum),
    np.mean: _reducing(reduction.mean),
    np.add.reduce: _reducing(reduction.sum, 0),
    np.var: _spread(reduction.var),
    np.std: _spread(reduction.std),
    np.prod: _prod,
    np.multiply.reduce: lambda a, axis=0, dtype=None, *, keepdims=False: _prod(a, axis, dtype, keepdims=keepdims),
    np.clip: _clip,
    np.ravel: lambda a: shape.ravel(a),
    np.moveaxis: _moveaxis,
    np.vstack: lambda tup: joining.cat([x if x.ndim > 1 else np.reshape(x, (1, -1)) for x in tup], 0),
    np.hstack: lambda tup: joining.cat([x if x.ndim else np.reshape(x, 1) for x in tup], -1 if tup[0].ndim < 2 else 1),
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.numel() if axis is None else a.shape[axis],
    np.cumsum: _scan(cumsum),
    np.cumprod: _scan(cumprod),
    np.flip: lambda m, axis=None: flip(m, axis=tuple(range(m.ndim)) if axis is None else axis),
    np.where: _where,
    np.sort: _sort,
    np.take: _take,
    np.split: _split,
    np.array_split: _array_split,
    np.roll: lambda a, shift, axis=None: shape.roll(a, shift, axis),
    np.tile: lambda A, reps: shape.tile(A, (reps,) if isinstance(reps, int) else tuple(reps)),
    np.repeat: lambda a, repeats, axis=None: indexing.repeat_interleave(a, repeats, axis),
    np.diag: lambda v, k=0: diagonals.diag(v, k),
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: diagonals.diagonal(a, offset, axis1, axis2),
    np.tril: lambda m, k=0: diagonals.tril(m, k),
    np.triu: lambda m, k=0: diagonals.triu(m, k),
    np.rot90: lambda m, k=1, axes=(0, 1): shape.rot90(m, k, axes),
    np.dstack: lambda tup: joining.dstack(list(tup)),
    np.column_stack: lambda tup: joining.column_stack(list(tup)),
    np.atleast_1d: _many(joining.atleast_1d),
    np.atleast_2d: _many(joining.atleast_2d),
    np.atleast_3d: _many(joining.atleast_3d),
    np.nonzero: lambda a: indexing.nonzero(a, as_tuple=True),
    np.count_nonzero: lambda a, axis=None: reduction.count_nonzero(a, axis),
    np.nansum: _reducing(reduction.nansum),
    np.nanmean: _reducing(reduction.nanmean),
    np.nan_to_num: lambda x, copy=True, nan=0.0, posinf=None, neginf=None: elementwise.nan_to_num(x, nan, posinf, neginf),
    np.fabs: lambda x: elementwise.abs(x),
    np.around: lambda a, decimals=0: elementwise.round(a, decimals=decimals),
}  # fmt: skip
TABLE.update(_CALLS)
