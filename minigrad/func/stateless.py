"""A module as a pure function of its parameters and buffers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

from minigrad.functions.joining import stack
from minigrad.tensor.tensor import Tensor

_TABLES = ("_parameters", "_buffers")


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Return ``module(*args, **kwargs)`` with these tensors in place of its parameters and buffers.

    The module itself stays as it is, also after an error; a buffer among the new tensors that the
    call updates is updated. Tied weights share the new tensor, too (``tie_weights``). Raises
    RuntimeError for missing and unexpected names with ``strict``, ValueError for a name in two of
    several dictionaries.
    https://docs.pytorch.org/docs/stable/generated/torch.func.functional_call.html

    >>> import minigrad as mg
    >>> layer = mg.nn.Linear(2, 1, bias=False)
    >>> mg.func.functional_call(layer, {"weight": mg.tensor([[1.0, 2.0]])}, mg.tensor([3.0, 4.0]))
    tensor([11.])
    """
    tensors = _merge_dicts(parameter_and_buffer_dicts)
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with _swap_state(module, tensors, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return parameters and buffers of models of one class, each stacked along a new first dim.

    Both are dictionaries by name. The stacked parameters are leaves that require grad where the
    models' do. Raises RuntimeError for no model, and for models of several classes or modes.
    https://docs.pytorch.org/docs/stable/generated/torch.func.stack_module_state.html

    >>> import minigrad as mg
    >>> layers = [mg.nn.Linear(2, 1) for _ in range(3)]
    >>> params, buffers = mg.func.stack_module_state(layers)
    >>> params["weight"].shape
    (3, 1, 2)
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    kinds = sorted({(type(m).__name__, _mode(m)) for m in models})
    if len({(type(m), m.training) for m in models}) > 1:
        raise RuntimeError(
            "stack_module_state: Expected all models to be of the same class, "
            f"in the same training/eval mode. Got {kinds}"
        )
    states = []
    for named in ("named_parameters", "named_buffers"):
        tables = [dict(getattr(m, named)()) for m in models]
        state = {}
        for name, first in tables[0].items():
            stacked = stack([table[name].detach() for table in tables])
            state[name] = stacked.requires_grad_() if first.requires_grad else stacked
        states.append(state)
    return states[0], states[1]


def _mode(module: Any) -> str:
    return "training" if module.training else "eval"


def _merge_dicts(dicts: Any) -> dict[str, Tensor]:
    if isinstance(dicts, Mapping):
        return dict(dicts)
    if not isinstance(dicts, Sequence) or not all(isinstance(d, Mapping) for d in dicts):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts; "
            f"got {type(dicts).__name__}"
        )
    counts = Counter(chain(*dicts))
    repeated = sorted(name for name, count in counts.items() if count > 1)
    if repeated:
        raise ValueError(
            f"{repeated} appeared in multiple dictionaries, "
            "behavior of functional call is ambiguous"
        )
    return {name: value for part in dicts for name, value in part.items()}


# where a module holds a tensor: one of its dictionaries, and the key there
Place = tuple[dict[str, Any], str]


@contextmanager
def _swap_state(
    module: Any, tensors: dict[str, Tensor], tie_weights: bool, strict: bool
) -> Iterator[None]:
    """Put the tensors where the module has its own, and back afterwards."""
    places = _places(module)
    if strict:
        _check_names(module, tensors, places)
    new = {name: value for name, value in tensors.items() if name in places}
    if tie_weights:
        new |= _tied_tensors(tensors, places)
    before = {}
    for name in new:
        table, key = places[name]
        before[name] = table[key]
    try:
        _put(new, places)
        yield
    finally:
        _put(before, places)


def _places(module: Any) -> dict[str, Place]:
    """Return where each parameter and buffer is, by its dotted name."""
    places = {}
    for path, part in module.named_modules(remove_duplicate=False):
        prefix = f"{path}." if path else ""
        for kind in _TABLES:
            table = part.__dict__[kind]
            for name in table:
                places[prefix + name] = (table, name)
    return places


def _tied_tensors(tensors: dict[str, Tensor], places: dict[str, Place]) -> dict[str, Tensor]:
    """Return the new tensors for the other names of what is replaced."""
    replacement = {}  # id of the module's own tensor -> the new one
    for name, (table, key) in places.items():
        if name in tensors:
            replacement[id(table[key])] = tensors[name]
    tied = {}
    for name, (table, key) in places.items():
        own = table[key]
        if name not in tensors and own is not None and id(own) in replacement:
            tied[name] = replacement[id(own)]
    return tied


def _put(tensors: dict[str, Tensor], places: dict[str, Place]) -> None:
    for name, tensor in tensors.items():
        table, key = places[name]
        table[key] = tensor


def _check_names(module: Any, tensors: dict[str, Tensor], places: dict[str, Place]) -> None:
    own = [name for name, (table, key) in places.items() if table[key] is not None]
    unexpected = [name for name in tensors if name not in places]
    missing = [name for name in own if name not in tensors]
    lines = []
    for what, names in (("Unexpected", unexpected), ("Missing", missing)):
        if names:
            lines.append(f"\n\t{what} key(s): {', '.join(map(repr, names))}.")
    if lines:
        kind = type(module).__name__
        raise RuntimeError(f"Error(s) in reparametrizing for {kind}:{''.join(lines)}")
