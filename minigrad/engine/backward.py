"""Backward: from the outputs of a graph to ``.grad`` of its leaves.

``differentiate`` checks what it is given, seeds the sweep and hands out what arrived;
``accumulate`` adds that to ``.grad``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import storage
from minigrad.engine.delivery import HOOKED, delivery
from minigrad.engine.graph import Node
from minigrad.engine.recording import Recorded
from minigrad.engine.sweep import sweep
from minigrad.modes import MODES, enable_grad
from minigrad.silence import warn

_new = object.__new__
# the latest sweeps that were recorded, from which tick to which: pictures tell derivatives by them
SWEEPS: deque[tuple[int, int]] = deque(maxlen=1024)


def run_backward(
    outputs: list[Any],
    gradients: list[Any],
    retain_graph: bool | None,
    create_graph: bool,
    inputs: Any,
) -> None:
    """Add the gradients of the outputs to ``.grad`` of the leaves, or of ``inputs``."""
    targets = None
    if inputs is not None:
        inputs = inputs.values() if isinstance(inputs, dict) else inputs
        targets = [inputs] if isinstance(inputs, Recorded) else list(inputs)
        if not targets:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    if create_graph:
        warn(_CIRCLE)
    outer, MODES.callbacks = MODES.callbacks, []
    try:
        left = differentiate(outputs, gradients, targets, retain_graph, create_graph, _deliver)
        for node, g, own in left:
            accumulate(node, g, own, create_graph)
        for callback in MODES.callbacks:
            callback()
    finally:
        MODES.callbacks = outer


def _deliver(node: Node, g: Any, owned: bool) -> None:
    """Add the final gradient of a leaf to its ``.grad`` while the sweep goes on."""
    if node.hooks is not None:
        g, owned = _run_hooks(node, g), False
    accumulate(node, g, owned, MODES.grad_enabled)


def differentiate(
    outputs: list[Any],
    gradients: list[Any],
    targets: list[Any] | None,
    retain_graph: bool | None,
    create_graph: bool,
    deliver: Callable[[Node, Any, bool], None] | None = None,
) -> list[tuple[Node, Any, bool]]:
    """Sweep from the outputs; return (node, cotangent, own?) of each leaf or target reached.

    Cotangents are arrays, or Tensors with ``create_graph``. Leaves with post-accumulate hooks go
    to ``deliver``, where it is given, as soon as they are final.
    """
    roots = []
    for i, output in enumerate(outputs):
        if output._node is None:
            raise RuntimeError(
                f"element {i} of tensors does not require grad and does not have a grad_fn"
            )
        roots.append(output._node)
    seeds: list[Any] = [
        _seed(y, g, i) for i, (y, g) in enumerate(zip(outputs, gradients, strict=True))
    ]
    if targets is not None and any(t._node is None for t in targets):
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    retain = create_graph if retain_graph is None else retain_graph
    nodes = None if targets is None else [t._node for t in targets if t._node is not None]
    early = delivery(roots, deliver) if deliver is not None and HOOKED else None
    start = storage.tick() if create_graph else 0
    before, MODES.grad_enabled = MODES.grad_enabled, create_graph
    try:
        with np.errstate(all="ignore"):
            results = sweep(
                roots,
                seeds if create_graph else [seed._data for seed in seeds],
                retain_graph=retain,
                lift=wrap_in_tensor if create_graph else None,
                targets=nodes,
                on_hook=_run_hooks,
                delivery=early,
            )
    finally:
        MODES.grad_enabled = before
    if create_graph:
        SWEEPS.append((start, storage.tick()))
    return [(node, g, own) for node, (g, own) in results.items()]


def _seed(output: Any, gradient: Any, i: int) -> Any:
    if gradient is None:
        if output._data.size != 1:
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs; this one has shape "
                f"{output.shape}. Reduce it first (loss.mean()) or pass backward(gradient)."
            )
        return Recorded._wrap(np.ones_like(output._data))
    if not isinstance(gradient, Recorded):
        if not isinstance(gradient, np.ndarray):
            raise TypeError(
                f"gradients can be either Tensors or None, but got {type(gradient).__name__}"
            )
        gradient = Recorded._wrap(gradient)
    if gradient.shape != output.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{i}] has a shape of {gradient.shape} and "
            f"output[{i}] has a shape of {output.shape}."
        )
    return gradient if gradient.dtype == output.dtype else gradient.to(output.dtype)


def wrap_in_tensor(value: Any, node: Node) -> Any:
    if not hasattr(value, "dtype"):
        return value
    tensor: Any = _new(Recorded._plain)
    tensor._data = value
    if node.requires_grad:
        tensor._node = node
    return tensor


def _run_hooks(node: Node, g: Any) -> Any:
    tensor = g if isinstance(g, Recorded) else Recorded._wrap(g)
    for hook in list((node.hooks or {}).values()):
        answer = hook(tensor)
        if answer is not None:
            _check_answer(hook, answer, tensor)
            tensor = answer
    return tensor if isinstance(g, Recorded) else tensor._data


def _check_answer(hook: Any, answer: Any, g: Any) -> None:
    name = getattr(hook, "__name__", type(hook).__name__)
    if not isinstance(answer, Recorded):
        raise TypeError(f"expected Variable, but hook returned '{type(answer).__name__}'")
    if answer.shape != g.shape:
        raise RuntimeError(
            f"hook '{name}' has changed the size of value (was {g.shape} got {answer.shape})"
        )
    if answer.dtype != g.dtype:
        raise RuntimeError(
            f"hook '{name}' has changed the type of value (was {g.dtype} got {answer.dtype})"
        )


def accumulate(node: Node, g: Any, owned: bool, create_graph: bool = False) -> None:
    """Add to ``.grad``, into memory that nobody else holds; call what waits for that."""
    if isinstance(g, Recorded):
        node.grad = g if node.grad is None else node.grad + g
    elif node.grad is None:
        node.grad = Recorded._wrap(_as_own_memory(g, owned))
    elif node.grad.requires_grad:
        with enable_grad():
            node.grad = node.grad + Recorded._wrap(g)
    else:
        np.add(node.grad._data, g, out=node.grad._data)
        storage.bump_version(node.grad._data, "backward")
    if node.after_hooks:
        _run_after_hooks(node, create_graph)


def _run_after_hooks(node: Any, create_graph: bool) -> None:
    """Call what waits for ``.grad`` of a leaf; it records only with ``create_graph``."""
    before, MODES.grad_enabled = MODES.grad_enabled, create_graph
    try:
        for hook in list(node.after_hooks.values()):
            hook()
    finally:
        MODES.grad_enabled = before


def _as_own_memory(g: Any, owned: bool) -> Any:
    """Return ``g`` in C order, in memory of its own: itself where the sweep made it."""
    if owned and isinstance(g, np.ndarray) and g.flags.c_contiguous:
        return g
    if type(g) is np.ndarray or isinstance(g, np.generic):
        return np.array(g, order="C")  # quicker than np.copy
    return np.copy(g, order="C")  # other arrays answer NumPy's functions


_CIRCLE = (
    "Using backward() with create_graph=True will create a reference cycle between the parameter "
    "and its gradient which can cause a memory leak. We recommend using autograd.grad when "
    "creating the graph to avoid this. If you have to use this function, make sure to reset the "
    ".grad fields of your parameters to None after use to break the cycle and avoid the leak."
)
