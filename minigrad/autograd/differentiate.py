"""``grad`` returns gradients, ``backward`` adds them to ``.grad``.

https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.tensor import Tensor, accumulate, differentiate

Tensors = Tensor | Sequence[Tensor]


def grad(
    outputs: Tensors,
    inputs: Any,
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> Any:
    """Return the gradient of the outputs' sum with respect to each input; ``.grad`` stays as it is.

    ``grad_outputs`` are the cotangents of the outputs. An input that was not used raises
    RuntimeError, gives None with ``allow_unused`` and zeros with ``materialize_grads``. A
    dictionary of inputs gives a dictionary, anything else a tuple.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> (dx,) = mg.autograd.grad(x**3, x, create_graph=True)
    >>> mg.autograd.grad(dx, x)  # 6 x
    (tensor(18.),)
    """
    if isinstance(inputs, dict):
        rest = (grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)
        return dict(zip(inputs, grad(outputs, list(inputs.values()), *rest), strict=True))
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    outputs, inputs = _sequence(outputs), _sequence(inputs)
    if not inputs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    cotangents = _cotangents(outputs, grad_outputs)
    found = {node: g for node, g, _ in differentiate(outputs, cotangents, inputs, retain_graph, create_graph)}
    result: list[Tensor | None] = []
    for i, x in enumerate(inputs):
        g = found.get(x._node)
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
    targets = None if inputs is None else _sequence(inputs)
    if targets is not None and not targets:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    for node, g, own in differentiate(tensors, _cotangents(tensors, grad_tensors), targets, retain_graph, create_graph):
        accumulate(node, g, own)


def _cotangents(outputs: list[Tensor], given: Tensor | Sequence[Tensor | None] | None) -> list[Tensor | None]:
    """Return a cotangent an output, None where the default is meant."""
    cotangents = [None] * len(outputs) if given is None else _sequence(given)
    if len(cotangents) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(cotangents)} gradients")
    return cotangents


def _sequence(tensors: Tensor | Sequence[Tensor | None]) -> list:  # type: ignore[type-arg]
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)
