"""Shapes, bytes, numbers and long names as people read them."""

from __future__ import annotations

from typing import Any

LONGEST = 56  # letters of a name in a box


def format_shape(shape: tuple[int, ...]) -> str:
    """Return 3×4 for (3, 4), "length 3" for (3,), which must not read as a value.

    >>> format_shape((3, 4)), format_shape((3,)), format_shape(())
    ('3×4', 'length 3', 'scalar')
    """
    if not shape:
        return "scalar"
    if len(shape) == 1:
        return f"length {shape[0]}"
    return "×".join(map(str, shape))


def format_bytes(count: float) -> str:
    """Return a number of bytes in the unit that suits it.

    >>> format_bytes(12), format_bytes(2048)
    ('12 B', '2.0 KiB')
    """
    if count < 1024:
        return f"{count:.0f} B"
    for unit in ("KiB", "MiB"):
        count /= 1024
        if count < 1024:
            return f"{count:.1f} {unit}"
    return f"{count / 1024:.1f} GiB"


def format_number(number: Any, digits: int = 3) -> str:
    """Return a number, or a range (least, greatest), with so many digits.

    >>> format_number(0.12345), format_number((1.0, 2.5))
    ('0.123', '1 … 2.5')
    """
    if isinstance(number, tuple):
        return " … ".join(format_number(part, digits) for part in number)
    return f"{number:.{digits}g}" if isinstance(number, float) else str(number)


def shorten(text: str) -> str:
    """Return a name in one line, a long one without its middle.

    >>> shorten("two\\nlines")
    'two lines'
    """
    # neither graphviz nor XML takes control characters
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]}…{text[-half:]}"
