"""The tape: what NumPy is asked for in one step.

A :class:`RecordingArray` computes as any array does, and the tape writes each call down: the
function, the places of its operands, the memory of its result. Nothing else needs to know: rules,
optimizers and running statistics are written in NumPy's calls. A view is found by its address, so
making one is no call.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from minigrad.compiler.program import (
    CONSTANT,
    INPUT,
    NOTHING,
    NUMBER,
    TEMPORARY,
    Call,
    Memory,
    Place,
    Request,
    mapped,
    memories_of,
)
from minigrad.compiler.recording.arrays import RecordingArray, lying_alike, plain, root
from minigrad.compiler.recording.whereabouts import (
    asked_by_user,
    scope_of,
    text_of_line,
    users_line,
)
from minigrad.modes import MODES
from minigrad.ops.workspace import Workspace
from minigrad.optim.numbers import number_arrays

_ndarray = np.ndarray
# functions that write into their first argument
WRITERS = {
    np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis,
    _ndarray.fill, _ndarray.partition, _ndarray.put, _ndarray.sort, _ndarray.__setitem__,
}  # fmt: skip
# functions of which no value is asked
METADATA = {
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.may_share_memory,
    np.shares_memory, np.iscomplexobj, np.isrealobj, np.min_scalar_type, np.common_type,
}  # fmt: skip
MADE_HERE = "made here"  # key of a constant that a tensor was made of in the step
RESHAPING = {np.reshape, np.ravel, _ndarray.reshape, _ndarray.ravel, _ndarray.flatten}
NO_VALUES: set[Any] = {
    np.empty_like,
    np.zeros_like,
    np.ones_like,
}  # read no value of their argument


class Tape:
    """Notes the calls of one step."""

    def __init__(self, refuse: Callable[[str], None], names: dict[int, str]) -> None:
        self.refuse = refuse
        self.names = names  # of modules, by id
        self.calls: list[Call] = []
        self.memories: dict[int, Memory] = {}  # of the array that owns it, by id
        self._known: dict[Any, Any] = {}  # places, layouts, lines, scopes: each once
        self._ends: dict[int, weakref.KeyedRef[int, Any]] = {}  # that tell of its end
        memories = self.memories  # the tape itself is let go
        self._forget = lambda end: memories.pop(end.key, None)
        self.stand_ins: WeakValueDictionary[int, RecordingArray] = WeakValueDictionary()
        self.generators: list[Any] = []
        self.requests: list[Request] = []
        self.alive: WeakValueDictionary[int, RecordingArray] = WeakValueDictionary()  # all of them
        self.sweeps = False  # whether a backward sweep was seen
        self.outside: list[Any] = []  # arrays that nobody found, and that were written

    # ---- what arrays are --------------------------------------------------------------------
    def enter(self, array: np.ndarray, kind: str, label: str = "", key: Any = None) -> Any:
        """Note a memory that is there from the beginning; return the array that stands for it."""
        owner = root(array)
        known = id(owner) in self.memories
        if not known:
            self._remember(owner, kind, label, key)
        return self._recording(array)

    def adopt(self, array: Any) -> Any:
        """Return the recording array of one that a tensor is made of, here, from nothing."""
        if type(array) is not _ndarray:
            return array
        owner = root(array)
        if id(owner) in self.memories:
            return self._recording(array)
        if array.base is None and array.flags.writeable:
            self._remember(array, CONSTANT, key=MADE_HERE)
            return self._recording(array)
        return array

    def _remember(self, owner: np.ndarray, kind: str, label: str = "", key: Any = None) -> Memory:
        shape, strides, dtype = self._layout(owner)
        memory = Memory(kind, shape, strides, dtype, _address(owner), label, key=key)
        if kind not in (TEMPORARY, INPUT):
            memory.array = owner
        if id(owner) not in self.memories:
            self._forget_with(owner)
        self.memories[id(owner)] = memory
        return memory

    def _forget_with(self, owner: np.ndarray) -> None:
        """Forget a memory once its array is gone, as an id may come back."""
        key = id(owner)
        self._ends[key] = weakref.KeyedRef(owner, self._forget, key)

    def close(self) -> None:
        """Let go of what only notes need, and of who refuses, which holds this tape."""
        del self.refuse
        for notes in (self.calls, self.memories, self._known, self._ends):
            notes.clear()  # type: ignore[attr-defined]

    def _recording(self, array: Any) -> Any:
        """Return a recording array of this place; the same one for all of a memory."""
        if isinstance(array, RecordingArray):
            return array
        owner = root(array)
        known = self.stand_ins.get(id(owner))
        if known is None:
            known = self.stand_ins[id(owner)] = owner.view(RecordingArray)
        if array is owner:
            return known
        view = array.view(RecordingArray)
        view._owner = known
        return view

    def place(self, x: Any) -> Any:
        """Return where an array lies; anything else as it is."""
        if not isinstance(x, _ndarray):
            return x
        owner = root(x)
        memory = self.memories.get(id(owner))
        if memory is None:
            if isinstance(x, RecordingArray):
                self.refuse(f"an array was made in a way that is not seen ({users_line()})")
            memory = self._remember(owner, CONSTANT)
        offset = _address(x) - memory.address
        place = Place(memory, offset, *self._layout(x))
        return self._known.setdefault(place, place)

    def _layout(self, array: np.ndarray) -> Any:
        """Return how an array lies; NumPy makes its shape and strides anew for each who asks."""
        layout = array.shape, array.strides, array.dtype
        return self._known.setdefault(layout, layout)

    # ---- calls ------------------------------------------------------------------------------
    def call(self, function: Any, args: Any, kwargs: Any, is_whole: bool = False) -> Any:
        """Call a function and note it."""
        outs = _outs(kwargs)
        for target in outs or _targets(function, args):
            self._thaw(target)
        operands = mapped((args, kwargs), self.place)
        plain_args, plain_kwargs = mapped((args, kwargs), plain)
        workspace = Workspace()
        if is_whole and "workspace" in inspect.signature(function).parameters:
            plain_kwargs = {**plain_kwargs, "workspace": workspace}
        result = function(*plain_args, **plain_kwargs)
        if function in METADATA:
            return result
        call = self._noted(function, *operands)
        call.is_whole, call.workspace = is_whole, workspace.used
        if outs:
            self._write(call, outs)
            answers = tuple(map(self._recording, outs))
            return answers if isinstance(result, tuple) else answers[0]
        targets = _targets(function, operands[0])
        if targets and self._overwritten(call, args):
            return result
        if targets:
            call.writes = targets
            self.calls.append(call)
            return result
        return self._answer(call, result)

    def _noted(self, function: Any, args: Any, kwargs: Any) -> Call:
        """Return a call with the places it was made at."""
        call = Call(function, args, kwargs)
        line = users_line()
        scope = scope_of(self.names)
        call.line = self._known.setdefault(line, line)
        call.scope = self._known.setdefault(scope, scope)
        self.sweeps = self.sweeps or call.scope[1] == "backward"
        return call

    def _overwritten(self, call: Call, args: Any) -> bool:
        """Note ``x[...] = y`` of all of a temporary memory as a copy, which begins it anew."""
        if call.function is not _ndarray.__setitem__ or args[1] is not ...:
            return False
        target, _, value = call.args
        temporary = target.is_itself and target.memory.kind == TEMPORARY
        if not temporary or not isinstance(value, Place) or value.dtype != target.dtype:
            return False
        memory = self._remember(root(args[0]), TEMPORARY)
        memory.shape, memory.strides = target.shape, target.strides
        call.function, call.args, call.results = np.copy, (value,), memory.place
        self.calls.append(call)
        return True

    def _thaw(self, target: Any) -> None:
        """Let a constant that is about to be written begin as a copy, at each call anew."""
        place = self.place(target)
        if place.memory.kind != CONSTANT:
            return
        owner = root(target)
        self.outside.append(owner)
        constant = place.memory
        constant.array = lying_alike(owner)  # what was read of it before stays what it was
        memory = self._remember(owner, TEMPORARY)
        call = self._noted(np.copy, (constant.place,), {"order": "K"})
        call.results = memory.place
        self.calls.append(call)

    def _write(self, call: Call, outs: tuple[Any, ...]) -> None:
        """Note a call that writes into memory it is given."""
        targets = tuple(map(self.place, outs))
        whole = all(p.is_whole and p.memory.kind == TEMPORARY for p in targets)
        masked = call.kwargs.get("where", True) is not True
        if whole and not masked:  # the memory begins anew
            for out in outs:
                self._remember(root(out), TEMPORARY)
            targets = tuple(map(self.place, outs))
            call.kwargs = {key: x for key, x in call.kwargs.items() if key != "out"} or NOTHING
            call.results = targets if len(targets) > 1 else targets[0]
        else:
            call.writes = targets
            call.overwrites = not masked and all(p.is_whole for p in targets)
        self.calls.append(call)

    def _answer(self, call: Call, result: Any) -> Any:
        """Note a call that returns something; views of known memory are none."""
        fresh = []

        def enter(x: Any) -> Any:
            if isinstance(x, np.generic):
                x = np.asarray(x)
            if isinstance(x, _ndarray):
                owner = root(x)
                known = id(owner) in self.memories
                if not known:
                    memory = self._remember(owner, TEMPORARY)
                    memory.shape, memory.strides, memory.dtype = self._layout(x)
                    memory.address = _address(x)
                    fresh.append(memory)
            return x

        arrays = mapped(result, enter)
        call.results = mapped(arrays, self.place)
        if fresh:
            reshapes = call.function in RESHAPING
            self.calls.append(_as_copy(call) if reshapes else call)
        elif not any(isinstance(x, _ndarray) for x in _leaves(arrays)):
            call.is_guard, call.expected = True, result
            self.calls.append(call)
        return mapped(arrays, lambda x: self._recording(x) if isinstance(x, _ndarray) else x)

    # ---- values -----------------------------------------------------------------------------
    def ask(self, question: Callable[..., Any], array: Any, args: tuple[Any, ...]) -> Any:
        """Answer with a Python value of an array, and note what must be so again."""
        value = question(plain(array), *args)
        place = self.place(array)
        if question is not bool and asked_by_user():
            self.refuse(self._turned(place))
        call = self._noted(question, (place, *args), {})
        call.is_guard, call.expected = True, value
        self.calls.append(call)
        return value

    def numbers(self, formula: Any, group: Any, counted: Any, dtype: Any) -> list[Any]:
        """Ask an optimizer for the numbers of its step, and note that it is asked."""
        group = getattr(group, "group", group)  # what watches it is gone afterwards
        t, count = 0.0, None
        if counted is not None:
            count = formula.__self__.state_scalar(counted, "step")
            t = float(plain(count)) + 1
        values = number_arrays(dtype, formula(group, t))
        arrays = [x if type(x) is bool else np.array(x) for x in values]  # nobody else's
        request = Request(formula, group, dtype, t, [])
        known = next((r for r in self.requests if r.same_as(request)), None)
        if known is None:
            self.requests.append(request)
            for i, array in enumerate(arrays):
                if type(array) is not bool:
                    self.enter(array, NUMBER, key=(request, i))
            request.arrays = arrays
            known = request
        if count is not None:
            place = self.place(count)
            call = self._noted(_ndarray.fill, (place, t), {})
            call.writes = (place,)
            call.request = known
            plain(count).fill(t)
            self.calls.append(call)
        return [x if type(x) is bool else self._recording(x) for x in known.arrays]

    def refuse_here(self, text: str) -> None:
        """Refuse what is done at this line of the user's."""
        self.refuse(f"{text} ({users_line()})")

    def leaves(self, array: Any) -> None:
        """Refuse that the user takes an array out of the tensors."""
        if isinstance(array, RecordingArray) and asked_by_user():
            self.refuse(
                f"the value of a tensor {array.shape} becomes an array of NumPy's at "
                f"{users_line()}; compute with tensors, or with x.numpy()"
            )

    def _turned(self, place: Place) -> str:
        """Return what is said of a value that becomes one of Python's."""
        line = users_line()
        made = [call for call in self.calls if place.memory in memories_of(call.results)]
        name = place.memory.label
        if made:
            name = getattr(made[-1].function, "__name__", "a value")
        return (
            f"the value of {name} {place.shape} was turned into a Python number at {line} "
            f"({text_of_line(line)}); return the tensor and read it outside of the step"
        )

    def draw(self, method: Any, generator: Any, args: Any, kwargs: Any) -> Any:
        """Draw random numbers, and note that they are drawn."""
        operands = mapped(args, self.place), mapped(kwargs, self.place)
        MODES.tape = None
        try:
            result = method(generator, *mapped(args, plain), **mapped(kwargs, plain))
        finally:
            MODES.tape = self
        if generator not in self.generators:
            self.generators.append(generator)
        call = self._noted(method, (generator, *operands[0]), operands[1])
        call.is_draw = True
        if isinstance(result, _ndarray):
            return self._answer(call, result)
        self.calls.append(call)
        return result


def _as_copy(call: Call) -> Call:
    """Return a reshape that had to copy as what it is: a copy in C order, seen otherwise."""
    source, result = call.args[0], call.results
    strides, step = [], source.dtype.itemsize
    for n in reversed(source.shape):
        strides.append(step)
        step *= n
    if call.kwargs or not (isinstance(source, Place) and result.is_itself):
        return call
    call.function, call.args, call.kwargs = np.copy, (source,), {"order": "C"}
    call.results = Place(result.memory, 0, source.shape, tuple(strides[::-1]), source.dtype)
    return call


def _outs(kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Return the arrays among ``out``."""
    outs = kwargs.get("out")
    outs = outs if isinstance(outs, tuple) else (outs,)
    return tuple(x for x in outs if x is not None)


def _targets(function: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the argument that a function writes into, if it does."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc) and function.__name__ == "at":
        return args[:1]
    return args[:1] if function in WRITERS else ()


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def _leaves(tree: Any) -> list[Any]:
    leaves: list[Any] = []
    mapped(tree, leaves.append)
    return leaves
