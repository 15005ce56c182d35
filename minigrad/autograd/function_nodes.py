"""How a call of a Function stands in the graph: the call, its outputs, and what they hand on."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from minigrad.autograd.lines import note_call
from minigrad.engine.graph import Node
from minigrad.engine.messages import INFERENCE_SAVED
from minigrad.engine.views import rebase
from minigrad.modes import MODES
from minigrad.primitive import Primitive
from minigrad.tensor.tensor import Tensor

_OBJECT = np.dtype(object)


class _Named(Node):
    function = ""

    def name(self) -> str:
        """Return PyTorch's name of it, ``CubeBackward``."""
        return f"{self.function}Backward"

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes of the tensors among the arguments."""
        call = self.inputs[0] if self.inputs else None
        return call.next_functions if isinstance(call, Call) else super().next_functions


class Call(_Named):
    """One call; its cotangent is a ``Cotangents``."""

    def __init__(self, cls: type[Any], nodes: tuple[Node | None, ...]) -> None:
        super().__init__((), _OBJECT)
        self.cls, self.inputs, self.function = cls, nodes, cls.__name__
        self.outputs: list[Any] = []  # weak references: outputs point here

    def link(self, ctx: Any, args: tuple[Any, ...], outputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the outputs as tensors of the graph; take over what ``ctx`` saved."""
        ctx._moment = self.sequence
        ctx._saved = tuple(self._packed(ctx, x, args, outputs) for x in ctx._to_save)
        saves = bool(ctx._to_save)
        self.primitive, self.of_output = _primitives(self.cls, saves)
        self.params = (
            {} if saves else {"held": _Held(ctx)}
        )  # what saved nothing may be gone through again
        self.saved = (_Held(ctx) if saves else None, *(None for _ in self.inputs))
        ctx._to_save = ()
        ctx._outputs = tuple((y.shape, y.dtype) if isinstance(y, Tensor) else None for y in outputs)
        linked = tuple(self._linked(ctx, i, y) for i, y in enumerate(outputs))
        ctx._dirty = ctx._constants = ()
        if MODES.on_result is not None:
            note_call(self, args, linked)
        return linked

    def _packed(self, ctx: Any, x: Any, args: tuple[Any, ...], outputs: tuple[Any, ...]) -> Any:
        if x is None:
            return None
        if x._inference:
            raise RuntimeError(INFERENCE_SAVED)
        i, j = _place(x, args), _place(x, outputs)
        if j is not None and (i is None or _place(x, ctx._dirty) is not None):
            return ("output", j), x._data
        return (x._node if i is None else ("input", i)), x._data

    def _linked(self, ctx: Any, i: int, y: Any) -> Any:
        self.outputs.append(None)
        if (
            not isinstance(y, Tensor)
            or y.dtype.kind != "f"
            or _place(y, ctx._constants) is not None
        ):
            return y
        node = self._output(i, y.shape, y.dtype)
        self.outputs[i] = weakref.ref(node)
        if _place(y, ctx._dirty) is None:
            y = y.detach()  # the tensor that forward may have kept stays outside: no circle
            y._node = node
        else:
            y._check_writable(recorded=True)
            value = y.detach()
            value._node = node
            rebase(y, value, self.function)
        return y

    def _output(self, i: int, shape: tuple[int, ...], dtype: Any) -> Node:
        node = _Named(shape, dtype)
        node.function, node.primitive, node.params = self.function, self.of_output, {"index": i}
        node.inputs = (self,)
        node.saved = (None, None)
        return node

    def node_of(self, kind: str, i: int, outputs: tuple[Any, ...]) -> Node | None:
        """Return the node of that input or output, for gradients through what was saved."""
        if kind == "input":
            node = self.inputs[i]
            if node is None or not node.requires_grad:
                return None
            return node
        reference = self.outputs[i]
        if reference is None:
            return None
        return reference() or self._output(i, *outputs[i])


class _Held:
    """Keeps the context from looking like an array."""

    def __init__(self, ctx: Any) -> None:
        self.ctx = ctx


class Cotangents:
    """The cotangents of a call's outputs, and what backward made of them."""

    shape: tuple[int, ...] = ()
    dtype = _OBJECT
    base = ()  # not None: nobody adds to it in place

    def __init__(self, call: Call, known: dict[int, Any]) -> None:
        self.call, self.known = call, known
        self.answers: tuple[Any, ...] | None = None

    def __add__(self, other: Cotangents) -> Cotangents:
        both = dict(self.known)
        for i, g in other.known.items():
            both[i] = both[i] + g if i in both else g
        return Cotangents(self.call, both)

    def answer(self, ctx: Any, i: int) -> Any:
        """Return the cotangent of argument ``i``, None where backward gave none."""
        if self.answers is None:
            self.answers = self._backward(ctx)
        g = self.answers[i]
        recorded = isinstance(next(iter(self.known.values())), Tensor)
        return g if g is None or recorded else g._data[...]  # a view: nobody takes the memory over

    def _backward(self, ctx: Any) -> tuple[Any, ...]:
        grads = [self._grad(ctx, i) for i in range(len(ctx._outputs))]
        ctx._call = self.call
        try:
            answers = self.call.cls._own_backward()(ctx, *grads)
        finally:
            ctx._call = None
        return _checked(self.call, answers if isinstance(answers, tuple) else (answers,))

    def _grad(self, ctx: Any, i: int) -> Any:
        kind, g = ctx._outputs[i], self.known.get(i)
        if g is not None:
            return g if isinstance(g, Tensor) else Tensor._wrap(g)
        return Tensor._wrap(np.zeros(*kind)) if kind is not None and ctx._materializes else None


def _primitives(cls: type[Any], saves: bool) -> tuple[Primitive, Primitive]:
    """Return how the calls of a Function and their outputs go backward; made at its first call."""
    if "_made" in cls.__dict__:
        return cls._made[saves]

    def call(*inputs: Any) -> Any:
        raise NotImplementedError(f"{cls.__name__}: call {cls.__name__}.apply")

    def saving(g: Any, i: int, held: Any, *_inputs: Any) -> Any:
        return g.answer(held.ctx, i)

    def saving_nothing(g: Any, i: int, _out: Any, *_inputs: Any, held: Any) -> Any:
        return g.answer(held.ctx, i)

    def rule(g: Any, _out: Any, _call: Any, *, index: int) -> Any:
        return Cotangents(_call, {index: g})

    outputs = Primitive(call, (rule,), name=f"output of {cls.__name__}")
    calls = (Primitive(call, (), each=each, name=cls.__name__) for each in (saving_nothing, saving))
    cls._made = tuple((call_primitive, outputs) for call_primitive in calls)
    return cls._made[saves]


def _checked(call: Call, answers: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return one gradient an argument; raise in PyTorch's words where they do not fit."""
    nodes, name = call.inputs, call.name()
    if len(answers) < len(nodes) or any(x is not None for x in answers[len(nodes) :]):
        raise RuntimeError(
            f"function {name} returned an incorrect number of gradients (expected {len(nodes)}, "
            f"got {len(answers)})"
        )
    for i, (g, node) in enumerate(zip(answers, nodes, strict=False)):
        if g is None:
            continue
        if not isinstance(g, Tensor):
            raise RuntimeError(
                f"expected Variable or None (got {type(g).__name__}) among the gradients of {name}"
            )
        if node is None:
            raise RuntimeError(
                f"function {name} returned a gradient different than None at position {i + 1}, but "
                "the corresponding forward input was not a Variable"
            )
        if not _reduces(g.shape, node.shape):
            raise RuntimeError(
                f"Function {name} returned an invalid gradient at index {i} - got {list(g.shape)} "
                f"but expected shape compatible with {list(node.shape)}"
            )
    return answers


def _reduces(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Tell whether summing broadcast axes leads from one shape to the other."""
    tail = shape[len(shape) - len(to) :]
    return len(shape) >= len(to) and all(n in (1, m) for m, n in zip(tail, to, strict=True))


def check_dirty(ctx: Any, result: Any) -> None:
    outputs = result if isinstance(result, tuple) else (result,)
    lost = [x for x in ctx._dirty if _place(x, outputs) is None]
    if lost:
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. "
            "The inputs that are modified inplace must all be outputs of the Function; missing "
            f"are tensors of the shapes {[tuple(x.shape) for x in lost]}"
        )


def _place(x: Any, among: tuple[Any, ...]) -> int | None:
    return next((i for i, other in enumerate(among) if other is x), None)


def _twice(g: Any, i: int, _out: Any, *_inputs: Any) -> Any:
    raise RuntimeError(
        "trying to differentiate twice a function that was marked with @once_differentiable"
    )


_END = Primitive(_twice, (), each=_twice, name="once_differentiable")


def end(x: Tensor, nodes: tuple[Node, ...]) -> Tensor:
    """Return ``x`` as a recorded result through which no gradient goes."""
    if not nodes:
        return x
    result = x.detach()
    result._node = Node(x.shape, x.dtype)
    result._node.primitive, result._node.inputs = _END, nodes
    result._node.saved = (None, *(None for _ in nodes))
    return result
