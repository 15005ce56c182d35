"""``grad`` returns gradients, ``backward`` adds them to ``.grad``.

https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minigrad.tensor import Tensor, accumulate, differentiate

Tensors = Tensor | Sequence[Tensor]


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """Return the gradient of the outputs' sum with respect to each input; ``.grad`` stays as it is.

    ``grad_outputs`` are the cotangents of the outputs. An input that was not used raises
    RuntimeError, gives None with ``allow_unused`` and zeros with ``materialize_grads``.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> (dx,) = mg.autograd.grad(x**3, x, create_graph=True)
    >>> mg.autograd.grad(dx, x)  # 6 x
    (tensor(18.),)
    """
    outputs, inputs = _sequence(outputs), _sequence(inputs)
    cotangents = [None] * len(outputs) if grad_outputs is None else list(_sequence(grad_outputs))
    found = {node: g for node, g, _ in differentiate(outputs, cotangents, inputs, retain_graph, create_graph)}
    result: list[Tensor | None] = []
    for i, x in enumerate(inputs):
        g = found.get(x._node)  # type: ignore[arg-type]
        if g is None and materialize_grads:
            g = np.zeros_like(x._data)
        elif g is None and not allow_unused:
            raise RuntimeError(
                f"The differentiated Tensor at index {i} appears to not have been used in the graph. "
                "Set allow_unused=True if this is the desired behavior."
            )
        result.append(g if g is None or isinstance(g, Tensor) else Tensor(np.asarray(g)))
    return tuple(result)


def backward(
    tensors: Tensors,
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensors | None = None,
) -> None:
    """Add the gradients of several tensors to ``.grad`` in one sweep; see ``Tensor.backward``."""
    tensors = _sequence(tensors)
    cotangents = [None] * len(tensors) if grad_tensors is None else list(_sequence(grad_tensors))
    targets = None if inputs is None else _sequence(inputs)
    for node, g, own in differentiate(tensors, cotangents, targets, retain_graph, create_graph):
        accumulate(node, g, own)


def _sequence(tensors: Tensor | Sequence[Tensor | None] | None) -> list:  # type: ignore[type-arg]
    return [tensors] if isinstance(tensors, Tensor) else list(tensors or ())
