"""NumPy functions whose arguments differ from PyTorch's: what each means for Tensors.

NumPy's names and defaults hold. A NumPy function that is a primitive's own is entered where the
primitive is (``register`` and ``alias`` in ``minigrad/ops``); all others are in ``_CALLS``. No
function has two entries: ``enter`` refuses the second.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import linalg, ops
from minigrad.functions import (
    diagonals,
    elementwise,
    indexing,
    joining,
    permutation,
    products,
    reduction,
    shape,
    sorting,
    splitting,
    variance,
)
from minigrad.functions.arguments import wrap_if_both_numbers
from minigrad.functions.einsum_equation import parse
from minigrad.primitive import TABLE, Primitive, enter

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
        result = reduction.prod(a)
        return shape.reshape(result, (1,) * a.ndim) if keepdims else result
    axes = _axes(axis, a.ndim)
    for i in sorted(axes, reverse=True):
        a = reduction.prod(a, i, bool(keepdims))
    return a


def _prod_of_first_axis(a: T, axis: Any = 0, dtype: Any = None, *, keepdims: bool = False) -> T:
    return _prod(a, axis, dtype, keepdims=keepdims)


def _clip(a: T, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> T:
    low = a_min if min is None else min
    high = a_max if max is None else max
    bounded_by_arrays = any(hasattr(bound, "ndim") for bound in (low, high))
    if hasattr(a, "backward") and not bounded_by_arrays:
        return elementwise.clamp(a, low, high)
    if low is not None:
        a = TABLE[np.maximum](a, low)
    if high is not None:
        a = TABLE[np.minimum](a, high)
    return a


def _axes(axes: Any, ndim: int) -> list[int]:
    return [axis % ndim for axis in ([axes] if isinstance(axes, int) else axes)]


def _moveaxis(a: T, source: Any, destination: Any) -> T:
    sources = _axes(source, a.ndim)
    destinations = _axes(destination, a.ndim)
    order = [axis for axis in range(a.ndim) if axis not in sources]
    moves = zip(destinations, sources, strict=True)
    for place, axis in sorted(moves):
        order.insert(place, axis)
    return permutation.permute(a, *order)


def _scan(primitive: Any) -> Any:
    """Take NumPy's arguments of a running sum or product.

    Over all elements where ``axis`` is None.
    """

    def call(a: T, axis: int | None = None, dtype: Any = None) -> T:
        a = a if dtype is None else a.to(dtype)
        return primitive(shape.ravel(a), axis=0) if axis is None else primitive(a, axis=axis)

    return call


def _where(condition: T, x: Any = None, y: Any = None) -> Any:
    if (x is None) != (y is None):
        raise ValueError("either both or neither of x and y should be given")
    if x is None:
        return indexing.nonzero(condition, as_tuple=True)
    return ops.elementwise.where(condition, wrap_if_both_numbers(x, y), y)


def _sort(a: T, axis: int | None = -1) -> T:
    return sorting.sort(shape.ravel(a), 0)[0] if axis is None else sorting.sort(a, axis)[0]


def _take(a: T, indices: Any, axis: int | None = None) -> T:
    if axis is None:
        return shape.ravel(a)[indices]
    return a[(slice(None),) * (axis % a.ndim) + (indices,)]


def _split(ary: T, indices_or_sections: Any, axis: int = 0) -> list[T]:
    if isinstance(indices_or_sections, int) and ary.shape[axis] % indices_or_sections:
        raise ValueError(
            "array split does not result in an equal division, got "
            f"{ary.shape[axis]} for {indices_or_sections} parts"
        )
    return _array_split(ary, indices_or_sections, axis)


def _array_split(ary: T, indices_or_sections: Any, axis: int = 0) -> list[T]:
    parts = indices_or_sections
    if not isinstance(parts, int):
        parts = [int(i) for i in parts]
    return list(splitting.tensor_split(ary, parts, axis))


def _vstack(tup: Any) -> T:
    return joining.cat([x if x.ndim > 1 else np.reshape(x, (1, -1)) for x in tup], 0)


def _hstack(tup: Any) -> T:
    axis = -1 if tup[0].ndim < 2 else 1
    return joining.cat([x if x.ndim else np.reshape(x, 1) for x in tup], axis)


def _flip(m: T, axis: Any = None) -> T:
    return ops.shape.flip(m, axis=tuple(range(m.ndim)) if axis is None else axis)


def _nan_to_num(
    x: T, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> T:
    return elementwise.nan_to_num(x, nan, posinf, neginf)


def _each(function: Any) -> Any:
    """Take tensors one by one; return a tensor for one, else a tuple."""

    def call(*arys: T) -> Any:
        return function(arys[0]) if len(arys) == 1 else tuple(map(function, arys))

    return call


# ---- products and linear algebra ---------------------------------------------------------------
def _einsum(*args: Any, optimize: Any = True) -> T:
    operands, inputs, output = parse(args)
    return ops.einsum.einsum(*operands, inputs=inputs, output=output)


def _dot(a: T, b: T) -> T:
    if 0 in (getattr(a, "ndim", 0), getattr(b, "ndim", 0)):
        return a * b
    return products.tensordot(a, b, ([-1], [-2 if b.ndim > 1 else -1]))


def _outer(a: T, b: T) -> T:
    return products.outer(np.reshape(a, -1), np.reshape(b, -1))


def _norm(x: T, ord: Any = None, axis: Any = None, keepdims: bool = False) -> T:
    return linalg.norm(x, ord, axis, keepdims)


def _pinv(a: T, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> T:
    return linalg.pinv(a, rtol=rcond if rtol is None else rtol, hermitian=hermitian)


# ---- the registry ------------------------------------------------------------------------------
_CALLS: dict[Any, Any] = {
    np.sum: _reducing(reduction.sum),
    np.add.reduce: _reducing(reduction.sum, 0),
    np.mean: _reducing(reduction.mean),
    np.nansum: _reducing(reduction.nansum),
    np.nanmean: _reducing(reduction.nanmean),
    np.var: _spread(variance.var),
    np.std: _spread(variance.std),
    np.prod: _prod,
    np.multiply.reduce: _prod_of_first_axis,
    np.count_nonzero: lambda a, axis=None: reduction.count_nonzero(a, axis),
    np.cumsum: _scan(ops.reduction.cumsum),
    np.cumprod: _scan(ops.scan.cumprod),
    np.clip: _clip,
    np.where: _where,
    np.nan_to_num: _nan_to_num,
    np.fabs: lambda x: elementwise.abs(x),
    np.around: lambda a, decimals=0: elementwise.round(a, decimals=decimals),
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.numel() if axis is None else a.shape[axis],
    np.ravel: lambda a: shape.ravel(a),
    np.moveaxis: _moveaxis,
    np.flip: _flip,
    np.roll: lambda a, shift, axis=None: permutation.roll(a, shift, axis),
    np.rot90: lambda m, k=1, axes=(0, 1): permutation.rot90(m, k, axes),
    np.tile: lambda A, reps: shape.tile(A, (reps,) if isinstance(reps, int) else tuple(reps)),
    np.vstack: _vstack,
    np.hstack: _hstack,
    np.dstack: lambda tup: joining.dstack(list(tup)),
    np.column_stack: lambda tup: joining.column_stack(list(tup)),
    np.atleast_1d: _each(joining.atleast_1d),
    np.atleast_2d: _each(joining.atleast_2d),
    np.atleast_3d: _each(joining.atleast_3d),
    np.split: _split,
    np.array_split: _array_split,
    np.sort: _sort,
    np.take: _take,
    np.repeat: lambda a, repeats, axis=None: indexing.repeat_interleave(a, repeats, axis),
    np.nonzero: lambda a: indexing.nonzero(a, as_tuple=True),
    np.diag: lambda v, k=0: diagonals.diag(v, k),
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: diagonals.diagonal(a, offset, axis1, axis2),
    np.tril: lambda m, k=0: diagonals.tril(m, k),
    np.triu: lambda m, k=0: diagonals.triu(m, k),
    np.trace: lambda a: products.trace(a),
    np.einsum: _einsum,
    np.dot: _dot,
    np.inner: products.inner,
    np.outer: _outer,
    np.kron: products.kron,
    np.tensordot: lambda a, b, axes=2: products.tensordot(a, b, axes),
    np.cross: lambda a, b, axis=-1: products.cross(a, b, axis),
    np.linalg.cross: lambda x1, x2, axis=-1: products.cross(x1, x2, axis),
    np.linalg.norm: _norm,
    np.linalg.pinv: _pinv,
    np.linalg.solve: linalg.solve,
    np.linalg.slogdet: linalg.slogdet,
    np.linalg.qr: linalg.qr,
    np.linalg.svd: linalg.svd,
    np.linalg.svdvals: linalg.svdvals,
    np.linalg.eigh: linalg.eigh,
    np.linalg.eigvalsh: linalg.eigvalsh,
    np.linalg.matrix_power: linalg.matrix_power,
    np.linalg.multi_dot: linalg.multi_dot,
}
_RECORDS: dict[Any, Primitive] = {  # of these, the one primitive: for docs/ops.md
    np.sum: ops.reduction.sum,
    np.add.reduce: ops.reduction.sum,
    np.mean: ops.reduction.mean,
    np.cumsum: ops.reduction.cumsum,
    np.cumprod: ops.scan.cumprod,
    np.flip: ops.shape.flip,
    np.where: ops.elementwise.where,
    np.einsum: ops.einsum.einsum,
    np.trace: ops.linalg.trace,
}
for _function, _call in _CALLS.items():
    enter(_function, _call, _RECORDS.get(_function))
