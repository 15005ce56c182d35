"""Transforms of images, with torchvision's names and the same draws from the same seed.

An image is a NumPy array (H, W) or (H, W, C), as files give it, a Tensor (..., H, W), or Pillow's;
each transform gives back the kind it was given, and ``ToTensor`` makes a Tensor of it.

https://docs.pytorch.org/vision/stable/transforms.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.random import default_generator
from minigrad.tensor.tensor import Tensor

Size = int | Sequence[int]
_PADDING_MODES = ("constant", "edge", "reflect", "symmetric")


class _Transform:
    """A transform that says what it is made with."""

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"


class Compose(_Transform):
    """One transform after the other.

    >>> import numpy as np
    >>> from minigrad import transforms
    >>> image = np.zeros((28, 28), np.uint8)
    >>> prepare = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
    >>> prepare(image).shape
    (1, 28, 28)
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        lines = "".join(f"\n    {transform}" for transform in self.transforms)
        return f"{type(self).__name__}({lines}\n)"


class Lambda(_Transform):
    """A function as a transform. Raises TypeError for what cannot be called."""

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ToTensor(_Transform):
    """An image as a Tensor (C, H, W): bytes as float32 in [0, 1], other dtypes as they are.

    A Tensor is returned as it is. Raises TypeError for what is no image, ValueError for an array
    that has not two or three dimensions.

    >>> import numpy as np
    >>> from minigrad import transforms
    >>> transforms.ToTensor()(np.full((2, 2, 3), 255, np.uint8)).shape
    (3, 2, 2)
    """

    def __call__(self, pic: Any) -> Tensor:
        if isinstance(pic, Tensor):
            return pic
        array = pic if isinstance(pic, np.ndarray) else _from_pillow("ToTensor", pic)
        if array.ndim not in (2, 3):
            raise ValueError(
                f"pic should be 2/3 dimensional. Got {array.ndim} dimensions: shape {array.shape}"
            )
        channels_last = array[..., None] if array.ndim == 2 else array
        channels_first = np.moveaxis(channels_last, -1, 0)
        if array.dtype == np.uint8:
            return Tensor._wrap(np.divide(channels_first, 255, dtype=np.float32, order="C"))
        return Tensor._wrap(np.array(channels_first, order="C"))


class Normalize(_Transform):
    """Subtract the mean of each channel and divide by its standard deviation.

    Channels are the third dimension from the end of a Tensor, the last of an array (H, W, C). The
    image given is not written to, whatever ``inplace``. Raises TypeError for an image of integers,
    ValueError for a standard deviation of zero.

    >>> import minigrad as mg
    >>> from minigrad import transforms
    >>> transforms.Normalize((0.5,), (0.25,))(mg.ones(1, 1, 2))
    tensor([[[2., 2.]]])
    """

    def __init__(self, mean: Any, std: Any, inplace: bool = False) -> None:
        self.mean, self.std, self.inplace = mean, std, inplace

    def __call__(self, tensor: Any) -> Any:
        if not isinstance(tensor, (Tensor, np.ndarray)):
            raise TypeError(f"img should be Tensor or array. Got {type(tensor).__name__}")
        if tensor.dtype.kind != "f":
            raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
        if tensor.ndim < 3:
            raise ValueError(
                f"Expected an image with channels, (..., C, H, W). Got shape {tuple(tensor.shape)}"
            )
        mean, std = (np.asarray(each, tensor.dtype) for each in (self.mean, self.std))
        if not std.all():
            raise ValueError(f"std evaluated to zero, leading to division by zero: {self.std}")
        if isinstance(tensor, Tensor):
            mean, std = mean.reshape(-1, 1, 1), std.reshape(-1, 1, 1)
        return (tensor - mean) / std


class RandomHorizontalFlip(_Transform):
    """Mirror an image left to right, with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, img: Any) -> Any:
        drawn = default_generator.uniform(1)[0]
        if drawn >= self.p:
            return img
        return _like(img, _planes(img)[..., ::-1])


class CenterCrop(_Transform):
    """The middle of an image; where the image is smaller it is padded with zeros first."""

    def __init__(self, size: Size) -> None:
        self.size = _pair(size)

    def __call__(self, img: Any) -> Any:
        planes = _planes(img)
        height, width = self.size
        h, w = planes.shape[-2:]
        top, bottom = _halves(height - h)
        left, right = _halves(width - w)
        planes = _padded(planes, (left, top, right, bottom))
        h, w = planes.shape[-2:]
        top = round((h - height) / 2)
        left = round((w - width) / 2)
        return _like(img, _cropped(planes, top, left, self.size))


class RandomCrop(_Transform):
    """A part of an image of this size, anywhere in it; ``padding`` is added around it first.

    ``padding`` is one number, (left and right, top and bottom) or (left, top, right, bottom), and
    ``padding_mode`` one of constant (``fill``), edge, reflect and symmetric. ``pad_if_needed``
    makes an image large enough. Raises ValueError for an image that is smaller.
    """

    def __init__(
        self,
        size: Size,
        padding: Size | None = None,
        pad_if_needed: bool = False,
        fill: float = 0,
        padding_mode: str = "constant",
    ) -> None:
        if padding_mode not in _PADDING_MODES:
            raise ValueError(
                f"padding_mode should be one of {', '.join(_PADDING_MODES)}, got {padding_mode!r}"
            )
        self.size = _pair(size)
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    def __call__(self, img: Any) -> Any:
        planes = self._widened(_planes(img))
        height, width = self.size
        h, w = planes.shape[-2:]
        if h < height or w < width:
            raise ValueError(
                f"Required crop size {self.size} is larger than input image size {(h, w)}"
            )
        if (h, w) == self.size:
            return _like(img, planes)
        top = _draw(h - height + 1)
        left = _draw(w - width + 1)
        return _like(img, _cropped(planes, top, left, self.size))

    def _widened(self, planes: np.ndarray) -> np.ndarray:
        how = self.fill, self.padding_mode
        if self.padding is not None:
            planes = _padded(planes, _four_sides(self.padding), *how)
        if self.pad_if_needed:
            height, width = self.size
            missing_w = max(width - planes.shape[-1], 0)
            planes = _padded(planes, (missing_w, 0, missing_w, 0), *how)
            missing_h = max(height - planes.shape[-2], 0)
            planes = _padded(planes, (0, missing_h, 0, missing_h), *how)
        return planes


class Resize(_Transform):
    """An image of another size, by Pillow: (height, width), or one number for the shorter side.

    ``interpolation`` is Pillow's resampling filter (bilinear); it smooths where it makes smaller.
    Raises ModuleNotFoundError without the package Pillow.
    """

    def __init__(self, size: Size, interpolation: Any = None) -> None:
        self.size = size if isinstance(size, int) else _pair(size)
        self.interpolation = interpolation

    def __call__(self, img: Any) -> Any:
        planes = _planes(img)
        *lead, h, w = planes.shape
        height, width = self._target(h, w)
        each = planes.reshape(-1, h, w)
        resized = [_resized(plane, (width, height), self.interpolation) for plane in each]
        return _like(img, np.stack(resized).reshape(*lead, height, width))

    def _target(self, h: int, w: int) -> tuple[int, int]:
        if not isinstance(self.size, int):
            return self.size
        ratio = max(h, w) / min(h, w)
        longer = int(self.size * ratio)
        return (self.size, longer) if h <= w else (longer, self.size)


# ---- kinds of images ---------------------------------------------------------------------------
def _planes(img: Any) -> np.ndarray:
    """Return the pixels of an image, height and width last."""
    if isinstance(img, Tensor):
        return img.detach().numpy()
    pixels = img if isinstance(img, np.ndarray) else _from_pillow("transforms", img)
    return np.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else pixels


def _like(img: Any, planes: np.ndarray) -> Any:
    """Return planes as an image of the kind of ``img``, in memory of its own."""
    if isinstance(img, Tensor):
        return Tensor._wrap(np.array(planes, order="C"))
    pixels = np.moveaxis(planes, 0, -1) if planes.ndim == 3 else planes
    pixels = np.array(pixels, order="C")
    return pixels if isinstance(img, np.ndarray) else _pillow("transforms").fromarray(pixels)


def _pillow(transform: str) -> Any:
    try:
        import PIL.Image
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{transform} needs the package Pillow: pip install pillow"
        ) from None
    return PIL.Image


def _from_pillow(transform: str, img: Any) -> np.ndarray:
    if not hasattr(img, "getbands"):
        raise TypeError(
            f"{transform}: expected an array, a Tensor or a Pillow image, "
            f"got a {type(img).__name__}"
        )
    pixels = np.array(img)
    return pixels * np.uint8(255) if pixels.dtype == bool else pixels


def _pair(size: Size) -> tuple[int, int]:
    """Return height and width; one number makes a square."""
    sizes = [size] if isinstance(size, int) else list(size)
    if len(sizes) not in (1, 2):
        raise ValueError(f"Please provide only two dimensions (h, w) for size, got {size}")
    return int(sizes[0]), int(sizes[-1])


def _four_sides(padding: Size) -> tuple[int, ...]:
    """Return left, top, right and bottom."""
    sides = (padding,) if isinstance(padding, int) else tuple(padding)
    if len(sides) not in (1, 2, 4):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, got {padding}")
    return sides * (4 // len(sides))


def _halves(missing: int) -> tuple[int, int]:
    """Return what is added before and behind; the odd one behind."""
    missing = max(missing, 0)
    before = missing // 2
    return before, missing - before


def _draw(n: int) -> int:
    """Return a number below n, as ``torch.randint``."""
    return int(default_generator.integers(0, n, 1)[0])


def _padded(
    planes: np.ndarray, sides: tuple[int, ...], fill: float = 0, mode: Any = "constant"
) -> np.ndarray:
    left, top, right, bottom = sides
    widths = [(0, 0)] * (planes.ndim - 2)
    widths += [(top, bottom), (left, right)]
    if mode == "constant":
        return np.pad(planes, widths, constant_values=fill)
    return np.pad(planes, widths, mode)


def _cropped(planes: np.ndarray, top: int, left: int, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    return planes[..., top : top + height, left : left + width]


def _resized(plane: np.ndarray, size: tuple[int, int], interpolation: Any) -> np.ndarray:
    pillow = _pillow("Resize")
    how = pillow.Resampling.BILINEAR if interpolation is None else interpolation
    dtype = plane.dtype
    kind = np.uint8 if dtype == np.uint8 else np.float32
    source = np.ascontiguousarray(plane, kind)
    image = pillow.fromarray(source)
    resized = np.asarray(image.resize(size, how))
    return resized.astype(dtype, copy=False)
