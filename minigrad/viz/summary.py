"""The table people expect: layer, output shape, parameters, multiply-adds, memory."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Any

from minigrad.engine.graph import ancestors, topological_order
from minigrad.engine.recording import source
from minigrad.ops.einsum import count_products
from minigrad.storage import tick
from minigrad.utils.table import html_table, text_table
from minigrad.utils.tree import tensors_in
from minigrad.utils.unchanged import unchanged
from minigrad.viz.dry_run import record_everything, without_history
from minigrad.viz.formatting import format_bytes, format_shape
from minigrad.viz.untrained import (
    named_outputs,
    outputs_without_gradient,
    parameters_not_read,
    untrained_lines,
)

HEAD = ("layer", "output", "parameters", "multiply-adds", "memory")


@dataclass(frozen=True)
class SummaryRow:
    """One call of a module."""

    path: str
    kind: str
    level: int
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    bytes: int  # of the output


@dataclass(frozen=True, repr=False)
class Summary:
    """Rows in the order of the calls, and the totals of the model.

    It prints as a table; notebooks show HTML.
    """

    rows: tuple[SummaryRow, ...]
    parameters: int
    trainable: int
    multiply_adds: int
    parameter_bytes: int
    not_read: tuple[str, ...] = ()  # parameters that would get no gradient from any output
    without_gradient: tuple[str, ...] = ()  # outputs that nothing learns from

    def __repr__(self) -> str:
        lines = text_table(HEAD, self._cells(), left=2)
        return "\n".join([*lines, lines[1], self._foot()])

    def _cells(self) -> list[tuple[str, ...]]:
        cells: list[tuple[str, ...]] = []
        for row in self.rows:
            path = f"{row.path}: " if row.path else ""
            indent = "  " * row.level
            cells.append(
                (
                    f"{indent}{path}{row.kind}",
                    format_shape(row.shape),
                    f"{row.parameters:,}",
                    f"{row.multiply_adds:,}",
                    format_bytes(row.bytes),
                )
            )
        return cells

    def _foot(self) -> str:
        memory = format_bytes(self.parameter_bytes)
        totals = (
            f"{self.parameters:,} parameters ({self.trainable:,} trainable, {memory}), "
            f"{self.multiply_adds:,} multiply-adds"
        )
        return "\n".join([totals, *untrained_lines(self.not_read, self.without_gradient)])

    def html(self) -> str:
        """Return the table as HTML."""
        return html_table(HEAD, self._cells(), foot=self._foot())

    _repr_html_ = html


def summary(model: Any, *inputs: Any) -> Summary:
    """Return the table of the module calls of ``model(*inputs)``.

    Multiply-adds are those of matrix products, Einstein sums and convolutions of the forward pass,
    memory that of the output. A module that is called twice has two rows; its parameters count once
    in the total. Parameters that no output read and outputs without gradient are named below the
    table, as in :func:`trace`. The model runs once, in the mode it is in, and nothing is changed:
    see :func:`trace`. Raises TypeError for anything that is not a module.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> mg.viz.summary(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), mg.ones(2, 3))
    layer        output  parameters  multiply-adds  memory
    ──────────────────────────────────────────────────────
    Sequential   2×4             16             24    32 B
      0: Linear  2×4             16             24    32 B
      1: ReLU    2×4              0              0    32 B
    ──────────────────────────────────────────────────────
    16 parameters (16 trainable, 64 B), 24 multiply-adds
    """
    if not hasattr(model, "named_modules"):
        raise TypeError(
            f"viz.summary: expected a module, got {type(model).__name__}; "
            "viz.trace draws any function"
        )
    inputs = without_history(inputs)
    with unchanged(model, inputs), record_everything():
        calls, result = _run(model, inputs)
        return _summarize(model, calls, result)


@dataclass
class _Call:
    """One call of a module while the model runs, between two ticks of the clock."""

    path: str
    module: Any
    level: int
    start: int
    end: int = 0
    output: Any = None


def _run(model: Any, inputs: tuple[Any, ...]) -> tuple[list[_Call], Any]:
    """Run the model; return the calls of its modules, and the result."""
    names = {id(m): name for name, m in model.named_modules()}
    calls: list[_Call] = []
    open_calls: list[_Call] = []

    def enter(module: Any, args: Any) -> None:
        path = names[id(module)]
        level = len(open_calls)
        start = tick()
        call = _Call(path, module, level, start=start)
        calls.append(call)
        open_calls.append(call)

    def leave(module: Any, args: Any, out: Any) -> None:
        call = open_calls.pop()
        call.end = tick()
        call.output = out

    for m in model.modules():
        m.register_forward_pre_hook(enter)
        m.register_forward_hook(leave)
    result = model(*inputs)
    return calls, result


def _summarize(model: Any, calls: list[_Call], result: Any) -> Summary:
    ends: list[Any] = [source(t) for t in tensors_in(result)]
    nodes = topological_order(ancestors(ends))
    ages = [node.sequence for node in nodes]
    sums = [0, *accumulate(map(multiply_adds, nodes))]
    rows = []
    for call in calls:
        first = bisect_left(ages, call.start)
        end = bisect_left(ages, call.end)
        rows.append(_row(call, sums[end] - sums[first]))

    outputs = named_outputs(result)
    parameters = list(model.parameters())
    trainable = [p for p in parameters if p.requires_grad]
    return Summary(
        rows=tuple(rows),
        parameters=_count(parameters),
        trainable=_count(trainable),
        multiply_adds=sums[-1],
        parameter_bytes=sum(p._data.nbytes for p in parameters),
        not_read=tuple(parameters_not_read(model, ends)),
        without_gradient=tuple(outputs_without_gradient(model, outputs)),
    )


def _row(call: _Call, multiply_adds: int) -> SummaryRow:
    arrays = [t._data for t in tensors_in(call.output)]
    return SummaryRow(
        call.path,
        type(call.module).__name__,
        call.level,
        arrays[0].shape if arrays else (),
        _count(call.module.parameters()),
        multiply_adds,
        sum(a.nbytes for a in arrays),
    )


def _count(parameters: Iterable[Any]) -> int:
    return sum(p.numel() for p in parameters)


def multiply_adds(node: Any) -> int:
    """Return how many products are added up in this operation."""
    if node.primitive is None:
        return 0
    name = node.primitive.name
    shapes = [None if x is None else x.shape for x in node.inputs]
    if name in ("linear", "matmul") and shapes[0]:
        return node.size * shapes[0][-1]
    if name in ("conv", "conv_input", "conv_weight") and shapes[1]:
        return _convolution_products(name, node, shapes)
    return count_products(shapes, **node.params) if name == "einsum" else 0


def _convolution_products(name: str, node: Any, shapes: list[Any]) -> int:
    """Return the same for a convolution, and for its rules, which need the same products."""
    # the output (N, C, …) of the convolution
    outputs = {"conv": node.shape, "conv_input": shapes[0], "conv_weight": shapes[1]}
    weight = node.shape if name == "conv_weight" else shapes[1]
    return prod(outputs[name]) * prod(weight[1:])
