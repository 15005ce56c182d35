"""What ``autograd.functional`` and ``minigrad.func`` are made of.

Jacobians times vectors, and whole ones.

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
        found = iter(pull(self.pulled, [v for v in self.vs if v.requires_grad], us, create_graph))
        return [next(found) if v.requires_grad else None for v in self.vs]


def rows(y: Tensor, xs: Tensors, create_graph: bool = False) -> list[Tensor | None]:
    """Return the Jacobian of y by each x, ``y.shape + x.shape``, by one sweep an element of y."""
    found = [pull([y], xs, [unit], create_graph) for unit in units(y)]
    return [
        _assembled(list(column), xs[i], y.shape + xs[i].shape, 0)
        for i, column in enumerate(_turned(found, xs))
    ]


def columns(ys: Tensors, xs: Tensors, create_graph: bool = False) -> list[list[Tensor | None]]:
    """Return the Jacobian of each y by each x, by one sweep an element of the xs."""
    linear = Linear(ys, xs)
    whole: list[list[Tensor | None]] = [[] for _ in ys]
    for i, x in enumerate(xs):
        us: list[Tensor | None] = [None] * len(xs)
        found = []
        for us[i] in units(x):
            found.append(linear.push(us, create_graph))
        for into, y, column in zip(whole, ys, _turned(found, ys), strict=True):
            into.append(_assembled(list(column), y, y.shape + x.shape, -1))
    return whole


def units(x: Tensor) -> Iterator[Tensor]:
    """Yield for each element of ``x`` the tensor that is 1 there and 0 elsewhere."""
    for i in range(x._data.size):
        unit = np.zeros_like(x._data, order="C")
        unit.reshape(-1)[i] = 1
        yield Tensor._wrap(unit)


def filled(found: Some, like: Tensors) -> list[Tensor]:
    """Return what was found, zeros in place of None."""
    return [
        Tensor._wrap(np.zeros_like(x._data)) if g is None else g
        for g, x in zip(found, like, strict=True)
    ]


def _turned(found: list[list[Tensor | None]], among: Tensors) -> Sequence[Sequence[Tensor | None]]:
    return list(zip(*found, strict=True)) if found else [[] for _ in among]


def _assembled(
    parts: list[Tensor | None], like: Tensor, shape: tuple[int, ...], dim: int
) -> Tensor | None:
    """Put the slices of one Jacobian together; None where all of it is."""
    known = [part for part in parts if part is not None]
    if not known:
        return None
    whole = [Tensor._wrap(np.zeros_like(like._data)) if part is None else part for part in parts]
    if any(part.requires_grad for part in known):
        return stack(whole, dim).reshape(shape)
    return Tensor._wrap(np.stack([part._data for part in whole], dim).reshape(shape))
