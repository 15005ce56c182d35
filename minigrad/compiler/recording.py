"""One call of a function, run for real and written down."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.compiler.program import INPUT, STATE, TEMPORARY, Call, Program
from minigrad.compiler.reach import Reach
from minigrad.compiler.tape import RecordingArray, Tape, root
from minigrad.engine.graph import Node
from minigrad.modes import MODES
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_map


class Refused(Exception):
    """What a compiled step cannot do: said with the user's line and the way out."""

    def __init__(self, text: str, kind: type[Exception] = TypeError) -> None:
        super().__init__(text)
        self.kind = kind


class WatchedNode(Node):
    """A leaf's node that tells whether its ``.grad`` was read before it was set."""

    __slots__ = ()

    @property
    def grad(self) -> Any:
        log = self.__dict__.setdefault("log", [])
        log.append("read")
        return self.__dict__.get("grad")

    @grad.setter
    def grad(self, value: Any) -> None:
        self.__dict__.setdefault("log", []).append("set")
        self.__dict__["grad"] = value


class Leaf:
    """A leaf that asks for a gradient, and what the step did with its ``.grad``."""

    def __init__(self, tensor: Tensor, node: Node, name: str) -> None:
        self.tensor, self.node, self.name = tensor, node, name
        self.before = node.grad
        self.reads = self.sets = False
        self.after: Any = None  # the place of the gradient that the step leaves behind

    def watch(self) -> None:
        """Look at what is done from now on."""
        self.node.__dict__["log"] = []
        self.node.__class__ = WatchedNode

    def stop(self) -> None:
        """Look no longer."""
        self.node.__class__ = Node
        log = self.node.__dict__.pop("log")
        self.reads, self.sets = log[:1] == ["read"], "set" in log


class Recording:
    """A program, and what it was recorded from."""

    def __init__(self, function: Any, args: Any, kwargs: Any, leaves: list[Any], reach: Reach):
        self.function, self.leaves, self.reach = function, leaves, reach
        self.tape = Tape(_refuse, reach.modules)
        self.arrays: list[tuple[Any, Any, Any]] = []  # tensor, its array, the recording one
        self.inputs: list[Any] = []
        self.graph_leaves = self._graph_leaves()
        self.value: Any = None
        self._replaced: dict[int, Any] = {}
        self._enter(args, kwargs)

    # ---- before ---------------------------------------------------------------------------------
    def _graph_leaves(self) -> list[Leaf]:
        named = [*self.reach.tensors.values()]
        named += [(f"argument {i}", x) for i, x in enumerate(self.leaves) if isinstance(x, Tensor)]
        found: dict[int, Leaf] = {}
        for name, tensor in named:
            node = tensor._node
            if node is not None and node.primitive is None and type(node) is Node:
                found.setdefault(id(node), Leaf(tensor, node, name))
        return list(found.values())

    def _enter(self, args: Any, kwargs: Any) -> None:
        """Put recording arrays in the place of what the function reaches and is given."""
        for name, tensor in self.reach.tensors.values():
            self._swap(tensor, STATE, name)
        for leaf in self.graph_leaves:
            if leaf.before is not None:
                self._swap(leaf.before, STATE, f"{leaf.name}.grad")
        for i, x in enumerate(self.leaves):
            if isinstance(x, Tensor):
                self._swap_input(x, i)
            elif isinstance(x, np.ndarray):
                self._replaced[id(x)] = self._input(x, i)
        change = lambda x: self._replaced.get(id(x), x)
        self.args, self.kwargs = tree_map(change, args), tree_map(change, kwargs)

    def _swap(self, tensor: Tensor, kind: str, name: str) -> None:
        array = tensor._data
        if isinstance(array, RecordingArray) or not isinstance(array, np.ndarray):
            return
        self.arrays.append((tensor, array, self.tape.enter(array, kind, name)))

    def _swap_input(self, tensor: Tensor, i: int) -> None:
        array = tensor._data
        self.arrays.append((tensor, array, self._input(array, i)))

    def _input(self, array: np.ndarray, i: int) -> Any:
        """Return the recording array of an argument; one that is a view, of a copy."""
        own = array if array.base is None else lies_as(array)
        if id(own) in self.tape.memories:
            raise Refused("compile: an argument is part of the state, too")
        recording = self.tape.enter(own, INPUT, key=i)
        self.inputs.append((i, array, own))
        return recording

    # ---- the call -------------------------------------------------------------------------------
    def run(self) -> None:
        """Call the function; what it reaches has its own arrays again afterwards."""
        for tensor, _, recording in self.arrays:
            tensor._data = recording
        scratch = [(optimizer, optimizer._scratch) for optimizer in self.reach.optimizers]
        for optimizer, _ in scratch:
            optimizer._scratch = {}
        for leaf in self.graph_leaves:
            leaf.watch()
        MODES.tape = self.tape
        try:
            self.value = self.function(*self.args, **self.kwargs)
        finally:
            MODES.tape = None
            for leaf in self.graph_leaves:
                leaf.stop()
            for optimizer, buffers in scratch:
                optimizer._scratch = buffers
            self._finish()

    def _finish(self) -> None:
        """Give everything its own array back; what took another array is written to its own."""
        for tensor, array, recording in self.arrays:
            now, tensor._data = tensor._data, array
            if now is not recording and isinstance(now, RecordingArray):
                self._write_back(array, recording, now)
        for _, array, own in self.inputs:
            if array is not own and array.flags.writeable:
                np.copyto(array, own)
        for leaf in self.graph_leaves:
            grad = leaf.node.grad
            if grad is not None and isinstance(grad._data, RecordingArray):
                leaf.after = self.tape.place(grad._data)
                grad._data = own_array(grad._data)
        self.reach.visit_state()
        for tensor in [tensor for _, tensor in self.reach.tensors.values()]:
            if isinstance(tensor._data, RecordingArray):
                tensor._data = own_array(tensor._data)

    def _write_back(self, array: Any, recording: Any, now: Any) -> None:
        if array.shape != now.shape or array.dtype != now.dtype:
            raise Refused("compile: a tensor of the state takes another shape or dtype")
        target = self.tape.place(recording)
        source = self.tape.place(now)
        np.copyto(array, now.view(np.ndarray))
        call = Call(np.copyto, (target, source), {})
        call.writes = (target,)
        call.overwrites = True
        self.tape.calls.append(call)

    # ---- afterwards -----------------------------------------------------------------------------
    def program(self) -> Program:
        """Return what was written down; the results of the call are plain tensors from now on."""
        written = {place.memory for call in self.tape.calls for place in call.writes}
        results = []

        def result(x: Any) -> Any:
            if not isinstance(x, (Tensor, np.ndarray)) or id(x) in self.reach.tensors:
                return x
            array = x._data if isinstance(x, Tensor) else x
            results.append(self.tape.place(array))
            return x

        tree_map(result, self.value)
        self.delivered = []
        for leaf in self.graph_leaves:
            place = self.tape.memories.get(id(root(leaf.tensor._data)))
            if not leaf.sets or leaf.after is None or place in written:
                continue
            if leaf.after.memory.kind == TEMPORARY:
                self.delivered.append(leaf)
                results.append(leaf.after)
        memories = list(self.tape.memories.values())
        inputs = sorted((m for m in memories if m.kind == INPUT), key=lambda m: m.key)
        states = [m for m in memories if m.kind == STATE]
        return Program(list(self.tape.calls), inputs, states, results)

    def detach(self) -> Any:
        """Return what the function returned, as plain tensors."""
        reached = self.reach.tensors

        def plain_result(x: Any) -> Any:
            if isinstance(x, Tensor) and id(x) not in reached:
                return Tensor._wrap(own_array(x._data))
            return own_array(x)

        self.value = tree_map(plain_result, self.value)
        return self.value


def own_array(x: Any) -> Any:
    """Return the plain array of a recording one."""
    if not isinstance(x, RecordingArray):
        return x
    return root(x) if x._owner is None else x.view(np.ndarray)


def lies_as(array: np.ndarray) -> np.ndarray:
    """Return a copy that lies as the array does."""
    copy = np.copy(array, order="K")
    if copy.strides == array.strides:
        return copy
    raise Refused(f"compile: an argument of shape {array.shape} lies with gaps; pass a copy of it")


def _refuse(text: str) -> None:
    raise Refused(f"compile: {text}")
