"""Kernel sizes, strides and paddings: a number for every spatial axis, or one for each."""

from __future__ import annotations

from collections.abc import Sequence

Sizes = int | Sequence[int]


def to_tuple(value: Sizes, n: int, name: str, least: int = 1) -> tuple[int, ...]:
    """Return ``value`` as ``n`` numbers; raise RuntimeError for another count or one too small."""
    sizes = (value,) if isinstance(value, int) else tuple(value)
    if len(sizes) == 1:
        sizes = sizes * n
    if len(sizes) != n or min(sizes) < least:
        kind = "positive" if least == 1 else "non-negative"
        raise RuntimeError(
            f"{name} must be one {kind} integer or {n} of them, but got {name}={value}"
        )
    return sizes
