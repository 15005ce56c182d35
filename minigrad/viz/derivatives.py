"""Which operations of a graph are those of a derivative: a sweep with ``create_graph`` recorded
them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from minigrad.engine.backward import SWEEPS
from minigrad.engine.graph import Node

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def derivative_orders(order: Sequence[Node]) -> dict[Node, int]:
    """Return 1 for the operations of a derivative, 2 for those of a derivative of that, and so on.

    What a sweep recorded is one order above what it read. ``order`` is that of creation.
    """
    ages = [node.sequence for node in order]
    orders: dict[Node, int] = {}
    for start, end in sorted(SWEEPS):
        first = bisect_right(ages, start)
        last = bisect_right(ages, end)
        operations = [
            node  # not its leaves
            for node in order[first:last]
            if node.primitive is not None
        ]
        highest = 0
        for node in operations:
            for operand in node.inputs:
                number = orders.get(operand, 0)  # type: ignore[arg-type]
                highest = max(highest, number)
        orders |= dict.fromkeys(operations, highest + 1)
    return orders


def derivative_sign(order: int) -> str:
    """Return what stands before a derivative's operations.

    >>> derivative_sign(1), derivative_sign(2)
    ('∂', '∂²')
    """
    return "∂" if order == 1 else f"∂{order}".translate(SUPERSCRIPTS)
