"""Two recordings of one function: the same program, or where they part.

The first waits for the second. Meanwhile its calls are packed, as all their objects at once with
those of the second would take more memory than many a net.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.compiler.program import CONSTANT, INPUT, STATE, Call, Memory, Place, Program

PLAIN = {int, float, bool, str, tuple, list, dict, type(None), Place}


# ---- the first, packed --------------------------------------------------------------------------
class Packed:
    """The calls of a program as bytes, and the objects that they name by number."""

    def __init__(self, program: Program) -> None:
        self.count = len(program.calls)
        self.objects: list[Any] = []
        file = io.BytesIO()
        pickler = _Pickler(file, self.objects)
        rows = map(_row, program.calls)
        last = program.results, program.plain
        for row in (*rows, last):
            pickler.dump(row)
            pickler.clear_memo()  # each is read for itself
        self.packed = file.getvalue()

    def rows(self) -> Iterator[Any]:
        """Yield what each call is compared by, then what the function returned."""
        file = io.BytesIO(self.packed)
        for _ in range(self.count + 1):
            yield _Unpickler(file, self.objects).load()


def _row(call: Call) -> Any:
    """Return what two calls are compared by."""
    asked = call.function, call.is_guard, call.args, call.kwargs
    return *asked, call.results, call.expected


class _Pickler(pickle.Pickler):
    def __init__(self, file: Any, objects: list[Any]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.objects = objects
        self.numbers: dict[int, int] = {}  # by id

    def persistent_id(self, x: Any) -> int | None:
        """Return the number of what is no tuple of numbers and places."""
        if type(x) in PLAIN:
            return None
        number = self.numbers.setdefault(id(x), len(self.objects))
        if number == len(self.objects):
            self.objects.append(x)
        return number

    def reducer_override(self, x: Any) -> Any:
        """Return what a place is made of, as only places come here."""
        return Place, (x.memory, x.offset, x.shape, x.strides, x.dtype)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, objects: list[Any]) -> None:
        super().__init__(file)
        self.objects = objects

    def persistent_load(self, number: Any) -> Any:
        return self.objects[number]


# ---- the comparison -----------------------------------------------------------------------------
class Difference(Exception):
    """Where two recordings of one function part."""

    def __init__(self, kind: str, call: Call | None, first: Any = None, second: Any = None) -> None:
        super().__init__(kind)
        self.kind, self.call, self.first, self.second = kind, call, first, second

    def told(self) -> str:
        """Return what is said of it."""
        if self.kind == "result":
            return f"the step returns {_short(self.second)} after {_short(self.first)}"
        if self.call is None:
            return "the step makes other calls of NumPy each time"
        name = getattr(self.call.function, "__name__", "a call")
        line = self.call.line
        if self.kind != "number":
            return f"the step is another one each time: {name} at {line}"
        return (
            f"{name} has {_short(self.second)} where the step before had {_short(self.first)} "
            f"({line}): a number made outside of tensors changes from step to step; pass it as an "
            "argument, or compute it with tensors"
        )


def _short(x: Any) -> str:
    return " ".join(repr(x)[:60].split())


class _Comparison:
    """Two programs, memory by memory and number by number."""

    def __init__(self) -> None:
        self.pairs: dict[Memory, Memory] = {}

    def run(self, first: Packed, second: Program) -> None:
        """Raise Difference where they are not the same."""
        rows = first.rows()
        for b, a in zip(second.calls[: first.count], rows, strict=False):
            function, is_guard, args, kwargs, results, expected = a
            if function != b.function:
                raise Difference("call", b)
            if is_guard != b.is_guard:
                raise Difference("call", b)
            self.compare(args, b.args, b)
            self.compare(kwargs, b.kwargs, b)
            self.compare(results, b.results, b)
            if not _same_number(expected, b.expected):
                raise Difference("guard", b, expected, b.expected)
        if first.count != len(second.calls):
            raise Difference("call", None)
        results, plain = next(rows)
        self.compare(results, second.results, None)
        if len(plain) != len(second.plain) or not all(map(_same, plain, second.plain)):
            raise Difference("result", None, plain, second.plain)

    def compare(self, a: Any, b: Any, call: Call | None) -> None:
        if type(a) is not type(b):
            raise Difference("call", call, a, b)
        if isinstance(a, Place):
            self._compare_places(a, b, call)
        elif isinstance(a, (tuple, list)):
            if len(a) != len(b):
                raise Difference("call", call, a, b)
            for x, y in zip(a, b, strict=True):
                self.compare(x, y, call)
        elif isinstance(a, dict):
            self.compare(list(a), list(b), call)
            for name in a:
                self.compare(a[name], b[name], call)
        elif not _same_number(a, b):
            is_count = call is not None and call.request is not None
            if not is_count:
                kind = "number" if isinstance(b, (int, float)) else "call"
                raise Difference(kind, call, a, b)

    def _compare_places(self, a: Place, b: Place, call: Call | None) -> None:
        x, y = a.memory, b.memory
        if _layout(a) != _layout(b):
            raise Difference("call", call, a, b)
        if self.pairs.setdefault(x, y) is not y:
            raise Difference("call", call, a, b)
        if x.kind != y.kind:
            raise Difference("call", call, a, b)
        if x.kind == STATE and x.array is not y.array:
            raise Difference("state", call, a, b)
        if x.kind == INPUT and x.key != y.key:
            raise Difference("call", call, a, b)
        if x.kind == CONSTANT:
            same = x.array.tobytes() == y.array.tobytes()
            if not same:
                raise Difference("number", call, x.array, y.array)


def _layout(place: Place) -> Any:
    return place.offset, place.shape, place.strides, place.dtype


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and bool(a == b))


def _same_number(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, (float, np.generic)):
        return repr(a) == repr(b)
    return bool(a == b)


def check_same(first: Packed, second: Program) -> None:
    """Raise Difference where two recordings are not the same program."""
    _Comparison().run(first, second)
