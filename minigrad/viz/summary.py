"""The table people expect: layer, output shape, parameters, multiply-adds, memory."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Any

from minigrad.engine.graph import ancestors, topological_order
from minigrad.engine.recording import source
from minigrad.ops.einsum import products
from minigrad.storage import tick
from minigrad.utils.table import html_table, text_table
from minigrad.utils.unchanged import unchanged
from minigrad.viz.dot import amount, size
from minigrad.viz.graph import recording_all, stand_ins, tensors_in

HEAD = ("layer", "output", "parameters", "multiply-adds", "memory")


@dataclass(frozen=True)
class Row:
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
    """Rows in the order of the calls, and what the whole model has; prints as a table, notebooks show HTML."""

    rows: tuple[Row, ...]
    parameters: int
    trainable: int
    multiply_adds: int
    parameter_bytes: int

    def __repr__(self) -> str:
        lines = text_table(HEAD, self._cells(), left=2)
        return "\n".join([*lines, lines[1], self._foot()])

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                "  " * row.level + (f"{row.path}: " if row.path else "") + row.kind,
                size(row.shape), f"{row.parameters:,}", f"{row.multiply_adds:,}", amount(row.bytes),
            )
            for row in self.rows
        ]  # fmt: skip

    def _foot(self) -> str:
        return (
            f"{self.parameters:,} parameters ({self.trainable:,} trainable, {amount(self.parameter_bytes)}), "
            f"{self.multiply_adds:,} multiply-adds"
        )

    def html(self) -> str:
        """Return the table as HTML."""
        return html_table(HEAD, self._cells(), foot=self._foot())

    _repr_html_ = html


def summary(model: Any, *inputs: Any) -> Summary:
    """Return the table of the module calls of ``model(*inputs)``.

    Multiply-adds are those of matrix products, Einstein sums and convolutions of the forward pass, memory that
    of the output. A module that is called twice has two rows; its parameters count once in the total. The
    model runs once, in the mode it is in, and nothing is changed: see :func:`trace`.

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
            f"viz.summary: expected a module, got {type(model).__name__}; viz.trace draws any function"
        )
    inputs = stand_ins(inputs)
    with unchanged(model, inputs), recording_all():
        return _summed(model, *_called(model, inputs))


def _summed(model: Any, calls: list[list[Any]], result: Any) -> Summary:
    ends: list[Any] = [source(t) for t in tensors_in(result)]
    nodes = topological_order(ancestors(ends))
    ages = [node.sequence for node in nodes]
    sums = [0, *accumulate(map(multiply_adds, nodes))]
    between = lambda start, end: sums[bisect_left(ages, end)] - sums[bisect_left(ages, start)]
    rows = []
    for path, module, level, start, end, out in calls:
        arrays = [t._data for t in tensors_in(out)]
        shape = arrays[0].shape if arrays else ()
        count = sum(p.numel() for p in module.parameters())
        memory = sum(a.nbytes for a in arrays)
        rows.append(
            Row(path, type(module).__name__, level, shape, count, between(start, end), memory)
        )
    own = list(model.parameters())
    trainable = sum(p.numel() for p in own if p.requires_grad)
    return Summary(
        tuple(rows), sum(p.numel() for p in own), trainable, sums[-1], sum(p._data.nbytes for p in own)
    )  # fmt: skip


def _called(model: Any, inputs: tuple[Any, ...]) -> tuple[list[list[Any]], Any]:
    """Run the model; return [path, module, level, start, end, output] of each call, and the result."""
    names = {id(m): name for name, m in model.named_modules()}
    calls: list[list[Any]] = []
    stack: list[list[Any]] = []

    def enter(module: Any, args: Any) -> None:
        stack.append([names[id(module)], module, len(stack), tick(), 0, None])
        calls.append(stack[-1])

    def leave(module: Any, args: Any, out: Any) -> None:
        stack.pop()[4:] = tick(), out

    for m in model.modules():
        m.register_forward_pre_hook(enter)
        m.register_forward_hook(leave)
    return calls, model(*inputs)


def multiply_adds(node: Any) -> int:
    """Return how many products are added up in this operation."""
    if node.primitive is None:
        return 0
    name, shapes = node.primitive.name, [None if x is None else x.shape for x in node.inputs]
    if name in ("linear", "matmul") and shapes[0]:
        return node.size * shapes[0][-1]
    if name in ("conv", "conv_input", "conv_weight") and shapes[1]:
        return _of_convolution(name, node, shapes)
    return products(shapes, **node.params) if name == "einsum" else 0


def _of_convolution(name: str, node: Any, shapes: list[Any]) -> int:
    """Return the same for a convolution, and for what its rules compute with the same products."""
    out = {"conv": node.shape, "conv_input": shapes[0], "conv_weight": shapes[1]}[
        name
    ]  # (N, C, …) of the convolution
    weight = node.shape if name == "conv_weight" else shapes[1]
    return prod(out) * prod(weight[1:])
