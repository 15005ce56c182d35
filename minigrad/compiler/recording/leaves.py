"""The leaves of a graph, and what a step does with their ``.grad``."""

from __future__ import annotations

from typing import Any

from minigrad.engine.graph import Node
from minigrad.tensor.tensor import Tensor


class WatchedNode(Node):
    """A leaf's node that tells whether its ``.grad`` was read before it was set."""

    __slots__ = ()

    @property
    def grad(self) -> Any:
        self.__dict__["log"].append("read")
        return self.__dict__.get("grad")

    @grad.setter
    def grad(self, value: Any) -> None:
        self.__dict__["log"].append("set")
        self.__dict__["grad"] = value


class Leaf:
    """A leaf that asks for a gradient.

    A gradient that was there before matters where it is read before it is set. One that the step
    leaves behind is handed out, unless the step has used it up: has written the leaf itself,
    and sets the gradient anew in the next call.
    """

    def __init__(self, tensor: Tensor, node: Node, name: str, argument: int | None) -> None:
        self.tensor, self.node, self.name = tensor, node, name
        self.argument = argument  # which one it is: another call brings another leaf
        self.before = node.grad
        self.reads = self.sets = False
        self.after: Any = None  # the place of the gradient that the step leaves behind

    @property
    def owner(self) -> Any:
        """Whose gradient it is: a node, or the number of an argument, of each call anew."""
        return self.node if self.argument is None else self.argument

    def watch(self) -> None:
        """Look at what is done from now on."""
        self.node.__dict__["log"] = []
        self.node.__class__ = WatchedNode

    def stop(self) -> None:
        """Look no longer."""
        self.node.__class__ = Node
        log = self.node.__dict__.pop("log")
        self.reads = log[:1] == ["read"]
        self.sets = "set" in log


def graph_leaves(named: list[tuple[str, Tensor, int | None]]) -> list[Leaf]:
    """Return the leaves among tensors, each once."""
    found: dict[int, Leaf] = {}
    for name, tensor, argument in named:
        node = tensor._node
        if node is None or type(node) is not Node:
            continue
        if node.primitive is None:
            found.setdefault(id(node), Leaf(tensor, node, name, argument))
    return list(found.values())
