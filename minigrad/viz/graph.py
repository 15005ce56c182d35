"""``viz.graph``: the autograd graph of tensors as a picture; ``viz.trace``: of a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from inspect import getclosurevars, signature
from typing import Any

import numpy as np

from minigrad.engine.graph import Given
from minigrad.engine.recording import source
from minigrad.modes import MODES, RESULTS, recording
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_map
from minigrad.utils.unchanged import unchanged
from minigrad.viz.fold import fitted
from minigrad.viz.picture import Graph
from minigrad.viz.walk import pairs, walked

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

    Inside the calls of modules all is drawn, also what stands before the first parameter and what is
    frozen; outside, what descends from a tensor that asks for a gradient. :func:`trace` draws all of any function.

    Parameters and buffers of the modules that were called have their names; ``params`` (a dict, or
    pairs) names other leaves, ``model`` gives the paths of modules called on their own. Operands are
    edges, so x * x has two; in formulas they have their names, or letters, which the edges show where the order
    matters. ``depth`` closes the module calls of that level, 0 the outermost, into one box each; by
    default as many are open as a page holds. Equal blocks are drawn once, with sums of what they keep and the range
    of their gradients, and beyond ``max_nodes`` the middle is left out. ``show`` is any of "shapes", "dtypes",
    "saved" (what is kept for backward), "gradients" and "values" (statistics, for the page).

    Gradients are those of the ``backward()`` that swept these very outputs inside ``with viz.watch():``, or of
    :func:`backward_steps`; what is in ``.grad`` may be another graph's and is not shown. A used-up graph
    has no values: for "values" draw before ``backward()``, or watch it, or retain the graph.

    Raises TypeError for what is no Tensor and for ``params`` without names, ValueError for a tensor without
    a graph, for an unknown ``show``, ``direction`` or negative depth.

    >>> import minigrad as mg
    >>> x = mg.ones(3, requires_grad=True)
    >>> mg.viz.graph((x * x).sum(), {"x": x})  # doctest: +ELLIPSIS
    Graph(4 nodes, 4 edges)...
    """
    tensors: list[Any] = (
        [outputs]
        if isinstance(outputs, Tensor) or not isinstance(outputs, (list, tuple))
        else list(outputs)
    )
    for t in tensors:
        if not isinstance(t, Tensor):
            raise TypeError(
                f"viz.graph draws a Tensor that was computed, not a {type(t).__name__}; call the model first, "
                "or use viz.trace(model, input)"
            )
        if t._node is None and (t._constant is None or t._constant.primitive is None):
            raise ValueError(
                "viz.graph: this tensor has no graph; no operand asks for a gradient. viz.trace(function, inputs) draws all"
            )
    if not tensors:
        raise ValueError("viz.graph: expected at least one tensor, got none")
    return _drawn(tensors, params, model, depth, show, direction, collapse_repeats, max_nodes)


def _drawn(
    tensors: list[Tensor], params: Any = None, model: Any = None, depth: int | None = None, show: Sequence[str] = SHOW,
    direction: str = "TB", collapse_repeats: bool = True, max_nodes: int = 500,
) -> Graph:  # fmt: skip
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


def trace(
    function: Any, /, *inputs: Any, params: Any = None, model: Any = None, **options: Any
) -> Graph:
    """Return the picture of a model, or of any function, from example inputs; options are those of :func:`graph`.

    It runs once and all that happens from the inputs on is drawn, whether it asks for a gradient or not. Nothing
    is changed: running statistics, buffers, attributes of modules and random numbers are as before. Inputs
    have the names that ``forward`` gives them. Raises ValueError where the result has no tensor.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> picture = mg.viz.trace(nn.Linear(3, 2), mg.ones(1, 3))
    >>> [v.label for v in picture.nodes if v.kind == "parameter"]
    ['weight', 'bias']
    >>> [v.label for v in mg.viz.trace(lambda a, b: (a * b).sum(), mg.ones(2), mg.ones(2)).nodes]
    ['a', 'b', 'mul: a × b', 'sum', 'output']
    """
    inputs = stand_ins(inputs)
    named = {**_named(function, inputs), **dict(pairs(params, "viz.trace"))}
    around = next(
        (m for m in (model, function, getattr(function, "__self__", None)) if _is_module(m)), None
    )
    with unchanged(around, inputs, _modules_of(function)), recording_all():
        for name, t in _named(function, inputs).items():
            if t._node is None:
                t._constant = Given(t._data.shape, t._data.dtype)
                t._constant.label = name
        try:
            result = function(*inputs)
        except Exception as error:
            shapes = ", ".join(str(tuple(t.shape)) for t in tensors_in(inputs))
            name = getattr(function, "__name__", type(function).__name__)
            error.add_note(
                f"in viz.trace, which called {name} with inputs of shape {shapes or 'none'}"
            )
            raise
        found = tensors_in(result)
        if not found:
            raise ValueError(
                f"viz.trace: expected a result with tensors in it, got {type(result).__name__}"
            )
        for t in found:
            source(t)
        return _drawn(found, named, around, **options)


def _is_module(m: Any) -> bool:
    return hasattr(m, "named_modules") and not isinstance(m, type)


def _modules_of(function: Any) -> list[Any]:
    """Return the modules among the variables that a plain function reads."""
    try:
        variables = getclosurevars(function)
    except TypeError:
        return []
    return [
        m for m in (*variables.nonlocals.values(), *variables.globals.values()) if _is_module(m)
    ]


@contextmanager
def recording_all() -> Iterator[None]:
    """Record in this block whatever is computed: also what asks for no gradient, under ``no_grad`` and behind ``detach``."""
    before = MODES.links, RESULTS.looked_at
    MODES.links, RESULTS.looked_at = 0, True
    try:
        with recording():
            yield
    finally:
        MODES.links, RESULTS.looked_at = before


def stand_ins(inputs: Any) -> Any:
    """Return the inputs, with another tensor for each that was computed: how is not part of a model's picture."""
    known: dict[int, Tensor] = {}

    def stand_in(x: Any) -> Any:
        array = x._data if isinstance(x, Tensor) else x if isinstance(x, np.ndarray) else None
        if array is None or (
            array is not x and x.is_leaf and x._constant is None and not x._inference
        ):
            return x
        return known.setdefault(id(x), Tensor._wrap(array))

    return tree_map(stand_in, inputs)


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
