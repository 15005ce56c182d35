"""The table people expect: layer, output shape, parameters, multiply-adds, memory."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from html import escape
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np

from minigrad.graph import below, by_age
from minigrad.modes import MODES, enable_grad
from minigrad.storage import tick
from minigrad.tensor import Tensor
from minigrad.viz.dot import amount, size
from minigrad.viz.graph import tensors_in

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


@dataclass(frozen=True)
class Summary:
    """Rows in the order of the calls, and what the whole model has; ``str`` is a table, notebooks show HTML."""

    rows: tuple[Row, ...]
    parameters: int
    trainable: int
    multiply_adds: int
    parameter_bytes: int

    def __str__(self) -> str:
        table = [HEAD, *self._cells()]
        wide = [max(len(cells[i]) for cells in table) for i in range(5)]
        lines = [
            "  ".join(c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, wide, strict=True)))
            for cells in table
        ]
        rule = "─" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:], rule, self._foot()])

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
        head = "".join(f"<th>{h}</th>" for h in HEAD)
        body = "".join(
            "<tr>" + "".join(f"<td{' style=white-space:pre' * (i == 0)}>{escape(c)}</td>" for i, c in enumerate(cells))
            + "</tr>"
            for cells in self._cells()
        )  # fmt: skip
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{escape(self._foot())}</p>"

    _repr_html_ = html


def summary(model: Any, *inputs: Any) -> Summary:
    """Return the table of the module calls of ``model(*inputs)``.

    Multiply-adds are those of matrix products and convolutions of the forward pass, memory that of the
    output. A module that is called twice has two rows; its parameters count once in the total. The model
    runs once, in the mode it is in; running statistics do not move.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> print(mg.viz.summary(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), mg.ones(2, 3)))
    layer        output  parameters  multiply-adds  memory
    ──────────────────────────────────────────────────────
    Sequential   2×4             16             24    32 B
      0: Linear  2×4             16             24    32 B
      1: ReLU    2×4              0              0    32 B
    ──────────────────────────────────────────────────────
    16 parameters (16 trainable, 64 B), 24 multiply-adds
    """
    calls, result = _called(model, inputs)
    nodes = by_age(below(t._node for t in tensors_in(result) if t._node is not None))
    ages = [node.sequence for node in nodes]
    sums = [0, *accumulate(map(_multiply_adds, nodes))]
    between = lambda start, end: sums[bisect_left(ages, end)] - sums[bisect_left(ages, start)]
    rows = []
    for path, module, level, start, end, out in calls:
        arrays = [t._data for t in tensors_in(out)]
        shape = arrays[0].shape if arrays else ()
        count = sum(p.numel() for p in module.parameters())
        memory = sum(a.nbytes for a in arrays)
        rows.append(Row(path, type(module).__name__, level, shape, count, between(start, end), memory))
    own = list(model.parameters())
    trainable = sum(p.numel() for p in own if p.requires_grad)
    return Summary(
        tuple(rows), sum(p.numel() for p in own), trainable, sums[-1], sum(p._data.nbytes for p in own)
    )  # fmt: skip


def _called(model: Any, inputs: tuple[Any, ...]) -> tuple[list[list[Any]], Any]:
    """Run the model, everything recorded; return [path, module, level, start, end, output] of each call."""
    names = {id(m): name for name, m in model.named_modules()}
    calls: list[list[Any]] = []
    stack: list[list[Any]] = []

    def enter(module: Any, args: Any) -> None:
        stack.append([names[id(module)], module, len(stack), tick(), 0, None])
        calls.append(stack[-1])

    def leave(module: Any, args: Any, out: Any) -> None:
        stack.pop()[4:] = tick(), out

    handles = [h(f) for m in model.modules() for h, f in (
        (m.register_forward_pre_hook, enter), (m.register_forward_hook, leave))]  # fmt: skip
    before, MODES.hold_statistics = MODES.hold_statistics, True
    try:
        with enable_grad():
            return calls, model(*map(_recorded, inputs))
    finally:
        MODES.hold_statistics = before
        for handle in handles:
            handle.remove()


def _recorded(x: Any) -> Any:
    """Return float tensors as ones that ask for a gradient, so that frozen layers are seen, too."""
    if type(x) in (tuple, list):
        return type(x)(map(_recorded, x))
    if isinstance(x, np.ndarray):
        x = Tensor._wrap(x)
    return x.detach().requires_grad_() if isinstance(x, Tensor) and x.is_floating_point() else x


def _multiply_adds(node: Any) -> int:
    if node.primitive is None:
        return 0
    name, shapes = node.primitive.name, [None if x is None else x.shape for x in node.inputs]
    if name in ("linear", "matmul") and shapes[0]:
        return node.size * shapes[0][-1]
    if name == "conv" and shapes[1]:
        return node.size * prod(shapes[1][1:])
    return 0
