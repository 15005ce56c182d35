"""``viz.graph`` draws how tensors were computed, ``viz.trace`` what a model does with inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from inspect import getclosurevars, signature
from typing import Any

from minigrad.engine.graph import Given
from minigrad.engine.recording import source
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tensors_in
from minigrad.utils.unchanged import unchanged
from minigrad.viz.build import build_picture
from minigrad.viz.dry_run import record_everything, without_history
from minigrad.viz.labels import named_tensors
from minigrad.viz.picture import Graph
from minigrad.viz.simplify import fit_to_page
from minigrad.viz.untrained import (
    named_outputs,
    outputs_without_gradient,
    parameters_not_read,
    untrained_lines,
)

SHOW = ("shapes", "dtypes", "saved", "gradients")
KNOWN_SHOW = (*SHOW, "values")
DIRECTIONS = ("TB", "LR", "BT", "RL")


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
    """Return the picture of how ``outputs`` were computed.

    Inside the calls of modules everything is drawn, also what stands before the first parameter and
    what is frozen; outside, what descends from a tensor that requires grad. :func:`trace` draws
    everything, of any function.

    Parameters and buffers of the modules that were called have their names; ``params`` (a dict, or
    pairs) names other leaves, ``model`` gives the paths of modules called on their own. Operands
    are edges, so x * x has two; formulas show their names, or letters, which the edges show where
    the order matters.

    ``depth`` closes the module calls of that level, 0 the outermost, into one box each; by default
    as many are open as a page holds. Equal blocks are drawn once, with the sum of what they save
    and the range of their gradients; beyond ``max_nodes`` the middle is left out. ``show`` is any
    of "shapes", "dtypes", "saved" (bytes saved for backward), "gradients" and "values" (statistics,
    for the page).

    Gradients are those of the ``backward()`` that swept these very outputs inside ``with
    viz.watch():``, or of :func:`backward_steps`; what is in ``.grad`` may be another graph's and is
    not shown. A used-up graph has no values: for "values" draw before ``backward()``, or watch it,
    or retain the graph.

    Raises TypeError for anything that is not a Tensor and for ``params`` without names, ValueError
    for a tensor without a graph, for an unknown ``show``, ``direction`` or negative depth.

    >>> import minigrad as mg
    >>> x = mg.ones(3, requires_grad=True)
    >>> mg.viz.graph((x * x).sum(), {"x": x})  # doctest: +ELLIPSIS
    Graph(4 nodes, 4 edges)...
    """
    tensors: list[Any] = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    for t in tensors:
        _check_has_graph(t)
    if not tensors:
        raise ValueError(f"viz.graph: expected at least one tensor, got {outputs!r}")
    named = dict(zip(_numbered(len(tensors)), tensors, strict=True))
    return _draw(named, params, model, depth, show, direction, collapse_repeats, max_nodes)


def _numbered(n: int) -> list[str]:
    return ["output"] if n == 1 else [f"output {i}" for i in range(n)]


def _check_has_graph(t: Any) -> None:
    if not isinstance(t, Tensor):
        raise TypeError(
            f"viz.graph draws a Tensor that was computed, not a {type(t).__name__}; "
            "call the model first, or use viz.trace(model, input)"
        )
    if t._node is None and (t._constant is None or t._constant.primitive is None):
        raise ValueError(
            f"viz.graph: this tensor of shape {tuple(t.shape)} has no graph; "
            "no operand requires grad. viz.trace(function, inputs) draws everything"
        )


def _draw(
    outputs: dict[str, Tensor],
    params: Any = None,
    model: Any = None,
    depth: int | None = None,
    show: Sequence[str] = SHOW,
    direction: str = "TB",
    collapse_repeats: bool = True,
    max_nodes: int = 500,
) -> Graph:
    _check_options(show, direction, depth, max_nodes)
    names = named_tensors(params, "viz.graph")
    picture = build_picture(outputs, names, model, tuple(show), direction)
    drawn = fit_to_page(picture, depth, collapse_repeats, max_nodes)
    return Graph(**vars(drawn), whole=Graph(**vars(picture)))


def _check_options(show: Sequence[str], direction: str, depth: int | None, max_nodes: int) -> None:
    unknown = set(show) - set(KNOWN_SHOW)
    if isinstance(show, str) or unknown:
        known = ", ".join(KNOWN_SHOW)
        raise ValueError(f"viz.graph: show is a tuple of any of {known}; got {show!r}")
    if direction not in DIRECTIONS:
        raise ValueError(f"viz.graph: direction is TB, LR, BT or RL, got {direction!r}")
    if depth is not None and depth < 0:
        raise ValueError(f"viz.graph: depth is 0 or more, got {depth}")
    if max_nodes < 3:
        raise ValueError(f"viz.graph: max_nodes is 3 or more, got {max_nodes}")


def trace(
    function: Any,
    /,
    *inputs: Any,
    kwargs: dict[str, Any] | None = None,
    params: Any = None,
    model: Any = None,
    **options: Any,
) -> Graph:
    """Return the picture of a model, or of any function, run on example inputs.

    It runs once, and everything from the inputs on is drawn, whether it requires grad or not.
    Nothing is changed: running statistics, buffers, attributes of modules and random numbers are as
    before. Inputs have the names that ``forward`` gives them, ``kwargs`` are those by keyword;
    outputs in a dictionary have its keys. Parameters that require grad and were not read are named
    below the picture, and so are outputs without gradient. ``options`` are those of :func:`graph`.
    Raises ValueError where the result has no tensor.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> picture = mg.viz.trace(nn.Linear(3, 2), mg.ones(1, 3))
    >>> [v.label for v in picture.nodes if v.kind == "parameter"]
    ['weight', 'bias']
    >>> [v.label for v in mg.viz.trace(lambda a, b: (a * b).sum(), mg.ones(2), mg.ones(2)).nodes]
    ['a', 'b', 'mul: a × b', 'sum', 'output']
    """
    inputs, keywords = without_history((inputs, kwargs or {}))
    arguments = _named_arguments(function, inputs, keywords)
    names = dict(arguments)
    names.update(named_tensors(params, "viz.trace"))
    root = _first_module(model, function, getattr(function, "__self__", None))
    with unchanged(root, (inputs, keywords), _modules_read_by(function)), record_everything():
        for name, t in arguments.items():
            if t._node is None:
                t._constant = Given(t._data.shape, t._data.dtype)
                t._constant.label = name
        result = _call(function, inputs, keywords)
        outputs = named_outputs(result)
        if not outputs:
            kind = type(result).__name__
            raise ValueError(f"viz.trace: expected a result with tensors in it, got {kind}")
        ends = [source(t) for t in outputs.values()]
        picture = _draw(outputs, names, root, **options)
    not_read = parameters_not_read(root, ends)
    without_gradient = outputs_without_gradient(root, outputs)
    lines = untrained_lines(not_read, without_gradient)
    for drawn in filter(None, (picture, picture.whole)):
        drawn.note = "\n".join(filter(None, (drawn.note, *lines)))
    return picture


def _call(function: Any, inputs: Any, keywords: dict[str, Any]) -> Any:
    try:
        return function(*inputs, **keywords)
    except Exception as error:
        shapes = [str(tuple(t.shape)) for t in tensors_in((inputs, keywords))]
        listed = ", ".join(shapes) or "none"
        name = getattr(function, "__name__", type(function).__name__)
        error.add_note(f"in viz.trace, which called {name} with inputs of shape {listed}")
        raise


def _first_module(*candidates: Any) -> Any:
    return next((m for m in candidates if _is_module(m)), None)


def _is_module(m: Any) -> bool:
    return hasattr(m, "named_modules") and not isinstance(m, type)


def _modules_read_by(function: Any) -> list[Any]:
    """Return the modules among the variables that a plain function reads."""
    try:
        variables = getclosurevars(function)
    except TypeError:
        return []
    values = (*variables.nonlocals.values(), *variables.globals.values())
    return [m for m in values if _is_module(m)]


def _named_arguments(
    model: Any, inputs: tuple[Any, ...], keywords: dict[str, Any]
) -> dict[str, Tensor]:
    """Return the tensors among the inputs by the names that ``forward`` gives them."""
    try:
        arguments = signature(getattr(model, "forward", model)).bind(*inputs, **keywords).arguments
    except (TypeError, ValueError):  # built in, or it took what its signature does not say
        arguments = {"input": inputs, **keywords}
    names: dict[int, tuple[str, Tensor]] = {}
    for name, value in arguments.items():
        tensors = tensors_in(value)
        is_only_one = len(tensors) == 1
        for i, t in enumerate(tensors):
            label = name if is_only_one else f"{name} {i}"
            names.setdefault(id(t), (label, t))
    return dict(names.values())
