"""``viz.graph``: the autograd graph of tensors as a picture; ``viz.trace``: of a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from inspect import signature
from typing import Any

from minigrad.modes import MODES, recording
from minigrad.tensor import Tensor
from minigrad.viz.fold import fitted
from minigrad.viz.picture import Graph
from minigrad.viz.walk import walked

SHOW = ("shapes", "dtypes", "saved", "gradients")


def graph(
    outputs: Tensor | Sequence[Tensor],
    params: dict[str, Tensor] | Iterable[tuple[str, Tensor]] | None = None,
    *,
    model: Any = None,
    depth: int | None = None,
    show: Sequence[str] = SHOW,
    direction: str = "TB",
    collapse_repeats: bool = True,
    max_nodes: int = 500,
) -> Graph:
    """Return the picture of how ``outputs`` came about.

    Parameters and buffers of the modules that were called have their names; ``params`` (a dict, or
    pairs) names other leaves, ``model`` gives the paths of modules called on their own. Operands are
    edges, so x * x has two; where their order matters they are called a, b, c as in the operation's
    formula. ``depth`` closes the module calls of that level, 0 the outermost, into one box each; by
    default as many are open as a page holds. Equal blocks are drawn once, and beyond ``max_nodes`` the
    middle is left out. ``show`` is any of "shapes", "dtypes", "saved" (what is kept for backward),
    "gradients" and "values" (statistics, for the page).

    After ``backward()`` leaves show the norm of their gradient; what is in between shows it after a
    ``backward()`` inside ``with viz.watch():``, or after the last of :func:`backward_steps`. A used-up graph
    has no values: for "values" draw before ``backward()``, or watch it, or retain the graph.

    Raises TypeError for what is no Tensor and for ``params`` without names, ValueError for a tensor without
    a graph, for an unknown ``show``, ``direction`` or negative depth.

    >>> import minigrad as mg
    >>> x = mg.ones(3, requires_grad=True)
    >>> mg.viz.graph((x * x).sum(), {"x": x})
    Graph(4 nodes, 4 edges)
    """
    tensors: list[Any] = (
        [outputs] if isinstance(outputs, Tensor) or not isinstance(outputs, (list, tuple)) else list(outputs)
    )
    for t in tensors:
        if not isinstance(t, Tensor):
            raise TypeError(
                f"viz.graph draws a Tensor that was computed, not a {type(t).__name__}; call the model first, "
                "or use viz.trace(model, input)"
            )
        if t._node is None:
            raise ValueError("viz.graph: this tensor has no graph; no operand asks for a gradient")
    if not tensors:
        raise ValueError("viz.graph: expected at least one tensor, got none")
    _check(show, direction, depth, max_nodes)
    whole = walked(tensors, params, model, tuple(show), direction)
    return replace(fitted(whole, depth, collapse_repeats, max_nodes), whole=whole)


def _check(show: Sequence[str], direction: str, depth: int | None, max_nodes: int) -> None:
    known = (*SHOW, "values")
    unknown = [s for s in show if s not in known]
    if isinstance(show, str) or unknown:
        raise ValueError(f"viz.graph: show is a tuple of any of {', '.join(known)}; got {show!r}")
    if direction not in ("TB", "LR", "BT", "RL"):
        raise ValueError(f"viz.graph: direction is TB, LR, BT or RL, got {direction!r}")
    if depth is not None and depth < 0:
        raise ValueError(f"viz.graph: depth is 0 or more, got {depth}")
    if max_nodes < 3:
        raise ValueError(f"viz.graph: max_nodes is 3 or more, got {max_nodes}")


def trace(model: Any, *inputs: Any, **options: Any) -> Graph:
    """Return the picture of a model from example inputs; ``options`` are those of :func:`graph`.

    The model runs once; its running statistics do not move. Inputs have the names that ``forward`` gives
    them. Raises ValueError where nothing asks for a gradient and the result so has no graph.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> picture = mg.viz.trace(nn.Linear(3, 2), mg.ones(1, 3))
    >>> [v.label for v in picture.nodes if v.kind == "parameter"]
    ['weight', 'bias']
    """
    before, MODES.hold_statistics = MODES.hold_statistics, True
    try:
        with recording():
            result = model(*inputs)
    except Exception as error:
        shapes = ", ".join(str(tuple(t.shape)) for t in tensors_in(inputs))
        error.add_note(f"in viz.trace, which called {type(model).__name__} with inputs of shape {shapes or 'none'}")
        raise
    finally:
        MODES.hold_statistics = before
    found = [t for t in tensors_in(result) if t._node is not None]
    if not found:
        raise ValueError("viz.trace: no part of the result asks for a gradient, so nothing was recorded")
    return graph(found, {**_named(model, inputs), **dict(options.pop("params", None) or {})}, model=model, **options)


def _named(model: Any, inputs: tuple[Any, ...]) -> dict[str, Tensor]:
    """Return the tensors among the inputs by the names that ``forward`` gives them."""
    try:
        given = signature(getattr(model, "forward", model)).bind(*inputs).arguments
    except (TypeError, ValueError):  # built in, or it took what its signature does not say
        given = {"input": inputs}
    found: dict[int, tuple[str, Tensor]] = {}
    for name, value in given.items():
        tensors = tensors_in(value)
        for i, t in enumerate(tensors):
            found.setdefault(id(t), (name if len(tensors) == 1 else f"{name} {i}", t))
    return dict(found.values())


def tensors_in(tree: Any) -> list[Tensor]:
    """Return the tensors of nested tuples, lists and dictionaries, in order."""
    found, stack = [], [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, Tensor):
            found.append(item)
        elif isinstance(item, (tuple, list)):
            stack += reversed(item)
        elif isinstance(item, dict):
            stack += reversed(item.values())
    return found
