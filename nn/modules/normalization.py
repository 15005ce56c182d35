"""The names of PyTorch's ``nn.modules.normalization``."""

from minigrad.nn.normalization import GroupNorm as GroupNorm
from minigrad.nn.normalization import LayerNorm as LayerNorm
from minigrad.nn.normalization import LocalResponseNorm as LocalResponseNorm
from minigrad.nn.normalization import RMSNorm as RMSNorm
