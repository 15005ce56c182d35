"""The names of PyTorch's ``nn.modules.upsampling``."""

from minigrad.nn.upsampling import Upsample as Upsample
from minigrad.nn.upsampling import UpsamplingBilinear2d as UpsamplingBilinear2d
from minigrad.nn.upsampling import UpsamplingNearest2d as UpsamplingNearest2d
