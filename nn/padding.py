"""Padding: zeros, a constant, or what stands inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minigrad.nn.arguments import tensor_arguments
from minigrad.ops.shape import pad as pad_zeros
from minigrad.tensor.tensor import Tensor

MODES = {  # which element stands at position i, before the beginning or behind the end of n
    "reflect": lambda i, n: n - 1 - abs(n - 1 - abs(i)),
    "replicate": lambda i, n: np.clip(i, 0, n - 1),
    "circular": lambda i, n: i % n,
}


@tensor_arguments
def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """Return the input with ``pad`` = (before, after) of the last dimension, of the one before, ….

    ``mode`` is 'constant' (``value``, 0 by default), 'reflect', 'replicate' or 'circular'; a
    negative width takes away. Raises RuntimeError for an odd number of widths, for a reflection
    longer than what is there, for more taken away than there is and for a ``value`` without use,
    NotImplementedError for another mode.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pad.html

    >>> import minigrad as mg
    >>> pad(mg.tensor([1.0, 2.0, 3.0]), (2, 1), "reflect")
    tensor([3., 2., 1., 2., 3., 2.])
    """
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise RuntimeError(
            f"pad: expected a pair (before, after) for some of the {input.ndim} dimensions, "
            f"but got {tuple(pad)}"
        )
    pairs = list(zip(pad[::2], pad[1::2], strict=True))
    pairs = [(0, 0)] * (input.ndim - len(pairs)) + pairs[::-1]  # in the order of the dimensions
    if mode == "constant":
        return _pad_with_constant(_crop(input, pairs), pairs, value or 0)
    if mode not in MODES:
        raise NotImplementedError(
            f"Unrecognised padding mode {mode}; known are constant, {', '.join(MODES)}"
        )
    if value:
        raise RuntimeError(f"Padding mode {mode!r} doesn't take in value argument, got {value}")
    if mode == "circular":  # goes round in what is left
        input = _crop(input, pairs)
        pairs = [(max(before, 0), max(after, 0)) for before, after in pairs]
    for axis, widths in enumerate(pairs):
        if any(widths):
            input = _pad_from_inside(input, axis, widths, mode)
    return input


def _crop(input: Tensor, pairs: list[tuple[int, int]]) -> Tensor:
    """Return the input without what negative widths take away."""
    if min((min(pair) for pair in pairs), default=0) >= 0:
        return input
    index = []
    for n, (before, after) in zip(input.shape, pairs, strict=True):
        start = max(-before, 0)
        end = n - max(-after, 0)
        if start > end:
            raise RuntimeError(f"pad: cannot take {-before} and {-after} away from {n}")
        index.append(slice(start, end))
    return input[tuple(index)]


def _pad_with_constant(input: Tensor, pairs: list[tuple[int, int]], value: float) -> Tensor:
    """Return the input with the positive widths around it."""
    widths = tuple((max(before, 0), max(after, 0)) for before, after in pairs)
    padded: Tensor = pad_zeros(input, widths=widths)
    if value == 0:
        return padded
    inside = []
    for n, (before, _) in zip(input.shape, widths, strict=True):
        inside.append(slice(before, before + n))
    outside = np.ones(padded.shape, bool)
    outside[tuple(inside)] = False
    return padded.masked_fill(Tensor._wrap(outside), value)


def _pad_from_inside(input: Tensor, axis: int, widths: tuple[int, int], mode: str) -> Tensor:
    n = input.shape[axis]
    limit = {"reflect": n - 1, "circular": n}.get(mode)
    if limit is not None and max(widths) > limit:
        raise RuntimeError(
            "Padding size should be less than the corresponding input dimension, but got: padding "
            f"{widths} at dimension {axis} of input {list(input.shape)}"
        )
    if n + sum(widths) < 1:
        raise RuntimeError(f"pad: input of {n} is too small, widths {widths} leave nothing of it")
    positions = np.arange(-widths[0], n + widths[1])
    sources = MODES[mode](positions, n)
    index = [slice(None)] * axis + [sources]
    return input[tuple(index)].contiguous()
