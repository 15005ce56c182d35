"""The names of PyTorch's ``nn.modules.fold``."""

from minigrad.nn.rearranging import Fold as Fold
from minigrad.nn.rearranging import Unfold as Unfold
