"""Primitives that move numbers about: shapes, axes, indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.onnx.graph import Call, Value
from minigrad.onnx.operators import mapped
from minigrad.onnx.sizes import Dim

_END = 2**63 - 1  # of a slice: as far as it goes
_SEVERAL = "an index of several arrays, or of booleans, has no form in ONNX yet"


@mapped("reshape")
def reshape(call: Call) -> Value:
    target = list(call.shape)
    moving = [i for i, size in enumerate(target) if isinstance(size, Dim)]
    if len(moving) == 1 and 0 not in target:
        target[moving[0]] = -1  # one size may be left to be worked out
    shape = call.graph.shape(tuple(target))
    return call.x.op(
        "Reshape",
        shape,
        shape=call.shape,
    )


@mapped("broadcast_to")
def broadcast_to(call: Call) -> Value:
    shape = call.graph.shape(call.shape)
    return call.x.op("Expand", shape, shape=call.shape)


@mapped("expand_dims")
def expand_dims(call: Call) -> Value:
    axes = call.graph.integers(*call.axes())
    return call.x.op("Unsqueeze", axes, shape=call.shape)


@mapped("squeeze")
def squeeze(call: Call) -> Value:
    axes = call.graph.integers(*call.axes())
    return call.x.op("Squeeze", axes, shape=call.shape)


@mapped("transpose")
def transpose(call: Call) -> Value:
    axes = call.params["axes"]
    if not axes:
        axes = range(len(call.shape))[::-1]
    return call.x.op("Transpose", perm=list(axes), shape=call.shape)


@mapped("swapaxes")
def swapaxes(call: Call) -> Value:
    axes = list(range(len(call.shape)))
    one = axes[call.params["axis1"]]
    other = axes[call.params["axis2"]]
    axes[one] = other
    axes[other] = one
    return call.x.op(
        "Transpose",
        perm=axes,
        shape=call.shape,
    )


@mapped("flip")
def flip(call: Call) -> Value:
    x = call.x
    for axis in call.axes():
        x = _sliced(call, x, slice(None, None, -1), axis)
    return x


@mapped("concatenate")
def concatenate(call: Call) -> Value:
    first, *others = [x.cast(call.dtype) for x in call.operands]
    axis = call.params["axis"]
    return first.op("Concat", *others, axis=axis, shape=call.shape)


@mapped("pad")
def pad(call: Call) -> Value:
    before, after = zip(*call.params["widths"], strict=True)
    widths = call.graph.shape((*before, *after))
    return call.x.op("Pad", widths, shape=call.shape)


@mapped("tril", "triu")
def triangle(call: Call) -> Value:
    k = call.graph.number(call.params["k"], np.int64)
    is_upper = call.site.name == "triu"
    return call.x.op("Trilu", k, upper=int(is_upper), shape=call.shape)


@mapped("cumsum")
def cumsum(call: Call) -> Value:
    axis = call.graph.number(call.params["axis"], np.int64)
    return call.x.op("CumSum", axis, shape=call.shape)


@mapped("argmax", "argmin")
def argmax(call: Call) -> Value:
    name = call.site.name
    axes = call.axes()
    if len(axes) != 1 or axes[0] is None:
        raise call.refuse(f"{name} over axes {axes}; ONNX has it along one")
    kind = {"argmax": "ArgMax", "argmin": "ArgMin"}[name]
    options = {"axis": axes[0], "keepdims": int(call.params["keepdims"])}
    return call.x.op(
        kind,
        **options,
        dtype=np.int64,
        shape=call.shape,
    )


# ---- indices -----------------------------------------------------------------------------------
@mapped("embedding")
def embedding(call: Call) -> Value:
    indices = call.param("indices")
    return call.x.op("Gather", indices, axis=0, shape=call.shape)


@mapped("take_along_axis")
def take_along_axis(call: Call) -> Value:
    indices = call.param("indices")
    axis = call.params["axis"]
    return call.x.op("GatherElements", indices, axis=axis, shape=call.shape)


@mapped("scatter_add")
def scatter_add(call: Call) -> Value:
    graph, g, index = call.graph, call.x, call.params["index"]
    axes = [axis for axis, part in enumerate(index) if part != slice(None)]
    if len(axes) != 1 or not _is_array(index[axes[0]]):
        raise call.refuse(_SEVERAL)
    (axis,) = axes
    places = graph.operand(index[axis])
    if len(places.shape) != 1:
        raise call.refuse(_SEVERAL)
    column = [1] * len(g.shape)
    column[axis] = -1
    places = places.op(
        "Reshape",
        graph.integers(*column),
        shape=(len(column),),
    )
    places = places.op(
        "Expand",
        graph.shape(g.shape),
        shape=g.shape,
    )
    zero = graph.number(0, g.dtype)
    zeros = zero.op(
        "Expand",
        graph.shape(call.shape),
        shape=call.shape,
    )
    options = {"axis": axis, "reduction": "add"}
    return zeros.op(
        "ScatterElements",
        places,
        g,
        **options,
        shape=call.shape,
    )


@mapped("getitem")
def getitem(call: Call) -> Value:
    x = call.x
    axis = 0
    for part in _parts(call, len(x.shape)):  # axes are numbered as those of the result so far
        if part is None:
            axes = call.graph.integers(axis)
            shape = (*x.shape[:axis], 1, *x.shape[axis:])
            x = x.op(
                "Unsqueeze",
                axes,
                shape=shape,
            )
            axis += 1
        elif isinstance(part, slice):
            x = _sliced(
                call,
                x,
                part,
                axis,
            )
            axis += 1
        else:
            indices = call.graph.operand(part, np.int64)
            x = _gathered(
                x,
                indices,
                axis,
            )
            axis += len(indices.shape)
    return Value(
        call.graph,
        x.name,
        x.dtype,
        call.shape,
    )


def _parts(call: Call, ndim: int) -> list[Any]:
    """Return the parts of an index, an ellipsis written out."""
    index = call.params["index"]
    is_one = _is_array(index) or not isinstance(index, tuple)
    parts = [index] if is_one else list(index)
    arrays = [call.graph.operand(part) for part in parts if _is_array(part)]
    if len(arrays) > 1 or any(array.dtype == bool for array in arrays):
        raise call.refuse(_SEVERAL)
    for place, part in enumerate(parts):
        if part is Ellipsis:
            taken = sum(each is not None for each in parts) - 1
            parts[place : place + 1] = [slice(None)] * (ndim - taken)
            break
    return parts


def _is_array(part: Any) -> bool:
    return hasattr(part, "_fields")  # a reference or a constant


def _sliced(
    call: Call,
    x: Value,
    part: slice,
    axis: int,
) -> Value:
    if part == slice(None):
        return x
    step = part.step or 1
    first, last = (0, _END) if step > 0 else (_END, -_END)
    start = first if part.start is None else part.start
    stop = last if part.stop is None else part.stop
    graph = call.graph
    bounds = graph.shape((start,)), graph.shape((stop,))
    return x.op(
        "Slice",
        *bounds,
        graph.integers(axis),
        graph.integers(step),
    )


def _gathered(x: Value, indices: Value, axis: int) -> Value:
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    shape = (*before, *indices.shape, *after)
    return x.op("Gather", indices, axis=axis, shape=shape)
