"""The names of PyTorch's ``nn.modules.flatten``."""

from minigrad.nn.linear import Flatten as Flatten
from minigrad.nn.rearranging import Unflatten as Unflatten
