"""``grad`` returns gradients, ``backward`` adds them to ``.grad``.

https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, overload

import numpy as np

from minigrad.engine.backward import accumulate, differentiate, run_backward
from minigrad.functions.joining import stack
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor

Tensors = Tensor | Sequence[Tensor]
K = TypeVar("K")


@overload
def grad(
    outputs: Tensors, inputs: dict[K, Tensor], *options: Any, **named: Any
) -> dict[K, Tensor]: ...
@overload
def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]: ...
def grad(
    outputs: Tensors,
    inputs: Any,
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """Return the gradient of the outputs' sum with respect to each input; ``.grad`` stays as it is.

    ``grad_outputs`` are the cotangents of the outputs. An input that was not used raises
    RuntimeError, gives None with ``allow_unused`` and zeros with ``materialize_grads``. A
    dictionary of inputs gives a dictionary, anything else a tuple. With ``is_grads_batched`` the
    first dimension of each cotangent counts vectors: one sweep a vector, the gradients stacked.
    ``only_inputs`` is of PyTorch's past and changes nothing.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> (dx,) = mg.autograd.grad(x**3, x, create_graph=True)
    >>> mg.autograd.grad(dx, x)  # 6 x
    (tensor(18.),)
    """
    if isinstance(inputs, dict):
        past = (grad_outputs, retain_graph, create_graph, only_inputs)
        unused = (allow_unused, is_grads_batched, materialize_grads)
        in_order = grad(outputs, list(inputs.values()), *past, *unused)
        return dict(zip(inputs, in_order, strict=True))
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    outputs, inputs = _sequence(outputs), _sequence(inputs)
    if not inputs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    cotangents = _cotangents(outputs, grad_outputs)
    for x in inputs:
        if not isinstance(x, Tensor):
            raise RuntimeError(
                f"all inputs have to be Tensors or GradientEdges, but got {type(x).__name__}"
            )
    if is_grads_batched:
        options = (retain_graph, create_graph, allow_unused, materialize_grads)
        return _batched(outputs, inputs, cotangents, options)
    grads = _cotangents_of(outputs, cotangents, inputs, retain_graph, create_graph)
    if materialize_grads:
        grads = {x._node: grads.get(x._node, _zeros(x, create_graph)) for x in inputs}
    return tuple(_answer(grads.get(x._node), i, allow_unused) for i, x in enumerate(inputs))


def _cotangents_of(
    outputs: Any, cotangents: Any, inputs: Any, retain_graph: bool | None, create_graph: bool
) -> dict[Any, Any]:
    """Return the cotangent of each input's node; what retains its gradient on the way gets it."""
    reached = differentiate(outputs, cotangents, inputs, retain_graph, create_graph)
    for node, g, _ in reached:
        if node.retains and node.primitive is not None:
            accumulate(node, g, owned=False)
    return {node: g for node, g, _ in reached}


def _zeros(x: Tensor, create_graph: bool) -> Tensor:
    return Tensor._wrap(np.zeros_like(x._data)).requires_grad_(create_graph)


def _answer(g: Any, i: int, allow_unused: bool | None) -> Tensor | None:
    if g is None and not allow_unused:
        raise RuntimeError(
            f"The differentiated Tensor at index {i} appears to not have been used in the graph. "
            "Set allow_unused=True if this is the desired behavior."
        )
    if g is None or isinstance(g, Tensor):
        return g
    return Tensor._wrap(np.asarray(g))


def backward(
    tensors: Tensors,
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Tensor | Sequence[Tensor | None] | None = None,
    inputs: Any = None,
) -> None:
    """Add the gradients of several tensors to ``.grad`` in one sweep; see ``Tensor.backward``.

    ``grad_variables`` is the old name of ``grad_tensors``.
    """
    if grad_variables is not None:
        warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning)
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) are both passed; pass "
                "`grad_tensors`"
            )
        grad_tensors = grad_variables
    tensors = _sequence(tensors)
    run_backward(tensors, _cotangents(tensors, grad_tensors), retain_graph, create_graph, inputs)


def _batched(
    outputs: list[Tensor], inputs: list[Tensor], cotangents: list[Any], options: Any
) -> Any:
    """Return the gradients for each of a batch of cotangents, stacked."""
    retain_graph, create_graph, allow_unused, materialize = options
    sizes = {g.shape[0] for g in cotangents if g is not None and g.ndim}
    if len(sizes) != 1 or any(g is not None and not g.ndim for g in cotangents):
        raise ValueError(
            "grad: with is_grads_batched every cotangent has the same first dimension, one vector "
            f"each; got shapes {[None if g is None else g.shape for g in cotangents]}"
        )
    size, per_vector = sizes.pop(), []
    for i in range(size):
        vectors = [None if g is None else g[i] for g in cotangents]
        keep = retain_graph or create_graph or i < size - 1
        per_vector.append(
            grad(
                outputs, inputs, vectors, keep, create_graph, True, allow_unused, False, materialize
            )
        )
    return tuple(
        None if rows[0] is None else stack(list(rows)) for rows in zip(*per_vector, strict=True)
    )


def _cotangents(
    outputs: list[Tensor], given: Tensor | Sequence[Tensor | None] | None
) -> list[Tensor | None]:
    """Return a cotangent an output, None where the default is meant."""
    cotangents = [None] * len(outputs) if given is None else _sequence(given)
    if len(cotangents) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(cotangents)} gradients")
    return cotangents


def _sequence(tensors: Tensor | Sequence[Tensor | None]) -> list:  # type: ignore[type-arg]
    return [tensors] if isinstance(tensors, (Tensor, np.ndarray)) else list(tensors)
