"""From the recorded graph to a picture: nodes are read, and none is held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from minigrad.autograd.lines import shown
from minigrad.engine.graph import FREED, Given, Node, ancestors, topological_order
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_leaves
from minigrad.viz.derivatives import derivative_orders, derivative_sign
from minigrad.viz.elements import Edge, Picture, Vertex
from minigrad.viz.labels import has_operand_order, operand_names, operation_label
from minigrad.viz.module_calls import Leaf, ModuleCalls, nodes_of
from minigrad.viz.node_values import (
    Flows,
    known_values,
    saved_bytes,
    saved_values,
    scalar_operands,
    single_number,
    watched_gradients,
)
from minigrad.viz.statistics import Flow, size_of, statistics

NOTE = "the gradients: draw after `with viz.watch(): loss.backward()`"
SHORT_DTYPES = {
    "float32": "f32",
    "float64": "f64",
    "float16": "f16",
    "int64": "i64",
    "int32": "i32",
    "bool": "bool",
}
# operations besides ufuncs whose operands are broadcast
BROADCASTING = {"sub", "sub_mean", "mul", "div", "pow", "where", "addcmul", "div_sqrt"}


def build_picture(
    outputs: dict[str, Tensor],
    names: Sequence[tuple[str, Tensor]],
    model: Any,
    show: tuple[str, ...],
    direction: str,
) -> Picture:
    """Return the complete picture, with no module call closed. ``names`` are those of leaves."""
    ends: list[Any] = [t._node or t._constant for t in outputs.values()]
    order = topological_order(ancestors(ends))
    calls = ModuleCalls(order, model)
    leaves = calls.named_leaves()
    for name, t in names:
        leaf = Leaf("input" if type(t) is Tensor else "parameter", name, t)
        leaves.update(dict.fromkeys(nodes_of(t), leaf))

    indices = _index_operands(order, leaves)
    order = topological_order({*order, *chain(*indices.values())})
    results = dict(zip(ends, outputs.values(), strict=True))
    facts = _collect_facts(order, results, leaves, calls, show)

    picture = Picture(clusters=calls.clusters, direction=direction, show=show)
    for node in order:
        picture.nodes.append(_vertex(node, facts))
        picture.edges += _operand_edges(node, facts)
        picture.edges += _index_edges(node, indices.get(node, ()), facts)
    _add_outputs(picture, outputs, ends, order, facts)
    wants_gradients = "gradients" in show and not facts.gradients
    if wants_gradients and any(map(_was_swept, order)):
        picture.note = NOTE
    return picture


def _was_swept(node: Node) -> bool:
    return node.saved is FREED or node.grad is not None


class _Facts(NamedTuple):
    """What is known of the nodes of a graph."""

    number: dict[Node, int]
    cluster: dict[Node, int | None]
    titles: dict[Node, tuple[str, str]]  # kind and label of leaves
    names: dict[Node, str]  # of all that have one
    taken: set[str]  # these names
    values: dict[Node, Any]
    gradients: dict[Node, Any]
    flows: Flows
    show_values: bool
    orders: dict[Node, int]  # of derivatives


def _collect_facts(
    order: Sequence[Node],
    ends: dict[Any, Tensor],
    leaves: dict[Node, Leaf],
    calls: ModuleCalls,
    show: Sequence[str],
) -> _Facts:
    cluster = calls.places(order, leaves)
    titles = {}
    for node in order:
        if node.primitive is None:
            titles[node] = _leaf_title(node, leaves.get(node), cluster[node], calls)
    names = _collect_names(order, titles, leaves)
    tensors = {node: leaf.tensor for node, leaf in leaves.items()}
    show_values = "values" in show
    gradients, flows = watched_gradients(order, list(ends))
    return _Facts(
        number={node: i for i, node in enumerate(order)},
        cluster=cluster,
        titles=titles,
        names=names,
        taken=set(names.values()),
        values=known_values(order, tensors, ends, show_values),
        gradients=gradients,
        flows=flows,
        show_values=show_values,
        orders=derivative_orders(order),
    )


def _collect_names(
    order: Sequence[Node], titles: dict[Node, tuple[str, str]], leaves: dict[Node, Leaf]
) -> dict[Node, str]:
    operations = [node for node in order if node.primitive is not None]
    names = {node: node.label for node in operations if node.label}
    for node, (_, label) in titles.items():
        if node in leaves or node.label or isinstance(node, Given):
            names[node] = label
    for node in operations:
        if node.primitive.name != "reshape":  # type: ignore[union-attr]
            continue
        # γ is still called γ where it is reshaped to fit
        operand: Any = node.inputs[0]
        kind, _ = titles.get(operand, ("", ""))
        if kind in ("parameter", "buffer"):
            names.setdefault(node, names[operand])
    return names


def _leaf_title(
    node: Node, leaf: Leaf | None, cluster: int | None, calls: ModuleCalls
) -> tuple[str, str]:
    """Return kind and label of a leaf."""
    if leaf is not None:
        return leaf.kind, calls.relative_name(leaf.name, cluster)
    if isinstance(node, Given):
        return "input", node.label or "input"
    if node.requires_grad:
        return "input", "leaf"
    return "constant", node.label or "constant"


# ---- vertices ----------------------------------------------------------------------------------
def _vertex(node: Node, facts: _Facts) -> Vertex:
    saved = saved_values(node)
    if node.primitive is None:
        kind, label = facts.titles[node]
        plain = label
    else:
        order = facts.orders.get(node, 0)
        kind = "named" if node.label else "operation"
        scalars = scalar_operands(node, saved)
        label, plain = (
            operation_label(node, scalars, names, facts.taken)
            for names in _operand_names(node, facts)
        )
        if order:
            kind = "derivative"
            sign = derivative_sign(order)
            label, plain = f"{sign} {label}", f"{sign} {plain}"
    gradient, value = facts.gradients.get(node), facts.values.get(node)
    vertex = Vertex(
        facts.number[node],
        kind,
        label,
        node.shape,
        dtype=_short_dtype(node.dtype),
        cluster=facts.cluster[node],
        saved=saved_bytes(saved),
        in_place=node.in_place,
        sequence=node.sequence,
        plain=plain,
        number=single_number(node, facts.values),
        line="" if node.line is None else shown(node.line),
    )
    if gradient is not None:
        vertex = vertex._replace(gradient=size_of(gradient))
    if facts.show_values:
        vertex = vertex._replace(
            value=None if value is None else statistics(value),
            slope=None if gradient is None else statistics(gradient),
        )
    return vertex


def _operand_names(node: Node, facts: _Facts) -> tuple[dict[Node, str], dict[Node, str]]:
    """Return the names of the operands, and of those that stand in the same call."""
    names = {x: facts.names[x] for x in node.inputs if x in facts.names}
    here = facts.cluster[node]
    return names, {x: name for x, name in names.items() if facts.cluster[x] == here}


@cache
def _short_dtype(dtype: Any) -> str:
    return SHORT_DTYPES.get(str(dtype), str(dtype))


def _add_outputs(
    picture: Picture,
    outputs: dict[str, Tensor],
    ends: Sequence[Node],
    order: Sequence[Node],
    facts: _Facts,
) -> None:
    """Add a vertex and an edge for each output."""
    readers: Counter[Node | None] = Counter(ends)
    for node in order:
        readers.update(node.inputs)
    for (label, t), end in zip(outputs.items(), ends, strict=True):
        number = len(picture.nodes)
        value = single_number(end, facts.values)
        vertex = Vertex(number, "output", label, t.shape, number=value)
        picture.nodes.append(vertex)

        source = facts.number[end]
        edge = Edge(source, number, 0, t.shape, "", _short_dtype(t.dtype))
        gradient = facts.gradients.get(end)
        if gradient is not None and readers[end] == 1:
            flow = Flow({end.sequence: gradient})
            edge = edge._replace(flow=flow)
        picture.edges.append(edge)


# ---- edges -------------------------------------------------------------------------------------
def _operand_edges(node: Node, facts: _Facts) -> Iterator[Edge]:
    """Yield one edge per operand."""
    if node.primitive is None:
        return
    broadcasts = _broadcasts(node.primitive)
    letters: dict[int, str] = {}
    plain: dict[int, str] = {}
    if has_operand_order(node):
        letters, plain = (
            _letters(node, names, facts.taken) for names in _operand_names(node, facts)
        )
    for place, operand in enumerate(node.inputs):
        if operand is None:
            continue
        yield Edge(
            facts.number[operand],
            facts.number[node],
            place,
            operand.shape,
            letters.get(place, ""),
            _short_dtype(operand.dtype),
            broadcasts and operand.shape != node.shape,
            flow=_flow(node, place, operand, facts.flows),
            plain=plain.get(place, ""),
        )


def _broadcasts(primitive: Any) -> bool:
    function = primitive.function
    is_elementwise = isinstance(function, np.ufunc) and function.signature is None
    return is_elementwise or primitive.name in BROADCASTING


def _flow(node: Node, place: int, operand: Node, flows: Flows) -> Flow | None:
    flow = flows.get((node, place))
    if flow is None:
        return None
    # the outputs of a Function are values of their own
    value = node if operand.dtype == object else operand
    return Flow({value.sequence: flow})


def _letters(node: Node, names: dict[Node, str], taken: set[str]) -> dict[int, str]:
    """Return the letters of the operands that a formula does not call by their names."""
    words = operand_names(node, names, taken)
    inputs: Any = node.inputs
    return {i: word for i, word in words.items() if word != names.get(inputs[i])}


def _index_operands(order: Sequence[Node], leaves: dict[Node, Leaf]) -> dict[Node, list[Node]]:
    """Return the named tensors that operations read as indices, masks or classes.

    They are not operands, so the graph has no edges for them.
    """
    integers = {}
    for leaf_node, leaf in leaves.items():
        array = leaf.tensor._data
        if array.dtype.kind in "iub":
            integers[leaf_node] = array

    result: dict[Node, list[Node]] = {}
    if not integers:
        return result
    for node in order:
        for array in tree_leaves(node.params):
            if not isinstance(array, np.ndarray):
                continue
            shared = _sharing_memory(array, integers)
            result.setdefault(node, []).extend(shared)
    return result


def _sharing_memory(array: np.ndarray, arrays: dict[Node, Any]) -> list[Node]:
    return [node for node, data in arrays.items() if np.may_share_memory(array, data)]


def _index_edges(node: Node, indices: Sequence[Node], facts: _Facts) -> Iterator[Edge]:
    target = facts.number[node]
    for place, x in enumerate(indices, len(node.inputs)):
        yield Edge(facts.number[x], target, place, x.shape, "", _short_dtype(x.dtype))
