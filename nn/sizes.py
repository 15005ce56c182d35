"""Kernel sizes, strides and paddings: a number for every spatial axis, or one each."""

from __future__ import annotations

from collections.abc import Sequence

Sizes = int | Sequence[int]


def each(value: Sizes, n: int, name: str, least: int = 1) -> tuple[int, ...]:
    """Return ``value`` as ``n`` numbers; raise RuntimeError for another count or one too small."""
    numbers = (value,) * n if isinstance(value, int) else tuple(value)
    numbers = numbers * n if len(numbers) == 1 else numbers
    if len(numbers) != n or min(numbers) < least:
        kind = "positive" if least == 1 else "non-negative"
        raise RuntimeError(
            f"{name} must be one {kind} integer or {n} of them, but got {name}={value}"
        )
    return numbers
