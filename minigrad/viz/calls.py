"""Which module calls the nodes of a graph were made in, and what parameters and buffers are called there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from minigrad.engine.graph import Given, Node
from minigrad.tensor.tensor import Tensor
from minigrad.viz.picture import Cluster


def homes(t: Tensor) -> Iterator[Node]:
    """Yield the nodes that a tensor stands for, last that of the value which was there before the writes to it."""
    for home in (t._node, t._constant):
        while home is not None:
            yield home
            home = home.inputs[0] if home.in_place and home.primitive is not None else None


class Calls:
    """The module calls that nodes were made in, with the paths that the modules have in the model."""

    def __init__(self, order: Sequence[Node], model: Any) -> None:
        self.clusters: list[Cluster] = []
        self._of: dict[int, int] = {}  # id of a scope -> its cluster
        self._roots: dict[int, Any] = {} if model is None else {id(model): model}
        self._paths: dict[int, str] = {}
        self._counts: dict[int, int] = {}
        self._keep: list[Any] = []  # scopes, so that their ids stay theirs
        for root in self._roots.values():
            self._enter(root)
        for node in order:
            if node.primitive is not None and node.scope is not None:
                self._cluster(node.scope)

    def _enter(self, root: Any) -> None:
        for path, module in root.named_modules():
            self._paths.setdefault(id(module), path)

    def _cluster(self, scope: Any) -> int:
        chain = []
        while scope is not None and id(scope) not in self._of:
            chain.append(scope)
            scope = scope[0]
        at = None if scope is None else self._of[id(scope)]
        for made in reversed(chain):
            module, cls = made[1](), made[2]
            if module is not None and id(module) not in self._paths:
                self._roots[id(module)] = module
                self._enter(module)
            path = self._paths.get(id(module), "") if module is not None else ""
            if module is not None and id(module) not in self._counts:
                self._counts[id(module)] = sum(p.numel() for p in module.parameters())
            count = self._counts[id(module)] if module is not None else 0
            level = 0 if at is None else self.clusters[at].level + 1
            self.clusters.append(Cluster(len(self.clusters), at, path, cls.__name__, count, level))
            at = self._of[id(made)] = len(self.clusters) - 1
            self._keep.append(made)
        assert at is not None
        return at

    def names(self) -> dict[Node, tuple[str, str, Tensor]]:
        """Return (kind, name, tensor) of the parameters and buffers of all models met."""
        known: dict[Node, tuple[str, str, Tensor]] = {}
        for root in self._roots.values():
            for kind, pairs in (
                ("parameter", root.named_parameters()),
                ("buffer", root.named_buffers()),
            ):
                for name, t in pairs:
                    for home in homes(t):
                        known.setdefault(home, (kind, name, t))
        return known

    def places(self, order: Sequence[Node]) -> dict[Node, int | None]:
        """Return the cluster of each node; a leaf stands in the innermost call around all its readers."""
        at = {
            n: self._of[id(n.scope)] if n.primitive is not None and n.scope is not None else None
            for n in order
        }
        readers: dict[Node, int | None] = {}
        for node in order:
            for source in node.inputs:
                if source is not None and source.primitive is None:
                    readers[source] = (
                        self._common(readers[source], at[node]) if source in readers else at[node]
                    )
        return at | readers

    def standing(
        self, order: Sequence[Node], known: dict[Node, tuple[str, str, Tensor]]
    ) -> dict[Node, int | None]:
        """Return :meth:`places`, but what was handed in stands outside, wherever it is read."""
        at = self.places(order)
        for node in order:
            if node.primitive is None:
                given = (
                    known[node][0] == "input"
                    if node in known
                    else node.requires_grad or isinstance(node, Given)
                )
                at[node] = None if given else at[node]
        return at

    def _common(self, a: int | None, b: int | None) -> int | None:
        while a != b:
            if a is None or b is None:
                return None
            if self.clusters[a].level >= self.clusters[b].level:
                a = self.clusters[a].parent
            else:
                b = self.clusters[b].parent
        return a

    def short(self, name: str, at: int | None) -> str:
        """Return a name as it reads inside a cluster: without the cluster's own path."""
        path = "" if at is None else self.clusters[at].path
        return name.removeprefix(path + ".") if path else name
