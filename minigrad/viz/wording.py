"""What an operation is called in a picture: as it is written, operands by their names or as a, b, c."""

from __future__ import annotations

from itertools import count
from typing import Any

from minigrad.engine.graph import Node

FORMULAS = {
    "add": "{0} + {1}", "sub": "{0} − {1}", "mul": "{0} × {1}", "div": "{0} / {1}", "neg": "−{0}",
    "deviation": "{0} − {1}", "over_root": "{0} / √({1} + ε)", "addcmul": "{2} {1} + {0}",
    "matmul": "{0} @ {1}", "square": "{0}²", "sqrt": "√{0}", "rsqrt": "1 / √{0}", "reciprocal": "1 / {0}",
    "mean_square": "mean({0}²)", "conv": "{0} ∗ {1}", "where": "{1} where {0}, else {2}",
}  # fmt: skip
SWAPPED = {
    "add",
    "mul",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "logaddexp",
    "hypot",
}  # the order does not matter
LONGEST = 20  # letters of a name in a formula
SIGNS = set(
    " \n+-−×/@^∗√=(){}[],;:<>&|\"'"
)  # a name with one of these would read as more than a name


def ordered(node: Node) -> bool:
    """Tell whether it matters which operand is which."""
    return sum(x is not None for x in node.inputs) > 1 and node.primitive.name not in SWAPPED  # type: ignore[union-attr]


def called(node: Node, names: dict[Node, str], taken: set[str]) -> dict[int, str]:
    """Return what the operands that are no plain numbers are called, by place.

    That is their names, where these tell them apart and are short, else letters that are nobody's name (``taken``): a, b, … z,
    then #27, in the order of the formula.
    """
    operands = {i: x for i, x in enumerate(node.inputs) if x is not None}
    own = {
        i: names[x]
        for i, x in operands.items()
        if x in names and len(names[x]) <= LONGEST and not SIGNS & {*names[x]}
    }
    by_name: dict[str, set[Node]] = {}
    for i, name in own.items():
        by_name.setdefault(name, set()).add(operands[i])
    letters = (chr(ord("a") + i) if i < 26 else f"#{i + 1}" for i in count())
    free = (letter for letter in letters if letter not in taken)
    turned = node.primitive is not None and node.primitive.name == "addcmul"
    said = {}
    for i in sorted(operands, reverse=turned):
        told_apart = i in own and len(by_name[own[i]]) == 1
        said[i] = own[i] if told_apart else next(free)
    return said


def wording(node: Node, scalars: dict[int, Any], names: dict[Node, str], taken: set[str]) -> str:
    """Return "sub: a − 1", where ``scalars`` are the numbers among the operands; "x̂ = d / √(σ² + ε)" of a named value."""
    name = node.primitive.name  # type: ignore[union-attr]
    operands = called(node, names, taken)
    said = [operands.get(i) or _told(scalars.get(i, "…")) for i in range(len(node.inputs))]
    formula = _formula(node, name, said)
    if node.label:
        return f"{node.label} = {formula or name}"
    return (
        name
        if formula is None
        else formula
        if formula.startswith(name + "(")
        else f"{name}: {formula}"
    )


def _told(number: Any) -> str:
    return f"{number:.6g}" if isinstance(number, float) else str(number)


def _formula(node: Node, name: str, said: list[str]) -> str | None:
    if name in FORMULAS:
        return FORMULAS[name].format(*said)
    if name == "linear":
        return " ".join([said[0], said[1] + "ᵀ"]) + (f" + {said[2]}" if len(said) > 2 else "")
    if name == "pow":
        return f"{said[0]} ^ {node.params.get('exponent', said[1] if len(said) > 1 else '…')}"
    if name == "getitem":
        return _subscript(said[0], node.params.get("index"))
    if None in node.inputs or ordered(node):
        return f"{name}({', '.join(said if len(said) <= 4 else [*said[:2], '…', said[-1]])})"
    return None


def _subscript(of: str, index: Any) -> str | None:
    """Return "x[:, 0:2]", or None where that is too long to read."""
    words = []
    for part in index if isinstance(index, tuple) else (index,):
        if isinstance(part, slice):
            ends = ["" if end is None else str(end) for end in (part.start, part.stop, part.step)]
            words.append(":".join(ends if ends[2] not in ("", "1") else ends[:2]))
        else:
            words.append(
                "…"
                if part is ...
                else str(part)
                if part is None or isinstance(part, int)
                else "array"
            )
    text = f"{of}[{', '.join(words)}]"
    return text if len(text) <= 24 else None
