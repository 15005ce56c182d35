"""The names of PyTorch's ``nn.modules.linear``."""

from minigrad.nn.bilinear import Bilinear as Bilinear
from minigrad.nn.lazy_layers import LazyLinear as LazyLinear
from minigrad.nn.linear import Identity as Identity
from minigrad.nn.linear import Linear as Linear
from minigrad.nn.multihead import NonDynamicallyQuantizableLinear as NonDynamicallyQuantizableLinear
