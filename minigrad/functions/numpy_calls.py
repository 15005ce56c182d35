"""NumPy functions whose arguments differ from PyTorch's: what each means here. NumPy's names and defaults hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.functions import elementwise, joining, reduction, shape
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
        a: T, axis: Any = None, dtype: Any = None, *, ddof: int = 0, correction: Any = None, keepdims: bool = False
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
    for i in sorted((d % a.ndim for d in (axis if isinstance(axis, tuple) else (axis,))), reverse=True):
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
    for place, one in sorted(zip([d % a.ndim for d in places], [s % a.ndim for s in ones], strict=True)):
        rest.insert(place, one)
    return shape.permute(a, *rest)


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
}
TABLE.update(_CALLS)
