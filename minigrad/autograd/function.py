"""Function: an operation with a backward of one's own.

https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.Function

A call stands in the graph as one node (the call) with the inputs behind it, and one node an output
before it. An output hands its cotangent on in a ``_Cotangents``, which adds up like an array; so
the call sees all of them together and ``backward`` runs once.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.autograd.lines import note_call
from minigrad.engine.graph import Node
from minigrad.engine.messages import INFERENCE_SAVED
from minigrad.engine.recording import source
from minigrad.engine.views import rebase
from minigrad.modes import MODES, no_grad
from minigrad.primitive import Primitive
from minigrad.storage import written_since
from minigrad.tensor.tensor import Tensor

_OBJECT = np.dtype(object)


class FunctionCtx:
    """Holds for ``backward`` what ``forward`` leaves it.

    Tensors by ``save_for_backward``, anything else as an attribute.
    """

    needs_input_grad: tuple[bool, ...] = ()
    _to_save: tuple[Tensor | None, ...] = ()
    _saved: tuple[Any, ...] = ()  # once linked: (node or place, array) each
    _dirty: tuple[Tensor, ...] = ()
    _constants: tuple[Tensor, ...] = ()
    _outputs: tuple[Any, ...] = ()  # (shape, dtype) of each, None for what is no tensor
    _materializes = True
    _moment = 0
    _call: _Call | None = None  # while backward runs

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep these inputs, outputs or other tensors; a second call replaces the first.

        Raises TypeError for what is neither a Tensor nor None: that is kept as an attribute.
        """
        for i, x in enumerate(tensors):
            if x is not None and not isinstance(x, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type "
                    f"{type(x).__name__}"
                )
        self._to_save = tensors

    def mark_dirty(self, *args: Tensor) -> None:
        """Tell that ``forward`` wrote into these inputs; each must be among its outputs."""
        self._dirty = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Tell that these outputs have no gradient."""
        self._constants = args

    def set_materialize_grads(self, value: bool) -> None:
        """Give ``backward`` None instead of zeros for outputs that nothing depends on."""
        self._materializes = value

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What was saved, standing in the graph where it stood.

        RuntimeError if it was overwritten since.
        """
        if not self._saved:
            return self._to_save
        return tuple(None if item is None else self._unpacked(*item) for item in self._saved)

    saved_variables = saved_tensors

    def _unpacked(self, home: Any, array: Any) -> Tensor:
        by = written_since(array, self._moment)
        if by is not None:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an "
                f"inplace operation: a {array.dtype} tensor of shape {tuple(array.shape)} saved "
                f"for backward was overwritten by {by}. Compute the gradient first, or save a "
                "clone()."
            )
        tensor = Tensor._wrap(array)
        if MODES.grad_enabled and home is not None and self._call is not None:
            tensor._node = (
                home
                if isinstance(home, Node)
                else self._call.node_of(home[0], home[1], self._outputs)
            )
        return tensor


class Function:
    """Base of operations with a backward of their own.

    Write both as static methods, call ``apply``.

    ``forward(ctx, *args)`` computes with recording off; ``backward(ctx, *grads)`` takes a cotangent
    for each output and returns one (or None) for each argument. ``backward`` of ordinary operations
    is itself differentiable. Instead of taking ``ctx``, ``forward(*args)`` may leave it to a static
    ``setup_context(ctx, inputs, output)``.
    https://docs.pytorch.org/docs/stable/notes/extending.html

    >>> import minigrad as mg
    >>> class Cube(mg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x**2
    >>> x = mg.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    _made: tuple[tuple[Primitive, Primitive], ...]

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the result; every Function writes its own."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Save for backward what it needs, where ``forward`` does not take ``ctx``."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Return the cotangent of each argument of ``forward``."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    vjp = backward

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Raise RuntimeError: an instance is PyTorch's way before 1.3."""
        name = type(self).__name__
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use "
            f"new-style autograd function with static forward method, and call {name}.apply(...), "
            f"not {name}()(...)."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` and link its outputs to the tensors among ``args``."""
        ctx = FunctionCtx()
        nodes = tuple(source(x) if isinstance(x, Tensor) else None for x in args)
        ctx.needs_input_grad = tuple(node is not None and node.requires_grad for node in nodes)
        with no_grad():
            if cls.setup_context is not Function.setup_context:
                result = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, result)
            else:
                result = cls.forward(ctx, *args, **kwargs)
        _check_dirty(ctx, result)
        if not MODES.grad_enabled or not any(ctx.needs_input_grad):
            return result
        outputs = result if isinstance(result, tuple) else (result,)
        linked = _Call(cls, nodes).link(ctx, args, outputs)
        return linked if isinstance(result, tuple) else linked[0]


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a ``backward`` that is no function of tensors.

    A second derivative raises RuntimeError.

    https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.function.once_differentiable
    """

    @functools.wraps(function)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            answers = function(ctx, *grads)
        if not MODES.grad_enabled:
            return answers
        among = (
            *(ctx._call.inputs if ctx._call else ()),
            *(g._node for g in grads if isinstance(g, Tensor)),
        )
        nodes = tuple(node for node in among if node is not None and node.requires_grad)
        many = answers if isinstance(answers, tuple) else (answers,)
        ends = tuple(_end(x, nodes) if isinstance(x, Tensor) else x for x in many)
        return ends if isinstance(answers, tuple) else ends[0]

    return wrapper


# ---- the graph ---------------------------------------------------------------------------------
class _Named(Node):
    function = ""

    def name(self) -> str:
        """Return PyTorch's name of it, ``CubeBackward``."""
        return f"{self.function}Backward"

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes of the tensors among the arguments."""
        call = self.inputs[0] if self.inputs else None
        return call.next_functions if isinstance(call, _Call) else super().next_functions


class _Call(_Named):
    """One call; its cotangent is a ``_Cotangents``."""

    def __init__(self, cls: type[Function], nodes: tuple[Node | None, ...]) -> None:
        super().__init__((), _OBJECT)
        self.cls, self.inputs, self.function = cls, nodes, cls.__name__
        self.outputs: list[Any] = []  # weak references: outputs point here

    def link(
        self, ctx: FunctionCtx, args: tuple[Any, ...], outputs: tuple[Any, ...]
    ) -> tuple[Any, ...]:
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

    def _packed(
        self, ctx: FunctionCtx, x: Any, args: tuple[Any, ...], outputs: tuple[Any, ...]
    ) -> Any:
        if x is None:
            return None
        if x._inference:
            raise RuntimeError(INFERENCE_SAVED)
        i, j = _place(x, args), _place(x, outputs)
        if j is not None and (i is None or _place(x, ctx._dirty) is not None):
            return ("output", j), x._data
        return (x._node if i is None else ("input", i)), x._data

    def _linked(self, ctx: FunctionCtx, i: int, y: Any) -> Any:
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

    def __init__(self, ctx: FunctionCtx) -> None:
        self.ctx = ctx


class _Cotangents:
    """The cotangents of a call's outputs, and what backward made of them."""

    shape: tuple[int, ...] = ()
    dtype = _OBJECT
    base = ()  # not None: nobody adds to it in place

    def __init__(self, call: _Call, known: dict[int, Any]) -> None:
        self.call, self.known = call, known
        self.answers: tuple[Any, ...] | None = None

    def __add__(self, other: _Cotangents) -> _Cotangents:
        both = dict(self.known)
        for i, g in other.known.items():
            both[i] = both[i] + g if i in both else g
        return _Cotangents(self.call, both)

    def answer(self, ctx: FunctionCtx, i: int) -> Any:
        """Return the cotangent of argument ``i``, None where backward gave none."""
        if self.answers is None:
            self.answers = self._backward(ctx)
        g = self.answers[i]
        recorded = isinstance(next(iter(self.known.values())), Tensor)
        return g if g is None or recorded else g._data[...]  # a view: nobody takes the memory over

    def _backward(self, ctx: FunctionCtx) -> tuple[Any, ...]:
        grads = [self._grad(ctx, i) for i in range(len(ctx._outputs))]
        cls = self.call.cls
        ctx._call = self.call
        try:
            backward = cls.vjp if cls.backward is Function.backward else cls.backward
            answers = backward(ctx, *grads)
        finally:
            ctx._call = None
        return _checked(self.call, answers if isinstance(answers, tuple) else (answers,))

    def _grad(self, ctx: FunctionCtx, i: int) -> Any:
        kind, g = ctx._outputs[i], self.known.get(i)
        if g is not None:
            return g if isinstance(g, Tensor) else Tensor._wrap(g)
        return Tensor._wrap(np.zeros(*kind)) if kind is not None and ctx._materializes else None


def _primitives(cls: type[Function], saves: bool) -> tuple[Primitive, Primitive]:
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
        return _Cotangents(_call, {index: g})

    outputs = Primitive(call, (rule,), name=f"output of {cls.__name__}")
    calls = (Primitive(call, (), each=each, name=cls.__name__) for each in (saving_nothing, saving))
    cls._made = tuple((made, outputs) for made in calls)
    return cls._made[saves]


def _checked(call: _Call, answers: tuple[Any, ...]) -> tuple[Any, ...]:
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


def _check_dirty(ctx: FunctionCtx, result: Any) -> None:
    outputs = result if isinstance(result, tuple) else (result,)
    if any(_place(x, outputs) is None for x in ctx._dirty):
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. "
            "The inputs that are modified inplace must all be outputs of the Function."
        )


def _place(x: Any, among: tuple[Any, ...]) -> int | None:
    return next((i for i, other in enumerate(among) if other is x), None)


def _twice(g: Any, i: int, _out: Any, *_inputs: Any) -> Any:
    raise RuntimeError(
        "trying to differentiate twice a function that was marked with @once_differentiable"
    )


_END = Primitive(_twice, (), each=_twice, name="once_differentiable")


def _end(x: Tensor, nodes: tuple[Node, ...]) -> Tensor:
    """Return ``x`` as a recorded result through which no gradient goes."""
    if not nodes:
        return x
    result = x.detach()
    result._node = Node(x.shape, x.dtype)
    result._node.primitive, result._node.inputs = _END, nodes
    result._node.saved = (None, *(None for _ in nodes))
    return result
