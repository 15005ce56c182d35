"""Images looked up at places of a grid, and the grid of an affine map.

A place is (x, y) or (x, y, z), each from -1 to 1 over the image. It is composed: rows of the image
are looked up at whole places, and weighted by how far these are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.functions.elementwise import where
from minigrad.nn.arguments import check_floats, tensor_arguments
from minigrad.nn.upsampling import cubic_far, cubic_near
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor

MODES = ("bilinear", "nearest", "bicubic")
PADDING_MODES = ("zeros", "border", "reflection")
GONE = -100.0  # where a place lies that no integer can tell: outside
Taps = list[tuple[np.ndarray, Tensor]]  # along one axis: whole places, and their weights


@tensor_arguments
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Look up (N, C, H, W) at the places (N, H', W', 2) -> (N, C, H', W'); 5d alike.

    ``mode`` is 'bilinear', 'nearest' or 'bicubic' (4d alone), ``padding_mode`` says what lies
    outside: 'zeros', 'border' (the nearest element) or 'reflection'. With ``align_corners`` -1 and
    1 are the centers of the first and last element, otherwise their outer edges. Raises ValueError
    for another mode, RuntimeError for shapes and dtypes that do not fit.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.grid_sample.html

    >>> import minigrad as mg
    >>> image = mg.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])
    >>> grid_sample(image, mg.zeros(1, 1, 1, 2), align_corners=True).tolist()
    [[[[1.5]]]]
    """
    _check_modes(mode, padding_mode)
    align = _align("grid_sample", align_corners)
    _check_shapes(input, grid, mode)
    spatial = input.shape[2:]
    axes = []
    for axis, size in enumerate(spatial):
        coordinate = grid[..., len(spatial) - 1 - axis]
        place = _place(coordinate, size, align)
        taps = _taps(place, size, mode, padding_mode, align)
        axes.append(taps)
    rows = input.flatten(2).transpose(1, 2).flatten(0, 1)  # (N * H * W, C)
    first = np.arange(input.shape[0]) * math.prod(spatial)
    result: Any = None
    for chosen in itertools.product(*axes):
        part = _looked_up(rows, first, spatial, chosen)
        result = part if result is None else result + part
    return result.movedim(-1, 1)  # type: ignore[no-any-return]


def _looked_up(rows: Tensor, first: np.ndarray, spatial: Any, taps: Any) -> Tensor:
    """Return the weighted rows at one tap of each axis: (N, *, C)."""
    weight: Any = 1.0
    clipped = []
    for size, (places, factor) in zip(spatial, taps, strict=True):
        last = size - 1
        inside = (places >= 0) & (places <= last)
        mask = Tensor._wrap(inside.astype(rows.dtype))
        weight = factor * mask * weight
        clipped.append(np.clip(places, 0, last))
    numbers = np.ravel_multi_index(tuple(clipped), spatial)
    numbers += first.reshape(-1, *[1] * (numbers.ndim - 1))
    values = rows.index_select(0, Tensor._wrap(numbers.ravel()))
    return values.reshape(*numbers.shape, -1) * weight.unsqueeze(-1)


def _place(coordinate: Tensor, size: int, align: bool) -> Tensor:
    """Return the place that a coordinate from -1 to 1 means, in elements from the first."""
    from_first = (coordinate + 1) / 2  # as a part of the image
    if align:
        scaled = from_first * (size - 1)
    else:
        scaled = from_first * size
        scaled = scaled - 0.5
    is_place = np.abs(scaled._data) < 2**31
    if is_place.all():
        return scaled
    outside = scaled.detach() * 0 + GONE  # nan stays
    return where(Tensor._wrap(is_place), scaled, outside)


def _whole(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values, nan=GONE).astype(np.int64)


def _taps(place: Tensor, size: int, mode: str, padding_mode: str, align: bool) -> Taps:
    """Return the whole places that count along one axis, each with its weight."""
    if mode == "bicubic":
        return _cubic_taps(place, size, padding_mode, align)
    place = _padded(place, size, padding_mode, align)
    if mode == "nearest":
        nobody = Tensor._wrap(np.zeros(place.shape, bool))
        ones = where(nobody, place, place.new_ones(()))  # the grid has a gradient, and it is 0
        nearest = np.rint(place._data)
        return [(_whole(nearest), ones)]
    first = np.floor(place._data)
    fraction = place - Tensor._wrap(first)
    whole = _whole(first)
    return [(whole, 1 - fraction), (whole + 1, fraction)]


def _cubic_taps(place: Tensor, size: int, padding_mode: str, align: bool) -> Taps:
    """Return four places, each padded on its own, and Keys' weights of the one in between."""
    first = np.floor(place._data)
    t = place - Tensor._wrap(first)
    weights = (cubic_far(t + 1), cubic_near(t), cubic_near(1 - t), cubic_far(2 - t))
    taps = []
    for i, weight in enumerate(weights, -1):
        tap = Tensor._wrap(first + i)
        padded = _padded(tap, size, padding_mode, align)
        taps.append((_whole(padded._data), weight))
    return taps


def _padded(place: Tensor, size: int, padding_mode: str, align: bool) -> Tensor:
    """Return where a place outside lies in the image; one at the border has no gradient."""
    if padding_mode == "zeros":
        return place
    if padding_mode == "reflection":
        place = _reflected(place, *((0.0, size - 1.0) if align else (-0.5, size - 0.5)))
    values = place._data
    is_inside = (values > 0) & (values < size - 1)
    border = Tensor._wrap(np.clip(values, 0, size - 1))
    return where(Tensor._wrap(is_inside), place, border)


def _reflected(place: Tensor, low: float, high: float) -> Tensor:
    """Return a place reflected at both ends until it lies between them."""
    span = high - low
    if not span:
        return place * 0
    values = place._data
    distance = np.abs(values - low)
    flips = np.floor(distance / span)
    is_even = flips % 2 == 0
    sign = np.where(values < low, -1, 1) * np.where(is_even, 1, -1)
    shift = np.where(is_even, -flips, flips + 1) * span + low
    signs, shifts = (Tensor._wrap(x.astype(values.dtype)) for x in (sign, shift))
    return (place - low) * signs + shifts


def _check_modes(mode: str, padding_mode: str) -> None:
    if mode not in MODES:
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: '{mode}'"
        )
    if padding_mode not in PADDING_MODES:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )


def _check_shapes(input: Tensor, grid: Tensor, mode: str) -> None:
    n = input.ndim - 2
    sizes = f"but got input with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
    expected = None
    if grid.shape[0] != input.shape[0]:
        expected = "expected grid and input to have same batch size"
    elif n not in (2, 3) or grid.ndim != input.ndim:
        expected = "expected 4D or 5D input and grid with same number of dimensions"
    elif grid.shape[-1] != n:
        expected = f"expected grid to have size {n} in last dimension"
    elif 0 in input.shape[2:]:
        expected = "expected input to have non-empty spatial dimensions"
    elif mode == "bicubic" and n != 2:
        expected = "bicubic interpolation only supports 4D input"
    if expected is not None:
        raise RuntimeError(f"grid_sampler(): {expected}, {sizes}")
    check_floats("grid_sampler", input)
    if grid.dtype != input.dtype:
        raise RuntimeError(
            f"grid_sampler(): expected grid of {input.dtype} as the input, but found {grid.dtype}"
        )


def _align(function: str, align_corners: bool | None) -> bool:
    if align_corners is None:
        warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since "
            "1.3.0. Please specify align_corners=True if the old behavior is desired. See the "
            f"documentation of {function} for details."
        )
    return bool(align_corners)


@tensor_arguments
def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Return the grid of affine maps (N, 2, 3) for an image of ``size`` (N, C, H, W): (N, H, W, 2).

    (N, 3, 4) for (N, C, D, H, W) gives (N, D, H, W, 3). :func:`grid_sample` looks up an image
    there. Raises ValueError for maps or sizes that do not fit, NotImplementedError for another
    rank.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.affine_grid.html

    >>> import minigrad as mg
    >>> same = mg.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> affine_grid(same, (1, 1, 1, 2), align_corners=True).tolist()
    [[[[-1.0, 0.0], [1.0, 0.0]]]]
    """
    align = _align("affine_grid", align_corners)
    _check_theta(theta, size)
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    if theta.shape[0] != size[0]:
        raise RuntimeError(f"affine_grid: expected {size[0]} maps, got theta {theta.shape}")
    spatial = size[2:]
    lines = [_line(length, align) for length in spatial]
    places = np.meshgrid(*lines, indexing="ij")[::-1]  # x first
    rows = [place.ravel() for place in (*places, np.ones(spatial))]
    base = np.stack(rows, -1).astype(theta.dtype)  # (places, n + 1)
    grid = Tensor._wrap(base) @ theta.transpose(1, 2)
    return grid.reshape(size[0], *spatial, len(spatial))


def _line(length: int, align: bool) -> np.ndarray:
    """Return the coordinates of the elements along an axis."""
    if length == 1:
        return np.zeros(1)
    line = np.linspace(-1, 1, length)
    return line if align else line * (length - 1) / length


def _check_theta(theta: Tensor, size: Sequence[int]) -> None:
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    n = len(size) - 2
    if n not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {size}."
        )
    if tuple(theta.shape[1:]) != (n, n + 1):
        raise ValueError(
            f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {size}. "
            f"Got {theta.shape}."
        )
