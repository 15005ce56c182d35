"""A replay: the page, called with the arrays of this call's arguments."""

from __future__ import annotations

import itertools
import linecache
import re
import weakref
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.compiler.page.source import GuardFailed, Page
from minigrad.compiler.page.views import view
from minigrad.compiler.program import TEMPORARY, Memory, Program
from minigrad.compiler.recording.arrays import root
from minigrad.compiler.recording.recording import Recording
from minigrad.compiler.snapshot import set_stream, stream_state
from minigrad.storage import bump_version, bump_versions, history_of
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_map

NAME = "step"  # of the page's function
_PAGES = itertools.count(1)


class Replay:
    """A program that is ready to run."""

    def __init__(self, program: Program, recording: Recording, names: list[str]) -> None:
        n = len(recording.leaves)
        grads = _grads_read(program, n)
        inputs = {memory.key: memory for memory in program.inputs}
        arrays = [i for i, x in enumerate(recording.leaves) if isinstance(x, Arrays)]
        names = [name for i, name in zip(arrays, names, strict=True) if i in inputs]
        arguments = [i for i in arrays if i in inputs]  # without those that stand there twice
        program.inputs = [inputs[i] for i in arguments] + grads
        for memory in grads:
            label = re.sub(r"\W+", "_", memory.label)
            names = [*names, label]
        self.page = _text_of(Page(program, NAME, names))
        self.filename = f"<minigrad.compile {next(_PAGES)}>"
        self.arguments = arguments
        self.grads = [recording.graph_leaves[memory.key - n].owner for memory in grads]
        self._note_effects(program, recording)
        self._requests = recording.tape.requests
        self._counters = _counters_of(program)
        self.last: Any = ()

    def _note_effects(self, program: Program, recording: Recording) -> None:
        """Note what a call does besides returning something."""
        written = {place.memory for call in program.calls for place in call.writes}
        states = [memory.array for memory in program.states if memory in written]
        self.written = list(map(history_of, states))
        owners = list(map(root, states))
        self.owners = set(map(id, owners))  # of what is written
        self.states = states
        self.is_foreign = not all(x.flags.owndata for x in owners)  # somebody else's memory
        self.written_inputs = [i for i, m in enumerate(program.inputs) if m in written]
        self.generators = recording.tape.generators
        self.kept = recording.reach.tensors
        self.value = tree_map(self._form, recording.value)
        self.is_one = type(self.value) is Tensor and id(self.value) not in self.kept
        self.delivered = [leaf.owner for leaf in recording.delivered]
        self.consumed = []
        for leaf in recording.graph_leaves:
            after = leaf.after
            new = after is None or after.memory.kind == TEMPORARY
            consumed = leaf.sets and leaf not in recording.delivered
            if new and consumed:
                self.consumed.append(leaf.owner)

    def _form(self, x: Any) -> Any:
        """Return what stands for a result: it has the type alone."""
        if id(x) in self.kept or not isinstance(x, Arrays):
            return x
        return NO_TENSOR if isinstance(x, Tensor) else NO_ARRAY

    def lay_out(self) -> None:
        """Give the page its memory."""
        self.run, names = compiled(self.page, self.filename)
        weakref.finalize(self, linecache.cache.pop, self.filename, None).atexit = False
        self.requests = Requests(self._requests, self._counters, self.page.counts, names)

    def __call__(self, leaves: list[Any]) -> Any:
        """Run the page; return what the function returns, in new arrays."""
        arrays = []
        for i in self.arguments:
            x = leaves[i]
            arrays.append(x._data if isinstance(x, Tensor) else x)
        for owner in self.grads:
            arrays.append(_node_of(owner, leaves).grad._data)
        if self.owners or self.written_inputs:
            self._check_apart(arrays)
        streams = []
        if self.generators:
            streams = [(x, stream_state(x)) for x in self.generators]
        try:
            results = self._run_quietly(arrays) if self.written else self.run(*arrays)
        except BaseException as error:
            self._undo(error, streams)
            raise
        self.last = results
        if self.written:
            bump_versions(self.written, "compile")
        for i in self.written_inputs:
            bump_version(arrays[i], "compile")
        return self._hand_out(results, leaves)

    @np.errstate(all="ignore")  # an error that the user asks for would leave the half of them
    def _run_quietly(self, arrays: list[Any]) -> Any:
        """Run a page that writes to state."""
        self.requests.ask()
        return self.run(*arrays)

    def _check_apart(self, arrays: list[Any]) -> None:
        """Raise GuardFailed where an argument lies in memory that is written as another's."""
        owners = [x if x.base is None else root(x) for x in arrays]
        shared = not self.owners.isdisjoint(map(id, owners))
        if shared or any(map(self._is_state, owners)):
            raise GuardFailed("an argument lies in the memory of the state")
        for i in self.written_inputs:
            others = arrays[:i] + arrays[i + 1 :]
            if any(np.may_share_memory(arrays[i], x) for x in others):
                raise GuardFailed("two arguments lie in the same memory")

    def _is_state(self, owner: np.ndarray) -> bool:
        """Whether memory is the state's, where somebody else may hold both."""
        if owner.flags.owndata and not self.is_foreign:
            return False
        return any(np.may_share_memory(owner, state) for state in self.states)

    def use_up(self, leaves: Any) -> None:
        """Forget gradients that the optimizers of the step have used up."""
        for owner in self.consumed:
            _node_of(owner, leaves).grad = None

    def _undo(self, error: BaseException, streams: list[Any]) -> None:
        """Take back what was drawn; say that the page does not fit where nothing was written."""
        trace = error.__traceback__
        line = 0
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.filename:
                line = trace.tb_lineno
            trace = trace.tb_next
        if line >= self.page.first_write:
            return
        for generator, state in streams:
            set_stream(generator, state)
        if isinstance(error, Exception):
            raise GuardFailed(str(error)) from None

    def _hand_out(self, results: tuple[Any, ...], leaves: Any) -> Any:
        """Return results as tensors, and gradients to their leaves."""
        self.use_up(leaves)
        if self.delivered:
            first = len(results) - len(self.delivered)
            grads = results[first:]
            for owner, grad in zip(self.delivered, grads, strict=True):
                array = np.asarray(grad)
                _node_of(owner, leaves).grad = Tensor._wrap(array)
        if self.is_one:
            return Tensor._wrap(results[0])
        remaining = iter(results)

        def result(x: Any) -> Any:
            if id(x) in self.kept or not isinstance(x, Arrays):
                return x
            array = np.asarray(next(remaining))
            return Tensor._wrap(array) if isinstance(x, Tensor) else array

        return tree_map(result, self.value)

    def without_graph(self, value: Any) -> Any:
        """Return what the function itself returned, as a replay would."""

        def result(x: Any) -> Any:
            if id(x) in self.kept or not isinstance(x, Tensor):
                return x
            return Tensor._wrap(x._data)

        return tree_map(result, value)


Arrays = (Tensor, np.ndarray)
NO_ARRAY = np.empty(0)  # stands for an array among the results, as the next for a tensor
NO_TENSOR = Tensor._wrap(NO_ARRAY)


def _node_of(owner: Any, leaves: Any) -> Any:
    """Return the node of a leaf: that of an argument is this call's."""
    return leaves[owner]._node if type(owner) is int else owner


def _grads_read(program: Program, n: int) -> list[Memory]:
    """Return the gradients that the program reads or writes: inputs behind the arguments."""
    touched = {place.memory for call in program.calls for place in call.reads()}
    touched |= {place.memory for call in program.calls for place in call.writes}
    return [memory for memory in program.inputs if memory.key >= n and memory in touched]


def _counters_of(program: Program) -> dict[Any, list[Any]]:
    """Return for each request its counters, and how often each went on before it in the step."""
    before: Counter[int] = Counter()
    counters: dict[Any, list[Any]] = {}
    for call in program.calls:
        if call.request is not None:
            counter = call.args[0].memory.array
            ahead = before[id(counter)]
            before[id(counter)] += 1
            counters.setdefault(call.request, []).append((counter, ahead))
    return counters


class Requests:
    """The numbers of optimizers, asked for at each call anew."""

    def __init__(self, requests: Any, counters: Any, counts: Any, names: dict[str, Any]) -> None:
        self.names = names
        self.requests = []
        for request in requests:
            own = counters.get(request, [])
            name = counts.get(request, "")
            self.requests.append((request, own, name))

    def ask(self) -> None:
        """Write the numbers of this step where the page reads them."""
        for request, counters, name in self.requests:
            t = 0.0
            if counters:
                t = self._next(counters)
                self.names[name] = t
            values = request.formula(request.group, t)
            if values != request.values:
                self._write(request, values)

    def _next(self, counters: list[tuple[Any, int]]) -> float:
        """Return the count of the step that comes, which is the same for all."""
        counts = {counter.item() + ahead for counter, ahead in counters}
        if len(counts) > 1:
            raise GuardFailed("the parameters of an optimizer have other counts")
        (count,) = counts
        return float(count) + 1

    def _write(self, request: Any, values: tuple[Any, ...]) -> None:
        request.values = None  # what is in the arrays, if this raises on the way
        for array, new in zip(request.arrays, values, strict=True):
            if type(array) is bool:
                if array is not new:
                    raise GuardFailed("an option of an optimizer")
            else:
                array[...] = new
        request.values = values


class Text(NamedTuple):
    """What is left of a page when its program is gone, which is larger than a small net."""

    packed: bytes  # the text
    length: int  # lines of the function, above the layout of the memory
    first_write: int  # the line that is the first to write something lasting
    size: int  # bytes of the memory
    values: dict[str, Any]  # what the page finds by name
    counts: dict[Any, str]  # of requests: the name of the count

    @property
    def lines(self) -> list[str]:
        """The lines of the text."""
        text = zlib.decompress(self.packed).decode()
        return text.splitlines(keepends=True)


def _text_of(page: Page) -> Text:
    packed = zlib.compress(page.text.encode())
    parts = packed, page.length, page.first_write, page.arena.size
    return Text(*parts, page.values, page.counts)


class _Lines(Sequence[str]):
    """The lines of a page's function, unpacked when they are asked for: a traceback seldom asks."""

    def __init__(self, page: Text) -> None:
        self.page = page

    def __len__(self) -> int:
        return self.page.length

    def __getitem__(self, i: Any) -> Any:
        return self.page.lines[: self.page.length][i]


def compiled(page: Text, filename: str) -> tuple[Any, dict[str, Any]]:
    """Return the page as a function, and the names it uses."""
    names: dict[str, Any] = {
        "__name__": None,  # NumPy warns of nothing here, as in every module of ours: silence.py
        "GuardFailed": GuardFailed,
        "inf": np.inf,
        "nan": np.nan,
        "view": view,
        "address": lambda x: x.__array_interface__["data"][0],
    }
    names.update(page.values)
    names.update(dict.fromkeys(page.counts.values(), 0.0))
    entry: Any = (0, None, _Lines(page), filename)
    linecache.cache[filename] = entry
    lines = page.lines
    code = compile("".join(lines[: page.length]), filename, "exec")
    exec(code, names)
    for line in lines[page.length :]:  # a long text takes a hundred times itself to compile
        exec(line, names)
    return names[NAME], names
