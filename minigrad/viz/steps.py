"""Step through backward.

What came in at each node, which rule ran, what went out, what has gathered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.engine.backward import accumulate, differentiate
from minigrad.engine.graph import FREED, Node
from minigrad.engine.tap import Contribution, observing
from minigrad.tensor.tensor import Tensor
from minigrad.viz.formatting import format_shape
from minigrad.viz.labels import named_tensors, operand_names
from minigrad.viz.watch import Watcher, keep


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
        lines = [f"step {self.number}: {self.name} ({self.rule}) ← {_summary(self.cotangent)}"]
        for s in self.sent:
            so_far = ""
            if not np.array_equal(s.cotangent._data, s.accumulated._data):
                so_far = f", so far {_summary(s.accumulated)}"
            lines.append(f"    {s.letter} = {s.name}: {_summary(s.cotangent)}{so_far}")
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
    run = _Run(names)
    with observing(lambda: _StepWatcher(run)):
        grads = differentiate([loss], [gradient], None, True, False)
    yield from run.steps
    for node, g, owned in grads:
        accumulate(node, g, owned)
    for seen in run.seen:
        keep(*seen)
        node = seen[0]
        if node.primitive.saves_anything and not retain_graph:
            node.saved = FREED


class _Run:
    """The steps of one backward, and what each operand has gathered so far."""

    def __init__(self, names: dict[Node, str]) -> None:
        self.names = names
        self.steps: list[Step] = []
        self.seen: list[Any] = []  # what ``keep`` takes, of each node
        self.gathered: dict[Node, Any] = {}

    def add(self, node: Node, g: Any, sent: list[Contribution]) -> None:
        """Add the step of one node."""
        letters = operand_names(node, {}, set())
        parts = []
        for place, operand, cotangent in sent:
            before = self.gathered.get(operand)
            total = cotangent if before is None else before + cotangent
            self.gathered[operand] = total
            part = Sent(
                operand=place,
                letter=letters[place],
                to=operand.sequence,
                name=_name(operand, self.names),
                cotangent=Tensor._wrap(cotangent),
                accumulated=Tensor._wrap(total),
            )
            parts.append(part)
        step = Step(
            number=len(self.steps) + 1,
            sequence=node.sequence,
            name=_name(node, self.names),
            rule=node.name(),
            cotangent=Tensor._wrap(g),
            sent=tuple(parts),
        )
        self.steps.append(step)


class _StepWatcher(Watcher):
    def __init__(self, run: _Run) -> None:
        super().__init__()
        self.run = run

    def note(self, node: Node, g: Any, saved: Any, sent: list[Contribution]) -> None:
        self.run.add(node, g, sent)
        self.run.seen.append((node, g, saved, sent, self.sweep))


def _name(node: Node, names: dict[Node, str]) -> str:
    kind = "leaf" if node.primitive is None else node.primitive.name
    return names.get(node) or node.label or kind


def _summary(t: Tensor) -> str:
    """Return a number, or shape and norm."""
    if t._data.size == 1:
        return f"{t._data.item():.6g}"
    return f"{format_shape(t.shape)}, norm {np.linalg.norm(t._data.ravel()):.6g}"
