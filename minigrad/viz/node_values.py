"""What is known of the nodes of a graph: their values, and the gradients of a watched sweep."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from minigrad.engine.graph import Constant, Node
from minigrad.storage import written_since
from minigrad.tensor.tensor import Tensor

Flows = dict[tuple[Node, int], Any]  # (node, place of an operand) -> what was sent there


# ---- gradients ---------------------------------------------------------------------------------
def watched_gradients(order: Sequence[Node], ends: Sequence[Node]) -> tuple[dict[Node, Any], Flows]:
    """Return what the latest watched sweep from these ends brought to nodes and sent along edges.

    Where none was watched, the gradients that nodes retained; never the ``.grad`` of leaves, which
    may be another graph's.
    """
    sweeps = [end.observed.sweep for end in ends if end.observed is not None]
    if not sweeps:
        return _retained_gradients(order), {}
    last = max(sweeps)
    gradients: dict[Node, Any] = {}
    flows: Flows = {}
    for node in order:
        passed = node.observed
        if passed is None or passed.sweep != last:
            continue
        gradients[node] = passed.gradient
        for place, part in passed.sent.items():
            flows[node, place] = part
            operand: Any = node.inputs[place]
            if operand.primitive is None:
                before = gradients.get(operand)
                gradients[operand] = part if before is None else before + part
    return gradients, flows


def _retained_gradients(order: Sequence[Node]) -> dict[Node, Any]:
    operations = (node for node in order if node.primitive is not None)
    return {node: node.grad._data for node in operations if node.grad is not None}


# ---- values ------------------------------------------------------------------------------------
def saved_values(node: Node) -> tuple[Any, ...]:
    """Return (out, *operands) as the node saved them for backward, also after it; else ()."""
    saved = node.saved
    if type(saved) is not tuple and node.observed is not None:
        saved = node.observed.saved
    return saved if type(saved) is tuple and len(saved) == len(node.inputs) + 1 else ()


def saved_bytes(saved: tuple[Any, ...]) -> int:
    """Return how many bytes are saved, each array counted once."""
    return sum({id(a): a.nbytes for a in saved if isinstance(a, np.ndarray)}.values())


def scalar_operands(node: Node, saved: tuple[Any, ...]) -> dict[int, Any]:
    """Return the Python numbers among the operands, by place: {1: 1e-05} of ``var + eps``."""
    if not saved or None not in node.inputs:
        return {}
    scalars = {i: saved[i + 1] for i, x in enumerate(node.inputs) if x is None}
    return {i: scalar for i, scalar in scalars.items() if type(scalar) in (int, float, bool)}


def known_values(
    order: Sequence[Node],
    leaves: dict[Node, Tensor],
    ends: dict[Node, Tensor],
    every_value: bool,
) -> dict[Node, Any]:
    """Return the arrays of nodes: given, saved, or computed from those.

    What holds one number is always computed where it can be, the rest with ``every_value``.
    """
    constants = (node for node in order if isinstance(node, Constant))
    arrays: dict[Node, Any] = {node: node.value for node in constants if node.value is not None}
    arrays |= {node: t._data for node, t in leaves.items()}
    values = _unwritten(order, arrays)
    for node, t in ends.items():
        if not written_since(t._data, node.sequence):
            values[node] = t._data
    for node in order:
        _add_saved(node, values)
    for node in order:
        is_operation = node.primitive is not None
        if is_operation and node not in values and (every_value or node.size == 1):
            _add_computed(node, values, every_value)
    return values


def _unwritten(order: Sequence[Node], values: dict[Node, Any]) -> dict[Node, Any]:
    """Return the values that were not written over since a node read them."""
    first_read: dict[Node, int] = {}
    for node in reversed(order):
        for operand in node.inputs:
            if operand in values:
                first_read[operand] = node.sequence

    result = {}
    for node, value in values.items():
        if node not in first_read:
            continue
        is_overwritten = written_since(value, first_read[node])
        if not is_overwritten:
            result[node] = value
    return result


def _add_saved(node: Node, values: dict[Node, Any]) -> None:
    owners = (node, *node.inputs)
    for value, owner in zip(saved_values(node), owners, strict=False):
        if owner is None or not isinstance(value, np.ndarray):
            continue
        is_overwritten = written_since(value, node.sequence)
        if not is_overwritten:
            values.setdefault(owner, value)


def _add_computed(node: Node, values: dict[Node, Any], every_value: bool) -> None:
    operands = _operand_values(node, values)
    if operands is None:
        return
    if every_value or all(np.size(x) == 1 for x in operands):
        primitive: Any = node.primitive
        # it is only a picture: what cannot be computed is left out
        with suppress(Exception), np.errstate(all="ignore"):
            out = primitive.function(*operands, **node.params)
            values[node] = np.asarray(out)


def _operand_values(node: Node, values: dict[Node, Any]) -> list[Any] | None:
    """Return the values of all operands, None where one is not known."""
    scalars = scalar_operands(node, saved_values(node))
    operands = []
    for i, x in enumerate(node.inputs):
        known = scalars.get(i) if x is None else values.get(x)
        if known is None:
            return None
        operands.append(known)

    return operands


def single_number(node: Node, values: dict[Node, Any]) -> Any:
    """Return the value of a node that holds one number, None where it is not known."""
    value = values.get(node)
    if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "fiub":
        return value.item()
    return None
