"""See a backward sweep from inside.

What comes to each node, and what it hands on to each operand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from minigrad.engine.graph import Node
from minigrad.engine.tap import Contribution, Observer, observing
from minigrad.storage import tick


class Observed(NamedTuple):
    """What a sweep showed of one node.

    The gradient of its value, and what a picture tells besides.
    """

    gradient: Any  # a copy
    sent: dict[int, Any]  # operand -> a copy of what went back to it
    saved: tuple[Any, ...]  # (out, *operands) as the rules read them: a sweep frees the node's own
    sweep: int  # which: a picture shows one


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
    with observing(Watcher):
        yield


class Watcher(Observer):
    """Looks at the nodes of one sweep; what it hands to ``note`` is a copy."""

    def __init__(self) -> None:
        self.sweep = tick()

    def see(self, node: Node, g: Any, saved: Any, sent: list[Contribution]) -> None:
        copies = [(place, operand, copied(out)) for place, operand, out in sent]
        self.note(node, copied(g), saved, copies)

    def note(self, node: Node, g: Any, saved: Any, sent: list[Contribution]) -> None:
        """Look at one node."""
        keep(node, g, saved, sent, self.sweep)


def keep(node: Node, g: Any, saved: Any, sent: list[Contribution], sweep: int) -> None:
    """Leave on the node what a picture tells of it; no other node is held."""
    plain = tuple(v if isinstance(v, (np.ndarray, int, float)) else None for v in saved)
    node.observed = Observed(g, {place: out for place, _, out in sent}, plain, sweep)


def copied(g: Any) -> np.ndarray:
    """Return a copy of a cotangent as an array; of a Function's several outputs all in one row."""
    if hasattr(g, "known"):
        parts = [copied(part) for part in g.known.values()]
        return parts[0] if len(parts) == 1 else np.concatenate([part.ravel() for part in parts])
    return np.array(getattr(g, "_data", g))
