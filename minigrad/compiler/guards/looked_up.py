"""What code looks up by name: globals, attributes, modules that it imports."""

from __future__ import annotations

import dis
import functools
import sys
from collections.abc import Iterator
from types import CodeType, ModuleType

ASKING = {"getattr", "hasattr"}


@functools.lru_cache(4096)
def globals_of(code: CodeType) -> tuple[str, ...]:
    """Return the global names that code and the functions in it look up."""
    names = set()
    for instruction in dis.get_instructions(code):
        kind = instruction.opname
        if "GLOBAL" in kind or kind == "LOAD_NAME":
            names.add(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(globals_of(constant))
    if "globals" in names:  # globals()["name"]
        names.update(x for x in code.co_consts if isinstance(x, str))
    return tuple(sorted(names))


def names_in(code: CodeType) -> Iterator[str]:
    """Yield the names that code and the functions in it look up, attributes among them."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, str):  # getattr(module, "name")
            yield constant
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def asked_for(code: CodeType) -> Iterator[str]:
    """Yield the attributes that code, and the functions in it, may ask for by ``getattr``."""
    asks = not ASKING.isdisjoint(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from asked_for(constant)
        elif asks and isinstance(constant, str):
            yield constant


def imported(code: CodeType, package: str) -> Iterator[ModuleType]:
    """Yield the modules that code imports, those beside and above its own among them."""
    parts = package.split(".")
    above = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
    for name in _imports(code):
        for prefix in ("", *above):
            module = sys.modules.get(f"{prefix}.{name}".strip("."))
            if module is not None:
                yield module


@functools.lru_cache(4096)
def _imports(code: CodeType) -> tuple[str, ...]:
    """Return what code and the functions in it import, by name."""
    instructions = dis.get_instructions(code)
    names = [x.argval for x in instructions if x.opname == "IMPORT_NAME"]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names += _imports(constant)
    return tuple(names)
