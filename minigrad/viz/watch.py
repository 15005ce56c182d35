"""See a backward sweep from inside: what comes to each node, and what it hands on to each operand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from heapq import heappush
from typing import Any, NamedTuple

import numpy as np

from minigrad.autograd.lines import Each
from minigrad.engine.graph import Node
from minigrad.modes import MODES
from minigrad.storage import tick


class Passed(NamedTuple):
    """What a sweep showed of one node: the gradient of its value, and what a picture tells besides."""

    gradient: Any  # a copy
    sent: dict[int, Any]  # operand -> a copy of what went back to it
    saved: tuple[Any, ...]  # (out, *operands) as the rules read them: a sweep frees the node's own
    sweep: int  # which: a picture shows one


Sent = list[tuple[int, Any, Any]]  # (operand, its node, a copy of what went back to it)
See = Callable[
    [Node, Any, Sent, Any, int], None
]  # node, a copy of what came in, what it sent and saved, which sweep


@contextmanager
def watch() -> Iterator[None]:
    """Keep of every ``backward`` inside what a picture drawn later shows of it.

    That is the gradient of each value on the way and, along each edge, the part of it that this
    operand got; BatchNorm's ∂ℓ/∂μ, ∂ℓ/∂σ², ∂ℓ/∂x̂ and ∂ℓ/∂y are among them. ``.grad`` and the graph
    become what they become without it. As long as the result is held, the memory of
    ``retain_graph=True`` is, and of one gradient a value and an operand.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> y = x * x
    >>> with mg.viz.watch():
    ...     y.backward()
    >>> picture = mg.viz.graph(y, {"x": x})
    >>> [edge.gradient for edge in picture.edges]  # 3 along each of the two, 6 in all
    [3.0, 3.0, 1.0]
    """
    with watching(note):
        yield


@contextmanager
def watching(see: See) -> Iterator[None]:
    """Call ``see`` at each node of the sweeps inside; they do what they do without."""
    before = MODES.watch
    MODES.watch = lambda apply_rules: _watched(
        apply_rules if before is None else before(apply_rules), see
    )
    try:
        yield
    finally:
        MODES.watch = before


def note(node: Node, g: Any, sent: Sent, saved: Any, sweep: int) -> None:
    """Leave on the node what a picture tells of it; no other node is held."""
    plain = tuple(v if isinstance(v, (np.ndarray, int, float)) else None for v in saved)
    node.passed = Passed(g, {i: out for i, _, out in sent}, plain, sweep)


def _watched(apply_rules: Any, see: See) -> Any:
    sweep = tick()

    def step(
        node: Node, g: Any, saved: Any, pending: Any, heap: Any, useful: Any, in_place: bool
    ) -> None:
        came, each = copied(g), Each()
        apply_rules(node, g, saved, each, [], useful, in_place)
        places = [i for i, rule in enumerate(_rules(node)) if rule is not None]
        sent: Any = []
        for parent, out, fresh in each.entries:
            while node.inputs[places[0]] is not parent:
                places.pop(0)
            sent.append((places.pop(0), parent, copied(out)))
            _arrive(pending, heap, [parent, out, fresh], in_place)
        see(node, came, sent, saved, sweep)

    return step


def _rules(node: Node) -> Any:
    return node.primitive.vjps or node.inputs  # type: ignore[union-attr]  # one rule for all of them


def _arrive(pending: Any, heap: list[int], entry: list[Any], in_place: bool) -> None:
    """Put a contribution where the sweep itself puts it, in the same way to the last bit."""
    sequence, known = entry[0].sequence, pending.get(entry[0].sequence)
    if known is None:
        pending[sequence] = entry
        heappush(heap, -sequence)
    elif known[2] and in_place:
        known[1] += entry[1]
    else:
        known[1], known[2] = known[1] + entry[1], True


def copied(g: Any) -> np.ndarray:
    """Return a copy of a cotangent as an array; of a Function's several outputs all in one row."""
    if hasattr(g, "known"):
        parts = [copied(part) for part in g.known.values()]
        return parts[0] if len(parts) == 1 else np.concatenate([part.ravel() for part in parts])
    return np.array(getattr(g, "_data", g))
