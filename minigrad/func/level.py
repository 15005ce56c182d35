"""One transform at work: its own variables, and what depends on anything besides."""

from __future__ import annotations

from typing import Any

from minigrad.engine.graph import Node, ancestors
from minigrad.functions.shape import view
from minigrad.modes import MODES, recording
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tensors_in, tree_map


class Level:
    """One transform at work: its variables, and what it gives back."""

    def __init__(self) -> None:
        self.recording = MODES.grad_enabled
        self.own: set[Node] = set()
        self.xs: list[Tensor] = []

    def variables(self, tree: Any, what: str) -> Any:
        """Return the tree with a variable in place of each tensor."""
        return tree_map(lambda x: self.variable(x, what), tree)

    def variable(self, x: Any, what: str) -> Tensor:
        """Return a variable of this level with the value of ``x``."""
        if not isinstance(x, Tensor):
            raise ValueError(
                f"Thing passed to transform API must be Tensor, got {type(x)} in the call of {what}"
            )
        if x._node is None:
            y = x.detach().requires_grad_()
            self.own.add(y._node)  # type: ignore[arg-type]
        else:
            with recording():
                y = view(x, x.shape)
        self.xs.append(y)
        return y

    def depends_on_outer(self, *trees: Any) -> bool:
        """Return whether tensors in the trees depend on more than this level's variables."""
        if not self.recording:
            return False
        nodes = [x._node for x in tensors_in(trees) if x._node is not None]
        for node in ancestors(nodes):
            is_variable = node.primitive is None and node.requires_grad
            if is_variable and node not in self.own:
                return True
        return False

    def leave(self, tree: Any) -> Any:
        """Return results as seen from outside.

        They are recorded only where they depend on more than this level's variables.
        """

        def detach_own(x: Any) -> Any:
            is_own = isinstance(x, Tensor) and not self.depends_on_outer(x)
            return x.detach() if is_own else x

        return tree_map(detach_own, tree)
