"""``export``: trace a model, write what it computes as an ONNX file.

https://onnx.ai
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad.files import write_atomically
from minigrad.nn.module import Module
from minigrad.onnx.graph import Call, Graph, Value
from minigrad.onnx.layers import LAYERS, is_whole
from minigrad.onnx.operators import OPERATORS
from minigrad.onnx.sizes import Dim, Site, Sizes, Stretched, merged
from minigrad.onnx.trace import Constant, Ref, Trace
from minigrad.tensor.tensor import Tensor

Axes = Mapping[str, Mapping[int, str] | Sequence[int]]


def export(
    model: Module,
    args: Any,
    path: str | os.PathLike[str],
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    dynamic_axes: Axes | None = None,
    opset_version: int = 17,
) -> None:
    """Write what ``model`` computes of ``args`` in evaluation to an ONNX file at ``path``.

    ``args`` is a tensor or a tuple of them. ``dynamic_axes`` says which axes of the inputs may have
    other sizes, ``{"input": {0: "batch"}}``: the model is traced at a second size, and what differs
    is computed from the size; all else is as long as in ``args``. Inputs are named ``input_0``,
    ``input_1`` and so on, outputs likewise, unless the names are given; nodes and constants are
    named by the paths of their modules. Each batch normalization is one node, each recurrent layer,
    too. The model is left as it was.

    Raises ValueError, with the path of the module, for what has no form in ONNX and for a model
    that computes otherwise for other sizes or values; ModuleNotFoundError without the package
    ``onnx``.
    https://docs.pytorch.org/docs/stable/onnx.html
    """
    onnx = _package()
    inputs = _as_tensors(args)
    names = _names("input", input_names, len(inputs))
    axes = _axes(dynamic_axes or {}, names, output_names or [], inputs)
    with _in_evaluation(model):
        traces, sizes = _traces(model, inputs, names, axes)
    graph = Graph(onnx, _sources(axes, names))
    for i, name in enumerate(names):
        shape = sizes.merge([trace.inputs[i].shape for trace in traces])
        dtype = traces[0].inputs[i].dtype
        graph.values[Ref(-1, i)] = Value(graph, graph.unique(name), dtype, shape)
    for site in merged(traces, sizes):
        _write(graph, site)
    outputs = sizes.merge([tuple(trace.outputs) for trace in traces])
    results = _named_outputs(graph, outputs, output_names)
    _save(onnx, graph, names, results, path, opset_version)


def _package() -> Any:
    try:
        import onnx
        import onnx.numpy_helper
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "onnx.export needs the package onnx: pip install 'minigrad[onnx]'"
        ) from None
    return onnx


# ---- what the model is traced with -------------------------------------------------------------
def _as_tensors(args: Any) -> tuple[Tensor, ...]:
    given = args if isinstance(args, (tuple, list)) else (args,)
    tensors = []
    for i, arg in enumerate(given):
        if not isinstance(arg, (Tensor, np.ndarray)):
            raise TypeError(
                f"onnx.export: expected a tensor or a tuple of them for args, got a "
                f"{type(arg).__name__} at place {i}"
            )
        array = arg._data if isinstance(arg, Tensor) else arg
        tensors.append(Tensor._wrap(array.copy()))
    return tuple(tensors)


def _names(
    kind: str,
    names: Sequence[str] | None,
    count: int,
) -> list[str]:
    if names is None:
        return [f"{kind}_{i}" for i in range(count)]
    names = list(names)
    if not len(names) == len(set(names)) == count:
        raise ValueError(f"onnx.export: expected {count} {kind}_names, got {names}")
    return names


def _axes(
    dynamic: Axes, names: list[str], outputs: Sequence[str], inputs: tuple[Tensor, ...]
) -> dict[str, dict[int, str]]:
    """Return the names of the sizes that may change, by input and axis; outputs follow."""
    for name in dynamic:
        if name not in names and name not in outputs:
            raise ValueError(
                f"onnx.export: dynamic_axes names {name!r}; the inputs are {', '.join(names)}"
            )
    result = {}
    for name, x in zip(
        names,
        inputs,
        strict=True,
    ):
        result[name] = _axes_of(
            name,
            dynamic.get(name, {}),
            x.ndim,
        )
    return result


def _axes_of(
    name: str,
    given: Any,
    ndim: int,
) -> dict[int, str]:
    if not isinstance(given, Mapping):
        given = {axis: f"{name}_dynamic_axes_{i}" for i, axis in enumerate(given, 1)}
    labels = {}
    for axis, label in given.items():
        if not -ndim <= axis < ndim:
            raise ValueError(
                f"onnx.export: dynamic_axes has axis {axis} of {name!r}, which has {ndim} "
                "dimensions"
            )
        labels[axis % ndim] = label
    return labels


def _sources(axes: dict[str, dict[int, str]], names: list[str]) -> dict[str, tuple[str, int]]:
    """Return an input and an axis where each size can be read."""
    return {label: (name, axis) for name in names for axis, label in axes[name].items()}


def _traces(
    model: Module, inputs: tuple[Tensor, ...], names: list[str], axes: dict[str, dict[int, str]]
) -> tuple[list[Trace], Sizes]:
    """Trace with the arguments, and with other values for each size that may change."""
    traces = [
        Trace(
            model,
            inputs,
            is_whole,
        )
    ]
    sizes: dict[str, list[int]] = {}
    for name, x in zip(
        names,
        inputs,
        strict=True,
    ):
        for axis, label in axes[name].items():
            sizes[label] = [x.shape[axis]]
    labels = list(sizes)
    for changed in labels or [""]:
        others = []
        for name, x in zip(
            names,
            inputs,
            strict=True,
        ):
            longer = [axis for axis, label in axes[name].items() if label == changed]
            others.append(Tensor._wrap(_other(x._data, longer)))
        traces.append(
            Trace(
                model,
                tuple(others),
                is_whole,
            )
        )
        for label in labels:
            sizes[label].append(sizes[label][0] + (label == changed))
    return traces, Sizes(sizes)


def _other(array: np.ndarray, longer: list[int]) -> np.ndarray:
    """Return other values of the same kind, one longer along these axes."""
    for axis in longer:
        places = range(array.shape[axis] + 1)
        array = np.take(
            array,
            places,
            axis=axis,
            mode="wrap",
        )
    kind = array.dtype.type
    if array.dtype.kind == "f":
        return array * kind(0.75) + kind(0.1)
    rolled = np.roll(array, 1)
    if array.dtype.kind != "b" and array.size and (rolled == array).all():
        rolled.flat[0] = not rolled.flat[0]  # all were the same
    return rolled


@contextmanager
def _in_evaluation(model: Module) -> Iterator[None]:
    """Put a model into evaluation, its activations out of place; as it was, afterwards."""
    modules = list(model.modules())
    before = [(module, module.training, getattr(module, "inplace", None)) for module in modules]
    try:
        for module, _, inplace in before:
            module.training = False
            if inplace:
                module.inplace = False
        yield
    finally:
        for module, training, inplace in before:
            module.training = training
            if inplace:
                module.inplace = inplace


# ---- what is written ---------------------------------------------------------------------------
def _write(graph: Graph, site: Site) -> None:
    """Add the nodes of a step, or keep its result where it is of constants alone."""
    graph.path = site.path
    result = Ref(site.number, 0)
    parts = site.operands, tuple(site.params.values()), tuple(site.shapes)
    if site.layer is None and not _depends(graph, parts):
        graph.folded[result] = _folded(site)
        return
    for place, value in enumerate(_nodes(Call(graph, site))):
        dtype = site.arrays[place].dtype
        graph.values[Ref(site.number, place)] = value.cast(dtype)


def _folded(site: Site) -> Constant:
    """Return a result as a constant; what is made of one parameter keeps its name."""
    (array,), operands = site.arrays, site.operands
    is_turned = len(operands) == 1 and isinstance(operands[0], Constant)
    return Constant(array, operands[0].name if is_turned else "")


def _nodes(call: Call) -> list[Value]:
    if call.layer is not None:
        return LAYERS[type(call.layer)](call)
    name = call.site.name
    if name not in OPERATORS:
        raise call.refuse(
            f"the primitive {name!r} has no form in ONNX yet; docs/onnx.md lists those that have"
        )
    return [OPERATORS[name](call)]


def _depends(graph: Graph, part: Any) -> bool:
    """Tell whether an operand or parameter depends on the inputs, by value or by size."""
    if isinstance(part, Ref):
        return part not in graph.folded
    if isinstance(part, (Dim, Stretched)):
        return True
    if isinstance(part, slice):
        return _depends(graph, (part.start, part.stop, part.step))
    if isinstance(part, tuple) and not isinstance(part, Constant):
        return any(_depends(graph, each) for each in part)
    return False


def _named_outputs(
    graph: Graph,
    outputs: Any,
    names: Sequence[str] | None,
) -> list[Value]:
    """Return the outputs under their names."""
    graph.path = ""
    make = graph.onnx.helper.make_node
    results = []
    for name, ref in zip(
        _names(
            "output",
            names,
            len(outputs),
        ),
        outputs,
        strict=True,
    ):
        value = graph.operand(ref)
        name = graph.unique(name)
        graph.nodes.append(
            make(
                "Identity",
                [value.name],
                [name],
            )
        )
        results.append(
            Value(
                graph,
                name,
                value.dtype,
                value.shape,
            )
        )
    return results


def _size_label(size: int) -> int | str:
    if not isinstance(size, Dim):
        return int(size)
    label = "*".join(size.names)
    if size.factor != 1:
        label = f"{size.factor}*{label}"
    return f"{label} + {size.rest}" if size.rest else label


def _save(
    onnx: Any,
    graph: Graph,
    names: list[str],
    results: list[Value],
    path: Any,
    opset_version: int,
) -> None:
    def described(value: Value) -> Any:
        kind = graph.element_type(value.dtype)
        shape = [_size_label(size) for size in value.shape]
        return onnx.helper.make_tensor_value_info(value.name, kind, shape)

    inputs = [graph.values[Ref(-1, i)] for i in range(len(names))]
    used = {name for node in graph.nodes for name in node.input}
    written = onnx.helper.make_graph(
        graph.nodes,
        "minigrad",
        [described(value) for value in inputs],
        [described(value) for value in results],
        [tensor for name, tensor in graph.initializers.items() if name in used],
    )
    opset = [onnx.helper.make_opsetid("", opset_version)]
    file = onnx.helper.make_model(
        written, producer_name="minigrad", opset_imports=opset, ir_version=8
    )
    onnx.checker.check_model(file, full_check=True)
    content = file.SerializeToString()
    if hasattr(path, "write"):
        path.write(content)
    else:
        write_atomically(path, content)
