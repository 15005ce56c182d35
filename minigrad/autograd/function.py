"""Function: an operation with a backward of one's own.

https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.Function

A call stands in the graph as one node (the call) with the inputs behind it, and one node an output
before it. An output hands its cotangent on in a ``Cotangents``, which adds up like an array; so
the call sees all of them together and ``backward`` runs once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.autograd.function_nodes import Call, check_dirty, end
from minigrad.engine.graph import Node
from minigrad.engine.recording import source
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
    _call: Call | None = None  # while backward runs

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

    def _unpacked(self, node: Any, array: Any) -> Tensor:
        by = written_since(array, self._moment)
        if by is not None:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an "
                f"inplace operation: a {array.dtype} tensor of shape {tuple(array.shape)} saved "
                f"for backward was overwritten by {by}. Compute the gradient first, or save a "
                "clone()."
            )
        tensor = Tensor._wrap(array)
        if node is not None and self._call is not None:  # it requires grad as it did, as in PyTorch
            tensor._node = (
                node
                if isinstance(node, Node)
                else self._call.node_of(node[0], node[1], self._outputs)
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

    @classmethod
    def _own_backward(cls) -> Callable[..., Any]:
        """Return what the subclass has written, by either of the two names."""
        return cls.vjp if cls.backward is Function.backward else cls.backward

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
        check_dirty(ctx, result)
        if not MODES.grad_enabled or not any(ctx.needs_input_grad):
            return result
        outputs = result if isinstance(result, tuple) else (result,)
        linked = Call(cls, nodes).link(ctx, args, outputs)
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
        ends = tuple(end(x, nodes) if isinstance(x, Tensor) else x for x in many)
        return ends if isinstance(answers, tuple) else ends[0]

    return wrapper
