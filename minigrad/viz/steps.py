"""Step through backward: what came in at each node, which rule ran, what went out, what has gathered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.engine.backward import accumulate, differentiate
from minigrad.engine.graph import FREED, Node
from minigrad.tensor.tensor import Tensor
from minigrad.viz.formatting import format_shape
from minigrad.viz.labels import named_tensors, operand_names
from minigrad.viz.watch import note, watching


@dataclass(frozen=True)
class Sent:
    """What one operand gets: ``cotangent`` now, ``accumulated`` with all that came before."""

    operand: int
    letter: str  # what the operation's formula calls it
    to: int  # the operand's node, by age, as Vertex.sequence
    name: str
    cotangent: Tensor
    accumulated: Tensor


@dataclass(frozen=True, repr=False)
class Step:
    """One node of the backward sweep. Everything in it is a copy."""

    number: int
    sequence: int
    name: str
    rule: str
    cotangent: Tensor
    sent: tuple[Sent, ...]

    def __repr__(self) -> str:
        lines = [f"step {self.number}: {self.name} ({self.rule}) ← {_told(self.cotangent)}"]
        for s in self.sent:
            so_far = (
                ""
                if np.array_equal(s.cotangent._data, s.accumulated._data)
                else f", so far {_told(s.accumulated)}"
            )
            lines.append(f"    {s.letter} = {s.name}: {_told(s.cotangent)}{so_far}")
        return "\n".join(lines)


def backward_steps(
    loss: Tensor,
    gradient: Tensor | None = None,
    *,
    params: Any = None,
    retain_graph: bool | None = None,
) -> Iterator[Step]:
    """Do ``loss.backward(gradient)`` and yield it node by node.

    The sweep is backward's own, run when the first step is asked for. Only after the last one are
    the gradients added to ``.grad`` and the graph used up (unless ``retain_graph``), so that going
    through all steps equals ``backward()`` bit for bit, and stopping before leaves all as it was. A
    picture drawn afterwards shows what flowed, as after :func:`watch`. ``params`` (a dict, or
    pairs) names leaves. Raises what ``backward`` raises.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> for step in mg.viz.backward_steps(x * x, params={"x": x}):
    ...     print(step)
    step 1: mul (MulBackward0) ← 1
        a = x: 3
        b = x: 3, so far 6
    >>> x.grad
    tensor(6.)
    """
    names = {
        p._node: name
        for name, p in named_tensors(params, "viz.backward_steps")
        if p._node is not None
    }
    steps: list[Step] = []
    notes: list[Any] = []

    def see(node: Node, g: Any, sent: Any, saved: Any, sweep: int) -> None:
        steps.append(_step(len(steps) + 1, node, g, sent, names, gathered))
        notes.append((node, g, sent, saved, sweep))

    gathered: dict[int, Any] = {}
    with watching(see):
        found = differentiate([loss], [gradient], None, True, False)
    yield from steps
    for node, g, own in found:
        accumulate(node, g, own)
    for node, g, sent, saved, sweep in notes:
        note(node, g, sent, saved, sweep)
        if node.primitive.saves and not retain_graph:
            node.saved = FREED


def _step(
    number: int, node: Node, g: Any, sent: Any, names: dict[Node, str], gathered: dict[int, Any]
) -> Step:
    out, letters = [], operand_names(node, {}, set())
    for i, parent, part in sent:
        before = gathered.get(parent.sequence)
        gathered[parent.sequence] = part if before is None else before + part
        name = _name(parent, names)
        out.append(
            Sent(
                i,
                letters[i],
                parent.sequence,
                name,
                Tensor._wrap(part),
                Tensor._wrap(gathered[parent.sequence]),
            )
        )
    return Step(number, node.sequence, _name(node, names), node.name(), Tensor._wrap(g), tuple(out))


def _name(node: Node, names: dict[Node, str]) -> str:
    return (
        names.get(node)
        or node.label
        or (node.primitive.name if node.primitive is not None else "leaf")
    )


def _told(t: Tensor) -> str:
    """Return a number, or shape and norm."""
    if t._data.size == 1:
        return f"{t._data.item():.6g}"
    return f"{format_shape(t.shape)}, norm {np.linalg.norm(t._data.ravel()):.6g}"
