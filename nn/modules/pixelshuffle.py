"""The names of PyTorch's ``nn.modules.pixelshuffle``."""

from minigrad.nn.rearranging import PixelShuffle as PixelShuffle
from minigrad.nn.rearranging import PixelUnshuffle as PixelUnshuffle
