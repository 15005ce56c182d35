"""Checkpointing: a part of the forward pass saves no values; backward computes it again.

The graph is recorded as always; what its nodes saved is then dropped, and the first node that the
sweep asks for it runs the function once more and takes from the new nodes what the old ones had.
The graph itself never changes, so gradients of any order and hooks work as without a checkpoint.

https://docs.pytorch.org/docs/stable/checkpoint.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from minigrad.engine.graph import Node, ancestors, topological_order
from minigrad.modes import MODES, hold_statistics, recording
from minigrad.random import default_generator
from minigrad.storage import tick, written_since
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tensors_in, tree_leaves, tree_map

__all__ = [
    "CheckpointError",
    "checkpoint",
    "checkpoint_sequential",
]

Contexts = Callable[[], tuple[AbstractContextManager[Any], AbstractContextManager[Any]]]


class CheckpointError(RuntimeError):
    """The function recorded something else when it was computed again."""


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Contexts | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Return ``function(*args, **kwargs)``, saving no values; backward computes it again.

    The second time random numbers are the first time's (unless ``preserve_rng_state=False``), and
    what a forward remembers, such as running statistics, is not counted twice. This is PyTorch's
    ``use_reentrant=False``; the other value does the same here, and ``debug`` and ``early_stop``
    change nothing. ``context_fn`` returns two contexts, for the first run and for the second.
    Backward raises CheckpointError where the function recorded something else the second time
    (``determinism_check="none"`` compares only how many operations), RuntimeError where what it
    reads was written in between.
    https://docs.pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.checkpoint

    >>> import minigrad as mg
    >>> x = mg.tensor(2.0, requires_grad=True)
    >>> mg.utils.checkpoint.checkpoint(lambda x: x.exp().sin(), x, use_reentrant=False).backward()
    """
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of ['default', 'none'] but got {determinism_check}"
        )
    first: Any = nullcontext()
    second: Any = nullcontext()
    if context_fn is not None:
        first, second = context_fn()
    state = default_generator.get_state() if preserve_rng_state and MODES.grad_enabled else None
    saved_args, saved_kwargs = tree_map(_handle, args), tree_map(_handle, kwargs)
    start = tick()
    with first:
        result = function(*args, **kwargs)
    if MODES.grad_enabled:

        def recompute() -> Any:
            with second:
                return function(*saved_args, **saved_kwargs)

        region = _Region(recompute, state, determinism_check == "default")
        region.drop(_recorded_since(result, start), start, tree_leaves((saved_args, saved_kwargs)))
    return result


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
) -> Any:
    """Return what a Sequential (or a list of functions) returns, run in checkpointed segments.

    There are ``segments`` of them, and the last one is run as always.
    https://docs.pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.checkpoint_sequential
    """
    functions = list(functions)
    size = max(len(functions) // segments, 1)
    for start in range(0, size * (segments - 1), size):
        part = _Chain(functions[start : start + size])
        input = checkpoint(
            part, input, use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state
        )
    return _Chain(functions[size * (segments - 1) :])(input)


class _Chain:
    def __init__(self, functions: list[Callable[[Any], Any]]) -> None:
        self.functions = functions

    def __call__(self, x: Any) -> Any:
        for function in self.functions:
            x = function(x)
        return x


class _Region:
    """What the nodes of one checkpointed call have in common; it holds none of them."""

    def __init__(self, recompute: Callable[[], Any], state: Any, compare: bool) -> None:
        self.recompute = recompute
        self.state = state
        self.compare = compare
        self.kinds: list[str] = []
        self.saved: list[Any] = []  # by place; None until computed again, and once handed out
        self.outside: list[tuple[Any, int]] = []  # (array, moment): must not be written after it

    def drop(self, nodes: list[Node], start: int, args: Iterable[Any]) -> None:
        """Take from the nodes what they saved."""
        for place, node in enumerate(nodes):
            if type(node.saved) is tuple:
                self.outside += _saved_from_outside(node, start)
                if all(value is None for value in node.saved):
                    continue
            node.saved = _Dropped(self, place)
        self.kinds = [_kind(node) for node in nodes]
        self.saved = [None] * len(nodes)
        now = tick()
        for arg in args:
            if isinstance(arg, Tensor):
                # the function may write into its arguments, unless they are part of the graph
                since = now if arg._node is None else start
                self.outside.append((arg._data, since))
        self.outside += [(buffer._data, now) for buffer in _buffers_in_evaluation(nodes)]

    def run_again(self) -> None:
        """Run the function a second time and hold what its nodes save."""
        for value, moment in self.outside:
            by = written_since(value, moment)
            if by is not None:
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an "
                    f"inplace operation: a {value.dtype} tensor of shape {tuple(value.shape)} that "
                    f"a checkpoint reads again was overwritten by {by}. "
                    "Compute the gradient first, or write into a clone()."
                )
        start, now = tick(), default_generator.get_state()
        if self.state is not None:
            default_generator.set_state(self.state)
        try:
            with recording(), hold_statistics():
                nodes = _recorded_since(self.recompute(), start)
        finally:
            if self.state is not None:
                default_generator.set_state(now)
        self._compare([_kind(node) for node in nodes])
        self.saved = [node.saved for node in nodes]

    def _compare(self, kinds: list[str]) -> None:
        if len(kinds) != len(self.kinds):
            raise CheckpointError(
                "minigrad.utils.checkpoint: A different number of tensors was saved during the "
                f"original forward and recomputation: {len(self.kinds)} operations, "
                f"then {len(kinds)}."
            )
        for was, now in zip(self.kinds, kinds, strict=True):
            if self.compare and was != now:
                raise CheckpointError(
                    "minigrad.utils.checkpoint: Recomputed values for the following tensors have "
                    f"different metadata than during the forward pass: {was}, then {now}."
                )


def _saved_from_outside(node: Node, start: int) -> list[tuple[Any, int]]:
    """Return the saved arrays of nodes that are older than the call, and when they were read."""
    result = []
    for value, owner in zip(node.saved, (node, *node.inputs), strict=True):
        is_older = owner is not None and owner.sequence < start
        if is_older and hasattr(value, "dtype"):
            result.append((value, node.sequence))
    return result


class _Dropped:
    """Stands for what one node saved."""

    def __init__(self, region: _Region, place: int) -> None:
        self.region, self.place = region, place

    def restore(self, node: Node) -> tuple[Any, ...]:
        """Return what ``node`` saved, computed again with all the region where it has to be."""
        region = self.region
        if region.saved[self.place] is None:
            region.run_again()
        saved = region.saved[self.place]
        region.saved[self.place] = None
        if type(saved) is tuple:
            return saved
        return saved.restore(node)  # a checkpoint inside this one


def _handle(x: Any) -> Any:
    """Return another tensor of the same value and node: in-place operations rebind ``x`` itself."""
    if not isinstance(x, Tensor):
        return x
    handle = Tensor._wrap(x._data)
    handle._node = x._node
    return handle


def _buffers_in_evaluation(nodes: list[Node]) -> Iterator[Any]:
    """Yield the buffers of the modules around these nodes that evaluate.

    Their forward reads them: running statistics.
    """
    modules: dict[int, Any] = {}
    for scope in {id(node.scope): node.scope for node in nodes}.values():
        while scope is not None:
            scope, weak, _ = scope
            module = weak()
            if module is not None and not module.training:
                modules[id(module)] = module
    for module in modules.values():
        yield from (buffer for buffer in module._buffers.values() if buffer is not None)


def _recorded_since(result: Any, start: int) -> list[Node]:
    """Return the operations behind ``result`` that are younger than ``start``, by age."""
    roots = [x._node for x in tensors_in(result) if x._node is not None]
    nodes = ancestors(roots, since=start, linked=False)
    operations = (node for node in nodes if node.primitive is not None and node.requires_grad)
    return topological_order(operations)


def _kind(node: Node) -> str:
    return f"{node.name()} {node.dtype} {tuple(node.shape)}"
