"""One call of a function, run for real and written down."""

from __future__ import annotations

import gc
import itertools
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from minigrad.allocator import empty_free_lists
from minigrad.compiler.guards.reach import Reach
from minigrad.compiler.program import INPUT, STATE, TEMPORARY, Call, Memory, Program
from minigrad.compiler.recording.arrays import RecordingArray, lying_alike, root
from minigrad.compiler.recording.attributes import WatchedObjects
from minigrad.compiler.recording.constructors import noted_constructors
from minigrad.compiler.recording.leaves import graph_leaves
from minigrad.compiler.recording.options import WatchedGroups
from minigrad.compiler.recording.tape import Tape
from minigrad.modes import MODES
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_map


class Refused(Exception):
    """What a compiled step cannot do: said with the user's line and the way out."""


class HasGraph(Refused):
    """The result asks for a gradient: a call is made eagerly, since a replay has no graph."""


class Recording:
    """A program, and what it was recorded from."""

    strict = True  # whether what cannot be replayed raises at once

    def __init__(self, function: Any, args: Any, kwargs: Any, leaves: list[Any], reach: Reach):
        self.function, self.reach, self.leaves = function, reach, leaves
        self.problem = ""  # why it cannot be replayed, where it goes on all the same
        self.tape = Tape(self._refuse, reach.modules)
        self.arrays: list[tuple[Any, Any, Any]] = []  # tensor, its array, the recording one
        self.copies: list[tuple[Any, Any]] = []  # an argument, and the array that stands for it
        self.value: Any = None
        self.delivered: list[Any] = []
        self.options_read: dict[int, set[str]] = {}  # by the user, of optimizers' groups by id
        self.attributes_used: dict[int, set[str]] = {}  # of the user's objects by id
        self.graph_leaves = graph_leaves(self._named())
        _refuse_hooks(reach, self.graph_leaves)
        self._enter(args, kwargs)

    def _named(self) -> list[Any]:
        """Return the tensors of state and arguments, each with its name and argument's number."""
        named: list[Any] = [(*row, None) for row in self.reach.tensors.values()]
        for i, x in enumerate(self.leaves):
            if isinstance(x, Tensor) and not _stands_in(x, self.leaves[:i]):
                name = f"argument {i}"
                named.append((name, x, i))
        return named

    def _refuse(self, text: str) -> None:
        if self.strict:
            raise Refused(text)
        self.problem = self.problem or text

    # ---- before ---------------------------------------------------------------------------------
    def _enter(self, args: Any, kwargs: Any) -> None:
        """Put recording arrays in the place of what the function reaches and is given."""
        for name, tensor in self.reach.tensors.values():
            array = tensor._data
            if isinstance(array, np.ndarray):
                recording = self.tape.enter(array, STATE, name)
                self.arrays.append((tensor, array, recording))
        replaced: dict[int, Any] = {}
        for i, x in enumerate(self.leaves):
            if _stands_in(x, self.leaves[:i]):  # the same argument twice is one
                continue
            if isinstance(x, Tensor):
                self._enter_input(x, i)
            elif isinstance(x, np.ndarray):
                replaced[id(x)] = self._input(x, i)
        for i, leaf in enumerate(self.graph_leaves, len(self.leaves)):
            if leaf.before is not None:
                self._enter_input(leaf.before, i, f"{leaf.name}.grad")
        self.args, self.kwargs = args, kwargs
        if replaced:
            change = lambda x: replaced.get(id(x), x)
            self.args, self.kwargs = tree_map(change, args), tree_map(change, kwargs)

    def _enter_input(self, tensor: Tensor, i: int, label: str = "") -> None:
        array = tensor._data
        recording = self._input(array, i, label)
        self.arrays.append((tensor, array, recording))

    def _input(self, array: np.ndarray, i: int, label: str = "") -> Any:
        """Return the recording array of an argument; one that is a view, of a copy."""
        owner = root(array)
        known = self.tape.memories.get(id(owner))
        if known is not None and known.kind == STATE:
            raise Refused(
                f"an argument lies in the memory of {known.label}, which the function, or another "
                "method of its class, reaches; pass a copy of it"
            )
        own = array if array is owner and known is None else lying_alike(array)
        self.copies.append((array, own))
        return self.tape.enter(own, INPUT, label, i)

    # ---- the call -------------------------------------------------------------------------------
    def run(self) -> None:
        """Call the function; what it reaches has its own arrays again afterwards."""
        empty_free_lists()
        optimizers = self.reach.optimizers
        scratch = [optimizer._scratch for optimizer in optimizers]
        for tensor, _, recording in self.arrays:
            tensor._data = recording
        for optimizer in optimizers:
            optimizer._scratch = {}
        groups = WatchedGroups(optimizers)
        for leaf in self.graph_leaves:
            leaf.watch()
        objects = WatchedObjects(self.reach)
        MODES.tape = self.tape
        try:
            with noted_constructors():
                self.value = self.function(*self.args, **self.kwargs)
        finally:
            MODES.tape = None
            self.attributes_used = objects.stop()
            self.options_read = groups.stop()
            for leaf in self.graph_leaves:
                leaf.stop()
            for optimizer, buffers in zip(optimizers, scratch, strict=True):
                optimizer._scratch = buffers
            self._give_back()

    def _give_back(self) -> None:
        """Give everything its own array back; what took another array is written to its own."""
        for tensor, array, recording in self.arrays:
            now, tensor._data = tensor._data, array
            if now is not recording and isinstance(now, RecordingArray):
                self._write_back(array, recording, now)
        for array, own in self.copies:
            if array is not own and array.flags.writeable:
                np.copyto(array, own)
        for leaf in self.graph_leaves:
            grad = leaf.node.grad
            if grad is None:
                continue
            leaf.after = self.tape.place(grad._data)
            grad._data = own_array(grad._data)
        self.reach.visit_state()
        for _, tensor in self.reach.tensors.values():
            tensor._data = own_array(tensor._data)

    def _write_back(self, array: Any, recording: Any, now: Any) -> None:
        if array.shape != now.shape or array.dtype != now.dtype:
            raise Refused("a tensor of the state takes another shape or dtype in the step")
        target = self.tape.place(recording)
        source = self.tape.place(now)
        np.copyto(array, now.view(np.ndarray))
        call = Call(np.copyto, (target, source), {})
        call.writes = (target,)
        call.overwrites = True
        self.tape.calls.append(call)

    # ---- afterwards -----------------------------------------------------------------------------
    def program(self) -> Program:
        """Return what was written down."""
        empty_free_lists()
        calls = list(self.tape.calls)
        results: list[Any] = []

        plain: list[Any] = []

        def note_result(x: Any) -> Any:
            if self._is_result(x):
                array = getattr(x, "_data", x)
                argument = next((own for given, own in self.copies if given is array), array)
                results.append(self.tape.place(argument))
            else:
                plain.append(x)
            return x

        tree_map(note_result, self.value)
        written = {place.memory for call in calls for place in call.writes}
        self._refuse_shared(written)
        self.delivered = [leaf for leaf in self.graph_leaves if self._delivers(leaf, written)]
        results += [leaf.after for leaf in self.delivered]
        memories = list(self.tape.memories.values())
        inputs = [memory for memory in memories if memory.kind == INPUT]
        inputs.sort(key=lambda memory: memory.key)
        states = [memory for memory in memories if memory.kind == STATE]
        if not written.isdisjoint(states):
            _refuse_overlaps(states)
        return Program(calls, inputs, states, results, plain)

    def _refuse_shared(self, written: set[Memory]) -> None:
        """Refuse that an argument is written whose memory is another's, too."""
        for i, (array, own) in enumerate(self.copies):
            if self.tape.place(own).memory not in written:
                continue
            others = [x for j, (x, _) in enumerate(self.copies) if j != i]
            if any(np.may_share_memory(array, x) for x in others):
                raise Refused(
                    f"an argument of shape {array.shape} is written, and another one lies in the "
                    "same memory; pass a copy of it"
                )

    def _is_result(self, x: Any) -> bool:
        """Whether a replay returns this anew: not what was there before."""
        return isinstance(x, (Tensor, np.ndarray)) and id(x) not in self.reach.tensors

    def _delivers(self, leaf: Any, written: set[Memory]) -> bool:
        """Whether the step leaves a gradient behind that it has not used up.

        One that it adds to what was there before is read again by the next call.
        """
        if leaf.after is None or leaf.after.memory.kind != TEMPORARY:
            return False
        place = self.tape.place(leaf.tensor._data)
        used_up = place.memory in written and not leaf.reads
        return leaf.sets and not used_up

    def detach(self) -> Any:
        """Return what the function returned, as plain tensors; refuse what is kept otherwise."""

        def plain_result(x: Any) -> Any:
            if not self._is_result(x):
                return x
            if isinstance(x, np.ndarray):
                return own_array(x)
            if x._node is not None and x._node.primitive is not None and not self.tape.sweeps:
                raise HasGraph(
                    "the result requires grad, and a replay has no graph; call backward() in the "
                    "step, or compute the result in mg.no_grad()"
                )
            return Tensor._wrap(own_array(x._data))

        self.value = tree_map(plain_result, self.value)
        self.args = self.kwargs = None
        self.arrays.clear()
        if not self.problem:
            self._refuse_what_is_kept()
        return self.value

    def _refuse_what_is_kept(self) -> None:
        """Refuse that a value of this call lives on elsewhere."""
        alive = self.tape.alive
        if alive:
            gc.collect()
        for array in list(alive.values()):
            place = self.tape.place(array)
            if place.memory.kind == TEMPORARY:
                self._refuse(
                    f"a tensor {array.shape} of the step lives on after it, in a list or an "
                    "attribute; a replay would not put it there: return it"
                )


def _refuse_overlaps(states: list[Memory]) -> None:
    """Refuse state in one memory that NumPy takes for two, as of a buffer that was given twice."""
    lying = sorted((*byte_bounds(memory.array), memory.label) for memory in states)
    for (_, end, name), (begin, _, other) in itertools.pairwise(lying):
        if begin < end:
            raise Refused(
                f"'{name}' and '{other}' lie in one memory, which NumPy does not know; make one a "
                "view of the other"
            )


def _stands_in(x: Any, leaves: list[Any]) -> bool:
    return any(x is other for other in leaves)


def _refuse_hooks(reach: Reach, leaves: list[Any]) -> None:
    """Refuse hooks, which a replay would not call."""
    for name, hooks in reach.hooks():
        if hooks:
            raise Refused(
                f"hooks on '{name}' would not be called by a replay; remove them or call the "
                "step eagerly"
            )
    for leaf in leaves:
        if leaf.node.hooks or leaf.node.after_hooks:
            raise Refused(f"hooks on '{leaf.name}' would not be called by a replay; remove them")


def own_array(x: Any) -> Any:
    """Return the plain array of a recording one."""
    if not isinstance(x, RecordingArray):
        return x
    return root(x) if x._owner is None else np.array(x, order="K")
