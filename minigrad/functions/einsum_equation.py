"""The equation of einsum in plain letters: ellipses, sublists, the implicit result, errors."""

from __future__ import annotations

from typing import Any

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def parse(args: tuple[Any, ...]) -> tuple[list[Any], tuple[str, ...], str]:
    """Return (operands, letters of each, letters of the result) of the arguments of ``einsum``."""
    equation, operands = _equation_and_operands(args)
    for i, x in enumerate(operands):
        if not hasattr(x, "ndim"):
            raise TypeError(f"einsum(): operand {i} must be Tensor, not {type(x).__name__}")
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        fewer = "fewer" if len(terms) > len(operands) else "more"
        raise RuntimeError(
            f"einsum(): {fewer} operands were provided than specified in the equation: "
            f"{len(operands)} for {len(terms)} terms"
        )
    for text in (*terms, right):
        _check_letters(text)
    ellipsis = _ellipsis_letters(terms, operands)
    inputs = tuple(
        _letters_of_term(term, x, i, ellipsis)
        for i, (x, term) in enumerate(zip(operands, terms, strict=True))
    )
    _check_sizes(operands, inputs)
    if arrow:
        return operands, inputs, _explicit_output(right, inputs, ellipsis)
    return operands, inputs, _implicit_output("".join(terms), ellipsis)


def _equation_and_operands(args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    if not args:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, "
            "or at least one operand"
        )
    if isinstance(args[0], str):
        equation, operands = args[0], list(args[1:])
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = list(operands[0])
    else:
        equation, operands = _from_sublists(args)
    if not operands:
        raise ValueError(f"einsum(): must provide at least one operand for {equation!r}")
    return equation, operands


def _ellipsis_letters(terms: list[str], operands: list[Any]) -> str:
    """Return a letter for each dimension of the longest ellipsis."""
    lengths = [
        x.ndim - len(term.replace("...", ""))
        for x, term in zip(operands, terms, strict=True)
        if "..." in term
    ]
    # circled numbers: no letter is among them
    return "".join(chr(0x2460 + i) for i in range(max(lengths, default=0)))


def _from_sublists(args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """Turn ``x, [0, 1], y, [1, ...], [0, ...]`` into an equation and its operands."""

    def text(labels: Any) -> str:
        if isinstance(labels, str):
            raise TypeError(
                "einsum(): the equation comes first: einsum(equation, *operands); "
                f"here {labels!r} came later"
            )
        for k in labels:
            if k is not ... and not 0 <= int(k) < 52:
                raise RuntimeError(f"einsum(): expected subscripts in range [0, 52), but got {k}")
        return "".join("..." if k is ... else LETTERS[int(k)] for k in labels)

    pairs = len(args) // 2
    operands = list(args[: 2 * pairs : 2])
    equation = ",".join(text(labels) for labels in args[1 : 2 * pairs : 2])
    has_output = len(args) % 2 == 1
    return (f"{equation}->{text(args[-1])}" if has_output else equation), operands


def _check_letters(text: str) -> None:
    rest = text.replace("...", "", 1)
    for place, c in enumerate(rest):
        if c not in LETTERS:
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {place} of {text!r} in the equation "
                "string, subscripts must be in [a-zA-Z] and '...' may stand once in each"
            )


def _letters_of_term(term: str, x: Any, i: int, ellipsis: str) -> str:
    named = len(term.replace("...", ""))
    if "..." not in term:
        if named != x.ndim:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) does not match "
                f"the number of dimensions ({x.ndim}) for operand {i} and no ellipsis was given"
            )
        return term
    if named > x.ndim:
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({named}) is more than "
            f"the number of dimensions ({x.ndim}) for operand {i}"
        )
    return term.replace("...", ellipsis[len(ellipsis) - (x.ndim - named) :])


def _check_sizes(operands: list[Any], inputs: tuple[str, ...]) -> None:
    known: dict[str, int] = {}
    for i, (x, names) in enumerate(zip(operands, inputs, strict=True)):
        own: dict[str, int] = {}
        for c, n in zip(names, x.shape, strict=True):
            if own.setdefault(c, n) != n:
                raise RuntimeError(
                    f"einsum(): subscript {c} is repeated for operand {i} "
                    f"but the sizes don't match, {n} != {own[c]}"
                )
            if n != 1 and known.setdefault(c, n) != n:
                raise RuntimeError(
                    f"einsum(): subscript {c} has size {n} for operand {i} "
                    f"which does not broadcast with previously seen size {known[c]}"
                )


def _explicit_output(right: str, inputs: tuple[str, ...], ellipsis: str) -> str:
    named = right.replace("...", "")
    for c in named:
        if named.count(c) > 1:
            raise RuntimeError(
                f"einsum(): output subscript {c} appears more than once in the output"
            )
        if not any(c in names for names in inputs):
            raise RuntimeError(
                f"einsum(): output subscript {c} does not appear in the equation "
                "for any input operand"
            )
    return right.replace("...", ellipsis)


def _implicit_output(terms: str, ellipsis: str) -> str:
    """Without an arrow: the ellipsis, then the letters that stand once, in order."""
    letters = terms.replace("...", "")
    return ellipsis + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
