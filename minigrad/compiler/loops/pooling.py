"""Max-pooling as loops: the largest number of each window and where it stands, in one go."""

from __future__ import annotations

import inspect
import itertools
import math
import operator
from collections.abc import Iterable, Iterator
from typing import Any

from minigrad.compiler.loops.loop_files import compiled, head
from minigrad.compiler.planning.buffers import place_is_c
from minigrad.compiler.program import Call, Memory, Place
from minigrad.ops import window

MAX = inspect.unwrap(window.max_pool.function)
ARGMAX = inspect.unwrap(window.argmax_windows.function)
SCATTER = inspect.unwrap(window.scatter_windows.function)
MOST_TAPS = 64
Index = tuple[int, ...]
Places = tuple[Place, ...]
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
            call = call.as_loop(Pooling(both))
        elif _is_loop(call, SCATTER):
            call = call.as_loop(Scattering(call))
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


LANES = 16  # windows of a row that are done at once
LANES_LINE = (
    "lanes = table[0] if table[0] < {n} else {n}  # not known: never written out one by one"
)


class _Windows:
    """Prints a loop over windows.

    A row is done in whole lanes: the next row writes again what comes to stand behind its end. The
    last planes, behind which nothing is written again, are done as they are.
    """

    def __init__(self, call: Call, reads: Places, stores: Places) -> None:
        self.params = call.kwargs
        self.reads = reads
        self.stores = stores
        self.pointers = [*stores, *reads]
        self.lines: list[str] = []
        self.indent = "    "
        for i, place in enumerate(self.pointers):
            dtype = place.dtype
            kind = dtype.name
            self.write(f"p{i} = pointer_{kind}(table[{i}])")

    def write(self, text: str) -> None:
        """Write lines of the body."""
        for line in text.splitlines():
            self.lines.append(self.indent + line)

    def sections(self, windows: Index, spatial: Index) -> Iterator[str]:
        """Yield how long a row of windows is: in all planes but the last, and in those."""
        planes = math.prod(windows[:2])
        row = windows[-1]
        behind = -row % LANES
        self.write(LANES_LINE.format(n=row + behind))
        read_behind = behind * self.params["stride"][-1]
        written_again = _planes_of(behind, windows[2:])
        readable = _planes_of(read_behind, spatial)
        last = max(written_again, readable)
        first = max(0, planes - last)
        sections = (0, first, "lanes"), (first, planes, str(row))
        for begin, end, length in sections:
            if begin < end:
                self.write(f"for i0 in range({begin}, {end}):")
                self.indent = "        "
                yield length
            self.indent = "    "

    def open(self, lengths: Iterable[Any]) -> None:
        """Write the heads of loops in a plane."""
        for i, n in enumerate(lengths, 1):
            self.write(f"for i{i} in range({n}):")
            self.indent += "    "

    def taps(self, spatial: Index) -> Iterator[str]:
        """Yield for each element of the kernel where it stands in an array of this size."""
        steps = _steps_of(spatial)
        params = self.params
        windows_apart = map(operator.mul, params["stride"], steps)
        begin = _index(math.prod(spatial), windows_apart)
        apart = list(map(operator.mul, params["dilation"], steps))
        kernel = map(range, params["kernel"])
        for tap in itertools.product(*kernel):
            behind = sum(map(operator.mul, tap, apart))
            yield f"{begin} + {behind}"

    @property
    def text(self) -> str:
        return head() + "\n".join([*self.lines, ""])

    def compiled(self) -> Any:
        """Return the function."""
        return compiled(self.text)


def _planes_of(numbers: int, spatial: Index) -> int:
    """Return how many planes hold so many numbers."""
    return -(-numbers // max(1, math.prod(spatial)))


def _steps_of(spatial: Index) -> list[int]:
    """Return how many numbers lie between neighbours along each axis."""
    return [math.prod(spatial[i + 1 :]) for i in range(len(spatial))]


def _index(plane: int, steps: Iterable[int]) -> str:
    """Return where the number of the loops' indices stands."""
    parts = [f"i0 * {plane}"]
    for i, step in enumerate(steps, 1):
        parts.append(f"i{i} * {step}")
    return " + ".join(parts)


def _place_of(spatial: Index) -> str:
    """Return where the number of the loops' indices stands, in planes of this size."""
    plane = math.prod(spatial)
    steps = _steps_of(spatial)
    return _index(plane, steps)


class Pooling(_Windows):
    """The maximum of each window, and which element it is: the first of ties, the last NaN."""

    def __init__(self, calls: list[Any]) -> None:
        stores = tuple(call.results for call in calls)
        self.x = calls[0].args[0]
        super().__init__(calls[0], (self.x,), stores)
        shape = stores[0].shape
        for row in self.sections(shape, self.x.shape[2:]):
            self.open([*shape[2:-1], row])
            self._window(_place_of(shape[2:]))

    def _window(self, window: str) -> None:
        """Write what is done at a window."""
        taps = self.taps(self.x.shape[2:])
        for i, place in enumerate(taps):
            template = NEXT if i else FIRST
            lines = template.format(
                i=i,
                x=len(self.stores),
                place=place,
            )
            self.write(lines)
        self.write(f"store(p0, {window}, 0, best)")
        if len(self.stores) == 2:
            self.write(f"store(p1, {window}, 1, winner)")


class Scattering(_Windows):
    """Each window's number where its winner stands."""

    def __init__(self, call: Call) -> None:
        self.y, winner = call.args
        self.x = call.results
        super().__init__(call, (self.y, winner), (self.x,))
        self.kind = self.x.dtype.name
        if self._covers():
            for row in self.sections(self.y.shape, self.x.shape[2:]):
                self._rows(row)
        else:
            self._windows()

    def _rows(self, length: str) -> None:
        """Write each row of the whole, in the order of memory, where windows cover it."""
        *kernel, taps = self.params["kernel"]
        self.open(self.x.shape[2:-1])
        window = _place_of(self.y.shape[2:])
        first = "0"
        for i, k in enumerate(kernel, 1):
            row = f"i{i}"
            first = f"({first} * {k} + {row} % {k})"
            window = window.replace(row, f"{row} // {k}")
        for j in range(taps):
            self.write(f"tap{j} = np.uint8({first} * {taps} + {j})")
        axis = len(kernel) + 1
        last = f"i{axis}"
        self.write(f"for {last} in range({length}):")
        self.indent += "    "
        self._load(window)
        self._row(last, taps)

    def _row(self, last: str, taps: int) -> None:
        """Write what a window's numbers in a row are."""
        begin = _place_of(self.x.shape[2:])
        for j in range(taps):
            behind = f"{last} * {taps - 1} + {j}"
            value = f"y * np.{self.kind}(winner == tap{j})"
            self.write(f"store(p0, {begin} + {behind}, 0, {value})")

    def _load(self, window: str) -> None:
        self.write(f"y = load(p1, {window}, 1)")
        self.write(f"winner = load(p2, {window}, 2)")

    def _windows(self) -> None:
        """Write each window, its numbers wherever they stand."""
        size = math.prod(self.x.shape)
        taps = self.taps(self.x.shape[2:])
        zeros = ZEROS.format(size=size, kind=self.kind)
        self.write(zeros)
        shape = self.y.shape
        planes = math.prod(shape[:2])
        self.write(f"for i0 in range({planes}):")
        self.indent += "    "
        spatial = shape[2:]
        self.open(spatial)
        window = _place_of(spatial)
        self._load(window)
        apart = self._are_apart()
        for i, place in enumerate(taps):
            value = f"y * np.{self.kind}(winner == {i})"
            known = f"load(p0, {place}, 0)"
            if not apart:
                value = f"{known} + {value}"
            self.write(f"store(p0, {place}, 0, {value})")

    def _covers(self) -> bool:
        """Whether each number is in one window."""
        taps = math.prod(self.params["kernel"])
        numbers = taps * math.prod(self.y.shape)
        return self._are_apart() and numbers == math.prod(self.x.shape)

    def _are_apart(self) -> bool:
        """Whether no number is in two windows."""
        params = self.params
        for i, k in enumerate(params["kernel"]):
            reach = params["dilation"][i] * (k - 1)
            if params["stride"][i] <= reach:
                return False
        return True
