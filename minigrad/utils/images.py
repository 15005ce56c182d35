"""Pictures of batches of images, by torchvision's names.

https://docs.pytorch.org/vision/stable/utils.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.tensor.tensor import Tensor


def make_grid(
    tensor: Any,
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """Return images (N, C, H, W), or a list of them, side by side: one image (3, H', W').

    ``nrow`` of them are in a row, ``padding`` pixels around each; ``normalize`` stretches them all
    to [0, 1]. Gray images get three channels. Raises TypeError for what are no images.

    >>> import minigrad as mg
    >>> from minigrad.utils import make_grid
    >>> make_grid(mg.rand(5, 1, 28, 28), nrow=3).shape
    (3, 62, 92)
    """
    images = _images(tensor)
    if normalize:
        low, high = images.min(), images.max()
        images = (images - low) / max(high - low, 1e-5)
    count, channels, height, width = images.shape
    columns = min(nrow, count)
    rows = math.ceil(count / columns)
    height, width = height + padding, width + padding
    shape = (channels, rows * height + padding, columns * width + padding)
    grid = np.full(shape, pad_value, images.dtype)
    for i, image in enumerate(images):
        top = i // columns * height + padding
        left = i % columns * width + padding
        grid[:, top : top + height - padding, left : left + width - padding] = image
    return Tensor._wrap(grid)


def _images(tensor: Any) -> np.ndarray:
    """Return an array (N, C, H, W) of three channels or more."""
    if isinstance(tensor, (list, tuple)):
        tensor = Tensor._wrap(np.stack([_array(image) for image in tensor]))
    array = _array(tensor)
    if array.ndim not in (2, 3, 4):
        raise TypeError(f"make_grid: expected images of 2 to 4 dimensions, got {array.shape}")
    if array.ndim == 2:
        array = array[None]
    if array.ndim == 3:
        array = array[None]
    return np.repeat(array, 3, axis=1) if array.shape[1] == 1 else array


def _array(image: Any) -> np.ndarray:
    if not isinstance(image, (Tensor, np.ndarray)):
        raise TypeError(f"make_grid: expected tensors, got a {type(image).__name__}")
    return image.detach().numpy() if isinstance(image, Tensor) else image


def save_image(tensor: Any, fp: Any, format: str | None = None, **options: Any) -> None:
    """Write images in [0, 1] as one picture to a path or file; ``options`` are :func:`make_grid`'s.

    The picture's kind is told by the path's ending or by ``format``. Raises ModuleNotFoundError
    without the package Pillow.
    """
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "save_image needs the package Pillow: pip install pillow"
        ) from None
    grid = make_grid(tensor, **options).numpy()
    pixels = np.clip(grid * 255 + 0.5, 0, 255).astype(np.uint8)
    Image.fromarray(np.moveaxis(pixels, 0, -1).copy()).save(fp, format=format)
