"""The recorded graph: one Node a recorded operation, linked from output to inputs only.

No node points at its own output or at anything made later, so reference counting alone frees a
graph that nobody holds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.primitive import Primitive
from minigrad.storage import tick


class Freed:
    """Stands in ``saved`` of a node whose graph was used up."""

    def restore(self, node: Node) -> list[Any]:
        """Say that nothing is left."""
        raise RuntimeError(
            "Trying to backward through the graph a second time (or directly access saved tensors "
            "after they have already been freed). Saved intermediate values of the graph are "
            "freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you "
            "need to backward through the graph a second time."
        )


FREED: Any = Freed()
NO_OPERAND: Any = object()  # in place of a second operand


class Node:
    """How one value came about; a leaf or a constant where ``primitive`` is None.

    ``inputs`` holds a Node for each operand (None for Python scalars); one or two stand in slots of
    their own, ``first`` and ``second``, since a tuple a node would double what Python's cycle
    collector has to visit, again and again while a deep graph grows. ``saved`` is what the rules
    read: ``(out, *operands)`` with None for what they do not. The node of the operand stands in for
    that: it answers ``shape``, ``dtype``, ``ndim`` and ``size``, which is all a rule may ask. Where
    the values are elsewhere (used up, or to be computed again), ``saved.restore(node)`` returns
    them or raises. ``scope`` tells the module calls around it, for pictures. ``sequence`` is the
    tick of creation. ``grad`` is filled on leaves and where retained.
    """

    __slots__ = (
        "__dict__", "__weakref__", "dtype", "first", "many", "params", "primitive", "saved",
        "scope", "second", "sequence", "shape",
    )  # fmt: skip
    primitive: Primitive | None
    first: Node | None
    second: Any  # a Node, None, or ABSENT
    many: tuple[Node | None, ...] | None  # all operands, unless they are one or two
    saved: Any
    params: dict[str, Any]
    requires_grad = True  # what few nodes have otherwise lives in their __dict__
    retains = False
    grad: Any = None
    hooks: dict[int, Any] | None = None
    after_hooks: dict[int, Any] | None = None
    label: str | None = None
    in_place: str | None = None  # the recorded write that made this value
    observed: Any = None  # what a sweep inside viz.watch showed of it
    line: tuple[str, int] | None = None  # this and the next three only inside autograd.record_lines
    origin: Any = None
    contributions: Any = None
    first_nan = False

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        """Make a leaf; ``recording`` makes the nodes of operations, field by field."""
        self.primitive, self.inputs, self.saved, self.params = None, (), (), {}
        self.shape = shape
        self.dtype = dtype
        self.scope = None
        self.sequence = tick()

    @property
    def inputs(self) -> tuple[Node | None, ...]:
        """A Node for each operand, None for Python scalars."""
        if self.many is not None:
            return self.many
        return (self.first,) if self.second is NO_OPERAND else (self.first, self.second)

    @inputs.setter
    def inputs(self, nodes: tuple[Node | None, ...]) -> None:
        self.many = nodes

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        total = 1
        for n in self.shape:
            total *= n
        return total

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes of the operands, None for what asks for no gradient, in PyTorch's order.

        What can have no gradient, the condition of ``where``, is not listed. A Python number is,
        behind the tensor, where PyTorch makes a tensor of it: of sums, products and quotients.
        """
        operands = self._listed_operands()
        return tuple((x if x is not None and x.requires_grad else None, 0) for x in operands)

    def _listed_operands(self) -> tuple[Node | None, ...]:
        primitive, operands = self.primitive, self.inputs
        if primitive is None:
            return operands
        if primitive.vjps:
            rules = zip(operands, primitive.vjps, strict=False)
            operands = tuple(x for x, rule in rules if rule is not None)
        name = primitive.name
        if name == "where":
            return operands
        tensors = tuple(x for x in operands if x is not None)
        numbers = len(operands) - len(tensors)
        if name in ("add", "mul", "div") or (name == "sub" and operands[1] is None):
            return tensors + (None,) * numbers
        return tensors

    def name(self) -> str:
        """Return PyTorch's kind of name, ``MulBackward0``."""
        if self.primitive is None:
            return "AccumulateGrad"
        return self.primitive.name.title().replace("_", "") + "Backward0"

    def __repr__(self) -> str:
        return f"<{self.name()}>"


class Constant(Node):
    """Stands for a value without gradient.

    Its ``primitive`` is known where pictures shall show how it came about, and ``value``, which may
    be written over, where it is one number.
    """

    requires_grad = False
    value: np.ndarray | None = None


class Given(Constant):
    """Stands for an argument of a model."""


def constant(shape: tuple[int, ...], dtype: Any) -> Node:
    """Return the Node that stands for an operand without gradient."""
    return Constant(shape, dtype)


def constant_of(array: Any) -> Node:
    """Return the same for an array; one number is held, for pictures, but no larger memory."""
    node = Constant(array.shape, array.dtype)
    if type(array) is np.ndarray and array.size == 1 and array.base is None:
        node.value = array
    return node


def ancestors(roots: Iterable[Node], since: int = 0, linked: bool = True) -> set[Node]:
    """Return these nodes and all that they were computed from, if younger than the tick ``since``.

    Without ``linked`` a node that requires no grad is the end: how it came about matters to
    pictures only.
    """
    stack = [node for node in roots if node.sequence > since]
    seen = set(stack)
    while stack:
        last = stack.pop()
        for node in last.inputs if linked or last.requires_grad else ():
            if node is not None and node.sequence > since and node not in seen:
                seen.add(node)
                stack.append(node)
    return seen


def topological_order(nodes: Iterable[Node]) -> list[Node]:
    """Return nodes in the order they were made in, which puts inputs before what reads them."""
    return sorted(nodes, key=lambda node: node.sequence)


def nodes_on_path(targets: Iterable[Node], roots: Iterable[Node]) -> set[Node]:
    """Return the nodes between the roots and the targets, both included."""
    on_path = set(targets)
    for node in topological_order(ancestors(roots, linked=False)):
        if node.requires_grad and not on_path.isdisjoint(node.inputs):
            on_path.add(node)
    return on_path


_KEYS = itertools.count()


class Handle:
    """Returned by registering a hook: ``remove()``, or leaving a ``with`` block, removes it."""

    def __init__(self, hooks: dict[int, Any], hook: Any, prepend: bool = False) -> None:
        self.hooks = hooks
        self.key = next(_KEYS)  # never given twice: an old handle removes no later hook
        others = dict(hooks) if prepend else {}
        for key in others:
            del hooks[key]
        hooks[self.key] = hook
        hooks.update(others)

    @property
    def id(self) -> int:
        """The number of this hook, which no other has."""
        return self.key

    def remove(self) -> None:
        """Take the hook back; once is enough, twice does no harm."""
        self.hooks.pop(self.key, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()
