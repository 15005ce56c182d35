"""What an operation is called in a picture: as it is written, the letters a, b, c standing for its operands."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from minigrad.graph import Node

FORMULAS = {
    "add": "a + b", "sub": "a − b", "mul": "a × b", "div": "a / b", "neg": "−a",
    "deviation": "a − b", "over_root": "a / √(b + ε)", "addcmul": "a + b × c",
    "matmul": "a @ b", "square": "a²", "sqrt": "√a", "rsqrt": "1 / √a", "reciprocal": "1 / a",
    "mean_square": "mean(a²)", "conv": "a ∗ b", "where": "b where a, else c",
}  # fmt: skip
SWAPPED = {"add", "mul", "maximum", "minimum", "fmax", "fmin", "logaddexp", "hypot"}  # the order does not matter


def ordered(node: Node) -> bool:
    """Tell whether it matters which operand is which."""
    return sum(x is not None for x in node.inputs) > 1 and node.primitive.name not in SWAPPED  # type: ignore[union-attr]


def letters(node: Node) -> dict[int, str]:
    """Return what the operands that are no plain numbers are called, by place: a, b, … z, then #27."""
    places = [i for i, x in enumerate(node.inputs) if x is not None]
    return {place: chr(ord("a") + i) if i < 26 else f"#{i + 1}" for i, place in enumerate(places)}


def wording(node: Node, scalars: dict[int, Any]) -> str:
    """Return "sub: a − 1", where ``scalars`` are the numbers among the operands; "x̂ = a × b" of a named value."""
    name = node.primitive.name  # type: ignore[union-attr]
    called = letters(node)
    said = {i: called.get(i) or _told(scalars.get(i, "…")) for i in range(len(node.inputs))}
    formula = _formula(node, name, said)
    if node.label:
        return f"{node.label} = {formula or name}"
    return name if formula is None else formula if formula.startswith(name) else f"{name}: {formula}"


def _told(number: Any) -> str:
    return f"{number:.6g}" if isinstance(number, float) else str(number)


def _formula(node: Node, name: str, said: dict[int, str]) -> str | None:
    count = len(node.inputs)
    if name in FORMULAS:
        return _filled(FORMULAS[name], *said.values()) if None in node.inputs else FORMULAS[name]
    if name == "linear":
        return "a bᵀ + c" if count > 2 else "a bᵀ"
    if name == "pow":
        return f"{said[0]} ^ {node.params.get('exponent', said.get(1))}"
    if name == "getitem":
        return _subscript(node.params.get("index"))
    if None in node.inputs or ordered(node):
        words = [said[i] for i in range(count)]
        return f"{name}({', '.join(words if count <= 4 else [*words[:2], '…', words[-1]])})"
    return None


@lru_cache(1024)
def _filled(formula: str, *said: str) -> str:
    """Return the formula with what is said in place of its first, second and third letter."""
    by = dict(zip("abc", said, strict=False))
    return re.sub(r"\b[abc]\b", lambda m: by.get(m[0], m[0]), formula)


def _subscript(index: Any) -> str | None:
    """Return "a[:, 0:2]", or None where that is too long to read."""
    words = []
    for part in index if isinstance(index, tuple) else (index,):
        if isinstance(part, slice):
            ends = ["" if end is None else str(end) for end in (part.start, part.stop, part.step)]
            words.append(":".join(ends if ends[2] not in ("", "1") else ends[:2]))
        else:
            words.append("…" if part is ... else str(part) if part is None or isinstance(part, int) else "array")
    text = f"a[{', '.join(words)}]"
    return text if len(text) <= 24 else None
