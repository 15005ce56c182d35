"""The page: a program as straight NumPy, one line an operation, under comments that name modules.

The function comes first, because it is what is read; below it stands the memory it works in, laid
out once. Tracebacks show the lines of the page.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from typing import Any

import numpy as np

from minigrad.compiler.loops.threads import in_threads
from minigrad.compiler.page.function_names import RESERVED, name_in_numpy
from minigrad.compiler.page.views import expression, shape_checks
from minigrad.compiler.planning.buffers import (
    COPIES,
    EMPTY,
    Arena,
    by_position,
    is_default,
    place_is_c,
    takes_out,
)
from minigrad.compiler.planning.constants import LIKE
from minigrad.compiler.planning.derived import sources
from minigrad.compiler.program import (
    CONSTANT,
    INPUT,
    NUMBER,
    STATE,
    Call,
    Memory,
    Place,
    Program,
)

_ndarray = np.ndarray
STAYING = (STATE, CONSTANT, NUMBER)
PRINTED = (bool, int, float, str, range, np.generic)


class GuardFailed(Exception):
    """A value decides otherwise than it did when the page was written."""


class Page:
    """The text of a program, and the names it uses."""

    def __init__(self, program: Program, name: str, parameters: list[str]) -> None:
        self.program, self.name = program, name
        self.arena = Arena(program)
        self.used: set[str] = {*RESERVED, name}
        self.counters: Counter[str] = Counter()
        self.parameters = list(map(self._unused, parameters))
        self.names: dict[Memory, str] = {}
        self.views: dict[Place, str] = {}  # of memory that stays: named once
        self.local_views: dict[Place, str] = {}
        self.values: dict[str, Any] = {}  # what the page finds by name
        self.workspaces: dict[Call, str] = {}
        self.tables: list[str] = []  # of loops: the addresses they work at
        self.body: list[str] = []
        self.counts: dict[Any, str] = {}  # of requests: the name of the count
        for call in program.calls:
            if call.is_whole:  # functions have the plain names, arrays those with numbers
                self.value(call.function.__name__, call.function)
        self.text = self._write()

    # ---- names --------------------------------------------------------------------------------
    def _unused(self, wish: str) -> str:
        wish = re.sub(r"\W+", "_", wish)
        wish = wish.strip("_") or "x"
        if wish[0].isdigit() or keyword.iskeyword(wish):
            wish = f"_{wish}"
        name = wish
        while name in self.used:
            self.counters[wish] += 1
            n = self.counters[wish]
            name = f"{wish}_{n}"
        self.used.add(name)
        return name

    def value(self, wish: str, value: Any) -> str:
        """Return the name under which the page finds a value."""
        for name, known in self.values.items():
            if known is value:
                return name
        name = self._unused(wish)
        self.values[name] = value
        return name

    def memory(self, memory: Memory) -> str:
        """Return the name of a memory."""
        name = self.names.get(memory)
        if name is not None:
            return name
        name = self._unused(memory.label or memory.kind)
        self.names[memory] = name
        if memory.kind in STAYING:
            self.values[name] = memory.array
        return name

    def place(self, place: Place) -> str:
        """Return how a place is written; views of memory that stays have a name."""
        memory = place.memory
        name = self.memory(memory)
        if place.is_itself:
            return name
        stays = self._stays(memory)
        views = self.views if stays else self.local_views
        known = views.get(place)
        if known is not None:
            return known
        made = expression(place, name)
        if not stays:
            local = self._unused(f"{name}_view")
            self.body.append(f"    {local} = {made}")
            self.local_views[place] = local
            return local
        short = made == f"{name}.T"
        alias = self._unused(f"{name}_T" if short else f"{name}_view")
        self.views[place] = alias
        return alias

    # ---- values -------------------------------------------------------------------------------
    def text_of(self, x: Any) -> str:
        """Return how an argument is written."""
        if isinstance(x, Place):
            return self.place(x)
        if isinstance(x, tuple):
            items = ", ".join(map(self._item, x))
            return f"({items},)" if len(x) == 1 else f"({items})"
        if isinstance(x, list):
            return "[" + ", ".join(map(self._item, x)) + "]"
        if isinstance(x, dict):
            items = ", ".join(f"{key!r}: {self.text_of(item)}" for key, item in x.items())
            return "{" + items + "}"
        return self._literal(x)

    def _item(self, x: Any) -> str:
        text = self.text_of(x)
        return f"dict({text})" if isinstance(x, dict) else text

    def _literal(self, x: Any) -> str:
        if x is ...:
            return "..."
        if x is None or isinstance(x, PRINTED):
            return repr(x)
        if isinstance(x, slice):
            return f"slice({x.start}, {x.stop}, {x.step})"
        if isinstance(x, np.dtype) and x.isbuiltin == 1:
            return "bool" if x.kind == "?" else f"np.{x.name}"
        if isinstance(x, type) and issubclass(x, np.generic):
            return f"np.{x.__name__}"
        kind = type(x).__name__
        return self.value(kind.lower(), x)

    def _index(self, x: Any) -> str:
        """Return an index as it is written between brackets."""
        if isinstance(x, tuple) and x:
            parts = ", ".join(map(self._index, x))
            return f"{parts}," if len(x) == 1 else parts
        if isinstance(x, slice):
            ends = [x.start, x.stop]
            if x.step is not None:
                ends.append(x.step)
            texts = ["" if end is None else str(end) for end in ends]
            return ":".join(texts)
        return self.text_of(x)

    def function(self, function: Any) -> str:
        """Return the name of a function of NumPy's, or of another one."""
        name = getattr(function, "__name__", "function")
        return name_in_numpy(function) or self.value(name, function)

    # ---- lines --------------------------------------------------------------------------------
    def line(self, call: Call) -> list[str]:
        """Return the lines of a call."""
        if call.is_loop:
            return self._loop(call.function)
        function, args = call.function, call.args
        if call.is_guard:
            return self._guard(call)
        if call.request is not None:
            return [f"{self.place(call.args[0])}.fill({self._count(call.request)})"]
        if function is _ndarray.__setitem__:
            index = self._index(args[1])
            return [f"{self.place(args[0])}[{index}] = {self.text_of(args[2])}"]
        target = self._result(call)
        if function is _ndarray.__getitem__:
            line = f"{target} = {self.place(args[0])}[{self._index(args[1])}]"
            return [line, *shape_checks(call, target)]
        if call.results is None:
            return [self._called(call, "")]
        if takes_out(call) and call.results.memory in self.arena.of:
            return [] if function in EMPTY else [self._into(call, target)]
        line = f"{target} = {self._called(call, '')}"
        return [line, *shape_checks(call, target)]

    def _result(self, call: Call) -> str:
        """Return the names of what a call returns."""
        results = call.results
        if isinstance(results, (tuple, list)):
            names = [self._one_of(x) if isinstance(x, Place) else "_" for x in results]
            return ", ".join(names) + ("," if len(names) == 1 else "")
        if not isinstance(results, Place):
            return "_"
        memory = results.memory
        if memory not in self.names:
            wish = memory.label or getattr(call.function, "__name__", "result").strip("_")
            owner = getattr(call.function, "__self__", None)
            wish = f"{owner.__name__}_{wish}" if isinstance(owner, np.ufunc) else wish
            self.names[memory] = self._unused(wish)
        return self._one_of(results)

    def _one_of(self, place: Place) -> str:
        """Return the name of one of the results: several may be parts of one memory."""
        if place.is_itself or self._stays(place.memory):
            return self.place(place)
        name = self._unused(f"{self.memory(place.memory)}_part")
        return self.local_views.setdefault(place, name)

    def _into(self, call: Call, target: str) -> str:
        """Return the line of a call that writes into memory it is given."""
        if call.function in LIKE:
            return f"{target}.fill({LIKE[call.function]})"
        if call.function in COPIES:
            casting = ", casting='unsafe'" if call.function is _ndarray.astype else ""
            return f"np.copyto({target}, {self.place(call.args[0])}{casting})"
        return self._called(call, target if by_position(call) else f"out={target}")

    def _called(self, call: Call, target: str) -> str:
        """Return the text of a call, with ``target`` if it is told where to write."""
        out = target or self._written(call)
        function, args = call.function, call.args
        is_method = getattr(_ndarray, getattr(function, "__name__", ""), None) is function
        if call.is_draw:
            generator = self.value("generator", args[0])
            name, args = f"{generator}.{function.__name__}", args[1:]
        elif is_method or (function is np.dot and isinstance(args[0], Place)):
            name, args = f"{self.place(args[0])}.{function.__name__}", args[1:]
        else:
            name = self.function(function)
        texts = [*map(self.text_of, args)]
        if out and "=" not in out:
            texts.append(out)
        for key, x in call.kwargs.items():
            lies = key == "order" and target  # it lies as it does
            if not (lies or is_default(call, key, x)):
                texts.append(f"{key}={self.text_of(x)}")
        if "=" in out:
            texts.append(out)
        if call.workspace:
            texts.append(f"workspace={self._workspace(call)}")
        return f"{name}({', '.join(texts)})"

    def _workspace(self, call: Call) -> str:
        """Return the name of the memory that a call works in."""
        name = self._unused(f"{call.function.__name__}_workspace")
        return self.workspaces.setdefault(call, name)

    def _written(self, call: Call) -> str:
        """Return the argument that names what a call writes into, "" if there is none."""
        outs = call.kwargs.get("out")
        if outs is None:
            return ""
        alone = type(outs) is tuple and len(outs) == 1
        text = self.text_of(outs[0] if alone else outs)
        return text if alone and by_position(call) else f"out={text}"

    def _guard(self, call: Call) -> list[str]:
        """Return the lines that ask for what decided."""
        function, args = call.function, call.args
        if function is bool:
            answer = self.place(args[0])
            condition = f"not {answer}" if call.expected else answer
        else:
            answer = self._called(call, "")
            condition = f"{answer} != {self.text_of(call.expected)}"
        return [f"if {condition}:", f"    raise GuardFailed({call.line!r})"]

    def _count(self, request: Any) -> str:
        if request not in self.counts:
            self.counts[request] = self._unused("count")
        return self.counts[request]

    def _loop(self, text: Any) -> list[str]:
        """Return the lines that call a loop: it finds its memory by addresses in a table."""
        name = self.value("loop", text.compiled())
        table = self._unused(f"{name}_table")
        apart = getattr(text, "apart", None)  # of tables, one for each thread
        more = "" if apart is None else f" + {self.value('apart', apart)}"
        at_first, moves = [], []
        for i, place in enumerate(text.pointers):
            address = f"address({self.place(place)})"
            stays = self._stays(place.memory)
            at_first.append(address if stays else "0")
            if not stays:
                if place.memory.shape == ():  # one of NumPy's numbers has no address that lasts
                    own = self.names[place.memory]
                    moves.append(f"{own} = np.asarray({own})")
                column = f"[:, {i}]"
                move = f"{table}{column} = {address}{more}{column}"
                moves.append(move if more else f"{table}[{i}] = {address}")
        at_first += map(str, getattr(text, "numbers", ()))  # sizes
        self.tables.append(f"{table} = np.array([{', '.join(at_first)}]){more}")
        if not more:
            return [*moves, f"{name}({table})"]
        function = self.value("in_threads", in_threads)
        return [*moves, f"{function}({name}, {table})"]

    def _stays(self, memory: Memory) -> bool:
        return memory in self.arena.of or memory.kind in STAYING

    # ---- the whole ----------------------------------------------------------------------------
    def _write(self) -> str:
        """Return the text: the function, then the memory it works in."""
        program = self.program
        for memory, parameter in zip(program.inputs, self.parameters, strict=True):
            self.names[memory] = parameter
        heading = ("", "")
        first_write = None
        derived = [call for call in program.calls if call.is_derived]
        if derived:
            self._derive(derived)
        for call in program.calls[len(derived) :]:
            if call.scope != heading and call.scope != ("", ""):
                heading = call.scope
                self.body.append(f"    # {', '.join(filter(None, heading))}")
            lines = self.line(call)
            lasting = any(p.memory.kind in (STATE, INPUT) for p in call.writes)
            if lasting and first_write is None:
                first_write = len(self.body)
            self.body += [f"    {line}" for line in lines]
        self.body.append(f"    return {self._results()}")
        top = ["import numpy as np", "", "", f"def {self.name}({', '.join(self.parameters)}):"]
        self.first_write = len(top) + 1 + (len(self.body) if first_write is None else first_write)
        function = [*top, *self.body, ""]
        self.length = len(function)  # lines, above the layout of the memory
        self.body = []
        return "\n".join([*function, *self._memory(), ""])

    def _derive(self, calls: list[Call]) -> None:
        """Write calls that are made where the state that they rest on has changed."""
        state = ", ".join(self.memory(memory) for memory in sources(calls))
        now, then = self._unused("state"), self._unused("state_then")
        self.tables.append(f'{then} = [b""]')
        self.body += [
            "    # what follows from state alone: computed again where its bytes have changed",
            f'    {now} = b"".join([{state}])',
            f"    if {now} != {then}[0]:",
        ]
        for call in calls:
            self.body += [f"        {line}" for line in self.line(call)]
        self.body.append(f"        {then}[0] = {now}")

    def _results(self) -> str:
        texts = []
        for place in self.program.results:
            order = "" if place_is_c(place) else '"K"'
            texts.append(f"{self.place(place)}.copy({order})")
        self.results = texts
        if len(texts) == 1:
            return f"{texts[0]},"
        return ", ".join(texts) or "()"

    def _memory(self) -> list[str]:
        """Return the lines that lay out the memory."""
        size = self.arena.size
        lines = [""]
        arena = self._unused("memory")
        if size:
            lines.append(f"# memory: {size / 2**20:.2f} MiB")
            lines.append(f"{arena} = np.empty({size}, np.uint8)")
        for memory, offset in self.arena.of.items():
            name = self.names.get(memory, "")
            if name:
                lines.append(f"{name} = {self._laid_out(memory, arena, offset)}")
        for call, name in self.workspaces.items():
            offset = self.arena.workspaces[call]
            lines.append(f"{name} = {arena}[{offset}:{offset + call.workspace}]")
        for place, alias in self.views.items():
            name = self.names[place.memory]
            lines.append(f"{alias} = {expression(place, name)}")
        return [*lines, *self.tables]

    def _laid_out(self, memory: Memory, arena: str, offset: int) -> str:
        """Return the expression for an array in the memory of the page."""
        dtype = self._literal(memory.dtype)
        shape = tuple(map(int, memory.shape))
        begin = f"np.ndarray({shape}, {dtype}, {arena}, {offset}"
        if place_is_c(memory.place):
            return f"{begin})"
        strides = tuple(map(int, memory.strides))
        return f"{begin}, {strides})"
