"""The names of PyTorch's ``nn.modules.conv``."""

from minigrad.nn.conv import Conv1d as Conv1d
from minigrad.nn.conv import Conv2d as Conv2d
from minigrad.nn.conv import Conv3d as Conv3d
from minigrad.nn.conv import _ConvNd as _ConvNd
from minigrad.nn.conv_transpose import ConvTranspose1d as ConvTranspose1d
from minigrad.nn.conv_transpose import ConvTranspose2d as ConvTranspose2d
from minigrad.nn.conv_transpose import ConvTranspose3d as ConvTranspose3d
from minigrad.nn.conv_transpose import _ConvTransposeNd as _ConvTransposeNd
from minigrad.nn.lazy_layers import LazyConv1d as LazyConv1d
from minigrad.nn.lazy_layers import LazyConv2d as LazyConv2d
from minigrad.nn.lazy_layers import LazyConv3d as LazyConv3d
from minigrad.nn.lazy_layers import LazyConvTranspose1d as LazyConvTranspose1d
from minigrad.nn.lazy_layers import LazyConvTranspose2d as LazyConvTranspose2d
from minigrad.nn.lazy_layers import LazyConvTranspose3d as LazyConvTranspose3d
