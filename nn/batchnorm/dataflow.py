"""Which module feeds which: found by running a model once and watching what its modules hand on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from minigrad.creation import as_tensor
from minigrad.engine.graph import Node, ancestors
from minigrad.nn.batchnorm.statistics import NormBase
from minigrad.nn.container import Sequential
from minigrad.nn.module import Module
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_leaves


class Fed(NamedTuple):
    """A BatchNorm layer, its input, and the module whose very output that is (None: no module's)."""

    path: str
    layer: NormBase
    input: Tensor
    source_path: str = ""
    source: Module | None = None
    exclusive: bool = False  # each is called once, and no other operation reads what passes between
    passes: frozenset[str] = (
        frozenset()
    )  # the modules that take or give what passes between, themselves included


def first_input(batch: Any) -> Tensor:
    """Return the model's input in a batch: the batch itself, or the first of a tuple or list."""
    if isinstance(batch, (tuple, list)) and batch:
        batch = batch[0]
    if not hasattr(batch, "dtype"):
        raise TypeError(
            f"expected batches that are a tensor, or a tuple that begins with one, got {type(batch)}"
        )
    return as_tensor(batch)


def tensors(output: Any) -> Iterator[Tensor]:
    """Yield the tensors of what a model returned: one, or nested tuples, lists and dictionaries."""
    return (leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor))


def neighbours(model: Module) -> list[tuple[str, NormBase, str, Module]]:
    """Return every BatchNorm layer behind another module of a Sequential, and that module: known without a run."""
    found: list[Any] = []
    for path, module in model.named_modules():
        if isinstance(module, Sequential):
            named = [(f"{path}.{name}" if path else name, m) for name, m in module._modules.items()]
            pairs = zip(named, named[1:], strict=False)
            found += [(*b, *a) for a, b in pairs if isinstance(b[1], NormBase)]
    return found


def feeds(model: Module, x: Tensor) -> list[Fed]:
    """Run ``model(x)`` and return every call of a BatchNorm layer, in order, with what fed it.

    The graph tells who else reads an output, so call this where operations are recorded.
    """
    made: dict[int, tuple[str, Module]] = {}  # id of an output -> the innermost module that made it
    alive: list[Any] = []  # keeps the ids from being used again
    calls: Counter[Module] = Counter()
    passes: defaultdict[int, set[str]] = defaultdict(
        set
    )  # id of a tensor -> the modules that take or give it
    found: list[tuple[str, NormBase, Tensor]] = []
    paths = {module: path for path, module in model.named_modules()}

    def before(module: Module, args: Any) -> None:
        calls[module] += 1
        alive.append(args)
        for tensor in tensors(args):
            passes[id(tensor)].add(paths[module])
        if isinstance(module, NormBase):
            found.append((paths[module], module, args[0]))

    def after(module: Module, args: Any, output: Any) -> None:
        alive.append(output)
        for tensor in tensors(output):
            passes[id(tensor)].add(paths[module])
        if not any(
            output is given for given in args
        ):  # a Dropout that lets everything pass made nothing
            for tensor in tensors(output):
                made.setdefault(id(tensor), (paths[module], module))

    handles = [
        h
        for m in paths
        for h in (m.register_forward_pre_hook(before), m.register_forward_hook(after))
    ]
    try:
        output = model(x)
    finally:
        for handle in handles:
            handle.remove()
    readers = _readers(output)
    fed = []
    for path, layer, given in found:
        source_path, source = made.get(id(given), ("", None))
        exclusive = _exclusive(layer, given, source, calls, readers)
        fed.append(
            Fed(path, layer, given, source_path, source, exclusive, frozenset(passes[id(given)]))
        )
    return fed


def _exclusive(
    layer: Module,
    given: Tensor,
    source: Module | None,
    calls: Counter[Module],
    readers: Counter[Node],
) -> bool:
    once = source is not None and calls[layer] == 1 == calls[source]
    return once and given._node is not None and readers[given._node] == 1


def _readers(output: Any) -> Counter[Node]:
    """Count for each node the operations that read it; an output of the model has a reader outside."""
    roots = [tensor._node for tensor in tensors(output) if tensor._node is not None]
    readers: Counter[Node] = Counter(roots)
    for node in ancestors(roots):
        readers.update({parent for parent in node.inputs if parent is not None})
    return readers
