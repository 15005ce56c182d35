"""The names of PyTorch's ``nn.modules.instancenorm``."""

from minigrad.nn.instancenorm import InstanceNorm1d as InstanceNorm1d
from minigrad.nn.instancenorm import InstanceNorm2d as InstanceNorm2d
from minigrad.nn.instancenorm import InstanceNorm3d as InstanceNorm3d
from minigrad.nn.instancenorm import _InstanceNorm as _InstanceNorm
from minigrad.nn.lazy_layers import LazyInstanceNorm1d as LazyInstanceNorm1d
from minigrad.nn.lazy_layers import LazyInstanceNorm2d as LazyInstanceNorm2d
from minigrad.nn.lazy_layers import LazyInstanceNorm3d as LazyInstanceNorm3d
