"""Which options of optimizers a step reads by itself: a schedule's numbers are frozen there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from minigrad.optim.optimizer import Optimizer
from minigrad.silence import is_ours


class WatchedGroup(dict[str, Any]):
    """A group of an optimizer that tells which of its options the user's code reads."""

    def __init__(self, group: dict[str, Any]) -> None:
        super().__init__(group)
        self.group = group  # that it stands for
        self.read: set[str] = set()

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def give_back(self) -> None:
        """Let the group hold what this one holds now."""
        if list(dict.items(self)) != list(self.group.items()):
            self.group.clear()
            self.group.update(dict.items(self))


def _one(name: str) -> Callable[..., Any]:
    """Return a method that reads one option."""
    method = getattr(dict, name)

    def read(self: WatchedGroup, key: str, *args: Any) -> Any:
        if not is_ours(sys._getframe(1).f_globals):
            self.read.add(key)
        return method(self, key, *args)

    return read


def _all(name: str) -> Callable[..., Any]:
    """Return a method that reads all options."""
    method = getattr(dict, name)

    def read(self: WatchedGroup) -> Any:
        if not is_ours(sys._getframe(1).f_globals):
            self.read.update(dict.keys(self))
        return method(self)

    return read


for _name in ("__getitem__", "__contains__", "get", "setdefault", "pop"):
    setattr(WatchedGroup, _name, _one(_name))
for _name in ("__iter__", "keys", "values", "items", "copy"):
    setattr(WatchedGroup, _name, _all(_name))


class WatchedGroups:
    """Watched groups in the place of those of optimizers, while a step is written down."""

    def __init__(self, optimizers: list[Optimizer]) -> None:
        self.watched: dict[int, WatchedGroup] = {}
        self.lists = [optimizer.param_groups for optimizer in optimizers]
        for groups in self.lists:
            groups[:] = map(self._stand_in, groups)

    def _stand_in(self, group: dict[str, Any]) -> WatchedGroup:
        if isinstance(group, WatchedGroup):
            return group
        return self.watched.setdefault(id(group), WatchedGroup(group))

    def stop(self) -> dict[int, set[str]]:
        """Put the groups back; return by their ids which options were read."""
        for groups in self.lists:
            groups[:] = [getattr(group, "group", group) for group in groups]
        for watched in self.watched.values():
            watched.give_back()
        return {key: watched.read for key, watched in self.watched.items()}
