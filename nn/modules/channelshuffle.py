"""The names of PyTorch's ``nn.modules.channelshuffle``."""

from minigrad.nn.rearranging import ChannelShuffle as ChannelShuffle
