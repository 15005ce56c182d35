"""The label of an operation in a picture: its formula, operands by name or as a, b, c."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import Any

from minigrad.engine.graph import Node
from minigrad.tensor.tensor import Tensor

FORMULAS = {
    "add": "{0} + {1}", "sub": "{0} − {1}", "mul": "{0} × {1}", "div": "{0} / {1}", "neg": "−{0}",
    "sub_mean": "{0} − {1}", "div_sqrt": "{0} / √({1} + ε)", "addcmul": "{2} {1} + {0}",
    "matmul": "{0} @ {1}", "square": "{0}²", "sqrt": "√{0}", "rsqrt": "1 / √{0}",
    "reciprocal": "1 / {0}", "mean_square": "mean({0}²)", "conv": "{0} ∗ {1}",
    "where": "{1} where {0}, else {2}",
}  # fmt: skip
# the order of their operands does not matter
COMMUTATIVE = {"add", "mul", "maximum", "minimum", "fmax", "fmin", "logaddexp", "hypot"}
LONGEST_NAME = 20  # letters of a name in a formula
LONGEST_SUBSCRIPT = 24
# a name with one of these would read as more than a name
SIGNS = set(" \n+-−×/@^∗√=(){}[],;:<>&|\"'")


def named_tensors(params: Any, caller: str) -> list[tuple[str, Tensor]]:
    """Return (name, tensor) of a dict, or of pairs; TypeError for anything else."""
    pairs = list(params.items() if isinstance(params, dict) else (params or ()))
    for pair in pairs:
        is_pair = isinstance(pair, tuple) and len(pair) == 2
        if not is_pair or not isinstance(pair[1], Tensor):
            item = "a Tensor" if isinstance(pair, Tensor) else repr(pair)[:60]
            raise TypeError(
                f"{caller}: params is a dict of tensors or (name, tensor) pairs, as "
                f"model.named_parameters() gives; got {item} in it"
            )
    return [(str(name), t) for name, t in pairs]


def has_operand_order(node: Node) -> bool:
    """Return whether it matters which operand is which."""
    operands = sum(x is not None for x in node.inputs)
    return operands > 1 and node.primitive.name not in COMMUTATIVE  # type: ignore[union-attr]


def operand_names(node: Node, names: dict[Node, str], taken: set[str]) -> dict[int, str]:
    """Return the names of the operands that are nodes, by place.

    An operand goes by its own name where that is short and no other operand's, else by a letter
    that is nobody's name (not in ``taken``): a, b, … z, then #27, in the order of the formula.
    """
    operands = {i: x for i, x in enumerate(node.inputs) if x is not None}
    bearers = Counter(names.get(x) for x in set(operands.values()))
    letters = map(_letter, count())
    free = (letter for letter in letters if letter not in taken)
    last_first = node.primitive is not None and node.primitive.name == "addcmul"
    result = {}
    for i in sorted(operands, reverse=last_first):
        name = names.get(operands[i])
        is_unique = bearers[name] == 1
        if name is not None and is_unique and _fits_formula(name):
            result[i] = name
        else:
            result[i] = next(free)
    return result


def _letter(i: int) -> str:
    return chr(ord("a") + i) if i < 26 else f"#{i + 1}"


def _fits_formula(name: str) -> bool:
    return len(name) <= LONGEST_NAME and not SIGNS & {*name}


def operation_label(
    node: Node, scalars: dict[int, Any], names: dict[Node, str], taken: set[str]
) -> str:
    """Return "sub: a − 1", and "x̂ = d / √(σ² + ε)" for a named value.

    ``scalars`` are the numbers among the operands, by place.
    """
    name = node.primitive.name  # type: ignore[union-attr]
    operands = operand_names(node, names, taken)
    words = [
        operands.get(i) or _format_scalar(scalars.get(i, "…")) for i in range(len(node.inputs))
    ]
    formula = _formula(node, name, words)
    if node.label:
        return f"{node.label} = {formula or name}"
    if formula is None:
        return name
    if formula.startswith(name + "("):
        return formula
    return f"{name}: {formula}"


def _format_scalar(number: Any) -> str:
    return f"{number:.6g}" if isinstance(number, float) else str(number)


def _formula(node: Node, name: str, words: list[str]) -> str | None:
    if name in FORMULAS:
        return FORMULAS[name].format(*words)
    if name == "linear":
        x, weight, *bias = words
        return " + ".join([f"{x} {weight}ᵀ", *bias])
    if name == "pow":
        second = words[1] if len(words) > 1 else "…"
        exponent = node.params.get("exponent", second)
        return f"{words[0]} ^ {exponent}"
    if name == "getitem":
        return _subscript(words[0], node.params.get("index"))
    if None in node.inputs or has_operand_order(node):
        if len(words) > 4:
            words = [*words[:2], "…", words[-1]]
        operands = ", ".join(words)
        return f"{name}({operands})"
    return None


def _subscript(name: str, index: Any) -> str | None:
    """Return "x[:, 0:2]", or None where that is too long to read."""
    parts = index if isinstance(index, tuple) else (index,)
    text = f"{name}[{', '.join(map(_index_part, parts))}]"
    return text if len(text) <= LONGEST_SUBSCRIPT else None


def _index_part(part: Any) -> str:
    if isinstance(part, slice):
        ends = [part.start, part.stop]
        if part.step not in (None, 1):
            ends.append(part.step)
        return ":".join("" if end is None else str(end) for end in ends)
    if part is ...:
        return "…"
    if part is None or isinstance(part, int):
        return str(part)
    return "array"
