"""Layers that are one node, or a few, of ONNX's own: normalization by statistics, recurrence.

What is not here is written primitive by primitive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import nn
from minigrad.nn.module import Module
from minigrad.onnx.graph import Call, Value

_BATCH_NORMS = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.SyncBatchNorm,
    nn.GhostBatchNorm,
)


def is_whole(layer: Module) -> bool:
    """Tell whether a layer becomes nodes as a whole."""
    if type(layer) in _BATCH_NORMS:
        return layer.running_mean is not None
    return type(layer) in LAYERS


def batch_norm(call: Call) -> list[Value]:
    """One BatchNormalization node."""
    layer, x = call.layer, call.x
    channels = len(layer.running_mean)
    ones, zeros = np.ones(channels, x.dtype), np.zeros(channels, x.dtype)
    weight = ones if layer.weight is None else layer.weight._data
    bias = zeros if layer.bias is None else layer.bias._data
    operands = [
        call.stored(weight, "weight"),
        call.stored(bias, "bias"),
        call.stored(layer.running_mean._data, "running_mean"),
        call.stored(layer.running_var._data, "running_var"),
    ]
    return [
        x.op(
            "BatchNormalization",
            *operands,
            epsilon=layer.eps,
            shape=x.shape,
        )
    ]


def embedding_bag(call: Call) -> list[Value]:
    """The rows of each bag, joined along its axis."""
    layer, indices = call.layer, call.x
    others = [x for x in call.site.operands[1:] if x is not None]
    if others or len(indices.shape) != 2 or layer.padding_idx is not None:
        raise call.refuse("EmbeddingBag with offsets, weights of samples or a padding_idx")
    table = call.stored(layer.weight._data, "weight")
    shape = (*indices.shape, table.shape[1])
    rows = table.op(
        "Gather",
        indices,
        axis=0,
        shape=shape,
    )
    if layer.mode == "sum":
        axes = call.graph.integers(1)
        return [
            rows.op(
                "ReduceSum",
                axes,
                keepdims=0,
                shape=call.shape,
            )
        ]
    kind = {"mean": "ReduceMean", "max": "ReduceMax"}[layer.mode]
    return [
        rows.op(
            kind,
            axes=[1],
            keepdims=0,
            shape=call.shape,
        )
    ]


def adaptive_max_pool(call: Call) -> list[Value]:
    """MaxPool where the windows are alike, else the maximum of each, axis by axis."""
    if call.layer.return_indices:
        raise call.refuse("places of maxima have no form in ONNX yet")
    x = call.x
    n = len(x.shape)
    rank = {nn.AdaptiveMaxPool1d: 1, nn.AdaptiveMaxPool2d: 2, nn.AdaptiveMaxPool3d: 3}
    spatial = range(n - rank[type(call.layer)], n)
    sizes = []
    for axis in spatial:
        size, rest = divmod(x.shape[axis], call.shape[axis])
        sizes.append(0 if rest else size)
    if n == len(sizes) + 2 and all(sizes):
        return [x.op("MaxPool", kernel_shape=sizes, strides=sizes, shape=call.shape)]
    for axis in spatial:
        x = _maxima(x, axis, x.shape[axis], call.shape[axis])
    return [x]


def _maxima(x: Value, axis: int, size: int, count: int) -> Value:
    """Return the maximum of each of ``count`` windows along an axis."""
    parts = []
    for i in range(count):
        start = i * size // count
        stop = -(-(i + 1) * size // count)
        bounds = [x.graph.integers(bound) for bound in (start, stop, axis)]
        window = x.op("Slice", *bounds)
        parts.append(window.op("ReduceMax", axes=[axis], keepdims=1))
    first, *others = parts
    shape = list(x.shape)
    shape[axis] = count
    return first.op("Concat", *others, axis=axis, shape=tuple(shape))


# ---- recurrence --------------------------------------------------------------------------------
_GATES = {"LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2], "RNN": [0]}  # ONNX's order of PyTorch's gates
_ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu"}


def recurrent(call: Call) -> list[Value]:
    """One LSTM, GRU or RNN node a layer."""
    layer = call.layer
    x, *states = call.site.operands
    if getattr(
        layer,
        "proj_size",
        0,
    ) or not hasattr(x, "_fields"):
        kind = type(layer).__name__
        raise call.refuse(f"{kind} with proj_size or a PackedSequence; ONNX has neither")
    given = _states(call, states)
    sequence = call.x
    is_single = len(sequence.shape) == 2
    if is_single:
        sequence = _with_batch(sequence)
        given = [_with_batch(state) for state in given]
    elif layer.batch_first:
        sequence = _turned(sequence, (1, 0, 2))
    sequence, *finals = _all_layers(call, sequence, given)
    if layer.batch_first and not is_single:
        sequence = _turned(sequence, (1, 0, 2))
    results = [sequence, *finals]
    if is_single:
        axes = call.graph.integers(1)
        results = [value.op("Squeeze", axes, shape=()) for value in results]
    for value, shape in zip(results, call.site.shapes, strict=True):
        value.shape = shape
    return results


def _all_layers(call: Call, sequence: Value, given: list[Value]) -> list[Value]:
    """Return the sequence that comes out of the last layer, and the last states of all."""
    finals = []
    for depth in range(call.layer.num_layers):
        sequence, *last = _one_layer(call, depth, sequence, given)
        finals.append(last)
    results = [sequence]
    for first, *others in zip(*finals, strict=True):
        joined = first.op("Concat", *others, axis=0, shape=first.shape)
        results.append(joined)
    return results


def _with_batch(x: Value) -> Value:
    axes = x.graph.integers(1)
    before, after = x.shape
    return x.op("Unsqueeze", axes, shape=(before, 1, after))


def _turned(x: Value, axes: tuple[int, ...]) -> Value:
    shape = tuple(x.shape[axis] for axis in axes)
    return x.op("Transpose", perm=list(axes), shape=shape)


def _states(call: Call, states: list[Any]) -> list[Value]:
    """Return the states that were given, (layers * directions, batch, hidden)."""
    if not states or states[0] is None:
        return []
    (given,) = states
    parts = [given] if hasattr(given, "_fields") else given
    return [call.graph.operand(part) for part in parts]


def _one_layer(
    call: Call,
    depth: int,
    x: Value,
    states: list[Value],
) -> list[Value]:
    """Return the sequence that comes out of a layer, and its last states."""
    layer, graph = call.layer, call.graph
    kind = type(layer).__name__
    names = [x.name, *_weights(call, depth), ""]  # the last: lengths
    directions = 1 + layer.bidirectional
    bounds = depth * directions, (depth + 1) * directions, 0
    bounds_of_slice = [graph.integers(bound) for bound in bounds]
    for state in states:
        names.append(state.op("Slice", *bounds_of_slice).name)
    count = 3 if kind == "LSTM" else 2
    sequence, *last = graph.node(kind, names, count, **_options(layer))
    steps, batch, _ = x.shape
    hidden = layer.hidden_size
    shape = (directions, batch, hidden)
    finals = [Value(graph, name, x.dtype, shape) for name in last]
    y = Value(graph, sequence, x.dtype, (steps, *shape))
    y = _turned(y, (0, 2, 1, 3))  # (steps, batch, directions, hidden)
    joined = graph.integers(0, 0, -1)
    y = y.op("Reshape", joined, shape=(steps, batch, directions * hidden))
    return [y, *finals]


def _options(layer: Any) -> dict[str, Any]:
    """Return the attributes of a node."""
    options: dict[str, Any] = {"hidden_size": layer.hidden_size}
    options["direction"] = "bidirectional" if layer.bidirectional else "forward"
    if isinstance(layer, nn.GRU):
        options["linear_before_reset"] = 1
    if isinstance(layer, nn.RNN):
        activation = _ACTIVATIONS[layer.nonlinearity]
        options["activations"] = [activation] * (1 + layer.bidirectional)
    return options


def _weights(call: Call, depth: int) -> list[str]:
    """Return the names of a layer's two weights and its bias."""
    names = []
    for kind in ("weight_ih", "weight_hh"):
        name = f"{kind}_l{depth}"
        names.append(call.stored(_gates(call.layer, name), name).name)
    if not call.layer.bias:
        return [*names, ""]
    biases = [_gates(call.layer, f"bias_{kind}_l{depth}") for kind in ("ih", "hh")]
    bias = np.concatenate(biases, axis=1)
    return [*names, call.stored(bias, f"bias_l{depth}").name]


def _gates(layer: Any, name: str) -> np.ndarray:
    """Return a parameter of each direction, its gates in ONNX's order."""
    order = _GATES[type(layer).__name__]
    endings = ["", "_reverse"] if layer.bidirectional else [""]
    parts = []
    for ending in endings:
        array = getattr(layer, name + ending)._data
        gates = array.reshape(
            len(order),
            -1,
            *array.shape[1:],
        )
        parts.append(gates[order].reshape(array.shape))
    return np.stack(parts)


LAYERS: dict[type, Callable[[Call], list[Value]]] = {
    **dict.fromkeys(_BATCH_NORMS, batch_norm),
    nn.AdaptiveMaxPool1d: adaptive_max_pool,
    nn.AdaptiveMaxPool2d: adaptive_max_pool,
    nn.AdaptiveMaxPool3d: adaptive_max_pool,
    nn.EmbeddingBag: embedding_bag,
    nn.LSTM: recurrent,
    nn.GRU: recurrent,
    nn.RNN: recurrent,
}
