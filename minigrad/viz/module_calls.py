"""Which module calls the nodes of a graph stand in, and which parameters are used there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from minigrad.engine.graph import Given, Node
from minigrad.tensor.tensor import Tensor
from minigrad.viz.elements import Cluster


class Leaf(NamedTuple):
    """What is known of a named tensor."""

    kind: str  # "parameter", "buffer" or "input"
    name: str
    tensor: Tensor


def nodes_of(t: Tensor) -> Iterator[Node]:
    """Yield the nodes of a tensor's values: the newest first, last that before all writes to it."""
    for node in (t._node, t._constant):
        while node is not None:
            yield node
            if not node.in_place or node.primitive is None:
                break
            node = node.inputs[0]


class ModuleCalls:
    """The module calls that nodes stand in, with the paths that the modules have in the model."""

    def __init__(self, order: Sequence[Node], model: Any) -> None:
        self.clusters: list[Cluster] = []
        self._cluster_of: dict[int, int] = {}  # id of a scope -> its cluster
        self._roots: dict[int, Any] = {} if model is None else {id(model): model}
        self._paths: dict[int, str] = {}
        self._parameter_counts: dict[int, int] = {}
        self._scopes: list[Any] = []  # referenced, so that their ids stay theirs
        for root in self._roots.values():
            self._read_paths(root)
        for node in order:
            if node.primitive is not None and node.scope is not None:
                self._add_scope(node.scope)

    def _read_paths(self, root: Any) -> None:
        for path, module in root.named_modules():
            self._paths.setdefault(id(module), path)

    def _add_scope(self, scope: Any) -> None:
        """Add clusters for a call and for those around it that have none yet."""
        chain = []
        while scope is not None and id(scope) not in self._cluster_of:
            chain.append(scope)
            scope, _, _ = scope
        at = None
        if scope is not None:
            at = self._cluster_of[id(scope)]
        for inner in reversed(chain):
            at = self._add_cluster(inner, at)

    def _add_cluster(self, scope: Any, parent: int | None) -> int:
        _, module_reference, cls = scope
        module = module_reference()
        path = ""
        count = 0
        if module is not None:
            path = self._path(module)
            count = self._count(module)

        level = 0 if parent is None else self.clusters[parent].level + 1
        number = len(self.clusters)
        cluster = Cluster(number, parent, path, cls.__name__, count, level)
        self.clusters.append(cluster)
        self._cluster_of[id(scope)] = number
        self._scopes.append(scope)
        return number

    def _path(self, module: Any) -> str:
        if id(module) not in self._paths:
            self._roots[id(module)] = module
            self._read_paths(module)
        return self._paths.get(id(module), "")

    def _count(self, module: Any) -> int:
        if id(module) not in self._parameter_counts:
            self._parameter_counts[id(module)] = sum(p.numel() for p in module.parameters())
        return self._parameter_counts[id(module)]

    def named_leaves(self) -> dict[Node, Leaf]:
        """Return the parameters and buffers of all models met."""
        leaves: dict[Node, Leaf] = {}
        for root in self._roots.values():
            for name, t in root.named_parameters():
                _add_leaf(leaves, Leaf("parameter", name, t))
            for name, t in root.named_buffers():
                _add_leaf(leaves, Leaf("buffer", name, t))
        return leaves

    def _places(self, order: Sequence[Node]) -> dict[Node, int | None]:
        """Return the cluster of each node; a leaf's is the innermost around all its readers."""
        at: dict[Node, int | None] = {}
        for node in order:
            has_scope = node.primitive is not None and node.scope is not None
            at[node] = self._cluster_of[id(node.scope)] if has_scope else None
        leaves: dict[Node, int | None] = {}
        for node in order:
            for operand in node.inputs:
                if operand is None or operand.primitive is not None:
                    continue
                around = at[node]
                if operand in leaves:
                    around = self._common(leaves[operand], around)
                leaves[operand] = around
        return at | leaves

    def places(self, order: Sequence[Node], leaves: dict[Node, Leaf]) -> dict[Node, int | None]:
        """Return the cluster of each node; inputs stand outside all, wherever they are read."""
        at = self._places(order)
        for node in order:
            if node.primitive is not None:
                continue
            leaf = leaves.get(node)
            if _is_input(node, leaf):
                at[node] = None
        return at

    def _common(self, a: int | None, b: int | None) -> int | None:
        """Return the innermost cluster around both."""
        while a != b:
            if a is None or b is None:
                return None
            cluster_a, cluster_b = self.clusters[a], self.clusters[b]
            if cluster_a.level >= cluster_b.level:
                a = cluster_a.parent
            else:
                b = cluster_b.parent
        return a

    def relative_name(self, name: str, at: int | None) -> str:
        """Return a name as it reads inside a cluster: without the cluster's own path."""
        path = "" if at is None else self.clusters[at].path
        return name.removeprefix(path + ".") if path else name


def _add_leaf(leaves: dict[Node, Leaf], leaf: Leaf) -> None:
    for node in nodes_of(leaf.tensor):
        leaves.setdefault(node, leaf)


def _is_input(node: Node, leaf: Leaf | None) -> bool:
    if leaf is not None:
        return leaf.kind == "input"
    return node.requires_grad or isinstance(node, Given)
