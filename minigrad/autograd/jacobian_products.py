"""Jacobians, whole or times vectors, for ``autograd.functional`` and ``minigrad.func``.

Reverse mode is all there is. A Jacobian times a vector comes from two sweeps: the first gives v J
with v a variable, and that is linear in v; its own vjp takes u to J u.
https://j-towns.github.io/2017/06/12/A-new-trick.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from minigrad.autograd.differentiate import grad
from minigrad.functions.joining import stack
from minigrad.tensor.tensor import Tensor

Tensors = Sequence[Tensor]
Some = Sequence[Tensor | None]


def pull(ys: Some, xs: Tensors, vs: Some, create_graph: bool = False) -> list[Tensor | None]:
    """Return v J for each x: the cotangents ``vs`` of ``ys`` pulled back.

    None where nothing depends on it.
    """
    live = [
        (y, v)
        for y, v in zip(ys, vs, strict=True)
        if y is not None and y.requires_grad and v is not None
    ]
    if not live or not xs:
        return [None] * len(xs)
    outputs, cotangents = zip(*live, strict=True)
    return list(
        grad(
            outputs, xs, cotangents, retain_graph=True, create_graph=create_graph, allow_unused=True
        )
    )


class Linear:
    """The Jacobian of ``ys`` by ``xs`` as a function of tangents.

    One recorded sweep, one more a product.
    """

    def __init__(self, ys: Tensors, xs: Tensors) -> None:
        self.vs = [Tensor._wrap(np.zeros_like(y._data), requires_grad=y.requires_grad) for y in ys]
        self.pulled = pull(ys, xs, self.vs, create_graph=True)

    def push(self, us: Some, create_graph: bool = False) -> list[Tensor | None]:
        """Return J u for each y; None stands for zero, in ``us`` and in the answer."""
        variables = [v for v in self.vs if v.requires_grad]
        pushed = iter(pull(self.pulled, variables, us, create_graph))
        return [next(pushed) if v.requires_grad else None for v in self.vs]


def rows(y: Tensor, xs: Tensors, create_graph: bool = False) -> list[Tensor | None]:
    """Return the Jacobian of y by each x, ``y.shape + x.shape``, by one sweep an element of y."""
    pulled = []
    for unit in units(y):
        pulled.append(pull([y], xs, [unit], create_graph))
    jacobians = []
    for x, slices in zip(xs, _turned(pulled, xs), strict=True):
        jacobian = _assembled(list(slices), x, y.shape + x.shape, 0)
        jacobians.append(jacobian)
    return jacobians


def columns(ys: Tensors, xs: Tensors, create_graph: bool = False) -> list[list[Tensor | None]]:
    """Return the Jacobian of each y by each x, by one sweep an element of the xs."""
    linear = Linear(ys, xs)
    jacobians: list[list[Tensor | None]] = [[] for _ in ys]
    for i, x in enumerate(xs):
        tangents: list[Tensor | None] = [None] * len(xs)
        pushed = []
        for unit in units(x):
            tangents[i] = unit
            pushed.append(linear.push(tangents, create_graph))
        for row, y, slices in zip(jacobians, ys, _turned(pushed, ys), strict=True):
            jacobian = _assembled(list(slices), y, y.shape + x.shape, -1)
            row.append(jacobian)
    return jacobians


def units(x: Tensor) -> Iterator[Tensor]:
    """Yield for each element of ``x`` the tensor that is 1 there and 0 elsewhere."""
    for i in range(x._data.size):
        unit = np.zeros_like(x._data, order="C")
        unit.reshape(-1)[i] = 1
        yield Tensor._wrap(unit)


def filled(grads: Some, like: Tensors) -> list[Tensor]:
    """Return what was found, zeros in place of None."""
    return [
        Tensor._wrap(np.zeros_like(x._data)) if g is None else g
        for g, x in zip(grads, like, strict=True)
    ]


def _turned(grads: list[list[Tensor | None]], among: Tensors) -> Sequence[Sequence[Tensor | None]]:
    return list(zip(*grads, strict=True)) if grads else [[] for _ in among]


def _assembled(
    parts: list[Tensor | None], like: Tensor, shape: tuple[int, ...], dim: int
) -> Tensor | None:
    """Put the slices of one Jacobian together; None where all of it is."""
    if all(part is None for part in parts):
        return None
    slices = filled(parts, [like] * len(parts))
    if any(part.requires_grad for part in slices):
        return stack(slices, dim).reshape(shape)
    arrays = [part._data for part in slices]
    return Tensor._wrap(np.stack(arrays, dim).reshape(shape))
