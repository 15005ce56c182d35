"""The names of PyTorch's ``nn.modules.batchnorm``."""

from minigrad.nn.batchnorm.layers import BatchNorm1d as BatchNorm1d
from minigrad.nn.batchnorm.layers import BatchNorm2d as BatchNorm2d
from minigrad.nn.batchnorm.layers import BatchNorm3d as BatchNorm3d
from minigrad.nn.batchnorm.layers import _BatchNorm as _BatchNorm
from minigrad.nn.batchnorm.lazy import LazyBatchNorm1d as LazyBatchNorm1d
from minigrad.nn.batchnorm.lazy import LazyBatchNorm2d as LazyBatchNorm2d
from minigrad.nn.batchnorm.lazy import LazyBatchNorm3d as LazyBatchNorm3d
from minigrad.nn.batchnorm.statistics import _NormBase as _NormBase
from minigrad.nn.batchnorm.sync import SyncBatchNorm as SyncBatchNorm
from minigrad.nn.lazy import _LazyNormBase as _LazyNormBase
