"""A module as a pure function of its parameters and buffers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from minigrad.functions.joining import stack
from minigrad.tensor.tensor import Tensor

_OWN = ("_parameters", "_buffers")


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

    The module itself stays as it is, also after an error; a buffer that is given and updated in the
    call is updated. What shares a tensor shares the new one, too (``tie_weights``). Raises
    RuntimeError for missing and unexpected names with ``strict``, ValueError for a name in two of
    several dictionaries.
    https://docs.pytorch.org/docs/stable/generated/torch.func.functional_call.html

    >>> import minigrad as mg
    >>> layer = mg.nn.Linear(2, 1, bias=False)
    >>> mg.func.functional_call(layer, {"weight": mg.tensor([[1.0, 2.0]])}, mg.tensor([3.0, 4.0]))
    tensor([11.])
    """
    given = _merged(parameter_and_buffer_dicts)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return parameters and buffers of models of one class by name, each stacked along a new first dim.

    The stacked parameters are leaves that ask for gradients as the models' do.
    https://docs.pytorch.org/docs/stable/generated/torch.func.stack_module_state.html
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({(type(m), m.training) for m in models}) > 1:
        raise RuntimeError(
            "stack_module_state: Expected all models to be of the same class, in the same training/eval mode."
        )
    states = []
    for named in ("named_parameters", "named_buffers"):
        tables = [dict(getattr(m, named)()) for m in models]
        state = {}
        for name, first in tables[0].items():
            made = stack([table[name].detach() for table in tables])
            state[name] = made.requires_grad_() if first.requires_grad else made
        states.append(state)
    return states[0], states[1]


def _merged(dicts: Any) -> dict[str, Tensor]:
    if isinstance(dicts, Mapping):
        return dict(dicts)
    if not isinstance(dicts, Sequence) or not all(isinstance(d, Mapping) for d in dicts):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts"
        )
    names = [name for part in dicts for name in part]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"{twice} appeared in multiple dictionaries, behavior of functional call is ambiguous"
        )
    return {name: value for part in dicts for name, value in part.items()}


@contextmanager
def _replaced(
    module: Any, given: dict[str, Tensor], tie_weights: bool, strict: bool
) -> Iterator[None]:
    """Put the given tensors where the module has its own, and back afterwards."""
    places: dict[str, tuple[dict[str, Any], str]] = {}
    for path, part in module.named_modules(remove_duplicate=False):
        for kind in _OWN:
            table = part.__dict__[kind]
            places.update({f"{path}.{name}" if path else name: (table, name) for name in table})
    if strict:
        _check_names(module, given, places)
    new = {name: value for name, value in given.items() if name in places}
    if tie_weights:
        by_tensor = {
            id(table[key]): given[name] for name, (table, key) in places.items() if name in given
        }
        for name, (table, key) in places.items():
            if name not in given and table[key] is not None and id(table[key]) in by_tensor:
                new[name] = by_tensor[id(table[key])]
    before = {name: places[name][0][places[name][1]] for name in new}
    try:
        for name, value in new.items():
            table, key = places[name]
            table[key] = value
        yield
    finally:
        for name, value in before.items():
            table, key = places[name]
            table[key] = value


def _check_names(module: Any, given: dict[str, Tensor], places: dict[str, Any]) -> None:
    own = [name for name, (table, key) in places.items() if table[key] is not None]
    lines = [
        f"{what} key(s): {', '.join(map(repr, names))}."
        for what, names in (
            ("Unexpected", [name for name in given if name not in places]),
            ("Missing", [name for name in own if name not in given]),
        )
        if names
    ]
    if lines:
        raise RuntimeError(
            f"Error(s) in reparametrizing for {type(module).__name__}:\n\t" + "\n\t".join(lines)
        )
