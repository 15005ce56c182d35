"""Tensor: an array that remembers how it came about.

Every operation meets in ``recording``: operators, methods, functions and NumPy's own calls on
Tensors (through its two protocols) all end there, with one primitive and its operands.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from minigrad.dtypes import category, legacy_tensor_data
from minigrad.engine.backward import run_backward
from minigrad.engine.delivery import HOOKED
from minigrad.engine.graph import Handle as Handle
from minigrad.engine.graph import Node
from minigrad.engine.recording import Recorded, link_detached, source
from minigrad.engine.views import derive, share
from minigrad.modes import MODES, RESULTS
from minigrad.silence import warn
from minigrad.tensor.inplace import InPlace
from minigrad.tensor.numpy_protocol import Interop
from minigrad.tensor.operators import OperatorMethods
from minigrad.tensor.printing import tensor_repr


class Tensor(Recorded, OperatorMethods, InPlace, Interop):
    """An n-dimensional array with gradients; make one with :func:`minigrad.tensor`.

    As of old, ``Tensor([1, 2])`` and ``Tensor(array)`` are of the default dtype (on the memory of
    an array that is so already; :func:`minigrad.from_numpy` keeps the array's own dtype),
    ``Tensor(2, 3)`` is of that size. The rest is PyTorch's:
    https://docs.pytorch.org/docs/stable/tensors.html

    >>> import minigrad as mg
    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    _detached_grad: Tensor | None = None  # .grad of a tensor that asks for no gradient
    _resting: Node | None = None  # of a leaf that asks for no gradient for a while
    _data: np.ndarray

    def __init__(self, data: Any = (), *sizes: int, requires_grad: bool = False) -> None:
        if isinstance(data, Tensor):
            share(data)
        self._data = data = (
            data._data if isinstance(data, Tensor) else legacy_tensor_data(data, sizes)
        )
        category(data.dtype)
        if MODES.tape is not None:
            self._data = MODES.tape.adopt(data)
        if MODES.inference:
            self._inference = True
        if requires_grad:
            self.requires_grad_()

    # ---- what it is --------------------------------------------------------------------------
    @property
    def data(self) -> Tensor:
        """The same memory, detached from the graph; assigning puts another value in its place."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        array = value._data
        if self._node is not None and category(array.dtype) != 2:
            raise RuntimeError(
                "data set to a tensor that requires gradients must be floating point or complex "
                f"dtype, but got {array.dtype}"
            )
        if self._node is not None and (self._node.shape, self._node.dtype) != (
            array.shape,
            array.dtype,
        ):
            if not self.is_leaf:
                raise RuntimeError(
                    "data: shape and dtype of a recorded tensor cannot be changed, from "
                    f"{self._data.dtype}{list(self._data.shape)} to "
                    f"{array.dtype}{list(array.shape)}"
                )
            self._node.shape, self._node.dtype = array.shape, array.dtype
        self._data = array
        self._constant = None
        self._view = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the elements."""
        return self._data.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    # ---- gradients ---------------------------------------------------------------------------
    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for a gradient of this leaf, or stop asking; return the tensor.

        Raises RuntimeError for integer and bool tensors, and for switching off a non-leaf.
        """
        if requires_grad and self._node is None:
            if category(self.dtype) != 2:
                raise RuntimeError(
                    "Only Tensors of floating point and complex dtype can require gradients; this "
                    f"one is {self.dtype}. Convert it first: x.float().requires_grad_()"
                )
            if self._inference and not MODES.inference:
                raise RuntimeError(
                    "Setting requires_grad=True on inference tensor outside InferenceMode is not "
                    "allowed."
                )
            node, self._resting = (
                self._resting,
                None,
            )  # what was recorded before the pause still leads here
            if node is None or (node.shape, node.dtype) != (self._data.shape, self._data.dtype):
                node = Node(self._data.shape, self._data.dtype)
            self._node = node
            self._node.grad, self._detached_grad = self._detached_grad, None
        elif not requires_grad and self._node is not None:
            source = self._node.primitive
            if source is not None:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use "
                    "a computed variable in a subgraph that doesn't require differentiation use "
                    "var_no_grad = var.detach(). "
                    f"This one came from {source.name}"
                )
            self._resting, self._node = self._node, None
            self._detached_grad, self._resting.grad = self._resting.grad, None
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether this tensor was made by the user rather than by a recorded operation."""
        return self._node is None or self._node.primitive is None

    def is_inference(self) -> bool:
        """Return whether this tensor was made inside ``inference_mode``."""
        return self._inference

    @property
    def retains_grad(self) -> bool:
        """Whether this is a non-leaf after ``retain_grad``."""
        return self._node is not None and self._node.retains and not self.is_leaf

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made this tensor, None for leaves."""
        return None if self.is_leaf else self._node

    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated here by ``backward``; on a non-leaf after ``retain_grad``."""
        node = self._node
        if node is None:
            return self._detached_grad
        if node.grad is None and node.primitive is not None and not node.retains:
            warn(_NO_GRAD_HERE)
        return node.grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got {type(value).__name__}"
                )
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if value.shape != self.shape:
                raise RuntimeError(
                    f"attempting to assign a gradient of size '{list(value.shape)}' to a tensor of "
                    f"size '{list(self.shape)}'. Please ensure that the gradient and the tensor "
                    "are the same size"
                )
            if value.dtype != self.dtype:
                raise RuntimeError(
                    f"attempting to assign a gradient with dtype '{value.dtype}' to a tensor with "
                    f"dtype '{self.dtype}'. Convert it first: grad.to(x.dtype)"
                )
        if self._node is None:
            self._detached_grad = value
        else:
            self._node.grad = value

    @grad.deleter
    def grad(self) -> None:
        self.grad = None

    def named(self, label: str) -> Tensor:
        """Give the operation that made this tensor a name for pictures; return the tensor."""
        if (node := self._node if MODES.links is None else source(self)) is not None:
            node.label = label
        return self

    def retain_grad(self) -> None:
        """Keep ``.grad`` of this non-leaf, too, at the next ``backward``."""
        if self._node is None:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        self._node.retains = True

    def detach(self) -> Tensor:
        """Return a tensor on the same memory that the graph does not know."""
        result = Tensor.__new__(Tensor)
        result._data = self._data
        if self._inference:
            result._inference = True
        elif RESULTS.looked_at:
            link_detached(result, self)
        if self._node is not None:
            share(self)
        return result

    def detach_(self) -> Tensor:
        """Take this tensor itself out of the graph; return it."""
        if self._node is not None:
            if self._view is not None:
                raise RuntimeError("Can't detach views in-place. Use detach() instead.")
            self._detached_grad = self._node.grad if self.is_leaf else None
            share(self)
            self._node = self._view = None
        return self

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add the gradient of this tensor to ``.grad`` of the leaves (or of ``inputs``).

        ``gradient`` is the cotangent, needed unless the tensor has one element. The graph is used
        up unless ``retain_graph`` (default: ``create_graph``). With ``create_graph`` the gradients
        are themselves recorded. Raises RuntimeError without a graph, on a non-scalar without
        ``gradient``, on a mismatched shape and on a graph already used up.
        https://docs.pytorch.org/docs/stable/generated/torch.Tensor.backward.html
        """
        run_backward([self], [gradient], retain_graph, create_graph, inputs)

    def register_hook(self, hook: Any) -> Handle:
        """Call ``hook(grad)`` when the gradient of this tensor is known; it may return another.

        Raises RuntimeError for a tensor that asks for no gradient; backward raises TypeError for a
        hook that returns something else, RuntimeError for another shape or dtype.
        """
        if self._node is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self._node.hooks is None:
            self._node.hooks = {}
        return Handle(self._node.hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Any) -> Handle:
        """Call ``hook(tensor)`` each time ``backward`` has added to ``.grad`` of this leaf.

        That is as soon as its gradient is final; for other leaves backward may still go on.

        https://docs.pytorch.org/docs/stable/generated/torch.Tensor.register_post_accumulate_grad_hook.html
        """
        if self._node is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if not self.is_leaf:
            raise RuntimeError(
                "post accumulate grad hooks cannot be registered on non-leaf tensors"
            )
        if self._node.after_hooks is None:
            self._node.after_hooks = {}
            HOOKED.add(self._node)
        known = weakref.ref(self)  # the node must not hold the tensor that holds it

        def after() -> None:
            tensor = known()
            if tensor is not None and hook(tensor) is not None:
                name = getattr(hook, "__name__", hook)
                raise RuntimeError(f"Tensor post accumulate grad hooks should return None: {name}")

        return Handle(self._node.after_hooks, after)

    def __repr__(self) -> str:
        return tensor_repr(self)


class _Stale(Tensor):
    """A view whose base has a new value: it looks up its place in the graph when asked for it."""

    @property
    def _node(self) -> Node | None:
        return derive(self)

    @_node.setter
    def _node(self, node: Node | None) -> None:
        self.__class__ = Tensor  # type: ignore[assignment]
        self._node = node


_Stale.__name__ = _Stale.__qualname__ = "Tensor"
Recorded._plain, Recorded._stale = Tensor, _Stale

_NO_GRAD_HERE = (
    "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
    "attribute won't be populated during autograd.backward(). If you indeed want the .grad field "
    "to be populated for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you "
    "access the non-leaf Tensor by mistake, make sure you access the leaf Tensor instead."
)
