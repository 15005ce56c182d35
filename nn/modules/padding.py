"""The names of PyTorch's ``nn.modules.padding``."""

from minigrad.nn.padding_layers import CircularPad1d as CircularPad1d
from minigrad.nn.padding_layers import CircularPad2d as CircularPad2d
from minigrad.nn.padding_layers import CircularPad3d as CircularPad3d
from minigrad.nn.padding_layers import ConstantPad1d as ConstantPad1d
from minigrad.nn.padding_layers import ConstantPad2d as ConstantPad2d
from minigrad.nn.padding_layers import ConstantPad3d as ConstantPad3d
from minigrad.nn.padding_layers import ReflectionPad1d as ReflectionPad1d
from minigrad.nn.padding_layers import ReflectionPad2d as ReflectionPad2d
from minigrad.nn.padding_layers import ReflectionPad3d as ReflectionPad3d
from minigrad.nn.padding_layers import ReplicationPad1d as ReplicationPad1d
from minigrad.nn.padding_layers import ReplicationPad2d as ReplicationPad2d
from minigrad.nn.padding_layers import ReplicationPad3d as ReplicationPad3d
from minigrad.nn.padding_layers import ZeroPad1d as ZeroPad1d
from minigrad.nn.padding_layers import ZeroPad2d as ZeroPad2d
from minigrad.nn.padding_layers import ZeroPad3d as ZeroPad3d
from minigrad.nn.padding_layers import _CircularPadNd as _CircularPadNd
from minigrad.nn.padding_layers import _ConstantPadNd as _ConstantPadNd
from minigrad.nn.padding_layers import _ReflectionPadNd as _ReflectionPadNd
from minigrad.nn.padding_layers import _ReplicationPadNd as _ReplicationPadNd
