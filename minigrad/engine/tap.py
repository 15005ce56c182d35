"""A tap on the backward sweep: observers see each node's cotangent and what its rules hand on.

``autograd.record_lines``, ``detect_anomaly``, ``viz.watch`` and ``viz.backward_steps`` are
observers. A sweep that nobody observes has no tap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from minigrad.engine.graph import Node
from minigrad.modes import MODES

Contribution = tuple[int, Node, Any]  # which operand, its node, what this node adds to its gradient


class Observer:
    """Looks at one sweep. What it is shown is written to by nobody else while the sweep runs."""

    def see(self, node: Node, g: Any, saved: Any, sent: list[Contribution]) -> None:
        """Look at a node: its complete cotangent, what its rules read, and what they returned."""

    def failed(self, node: Node, error: Exception) -> None:
        """Look at an error that a rule of the node raised, before it goes on."""


class Tap:
    """What one sweep tells its observers; ``factories`` make one observer each."""

    def __init__(self, factories: Sequence[Callable[[], Observer]]) -> None:
        self.observers = [factory() for factory in factories]
        self.place = 0
        self.sent: list[Contribution] = []

    def pairs(self, rules: Any, operands: Any) -> Iterator[tuple[Any, Any]]:
        """Yield each rule with its operand, and remember which operand that is."""
        for self.place, pair in enumerate(zip(rules, operands, strict=False)):
            yield pair

    def send(self, operand: Node, cotangent: Any) -> None:
        """Note what the current rule hands on, cast and summed to the operand's shape."""
        self.sent.append((self.place, operand, cotangent))

    def apply(self, apply_rules: Any, node: Node, g: Any, saved: Any, *rest: Any) -> None:
        """Apply the rules of a node, then show it to the observers."""
        self.sent = []
        try:
            apply_rules(node, g, saved, *rest, self)
        except Exception as error:
            for observer in self.observers:
                observer.failed(node, error)
            raise
        for observer in self.observers:
            observer.see(node, g, saved, self.sent)


@contextmanager
def observing(factory: Callable[[], Observer]) -> Iterator[None]:
    """Let an observer see each sweep of this thread inside the block."""
    before, MODES.observers = MODES.observers, (*MODES.observers, factory)
    try:
        yield
    finally:
        MODES.observers = before
