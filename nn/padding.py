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

    ``mode`` is 'constant' (``value``, 0 by default), 'reflect', 'replicate' or 'circular'. Raises
    RuntimeError for an odd number of widths and for a reflection longer than what is there,
    NotImplementedError for another mode.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pad.html

    >>> import minigrad as mg
    >>> pad(mg.tensor([1.0, 2.0, 3.0]), (2, 1), "reflect")
    tensor([3., 2., 1., 2., 3., 2.])
    """
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise RuntimeError(
            f"pad: expected a pair (before, after) for some of the {input.ndim} dimensions, but got {tuple(pad)}"
        )
    pairs = list(zip(pad[::2], pad[1::2], strict=True))
    pairs = [(0, 0)] * (input.ndim - len(pairs)) + pairs[::-1]  # in the order of the dimensions
    if mode == "constant":
        return _constant(input, pairs, value or 0)
    if mode not in MODES:
        raise NotImplementedError(
            f"Unrecognised padding mode {mode}; known are constant, {', '.join(MODES)}"
        )
    for axis, widths in enumerate(pairs):
        if any(widths):
            input = _from_inside(input, axis, widths, mode)
    return input


def _constant(input: Tensor, pairs: list[tuple[int, int]], value: float) -> Tensor:
    if any(width < 0 for pair in pairs for width in pair):  # takes away
        ends = [(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(pairs, input.shape, strict=True)]
        input = input[tuple(slice(*end) for end in ends)]
    widths = tuple((max(a, 0), max(b, 0)) for a, b in pairs)
    padded: Tensor = pad_zeros(input, widths=widths)
    if value == 0:
        return padded
    outside = np.ones(padded.shape, bool)
    outside[tuple(slice(a, a + n) for (a, _), n in zip(widths, input.shape, strict=True))] = False
    return padded.masked_fill(Tensor._wrap(outside), value)


def _from_inside(input: Tensor, axis: int, widths: tuple[int, int], mode: str) -> Tensor:
    n = input.shape[axis]
    most = {"reflect": n - 1, "circular": n}.get(mode)
    if most is not None and max(widths) > most:
        raise RuntimeError(
            f"Padding size should be less than the corresponding input dimension, but got: padding "
            f"{widths} at dimension {axis} of input {list(input.shape)}"
        )
    places = MODES[mode](np.arange(-widths[0], n + widths[1]), n)
    return input[(slice(None),) * axis + (places,)].contiguous()
