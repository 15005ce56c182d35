"""Images of another size: each axis is resampled by a matrix.

Rows of the matrix are the weights of an output place over the input's places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.module import Module
from minigrad.nn.pooling import averaging_matrix
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor

Size = int | Sequence[int] | None
Scale = float | Sequence[float] | None
SMOOTH = {"linear": 3, "bilinear": 4, "trilinear": 5, "bicubic": 4}  # rank of the input
MODES = ("nearest", "nearest-exact", "area", *SMOOTH)


@tensor_arguments
def interpolate(
    input: Tensor,
    size: Size = None,
    scale_factor: Scale = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resample the spatial axes of (N, C, *) to ``size``, or to ``scale_factor`` times theirs.

    ``mode`` is 'nearest', 'nearest-exact', 'area', or 'linear' (N, C, L), 'bilinear' and 'bicubic'
    (N, C, H, W), 'trilinear' (N, C, D, H, W); those take ``align_corners``, and the two of images
    ``antialias``. Raises ValueError for sizes that do not fit, NotImplementedError for another
    rank.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html

    >>> import minigrad as mg
    >>> interpolate(mg.tensor([[[0.0, 1.0]]]), scale_factor=2, mode="linear").tolist()
    [[[0.0, 0.25, 0.75, 1.0]]]
    """
    _check_mode(input, mode, align_corners, antialias)
    sizes, scales = _sizes(input, size, scale_factor, mode == "area" or recompute_scale_factor)
    for axis, (n, scale) in enumerate(zip(sizes, scales, strict=True), 2):
        input = _resampled(input, axis, n, scale, mode, bool(align_corners), antialias)
    return input


def _sizes(input: Tensor, size: Size, scale_factor: Scale, recompute: Any) -> tuple[Any, Any]:
    """Return the size of each axis, and the scale asked for; None where the sizes say it."""
    spatial = input.shape[2:]
    if size is not None and scale_factor is not None:
        raise ValueError(
            f"only one of size or scale_factor should be defined, got {size} and {scale_factor}"
        )
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined, got None for both")
    name, value = ("size", size) if scale_factor is None else ("scale_factor", scale_factor)
    values: Any = list(value) if isinstance(value, Sequence) else [value] * len(spatial)
    if len(values) != len(spatial):
        raise ValueError(
            f"Input and {'output' if name == 'size' else name} must have the same number of "
            f"spatial dimensions, but got input with spatial dimensions of {list(spatial)} and "
            f"{name} of {value}"
        )
    if name == "size":
        if recompute and recompute is not True:
            raise ValueError(
                "recompute_scale_factor is not meaningful with an explicit size, got "
                f"{recompute} and {list(values)}"
            )
        return values, [None] * len(values)
    sizes = [math.floor(n * scale) for n, scale in zip(spatial, values, strict=True)]
    return sizes, [None if recompute else scale for scale in values]


def _check_mode(input: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> None:
    if mode not in SMOOTH and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear "
            f"| bicubic | trilinear, got {mode!r}"
        )
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D "
            f"tensor as input, got {mode!r}"
        )
    if mode not in MODES or input.ndim not in (3, 4, 5):
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported "
            f"(got {input.ndim}D) for the modes: nearest | linear | bilinear | bicubic | trilinear "
            f"| area | nearest-exact (got {mode})"
        )
    if SMOOTH.get(mode, input.ndim) != input.ndim:
        raise NotImplementedError(
            f"Got {input.ndim}D input, but {mode} mode needs {SMOOTH[mode]}D input"
        )


def _resampled(
    x: Tensor,
    axis: int,
    out: int,
    scale: float | None,
    mode: str,
    align_corners: bool,
    antialias: bool,
) -> Tensor:
    size = x.shape[axis]
    if out <= 0 or size <= 0:
        raise RuntimeError(
            "Input and output sizes should be greater than 0, but got input "
            f"{list(x.shape)} and output size {out} on dimension {axis}"
        )
    step = size / out if scale is None else 1 / scale
    if mode.startswith("nearest"):
        places = _nearest(size, out, step, 0.5 if mode == "nearest-exact" else 0.0)
        return x.index_select(axis, Tensor._wrap(places))
    if out == size and not antialias and (scale is None or scale == 1):
        return x
    if mode == "area":
        matrix = averaging_matrix(size, out, x.dtype)
    elif antialias:
        matrix = _antialiased(size, out, step, align_corners, mode == "bicubic")
    else:
        matrix = _smooth(size, out, step, align_corners, mode == "bicubic")
    weights = Tensor._wrap(matrix.astype(x.dtype))  # (out, size)
    return (x.transpose(axis, -1) @ weights.T).transpose(axis, -1).contiguous()


def _nearest(size: int, out: int, step: float, shift: float) -> np.ndarray:
    """Return which place each output takes, in float32 as PyTorch counts."""
    places = (np.arange(out, dtype=np.float32) + np.float32(shift)) * np.float32(step)
    return np.minimum(places.astype(np.int64), size - 1)


def _smooth(size: int, out: int, step: float, align_corners: bool, cubic: bool) -> np.ndarray:
    """Return the weights of two neighbours, or of four; beyond the ends the last place counts."""
    i = np.arange(out)
    if align_corners:
        source = i * _between_corners(size, out)
    else:
        source = (i + 0.5) * step - 0.5
        source = source if cubic else np.maximum(source, 0)
    first = np.floor(source).astype(int)
    fraction = source - first
    taps = range(-1, 3) if cubic else range(2)
    kernel: Callable[[Any], Any] = _cubic if cubic else _triangle
    matrix = np.zeros((out, size))
    for tap in taps:
        place = np.clip(first + tap, 0, size - 1)
        np.add.at(matrix, (i, place), kernel(fraction - tap))
    return matrix


def _between_corners(size: int, out: int) -> float:
    return (size - 1) / (out - 1) if out > 1 else 0.0


def _triangle(x: Any) -> Any:
    return np.maximum(1 - np.abs(x), 0)


def _cubic(x: Any, a: float = -0.75) -> Any:
    """Keys' kernel: https://doi.org/10.1109/TASSP.1981.1163711, with PyTorch's a."""
    x = np.abs(x)
    return np.where(x <= 1, cubic_near(x, a), np.where(x < 2, cubic_far(x, a), 0.0))


def cubic_near(x: Any, a: float = -0.75) -> Any:
    """Return Keys' kernel at a distance of at most 1."""
    return ((a + 2) * x - (a + 3)) * x * x + 1


def cubic_far(x: Any, a: float = -0.75) -> Any:
    """Return Keys' kernel at a distance from 1 to 2."""
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a


def _antialiased(size: int, out: int, step: float, align_corners: bool, cubic: bool) -> np.ndarray:
    """Return the weights of a kernel that is as wide as the places that one output stands for."""
    if align_corners:
        step = _between_corners(size, out)
    width = max(step, 1.0)
    support = (2.0 if cubic else 1.0) * width
    center = step * (np.arange(out)[:, None] + 0.5)
    places = np.arange(size)
    first = np.maximum((center - support + 0.5).astype(int), 0)
    last = np.minimum((center + support + 0.5).astype(int), size)
    distance = (places - center + 0.5) / width
    weights = _cubic(distance, -0.5) if cubic else _triangle(distance)
    inside = (places >= first) & (places < last)
    weights = np.where(inside, weights, 0.0)
    return weights / weights.sum(1, keepdims=True)


@tensor_arguments
def upsample(
    input: Tensor,
    size: Size = None,
    scale_factor: Scale = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """As :func:`interpolate`, by its older name.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.upsample.html

    >>> import minigrad as mg
    >>> upsample(mg.tensor([[[1.0, 2.0]]]), scale_factor=2).tolist()
    [[[1.0, 1.0, 2.0, 2.0]]]
    """
    return interpolate(input, size, scale_factor, mode, align_corners)


def _warn_of(function: str) -> None:
    warn(f"`nn.functional.{function}` is deprecated. Use `nn.functional.interpolate` instead.")


@tensor_arguments
def upsample_nearest(input: Tensor, size: Size = None, scale_factor: Scale = None) -> Tensor:
    """As :func:`interpolate` by the nearest place; deprecated.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.upsample_nearest.html
    """
    _warn_of("upsample_nearest")
    return interpolate(input, size, scale_factor, "nearest")


@tensor_arguments
def upsample_bilinear(input: Tensor, size: Size = None, scale_factor: Scale = None) -> Tensor:
    """As :func:`interpolate`, bilinear with aligned corners; deprecated.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.upsample_bilinear.html
    """
    _warn_of("upsample_bilinear")
    return interpolate(input, size, scale_factor, "bilinear", align_corners=True)


class Upsample(Module):
    """Resample the spatial axes of (N, C, *); arguments as :func:`interpolate`'s.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.Upsample.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Upsample(scale_factor=2)(mg.zeros(1, 3, 4, 4)).shape
    (1, 3, 8, 8)
    """

    def __init__(
        self,
        size: Size = None,
        scale_factor: Scale = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        scales: Any = scale_factor
        several = isinstance(scale_factor, Sequence)
        scales = tuple(float(s) for s in scales) if several else scales
        self.scale_factor = float(scales) if scales and not several else scales
        self.size = size
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Return the resampled input."""
        return interpolate(
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            self.recompute_scale_factor,
        )

    def extra_repr(self) -> str:
        if self.scale_factor is None:
            return f"size={self.size!r}, mode={self.mode!r}"
        return f"scale_factor={self.scale_factor!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """:class:`Upsample` by the nearest place, of (N, C, H, W)."""

    def __init__(self, size: Size = None, scale_factor: Scale = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """:class:`Upsample`, bilinear with aligned corners, of (N, C, H, W)."""

    def __init__(self, size: Size = None, scale_factor: Scale = None) -> None:
        super().__init__(size, scale_factor, "bilinear", align_corners=True)
