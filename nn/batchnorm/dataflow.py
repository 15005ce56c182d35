"""Which module feeds which: found by running a model once and observing its calls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

from minigrad.creation import as_tensor
from minigrad.engine.graph import Node, ancestors
from minigrad.nn.batchnorm.statistics import BatchNormBase
from minigrad.nn.container import Sequential
from minigrad.nn.module import Module
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_leaves


class BatchNormInput(NamedTuple):
    """A call of a BatchNorm layer: its input, and the module whose output that is.

    ``source`` is None where the input is not the output of any module. ``exclusive`` means that
    layer and source are called once, and that no other operation reads what passes between them.
    """

    path: str
    layer: BatchNormBase
    input: Tensor
    source_path: str = ""
    source: Module | None = None
    exclusive: bool = False
    handled_by: frozenset[str] = frozenset()  # paths of the modules that take or return the input


def first_input(batch: Any) -> Tensor:
    """Return the model's input in a batch: the batch itself, or the first of a tuple or list."""
    if isinstance(batch, (tuple, list)) and batch:
        batch = batch[0]
    if not hasattr(batch, "dtype"):
        raise TypeError(
            "expected batches that are a tensor, or a tuple that begins with one, "
            f"got {type(batch)}"
        )
    return as_tensor(batch)


def output_tensors(output: Any) -> Iterator[Tensor]:
    """Yield the tensors of a model's output: one, or nested tuples, lists and dictionaries."""
    return (leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor))


def sequential_pairs(model: Module) -> list[tuple[str, BatchNormBase, str, Module]]:
    """Return every BatchNorm layer behind another module of a Sequential, and that module.

    These are known without a run: (path, layer, path of the source, source).
    """
    pairs: list[Any] = []
    for path, container in model.named_modules():
        if not isinstance(container, Sequential):
            continue
        prefix = f"{path}." if path else ""
        named = [(prefix + name, module) for name, module in container._modules.items()]
        for source, layer in zip(named, named[1:], strict=False):
            if isinstance(layer[1], BatchNormBase):
                pairs.append((*layer, *source))
    return pairs


def batchnorm_inputs(model: Module, x: Tensor) -> list[BatchNormInput]:
    """Run ``model(x)`` and return every call of a BatchNorm layer, in order, with what fed it.

    The graph tells who else reads an output, so call this where operations are recorded.
    """
    observed, output = _observe(model, x)
    readers = _readers(output)
    result = []
    for path, layer, input in observed.inputs:
        source_path, source = observed.sources.get(id(input), ("", None))
        read_once = input._node is not None and readers[input._node] == 1
        called_once = source is not None and observed.calls[layer] == 1 == observed.calls[source]
        handled_by = frozenset(observed.handled_by[id(input)])
        result.append(
            BatchNormInput(
                path, layer, input, source_path, source, called_once and read_once, handled_by
            )
        )
    return result


def nearest_before(
    model: Module, x: Tensor, kinds: type[Module] | tuple[type[Module], ...]
) -> dict[str, tuple[str, int]]:
    """Run ``model(x)`` and find, for each BatchNorm layer, the nearest such module before it.

    Returns {path of the layer: (path of the module, how many others stand between)}. The search
    ends at other BatchNorm layers. It follows the graph: call this where operations are recorded.
    """
    observed, _ = _observe(model, x)
    nearest = {}
    for path, _, input in observed.inputs:
        queue, seen = [(input._node, 0)], set()
        while queue:
            node, between = queue.pop(0)
            if node is None or node in seen:
                continue
            seen.add(node)
            producer, module = observed.producers.get(node, ("", None))
            if isinstance(module, kinds):
                nearest[path] = (producer, between)
                break
            if not isinstance(module, BatchNormBase):
                between += module is not None
                queue += [(parent, between) for parent in node.inputs]
    return nearest


def _observe(model: Module, x: Tensor) -> tuple[_Observed, Any]:
    """Run ``model(x)``; return what its hooks saw, and the output."""
    observed = _Observed(model)
    with ExitStack() as stack:
        for module in observed.paths:
            stack.callback(module.register_forward_pre_hook(observed.before).remove)
            stack.callback(module.register_forward_hook(observed.after).remove)
        return observed, model(x)


class _Observed:
    """What the hooks of one run see; tensors are known by their ids."""

    def __init__(self, model: Module) -> None:
        self.paths = {module: path for path, module in model.named_modules()}
        # the innermost module that computed it
        self.sources: dict[int, tuple[str, Module]] = {}
        self.producers: dict[Node, tuple[str, Module]] = {}  # the same by node
        self.calls: Counter[Module] = Counter()
        self.handled_by: defaultdict[int, set[str]] = defaultdict(set)
        self.inputs: list[tuple[str, BatchNormBase, Tensor]] = []
        # keeps the ids from being used again
        self._alive: list[Any] = []

    def before(self, module: Module, args: Any) -> None:
        """Note a call's arguments."""
        self.calls[module] += 1
        self._note(module, args)
        if isinstance(module, BatchNormBase):
            self.inputs.append((self.paths[module], module, args[0]))

    def after(self, module: Module, args: Any, output: Any) -> None:
        """Note a call's output."""
        self._note(module, output)
        if any(output is arg for arg in args):  # such as a Dropout that lets everything pass
            return
        for tensor in output_tensors(output):
            source = self.sources.setdefault(id(tensor), (self.paths[module], module))
            if tensor._node is not None:
                self.producers[tensor._node] = source

    def _note(self, module: Module, values: Any) -> None:
        self._alive.append(values)
        for tensor in output_tensors(values):
            self.handled_by[id(tensor)].add(self.paths[module])


def _readers(output: Any) -> Counter[Node]:
    """Count the operations that read each node; an output of the model has one reader outside."""
    roots = [tensor._node for tensor in output_tensors(output) if tensor._node is not None]
    readers: Counter[Node] = Counter(roots)
    for node in ancestors(roots):
        inputs = {parent for parent in node.inputs if parent is not None}
        readers.update(inputs)
    return readers
