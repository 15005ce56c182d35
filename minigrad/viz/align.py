"""Which boxes of two pictures are the same: calls and operations in order, from outside in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from minigrad.viz.elements import Cluster, Picture, Vertex

LEAVES = ("parameter", "input", "buffer", "constant")
EQUAL, ALIKE, NAMESAKE = 4.0, 2.0, 0.5  # what a pair adds to the worth of an alignment
Item = Vertex | Cluster


@dataclass
class Alignment:
    """Which vertices and calls of the second picture are those of the first, by ids."""

    nodes: dict[int, int] = field(default_factory=dict)  # of the second -> of the first
    clusters: dict[int, int] = field(default_factory=dict)


def align(a: Picture, b: Picture) -> Alignment:
    """Return the alignment of the greatest worth, level by level.

    Two calls may be the same if their classes agree, two boxes if their labels do, shapes aside.
    Equal ones are worth more, so that an inserted layer is one that has no partner, whatever the
    numbers of those behind it.
    """
    result = Alignment()
    first = _Contents(a)
    second = _Contents(b)
    stack: Any = [(None, None)]
    while stack:
        here, there = stack.pop()
        leaves = first.leaves[here], second.leaves[there]
        steps = first.steps[here], second.steps[there]
        for old, new in _pairs(*leaves) + _pairs(*steps):
            is_call = isinstance(old, Cluster)
            if is_call:
                result.clusters[new.id] = old.id
                stack.append((old.id, new.id))
            else:
                result.nodes[new.id] = old.id
    return result


class _Entry:
    """One box or call, and what another must agree in."""

    def __init__(self, item: Item, kind: tuple[str, str], token: Any, name: str = "") -> None:
        self.item = item
        self.kind = kind  # of two that may be the same
        self.token = token  # of two that are equal
        self.name = name

    def worth(self, other: _Entry) -> float:
        """Return what the pair is worth, 0 where the two cannot be the same."""
        if self.kind != other.kind:
            return 0.0
        worth = EQUAL if self.token == other.token else ALIKE
        if self.name == other.name:
            worth += NAMESAKE
        return worth


_Step = tuple[int, _Entry]  # where it begins
_ByCall = dict[int | None, list[_Entry]]


class _Contents:
    """What stands directly in each call, in order: leaves, and operations and calls."""

    def __init__(self, picture: Picture) -> None:
        self.leaves: _ByCall = defaultdict(list)
        self.steps: _ByCall = defaultdict(list)
        steps: Any = defaultdict(list)  # with their beginnings
        for v in picture.nodes:
            entry = _vertex_entry(v)
            if v.kind in LEAVES:
                self.leaves[v.cluster].append(entry)
            else:
                steps[v.cluster].append((v.id, entry))

        inside_out = reversed(picture.clusters)
        for c in inside_out:
            step = self._call(c, steps[c.id])
            steps[c.parent].append(step)
        self._sort(None, steps[None])

    def _call(self, c: Cluster, steps: list[_Step]) -> _Step:
        """Return the entry of a call, of which all is known that is inside, and where it begins."""
        begin = self._sort(c.id, steps)
        leaves = self.leaves[c.id]
        inside = self.steps[c.id]
        token = (
            c.kind,
            frozenset(entry.token for entry in leaves),
            tuple(entry.token for entry in inside),
        )
        kind = "call", c.kind
        _, _, name = c.path.rpartition(".")
        entry = _Entry(c, kind, token, name)
        return begin, entry

    def _sort(self, call: int | None, steps: list[_Step]) -> int:
        """Put what stands in a call into the order of its beginnings; return the first."""
        steps.sort(key=lambda step: step[0])
        self.steps[call] = [entry for _, entry in steps]
        return steps[0][0] if steps else 0


def _vertex_entry(v: Vertex) -> _Entry:
    label = v.plain or v.label
    token = (
        v.kind,
        label,
        v.shape,
        v.dtype,
    )
    if v.kind not in LEAVES:
        # the operation's name, or that of a value
        label, _, _ = label.partition(":")
        label, _, _ = label.partition(" = ")
    kind = v.kind, label
    return _Entry(v, kind, token)


def _pairs(left: list[_Entry], right: list[_Entry]) -> list[tuple[Any, Any]]:
    """Return the pairs of the alignment of the greatest worth."""
    head = _common(left, right)
    old_end = left[head:]
    new_end = right[head:]
    tail = _common(old_end[::-1], new_end[::-1])
    rows = len(old_end) - tail
    columns = len(new_end) - tail

    pairs = list(zip(left[:head], right, strict=False))
    pairs += _best_pairs(old_end[:rows], new_end[:columns])
    pairs += zip(old_end[rows:], new_end[columns:], strict=True)
    return [(old.item, new.item) for old, new in pairs]


def _common(left: Sequence[_Entry], right: Sequence[_Entry]) -> int:
    """Return how many are equal at the beginning."""
    count = 0
    for old, new in zip(left, right, strict=False):
        if old.token != new.token:
            break
        count += 1
    return count


def _best_pairs(left: list[_Entry], right: list[_Entry]) -> list[tuple[_Entry, _Entry]]:
    """Return the pairs (Needleman and Wunsch, 1970)."""
    best = _table(left, right)
    pairs = []
    i = 0
    k = 0
    while i < len(left) and k < len(right):
        worth = left[i].worth(right[k])
        below = best[i + 1]
        together = worth + below[k + 1]
        if worth and best[i][k] == together:
            pair = left[i], right[k]
            pairs.append(pair)
            i += 1
            k += 1
        elif best[i][k] == below[k]:
            i += 1
        else:
            k += 1
    return pairs


def _table(left: list[_Entry], right: list[_Entry]) -> list[list[float]]:
    """Return the worth of the best alignment of what begins at each pair of places."""
    width = len(right) + 1
    below = [0.0] * width
    best = [below]
    for old in reversed(left):
        row = [0.0] * width
        for k in reversed(range(len(right))):
            worth = old.worth(right[k])
            value = max(below[k], row[k + 1])
            if worth:
                together = worth + below[k + 1]
                value = max(value, together)
            row[k] = value
        best.append(row)
        below = row
    best.reverse()
    return best
