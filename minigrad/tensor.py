"""Tensor: an array that remembers how it came about.

Every operation meets in ``recording``: operators, methods, functions and NumPy's own calls on
Tensors (through its two protocols) all end there, with one primitive and its operands.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from minigrad import storage
from minigrad.dtypes import category, of_old
from minigrad.functions.methods import Methods
from minigrad.graph import Handle as Handle
from minigrad.graph import Node
from minigrad.inplace import InPlace
from minigrad.interop import Interop
from minigrad.modes import MODES, RESULTS
from minigrad.printing import tensor_repr
from minigrad.recording import Recorded, link_detached, source
from minigrad.silence import warn
from minigrad.sweep import sweep


class Tensor(Recorded, Methods, InPlace, Interop):
    """An n-dimensional array with gradients; make one with :func:`minigrad.tensor`.

    As of old, ``Tensor([1, 2])`` and ``Tensor(array)`` are of the default dtype (on the memory of an array that is
    so already; :func:`minigrad.from_numpy` keeps the array's own dtype), ``Tensor(2, 3)`` is of that size. The rest is PyTorch's: https://docs.pytorch.org/docs/stable/tensors.html

    >>> import minigrad as mg
    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    _detached_grad: Tensor | None = None  # .grad of a tensor that asks for no gradient
    _data: np.ndarray

    def __init__(self, data: Any = (), *sizes: int, requires_grad: bool = False) -> None:
        self._data = data = data._data if isinstance(data, Tensor) else of_old(data, sizes)
        category(data.dtype)
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
                "data set to a tensor that requires gradients must be floating point or complex dtype, "
                f"but got {array.dtype}"
            )
        if self._node is not None and (self._node.shape, self._node.dtype) != (array.shape, array.dtype):
            if not self.is_leaf:
                raise RuntimeError("data: shape and dtype of a recorded tensor cannot be changed")
            self._node.shape, self._node.dtype = array.shape, array.dtype
        self._data, self._constant = array, None

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
                    "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed."
                )
            self._node = Node(self._data.shape, self._data.dtype)
            self._node.grad, self._detached_grad = self._detached_grad, None
        elif not requires_grad and self._node is not None:
            if not self.is_leaf:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use "
                    "a computed variable in a subgraph that doesn't require differentiation use "
                    "var_no_grad = var.detach()."
                )
            self._detached_grad, self._node = self._node.grad, None
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
                raise TypeError(f"assigned grad expected to be a Tensor or None but got {type(value).__name__}")
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if value.shape != self.shape:
                raise RuntimeError(
                    f"attempting to assign a gradient of size '{list(value.shape)}' to a tensor of size "
                    f"'{list(self.shape)}'. Please ensure that the gradient and the tensor are the same size"
                )
            if value.dtype != self.dtype:
                raise RuntimeError(
                    f"attempting to assign a gradient with dtype '{value.dtype}' to a tensor with dtype "
                    f"'{self.dtype}'. Convert it first: grad.to(x.dtype)"
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
        if (home := self._node if MODES.links is None else source(self)) is not None:
            home.label = label
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
        return result

    def detach_(self) -> Tensor:
        """Take this tensor itself out of the graph; return it."""
        if self._node is not None:
            self._detached_grad = self._node.grad if self.is_leaf else None
            self._node = None
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

        https://docs.pytorch.org/docs/stable/generated/torch.Tensor.register_post_accumulate_grad_hook.html
        """
        if self._node is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if not self.is_leaf:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        if self._node.after_hooks is None:
            self._node.after_hooks = {}
        known = weakref.ref(self)  # the node must not hold the tensor that holds it

        def after() -> None:
            tensor = known()
            if tensor is not None and hook(tensor) is not None:
                raise RuntimeError("Tensor post accumulate grad hooks should return None.")

        return Handle(self._node.after_hooks, after)

    def __repr__(self) -> str:
        return tensor_repr(self)


Recorded._plain = Tensor


# ---- backward -------------------------------------------------------------------------------------
def run_backward(
    outputs: list[Tensor],
    gradients: list[Tensor | None],
    retain_graph: bool | None,
    create_graph: bool,
    inputs: Any,
) -> None:
    """Add the gradients of the outputs to ``.grad`` of the leaves, or of ``inputs``."""
    targets = None
    if inputs is not None:
        inputs = inputs.values() if isinstance(inputs, dict) else inputs
        targets = [inputs] if isinstance(inputs, Tensor) else list(inputs)
        if not targets:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    if create_graph:
        warn(_CIRCLE)
    for node, g, own in differentiate(outputs, gradients, targets, retain_graph, create_graph):
        accumulate(node, g, own)


def differentiate(
    outputs: list[Tensor],
    gradients: list[Tensor | None],
    targets: list[Tensor] | None,
    retain_graph: bool | None,
    create_graph: bool,
) -> list[tuple[Node, Any, bool]]:
    """Sweep from the outputs; return (node, cotangent, own?) of each leaf or target reached.

    Cotangents are arrays, or Tensors with ``create_graph``.
    """
    roots = []
    for i, output in enumerate(outputs):
        if output._node is None:
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
        roots.append(output._node)
    seeds: list[Any] = [_seed(y, g, i) for i, (y, g) in enumerate(zip(outputs, gradients, strict=True))]
    if targets is not None and any(t._node is None for t in targets):
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    retain = create_graph if retain_graph is None else retain_graph
    nodes = None if targets is None else [t._node for t in targets if t._node is not None]
    before, MODES.grad_enabled = MODES.grad_enabled, create_graph
    try:
        with np.errstate(all="ignore"):
            found = sweep(
                roots,
                seeds if create_graph else [seed._data for seed in seeds],
                retain_graph=retain,
                lift=_lift if create_graph else None,
                targets=nodes,
                on_hook=_run_hooks,
            )
    finally:
        MODES.grad_enabled = before
    return [(node, g, own) for node, (g, own) in found.items()]


def _seed(output: Tensor, gradient: Tensor | None, i: int) -> Tensor:
    if gradient is None:
        if output._data.size != 1:
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs; this one has shape "
                f"{output.shape}. Reduce it first (loss.mean()) or pass backward(gradient)."
            )
        return Tensor._wrap(np.ones_like(output._data))
    if not isinstance(gradient, Tensor):
        if not isinstance(gradient, np.ndarray):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(gradient).__name__}")
        gradient = Tensor._wrap(gradient)
    if gradient.shape != output.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{i}] has a shape of {gradient.shape} and "
            f"output[{i}] has a shape of {output.shape}."
        )
    return gradient if gradient.dtype == output.dtype else gradient.to(output.dtype)


def _lift(value: Any, home: Node) -> Any:
    if not hasattr(value, "dtype"):
        return value
    tensor = Tensor.__new__(Tensor)
    tensor._data = value
    if home.requires_grad:
        tensor._node = home
    return tensor


def _run_hooks(node: Node, g: Any) -> Any:
    tensor = g if isinstance(g, Tensor) else Tensor._wrap(g)
    for hook in list((node.hooks or {}).values()):
        answer = hook(tensor)
        if answer is not None:
            _check_answer(hook, answer, tensor)
            tensor = answer
    return tensor if isinstance(g, Tensor) else tensor._data


def _check_answer(hook: Any, answer: Any, g: Tensor) -> None:
    name = getattr(hook, "__name__", type(hook).__name__)
    if not isinstance(answer, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(answer).__name__}'")
    if answer.shape != g.shape:
        raise RuntimeError(f"hook '{name}' has changed the size of value (was {g.shape} got {answer.shape})")
    if answer.dtype != g.dtype:
        raise RuntimeError(f"hook '{name}' has changed the type of value (was {g.dtype} got {answer.dtype})")


def accumulate(node: Node, g: Any, own: bool) -> None:
    """Add to ``.grad``, into memory that nobody else holds."""
    if isinstance(g, Tensor):
        node.grad = g if node.grad is None else node.grad + g
    elif node.grad is None:
        kept = own and isinstance(g, np.ndarray) and g.flags.c_contiguous
        node.grad = Tensor._wrap(g if kept else np.array(g, order="C"))
    elif node.grad.requires_grad:
        node.grad = node.grad + Tensor._wrap(g)
    else:
        np.add(node.grad._data, g, out=node.grad._data)
        storage.wrote(node.grad._data, "backward")
    for hook in list(node.after_hooks.values()) if node.after_hooks else ():
        hook()


_CIRCLE = (
    "Using backward() with create_graph=True will create a reference cycle between the parameter and its gradient "
    "which can cause a memory leak. We recommend using autograd.grad when creating the graph to avoid this. If you "
    "have to use this function, make sure to reset the .grad fields of your parameters to None after use to break "
    "the cycle and avoid the leak."
)
_NO_GRAD_HERE = (
    "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
    "populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf "
    "Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure "
    "you access the leaf Tensor instead."
)
