"""Step through backward: what came in at each node, which rule ran, what went out, what has gathered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from minigrad.graph import Node
from minigrad.modes import MODES
from minigrad.tensor import Tensor, accumulate, differentiate
from minigrad.viz.dot import size


@dataclass(frozen=True)
class Sent:
    """What one operand gets: ``cotangent`` now, ``accumulated`` with all that came before."""

    operand: int
    to: int  # the operand's node, by age, as Vertex.sequence
    name: str
    cotangent: Tensor
    accumulated: Tensor


@dataclass(frozen=True)
class Step:
    """One node of the backward sweep. Everything in it is a copy."""

    number: int
    sequence: int
    name: str
    rule: str
    cotangent: Tensor
    sent: tuple[Sent, ...]

    def __str__(self) -> str:
        lines = [f"step {self.number}: {self.name} ({self.rule}) ← {_told(self.cotangent)}"]
        for s in self.sent:
            so_far = (
                "" if np.array_equal(s.cotangent._data, s.accumulated._data) else f", so far {_told(s.accumulated)}"
            )
            lines.append(f"    operand {s.operand}, {s.name}: {_told(s.cotangent)}{so_far}")
        return "\n".join(lines)


def backward_steps(
    loss: Tensor,
    gradient: Tensor | None = None,
    *,
    params: Any = None,
    retain_graph: bool | None = None,
) -> Iterator[Step]:
    """Do ``loss.backward(gradient)`` and yield it node by node.

    The sweep is backward's own, run when the first step is asked for; the gradients are added to
    ``.grad`` after the last one, so that going through all steps equals ``backward()`` bit for bit, and
    stopping before leaves every ``.grad`` as it was. Each rule runs once more to show what it alone sends.
    ``params`` (a dict, or pairs) names leaves. Raises what ``backward`` raises.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> for step in mg.viz.backward_steps(x * x, params={"x": x}):
    ...     print(step)
    step 1: mul (MulBackward0) ← 1
        operand 0, x: 3, so far 6
        operand 1, x: 3, so far 6
    >>> x.grad
    tensor(6.)
    """
    pairs = params.items() if isinstance(params, dict) else (params or ())
    names = {p._node: name for name, p in pairs if p._node is not None}
    steps: list[Step] = []
    before = MODES.watch
    MODES.watch = lambda hand_on: _watched(hand_on if before is None else before(hand_on), names, steps)
    try:
        found = differentiate([loss], [gradient], None, retain_graph, False)
    finally:
        MODES.watch = before
    yield from steps
    for node, g, own in found:
        accumulate(node, g, own)


def _watched(hand_on: Any, names: dict[Node, str], steps: list[Step]) -> Any:
    def step(node: Node, g: Any, saved: Any, pending: Any, heap: Any, useful: Any, in_place: bool) -> None:
        came = _copy(g)
        alone = []
        for i in range(len(node.inputs)):
            only = tuple(x if j == i else None for j, x in enumerate(node.inputs))
            one: dict[int, Any] = {}
            part: Any = SimpleNamespace(inputs=only, params=node.params, primitive=node.primitive)
            hand_on(part, _copy(g)._data, saved, one, [], useful, in_place)
            alone += [(i, parent, _copy(out)) for parent, out, _ in one.values()]
        hand_on(node, g, saved, pending, heap, useful, in_place)
        sent = tuple(Sent(i, p.sequence, _name(p, names), out, _copy(pending[p.sequence][1])) for i, p, out in alone)
        steps.append(Step(len(steps) + 1, node.sequence, _name(node, names), node.name(), came, sent))

    return step


def _copy(array: Any) -> Tensor:
    return Tensor(np.array(array))


def _name(node: Node, names: dict[Node, str]) -> str:
    return names.get(node) or node.label or (node.primitive.name if node.primitive is not None else "leaf")


def _told(t: Tensor) -> str:
    """Return a number, or shape and norm."""
    if t._data.size == 1:
        return f"{t._data.item():.6g}"
    return f"{size(t.shape)}, norm {np.linalg.norm(t._data.ravel()):.6g}"
