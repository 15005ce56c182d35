"""What raw random numbers become: normals, permutations, the first of many. Pure functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

BLOCK = 16  # PyTorch makes many normals sixteen at a time


def smallest(values: Array, k: int) -> Array:
    """Return the indices of the ``k`` smallest along the last axis, in order; ties by place."""
    n = values.shape[-1]
    if k == 1:
        return np.argmin(values, axis=-1, keepdims=True)
    if k > n // 8 or values.ndim > 1:
        return np.argsort(values, axis=-1, kind="stable")[..., :k]
    bound = np.partition(values, k - 1)[k - 1]
    few = np.flatnonzero(values <= bound)
    return few[np.argsort(values[few], kind="stable")[:k]]


def swapped(targets: Array, n: int) -> Array:
    """Return 0 to n - 1 after swapping i with ``targets[i]`` >= i for each i in turn, all at once.

    Step i takes what lies at its target: what step k left there, the last before i with this
    target, and that is what lay at k just before step k; else the target itself. What lay at k
    came, by the same argument, from the last step m < k with target k: a chain, shortened by half
    each round.
    """
    steps = np.arange(n)
    targets = np.append(targets, n - 1)
    origin = steps.copy()
    moved = targets != steps
    origin[targets[moved]] = steps[moved]  # of steps with one target the last stays
    while True:
        further = origin[origin]
        if np.array_equal(further, origin):
            break
        origin = further
    width = n.bit_length()
    keys = np.sort((targets << width) | steps)  # by target, then by step
    target, step = keys >> width, keys & ((1 << width) - 1)
    result = np.empty(n, np.int64)
    result[step] = target
    again = np.flatnonzero(target[1:] == target[:-1]) + 1
    result[step[again]] = origin[step[again - 1]]
    alone = np.ones(n, bool)
    alone[step[again]] = False
    own = alone & ~moved
    result[own] = origin[steps[own]]
    return result


def box_muller(unit: Array) -> Array:
    """Turn each block of 16 uniforms into 8 cosines, then 8 sines."""
    first, last = unit.reshape(-1, 2, BLOCK // 2).swapaxes(0, 1)  # (blocks, 8) each
    radius, angle = np.sqrt(-2 * np.log(1 - first)), 2 * math.pi * last
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()


def multiply_add(x: Any, scale: Any, shift: Any) -> Any:
    """Return ``x * scale + shift`` rounded once, by the fused instruction in PyTorch."""
    if scale == 1 and shift == 0:
        return x
    scale, shift = x.dtype.type(scale), x.dtype.type(shift)
    if x.dtype == np.float32:
        wide = x * np.float64(scale) + np.float64(shift)
        return wide.astype(np.float32)

    # Dekker 1971: what rounding takes away is added at the end
    product = x * scale
    x_high, x_low = _halves(x)
    s_high, s_low = _halves(scale)
    lost = x_high * s_high - product
    lost = lost + x_high * s_low + x_low * s_high
    lost = lost + x_low * s_low

    total = product + shift
    part = total - product
    rounding = (product - (total - part)) + (shift - part)
    return total + (rounding + lost)


def _halves(x: Any) -> tuple[Any, Any]:
    """Return two floats of half the digits that add up to x."""
    high = (x.view(np.int64) & -(2**27)).view(np.float64)
    return high, x - high


def check_weights(weights: Array, num_samples: int, replacement: bool) -> None:
    """Raise RuntimeError for weights that so many numbers cannot be drawn by."""
    if not 0 < num_samples <= (math.inf if replacement else weights.shape[-1]):
        raise RuntimeError(f"multinomial: cannot sample {num_samples} of shape {weights.shape}")
    if not ((weights >= 0) & (weights < math.inf)).all() or not (weights.sum(-1) > 0).all():
        raise RuntimeError(
            f"multinomial: expected finite weights >= 0 with a sum > 0 in each row, got {weights}"
        )
