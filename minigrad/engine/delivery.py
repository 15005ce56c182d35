"""Leaves that are handed over while the sweep goes on: those with a post-accumulate hook.

A leaf is older than what reads it, so the sweep itself comes to it last. But its gradient is final
as soon as the oldest node that reads it has been gone through. Where a leaf has hooks, the graph is
searched for these nodes before the sweep; other sweeps do not know of this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakSet

from minigrad.engine.graph import Node, ancestors
from minigrad.engine.tap import Tap
from minigrad.modes import MODES

HOOKED: WeakSet[Node] = WeakSet()  # leaves that were ever given a post-accumulate hook
DELIVERED = Node((), None)  # takes the place of a leaf that the sweep need not come to any more


class Delivery:
    """Applies the rules of each node, then hands over the leaves that no other node reads."""

    tap: Tap | None = None

    def __init__(
        self, due: dict[int, list[Node]], deliver: Callable[[Node, Any, bool], None]
    ) -> None:
        self.due, self.deliver = due, deliver

    def apply(self, apply_rules: Any, node: Node, g: Any, saved: Any, *rest: Any) -> None:
        """Apply the rules of a node; where leaves are final now, hand them over."""
        if self.tap is None:
            apply_rules(node, g, saved, *rest)
        else:
            self.tap.apply(apply_rules, node, g, saved, *rest)
        leaves = self.due.get(node.sequence)
        if leaves is None:
            return
        pending = rest[0]
        for leaf in leaves:
            entry = pending.get(leaf.sequence)
            if entry is not None:
                _, cotangent, owned = entry
                entry[:] = DELIVERED, None, False
                self.deliver(leaf, cotangent, owned)


def delivery(roots: Iterable[Node], deliver: Callable[[Node, Any, bool], None]) -> Delivery | None:
    """Return what hands over the leaves with hooks below these nodes, None where there are none."""
    hooked = {leaf for leaf in HOOKED if leaf.after_hooks}
    if not hooked:
        return None
    last: dict[Node, int] = {}  # the leaf -> the tick of the oldest node that reads it
    for node in ancestors(roots, linked=False):
        for operand in node.inputs:
            if operand in hooked:
                sequence = node.sequence
                last[operand] = min(sequence, last.get(operand, sequence))
    due: dict[int, list[Node]] = {}
    for leaf, sequence in last.items():
        due.setdefault(sequence, []).append(leaf)
    return Delivery(due, deliver) if due else None


def queue_callback(callback: Callable[[], None]) -> None:
    """Call ``callback()`` when the backward under way is over and all gradients are there.

    Raises RuntimeError where no backward is under way.
    """
    if MODES.callbacks is None:
        raise RuntimeError("Final callbacks can only be installed during backward pass.")
    MODES.callbacks.append(callback)
