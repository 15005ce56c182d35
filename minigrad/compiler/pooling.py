"""Max-pooling as loops: the largest number of each window and where it stands, in one go."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import math
import operator
from collections.abc import Iterator
from typing import Any

from minigrad.compiler.buffers import place_is_c
from minigrad.compiler.loop_files import compiled, head
from minigrad.compiler.program import Call, Memory, Place
from minigrad.ops import window

MAX = inspect.unwrap(window.max_pool.function)
ARGMAX = inspect.unwrap(window.argmax_windows.function)
SCATTER = inspect.unwrap(window.scatter_windows.function)
MOST_TAPS = 64
Index = tuple[int, ...]
FIRST = """\
v0 = load(p{x}, {place}, {x})
best = v0
winner = np.uint8(0)
"""
NEXT = """\
v{i} = load(p{x}, {place}, {x})
wins = (v{i} > best) | (v{i} != v{i})
best = v{i} if wins else best
winner = np.uint8({i}) if wins else winner
"""
ZEROS = """\
for i in range({size}):
    store(p0, i, 0, np.{kind}(0))
"""


def pooled(calls: list[Any]) -> list[Any]:
    """Return the calls with pooling as loops."""
    rewritten: set[Memory] = set()
    winners: dict[Place, Call] = {}
    for call in calls:
        if not isinstance(call, Call):
            continue
        for place in call.writes:
            rewritten.add(place.memory)
        if _is_loop(call, ARGMAX):
            winners[call.args[0]] = call
    joined: set[Call] = set()
    result = []
    for call in calls:
        if _is_loop(call, MAX):
            both = [call]
            winner = winners.get(call.args[0])
            if _goes_with(winner, call, rewritten):
                joined.add(winner)  # type: ignore[arg-type]
                both.append(winner)
            call = _as_loop(call, Pooling(both))
        elif _is_loop(call, SCATTER):
            call = _as_loop(call, Scattering(call))
        result.append(call)
    return [call for call in result if call not in joined]


def _goes_with(winner: Call | None, call: Call, rewritten: set[Memory]) -> bool:
    """Whether the winners of these windows may be looked for with the maxima."""
    if winner is None:
        return False
    if winner.kwargs != call.kwargs:
        return False
    if winner.args[1] != call.results:
        return False
    read = {place.memory for place in winner.reads()}
    return read.isdisjoint(rewritten)


def _is_loop(call: Any, function: Any) -> bool:
    """Whether this is a call of such a function that loops can do."""
    if not isinstance(call, Call):
        return False
    if inspect.unwrap(call.function) is not function:
        return False
    params = call.kwargs
    if any(map(any, params["padding"])):
        return False
    if math.prod(params["kernel"]) > MOST_TAPS:
        return False
    for place in (*call.reads(), call.results):
        if place.dtype.char not in "fdB":
            return False
        if not place_is_c(place):
            return False
    return True


def _as_loop(call: Call, text: Any) -> Call:
    """Return a call that runs a text."""
    loop = dataclasses.replace(call)
    loop.function = text
    loop.args, loop.kwargs = text.reads, {}
    loop.results = text.stores
    loop.is_loop = True
    loop.is_whole = False
    return loop


class _Windows:
    """Prints a loop over windows."""

    def __init__(
        self,
        call: Call,
        reads: tuple[Place, ...],
        stores: tuple[Place, ...],
    ) -> None:
        self.params = call.kwargs
        self.reads = reads
        self.stores = stores
        self.pointers = [*stores, *reads]
        self.lines: list[str] = []
        self.indent = "    "
        for i, place in enumerate(self.pointers):
            kind = place.dtype.name
            self.write(f"p{i} = pointer_{kind}(table[{i}])")

    def write(self, text: str) -> None:
        """Write lines of the body."""
        for line in text.splitlines():
            self.lines.append(self.indent + line)

    def open(self, shape: Index) -> str:
        """Write the heads of loops over windows of this shape; return a window's place."""
        shape = (math.prod(shape[:2]), *shape[2:])
        parts = []
        for i, n in enumerate(shape):
            self.write(f"for i{i} in range({n}):")
            self.indent += "    "
            behind = math.prod(shape[i + 1 :])
            parts.append(f"i{i} * {behind}")
        return " + ".join(parts)

    def taps(self, spatial: Index) -> Iterator[str]:
        """Yield for each element of the kernel where it stands in an array of this size."""
        plane = math.prod(spatial)
        begin = f"i0 * {plane}"
        steps = []
        for i in range(len(spatial)):
            step = math.prod(spatial[i + 1 :])
            stride = self.params["stride"][i] * step
            begin += f" + i{i + 1} * {stride}"
            steps.append(self.params["dilation"][i] * step)
        kernel = map(range, self.params["kernel"])
        for tap in itertools.product(*kernel):
            behind = sum(map(operator.mul, tap, steps))
            yield f"{begin} + {behind}"

    @property
    def text(self) -> str:
        return head() + "\n".join([*self.lines, ""])

    def compiled(self) -> Any:
        """Return the function."""
        return compiled(self.text)


class Pooling(_Windows):
    """The maximum of each window, and which element it is: the first of ties, the last NaN."""

    def __init__(self, calls: list[Any]) -> None:
        stores = tuple(call.results for call in calls)
        x = calls[0].args[0]
        super().__init__(calls[0], (x,), stores)
        window = self.open(stores[0].shape)
        taps = self.taps(x.shape[2:])
        for i, place in enumerate(taps):
            template = NEXT if i else FIRST
            lines = template.format(
                i=i,
                x=len(stores),
                place=place,
            )
            self.write(lines)
        self.write(f"store(p0, {window}, 0, best)")
        if len(stores) == 2:
            self.write(f"store(p1, {window}, 1, winner)")


class Scattering(_Windows):
    """Each window's number where its winner stands."""

    def __init__(self, call: Call) -> None:
        y, winner = call.args
        x = call.results
        super().__init__(call, (y, winner), (x,))
        kind = x.dtype.name
        size = math.prod(x.shape)
        if not self._covers(y, size):
            self.write(ZEROS.format(size=size, kind=kind))
        window = self.open(y.shape)
        self.write(f"y = load(p1, {window}, 1)")
        self.write(f"winner = load(p2, {window}, 2)")
        taps = self.taps(x.shape[2:])
        for i, place in enumerate(taps):
            value = f"y * np.{kind}(winner == {i})"
            if not self._are_apart():
                value = f"load(p0, {place}, 0) + {value}"
            self.write(f"store(p0, {place}, 0, {value})")

    def _covers(self, y: Place, size: int) -> bool:
        """Whether each number is in one window."""
        taps = math.prod(self.params["kernel"])
        return self._are_apart() and taps * math.prod(y.shape) == size

    def _are_apart(self) -> bool:
        """Whether no number is in two windows."""
        params = self.params
        for i, k in enumerate(params["kernel"]):
            reach = params["dilation"][i] * (k - 1)
            if params["stride"][i] <= reach:
                return False
        return True
