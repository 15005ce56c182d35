"""Modules that hold modules."""

from __future__ import annotations

import itertools
import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, overload

from minigrad.nn.module import Module, check_value
from minigrad.tensor.tensor import Tensor

Modules = Mapping[str, Module] | Iterable[tuple[str, Module]]


class _Numbered(Module):
    """Modules in order, most often named by their number."""

    def _renumbered(self, modules: Iterable[Module]) -> Self:
        """Hold these modules instead; return the container."""
        modules = self._checked(modules)
        self._modules.clear()
        return self.extend(modules)

    def _checked(self, modules: Iterable[Module]) -> list[Module]:
        """Return them as a list; raise TypeError, before any change, unless all are modules."""
        if not isinstance(modules, Iterable):
            name = type(self).__name__
            raise TypeError(
                f"{name}.extend should be called with an iterable, but got {type(modules).__name__}"
            )
        listed = list(modules)
        for i, module in enumerate(listed):
            check_value("_modules", str(i), module, "object to")
        return listed

    def _key(self, index: int) -> str:
        number = operator.index(index)
        if not -len(self) <= number < len(self):
            raise IndexError(f"index {number} is out of range for {len(self)} modules")
        return list(self._modules)[number]

    def _slice(self, index: slice) -> Self:
        part = type(self)()
        part._modules.update(list(self._modules.items())[index])
        return part

    def __getitem__(self, index: Any) -> Any:
        return self._slice(index) if isinstance(index, slice) else self._modules[self._key(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._key(index), module)

    def __delitem__(self, index: int | slice) -> None:
        modules = list(self)
        if not isinstance(index, slice):
            self._key(index)
        del modules[index]
        self._renumbered(modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def append(self, module: Module) -> Self:
        """Add a module at the end; return the container."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end; return the container."""
        for module in self._checked(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Put a module before the one of that number; return the container."""
        modules = list(self)
        modules.insert(index, module)
        return self._renumbered(modules)

    def pop(self, index: int | slice = -1) -> Module:
        """Take a module out and return it; of a slice, all of them in a container."""
        module: Module = self[index]
        del self[index]
        return module


class Sequential(_Numbered):
    """Modules called one after the other, given as arguments or in an OrderedDict of names.

    Indexing by number, slicing and ``append`` work as on a list.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Sequential.html

    >>> from minigrad import nn
    >>> nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = (
            args[0].items()
            if len(args) == 1 and isinstance(args[0], OrderedDict)
            else enumerate(args)
        )
        for name, module in named:
            self.add_module(str(name), module)

    def insert(self, index: int, module: Module) -> Self:
        """Put a module before the one of that number; return the container.

        Raises IndexError for a number outside of it.
        """
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        return super().insert(index, module)

    def _added(self, other: Any) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(
                "add operator supports only objects of Sequential class, "
                f"but {type(other)} is given."
            )
        return other

    def _times(self, n: Any) -> list[Module]:
        if not isinstance(n, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(n)}")
        if n <= 0:
            raise ValueError(f"Non-positive multiplication factor {n} for {type(self)}")
        return list(self) * n

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *self._added(other))

    def __iadd__(self, other: Sequential) -> Self:
        return self.extend(self._added(other))

    def __mul__(self, n: int) -> Sequential:
        return Sequential(*self._times(n))

    __rmul__ = __mul__

    def __imul__(self, n: int) -> Self:
        return self.extend(self._times(n)[len(self) :])

    @overload
    def forward(self, input: Tensor) -> Tensor: ...
    @overload
    def forward(self, input: Any) -> Any: ...
    def forward(self, input: Any) -> Any:
        """Return the last module's output."""
        for module in self:
            input = module(input)
        return input


class ModuleList(_Numbered):
    """A list of modules whose parameters are found; it has no forward of its own.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleList.html
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)

    def _slice(self, index: slice) -> Self:
        return type(self)(list(self)[index])

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, other: Iterable[Module]) -> Self:
        return self.extend(other)

    def __repr__(self) -> str:
        lines = []
        start = 0
        for text, repeated in itertools.groupby(map(repr, self)):
            count = len(list(repeated))
            if count == 1:
                lines.append(f"({start}): {text}")
            else:
                lines.append(f"({start}-{start + count - 1}): {count} x {text}")
            start += count
        return self._tree(lines)


class ModuleDict(Module):
    """A dictionary of modules whose parameters are found; it has no forward of its own.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleDict.html
    """

    def __init__(self, modules: Modules | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def update(self, modules: Modules) -> None:
        """Add or replace modules by name: of a mapping, or of pairs.

        Raises TypeError for anything but pairs of names and modules, ValueError for tuples of
        another length.
        """
        pairs = (
            list(modules.items()) if isinstance(modules, (Mapping, ModuleDict)) else _pairs(modules)
        )
        for name, module in pairs:
            check_value("_modules", name, module, "object to")
        for name, module in pairs:
            self.add_module(name, module)

    def clear(self) -> None:
        """Take all modules out."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Take the module of that name out and return it; KeyError where there is none."""
        module: Module = self[key]
        del self[key]
        return module

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def keys(self) -> Any:
        """Return the names."""
        return self._modules.keys()

    def values(self) -> Any:
        """Return the modules."""
        return self._modules.values()

    def items(self) -> Any:
        """Return names and modules."""
        return self._modules.items()


def _pairs(modules: Any) -> list[tuple[str, Module]]:
    if not isinstance(modules, Iterable):
        kind = type(modules).__name__
        raise TypeError(
            "ModuleDict.update should be called with an iterable of key/value pairs, "
            f"but got {kind}"
        )
    pairs = list(modules)
    for i, pair in enumerate(pairs):
        if not isinstance(pair, Iterable):
            raise TypeError(
                f"ModuleDict update sequence element #{i} should be Iterable; "
                f"is {type(pair).__name__}"
            )
        if len(list(pair)) != 2:
            raise ValueError(
                f"ModuleDict update sequence element #{i} has length {len(list(pair))}; "
                "2 is required"
            )
    return pairs
