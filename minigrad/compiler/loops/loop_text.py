"""A loop as text for Numba: its nests, one a level of sums, and the function that is made of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.compiler.loops.loop_files import compiled, head
from minigrad.compiler.loops.taken_over import taken_over
from minigrad.compiler.program import Memory, Place

Axis = tuple[int, tuple[int, ...]]  # how long, and which axes of the shape it goes through


class Text:
    """Prints a loop; ``pointers`` are the places whose addresses its table holds."""

    def __init__(self, loop: Any, outside: set[Memory]) -> None:
        self.loop, self.outside = loop, outside
        self.lines: list[str] = []
        self.pointers: list[Place] = []
        self.names: dict[Any, str] = {}  # of pointers and constants
        self.reads: list[Place] = []
        self.stores: list[Place] = []
        self.count = 0
        self._choose_axes()
        self._choose_levels()
        self.instead = taken_over(self)

    # ---- axes ---------------------------------------------------------------------------------
    def _choose_axes(self) -> None:
        """Order the axes as memory lies, and let neighbours be one where all places allow it."""
        summed, shape = self.loop.summed, self.loop.shape
        order = self._in_memory()
        self.in_numbers = bool(order) and order[-1] in summed
        if self.in_numbers:
            order.sort(key=lambda i: i in summed)
        merged: list[list[int]] = []
        for i in order:
            if merged and self._continues(merged[-1][-1], i):
                merged[-1].append(i)
            else:
                merged.append([i])
        self.axes = []
        for axes in merged:
            n = math.prod(shape[i] for i in axes)
            self.axes.append((n, tuple(axes)))
        self.inner = [axis for axis in self.axes if axis[1][-1] in summed]
        self.kept = [axis for axis in self.axes if axis[1][-1] not in summed]
        one_row = len(self.kept) == 1 and self.axes[-1] is self.kept[0]
        self.is_rows = one_row and not self.in_numbers

    def _in_memory(self) -> list[int]:
        """Return the axes from the slowest to the fastest, as the first array lies."""
        loop = self.loop
        full = [s for s in loop.statements if s.shape == loop.shape]
        first = full[0]
        like = first.operands[0] if first.summed else first.target
        _, steps = loop.where(like, first)
        axes = [i for i, n in enumerate(loop.shape) if n > 1]
        axes.sort(key=lambda i: -steps[i])
        return axes

    def _continues(self, outer: int, inner: int) -> bool:
        """Whether two axes are one run of numbers, of each place."""
        loop = self.loop
        if (outer in loop.summed) != (inner in loop.summed):
            return False
        n = loop.shape[inner]
        for s in (*loop.statements, *loop.again.values()):
            for place in (s.target, *s.places()):
                steps = loop.where(place, s)[1]
                if steps[outer] != steps[inner] * n:
                    return False
        return True

    # ---- levels -------------------------------------------------------------------------------
    def _choose_levels(self) -> None:
        """Give each statement its nest: one behind the sums that it reads."""
        ready: dict[Memory, int] = {}  # the level from which on a value is there
        nest_of: dict[Memory, int] = {}
        self.levels: dict[Any, int] = {}
        self.across: set[Memory] = set()  # computed in one nest, read in another
        last_read: dict[Memory, int] = {}
        for s in self.loop.statements:
            target = s.target.memory
            read = [place.memory for place in s.places()]
            level = max(ready.get(memory, 0) for memory in (target, *read))
            level = max(level, last_read.get(target, 0))  # what is overwritten was read before
            for memory in read:
                last_read[memory] = max(last_read.get(memory, 0), level)
                self._look_across(memory, level, nest_of)
            self.levels[s] = level
            ready[target] = level + bool(s.summed)
            if s.shape == self.loop.shape and not s.summed:
                nest_of[target] = level
        self.depth = max(self.levels.values()) + 1

    def _look_across(self, memory: Memory, level: int, nest_of: dict[Memory, int]) -> None:
        """Note what is read in another nest than it was computed in, and not computed again."""
        if nest_of.get(memory, level) == level:
            return
        again = self.loop.again.get(memory)
        if again is None:
            self.across.add(memory)
            return
        for place in again.places():
            self._look_across(place.memory, level, nest_of)

    # ---- text ---------------------------------------------------------------------------------
    def write(self) -> None:
        """Print the loop."""
        if not self.loop.summed:
            self._plain()
        elif self.in_numbers:
            self._in_numbers()
        else:
            self._rows()
        top = []
        for i, place in enumerate(self.pointers):
            kind = "bool" if place.dtype.kind == "b" else place.dtype.name
            top.append(f"    p{i} = pointer_{kind}(table[{i}])")
        constants = [
            f"    {name} = {made}" for made, name in self.names.items() if type(made) is str
        ]
        self.text = "\n".join([head() + "\n".join([*top, *constants]), *self.lines, ""])

    def _plain(self) -> None:
        indent = self._open(self.axes, 1)
        known: dict[Any, str] = {}
        for s in self.loop.statements:
            self._map(s, known, {}, self.axes, indent, s.target.memory in self.outside)

    def _in_numbers(self) -> None:
        indent = self._open(self.kept, 1)
        numbers: dict[Any, str] = {}
        for level in range(self.depth + 1):
            for s in self._small(level):
                stored = s.target.memory in self.outside
                self._map(s, numbers, {}, self.kept, indent, stored)
            self._nest_of_numbers(level, numbers, indent)

    def _nest_of_numbers(self, level: int, numbers: dict[Any, str], indent: int) -> None:
        statements = self._big(level)
        if not statements:
            return
        kept, inner = self.kept, self.inner
        sums = {s: f"s{self._next()}" for s in statements if s.summed}
        self._begin(sums, indent)
        within = self._open(inner[:-1], indent, len(kept))
        parts = sums
        if inner[:-1]:  # of the last axis: sums of sums round less
            parts = {s: f"{name}_part" for s, name in sums.items()}
            self._begin(parts, within)
        body = self._open(inner[-1:], within, len(kept) + len(inner) - 1)
        known: dict[Any, str] = {}
        for s in statements:
            if s.summed:
                value = self._formula(s, known, numbers, self.axes, body)
                self._take_in(s, parts[s], self._written(s, s.fold.code, value), body)
            else:
                self._map(s, known, numbers, self.axes, body, self._is_stored(s))
        for s, name in sums.items():
            if parts is not sums:
                self._take_in(s, name, parts[s], within)
            numbers[s.target.memory] = name
        for s, name in sums.items():
            number = self._written(s, s.fold.number, name)
            if number != name:
                self._line(indent, f"{name}_number = {number}")
                numbers[s.target.memory] = number = f"{name}_number"
            if s.target.memory in self.outside:
                self._store(s, number, kept, indent)

    def _begin(self, sums: dict[Any, str], indent: int) -> None:
        """Write what sums begin with."""
        for s, name in sums.items():
            start = self._constant(s.fold.start, s.target.dtype)
            self._line(indent, f"{name} = {self._written(s, s.fold.code, start)}")

    def _take_in(self, s: Any, name: str, value: str, indent: int) -> None:
        """Write that a sum takes in the next number."""
        taken_in = self._written(s, s.fold.register, name, value)
        self._line(indent, f"{name} = {taken_in}")

    @staticmethod
    def _written(s: Any, template: str, *operands: str) -> str:
        """Return a template of a fold, its operands put in."""
        bits = 8 * s.dtype.itemsize
        return template.format(*operands, bits=bits)

    def _rows(self) -> None:
        axes = self.axes
        for level in range(self.depth + 1):
            small, statements = self._small(level), self._big(level)
            if small:
                indent = self._open(self.kept, 1, len(self.inner))
                known: dict[Any, str] = {}
                for s in small:
                    self._map(s, known, {}, axes, indent, True)
            sums = [s for s in statements if s.summed]
            if sums:
                indent = self._open(self.kept, 1, len(self.inner))
                for s in sums:
                    start = self._constant(s.fold.start, s.target.dtype)
                    self._store(s, start, axes, indent)
            if statements:
                body = self._open(axes, 1)
                known = {}
                for s in statements:
                    if s.summed:
                        value = self._formula(s, known, {}, axes, body)
                        place = self._element(s.target, s, axes)
                        taken_in = self._written(s, s.fold.pair, f"load({place})", value)
                        self._line(body, f"store({place}, {taken_in})")
                    else:
                        self._map(s, known, {}, axes, body, self._is_stored(s))

    def _small(self, level: int) -> list[Any]:
        shape = self.loop.shape
        rows = [s for s in self.loop.statements if self.levels[s] == level]
        return [s for s in rows if s.shape != shape]

    def _big(self, level: int) -> list[Any]:
        shape = self.loop.shape
        rows = [s for s in self.loop.statements if self.levels[s] == level]
        return [s for s in rows if s.shape == shape]

    def _is_stored(self, s: Any) -> bool:
        return s.target.memory in self.outside or s.target.memory in self.across

    # ---- lines --------------------------------------------------------------------------------
    def _line(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def _next(self) -> int:
        self.count += 1
        return self.count

    def _open(self, axes: list[Axis], indent: int, first: int = 0) -> int:
        """Write the heads of loops; return how far in their body stands."""
        for i, (n, _) in enumerate(axes, first):
            self._line(indent, f"for i{i} in range({n}):")
            indent += 1
        return indent

    def _constant(self, value: Any, dtype: Any) -> str:
        if np.dtype(dtype).kind == "b":
            return repr(bool(value))
        made = f"np.{np.dtype(dtype).name}({float(value)!r})"
        made = (
            made.replace("(inf", "(np.inf").replace("(-inf", "(-np.inf").replace("(nan", "(np.nan")
        )
        return self.names.setdefault(made, f"c{len(self.names)}")

    def _pointer(self, place: Place) -> str:
        place = self.instead.get(place.memory, place)
        whole = place.memory.place
        if place.offset == 0 and place.dtype == whole.dtype:
            place = whole  # the same address, and no view is made for it
        key = place.memory, place.offset, place.dtype
        if key not in self.names:
            self.names[key] = f"p{len(self.pointers)}"
            self.pointers.append(place)
        return self.names[key]

    def _element(self, place: Place, s: Any, axes: list[Axis]) -> str:
        steps = self.loop.where(place, s)[1]
        parts = []
        for i, (_, own) in enumerate(axes):
            step = steps[own[-1]]
            if step:
                parts.append(f"i{i}" if step == 1 else f"i{i} * {step}")
        pointer = self._pointer(place)
        return f"{pointer}, {' + '.join(parts) or 0}, {pointer[1:]}"

    def _value(self, s: Any, x: Any, known: Any, numbers: Any, axes: Any, indent: int) -> str:
        """Return an operand: a name, where it is known, or a load."""
        if not isinstance(x, Place):
            return self._constant(x, s.dtype)
        name = numbers.get(x.memory) or known.get(x.memory)
        if name is not None:
            return str(name)
        again = self.loop.again.get(x.memory)
        if again is not None:
            self._map(again, known, numbers, axes, indent, False)
            return str(known[x.memory])
        is_own = x.memory in self.loop.written
        where = self.loop.where(x, s)
        if not is_own and not any(where[1]):
            return self._number(x)
        key = x.memory, where, x.dtype
        if key not in known:
            known[key] = f"x{self._next()}"
            element = self._element(x, s, axes)
            self._line(indent, f"{known[key]} = load({element})")
            if x.memory in self.loop.inherited:
                self.reads.append(x)
        return str(known[key])

    def _number(self, x: Place) -> str:
        """Return the name of a number that is the same at all places: read once, at the top."""
        pointer = self._pointer(x)
        made = f"load({pointer}, 0, {pointer[1:]})"
        if made not in self.names:
            self.names[made] = f"c{len(self.names)}"
            self.reads.append(x)
        return self.names[made]

    def _formula(self, s: Any, known: Any, numbers: Any, axes: Any, indent: int) -> str:
        """Return the formula of a statement, its operands put in."""
        operands = []
        for x in s.operands:
            operands.append(self._value(s, x, known, numbers, axes, indent))
        bits = 8 * s.dtype.itemsize
        names = {"bits": str(bits)}
        for word, value in (("one", 1), ("zero", 0)):
            if word in s.formula:
                names[word] = self._constant(value, s.dtype)
        return str(s.formula.format(*operands, **names))

    def _map(self, s: Any, known: Any, numbers: Any, axes: Any, indent: int, stored: bool) -> None:
        """Write one statement of the body."""
        formula = self._formula(s, known, numbers, axes, indent)
        name = f"v{self._next()}"
        self._line(indent, f"{name} = {formula}")
        target = s.target.memory
        known[target] = name
        if stored:
            self._store(s, name, axes, indent)

    def _store(self, s: Any, value: str, axes: Any, indent: int) -> None:
        self._line(indent, f"store({self._element(s.target, s, axes)}, {value})")
        moved = s.target.memory in self.instead
        if not moved and s.target not in self.stores:
            self.stores.append(s.target)

    # ---- the function -------------------------------------------------------------------------
    def compiled(self) -> Any:
        """Return the function; its text stands in a file of the user's."""
        return compiled(self.text)
