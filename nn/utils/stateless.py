"""The names of PyTorch's ``nn.utils.stateless``."""

from minigrad.func.stateless import functional_call as functional_call
