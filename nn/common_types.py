"""The names of PyTorch's ``nn.common_types``: a number, or one for each axis."""

from minigrad.nn.sizes import Sizes

_size_1_t = Sizes
_size_2_t = Sizes
_size_3_t = Sizes
_size_4_t = Sizes
_size_6_t = Sizes
_size_any_t = Sizes
