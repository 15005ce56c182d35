"""Traces of several sizes laid over each other: what differs between them depends on a size.

A number that is not the same in all traces becomes a :class:`Dim`, an integer that knows how it
comes from the sizes of the inputs. So heads folded into the batch, and zeros made for one batch,
go into the file as what they are.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from minigrad.onnx.trace import Constant, Ref, Trace


class Unmapped(ValueError):
    """A part of a model that has no form in ONNX."""


class Dim(int):
    """A size: ``factor`` times the product of the sizes named in ``names``, plus ``rest``."""

    names: tuple[str, ...]  # of sizes of the inputs
    factor: int
    rest: int


class Stretched(NamedTuple):
    """A constant that is as long as an input: one entry along ``axis``, repeated."""

    array: np.ndarray
    axis: int
    dim: Dim


class Sizes:
    """The sizes of each trace: ``of[name]`` lists them; the first trace is the one that counts."""

    def __init__(self, of: dict[str, list[int]]) -> None:
        self.of = of

    def merge(self, values: list[Any]) -> Any:
        """Return one value for what stands at the same place of all traces."""
        first = values[0]
        if any(type(value) is not type(first) for value in values):
            raise Unmapped("computes otherwise for other sizes or values of the inputs")
        if isinstance(first, Constant):
            return self._merge_constants(values)
        if isinstance(first, slice):
            parts = [(value.start, value.stop, value.step) for value in values]
            return slice(*self.merge(parts))
        if isinstance(first, tuple) and not isinstance(first, Ref):
            lengths = {len(value) for value in values}
            if len(lengths) > 1:
                raise Unmapped("computes otherwise for other sizes of the inputs")
            return tuple(self.merge(list(parts)) for parts in zip(*values, strict=True))
        if all(value == first for value in values):
            return first
        if type(first) is int:
            return self.dim(values)
        seen = " and ".join(repr(value) for value in dict.fromkeys(values))
        raise Unmapped(
            f"computes with {seen}, a number that changes with the sizes or values of the inputs"
        )

    def dim(self, values: list[int]) -> Dim:
        """Return the size that takes these values in the traces."""
        moved = [i for i, value in enumerate(values) if value != values[0]]
        labels = [label for label, sizes in self.of.items() if self._moves(sizes, moved)]
        products = [1] * len(values)
        for label in labels:
            products = [
                a * b
                for a, b in zip(
                    products,
                    self.of[label],
                    strict=True,
                )
            ]
        step = products[moved[0]] - products[0]
        factor = (values[moved[0]] - values[0]) // (step or 1)
        rest = values[0] - factor * products[0]
        if not step or [factor * product + rest for product in products] != values:
            raise Unmapped(f"has a size that is {values} where the inputs have {self.of}")
        result = Dim(values[0])
        result.names, result.factor, result.rest = tuple(labels), factor, rest
        return result

    @staticmethod
    def _moves(sizes: list[int], moved: list[int]) -> bool:
        return any(sizes[i] != sizes[0] for i in moved)

    def _merge_constants(self, values: list[Constant]) -> Any:
        first = values[0]
        arrays = [value.array for value in values]
        if all(array is first.array for array in arrays):
            return first
        copies = set(first.like)
        copies.intersection_update(*(value.like for value in values))
        if copies:
            return max(copies)
        shape = self.merge([array.shape for array in arrays])
        axes = [axis for axis, size in enumerate(shape) if isinstance(size, Dim)]
        if not axes and all(_equal(array, first.array) for array in arrays):
            return first
        if len(axes) == 1:
            single = np.take(
                first.array,
                [0],
                axis=axes[0],
            )
            if all((array == single).all() for array in arrays):
                return Stretched(
                    single,
                    axes[0],
                    shape[axes[0]],
                )
        raise Unmapped(_NOT_RECORDED)


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


_NOT_RECORDED = (
    "depends on the inputs in a way that was not recorded: NumPy on their memory, or a constant "
    "made for one size"
)


class Site(NamedTuple):
    """A step of all traces."""

    number: int
    name: str
    layer: Any
    path: str
    operands: tuple[Any, ...]
    params: dict[str, Any]
    shapes: list[tuple[int, ...]]  # of the results
    arrays: list[np.ndarray]  # the results of the first trace


def merged(traces: list[Trace], sizes: Sizes) -> list[Site]:
    """Return the steps that all traces share. Raises Unmapped where they differ."""
    names = [[(step.name, step.path) for step in trace.steps] for trace in traces]
    for theirs in names[1:]:
        pairs = itertools.zip_longest(names[0], theirs)
        differ = next((mine or yours for mine, yours in pairs if mine != yours), None)
        if differ is not None:
            raise Unmapped(
                f"onnx.export: module {differ[1] or '(the model)'!r} computes otherwise for other "
                "sizes or values of the inputs; ONNX has one graph for all. Leave dynamic_axes "
                "out, or decide outside of the model."
            )
    return [
        _site(
            traces,
            sizes,
            index,
        )
        for index in range(len(names[0]))
    ]


def _site(
    traces: list[Trace],
    sizes: Sizes,
    index: int,
) -> Site:
    steps = [trace.steps[index] for trace in traces]
    all_params = [trace.params(index) for trace in traces]
    first = steps[0]
    name, layer, path = first.name, first.layer, first.path
    try:
        operands = sizes.merge([step.operands for step in steps])
        shapes = sizes.merge([step.shapes() for step in steps])
        params = {}
        for key in all_params[0]:
            params[key] = sizes.merge([each[key] for each in all_params])
    except Unmapped as error:
        where = path or "(the model)"
        raise Unmapped(f"onnx.export: module {where!r}, at {name}: it {error}") from None
    return Site(
        index,
        name,
        layer,
        path,
        operands,
        params,
        list(shapes),
        first.results,
    )
